//! The places where packets were lost, as far as the drivers tell.

use super::words;
use crate::summary::Device;

/// The lost packets by place, each in one. Devices count anyone's packets, so the places in this
/// host are upper bounds, and [`Whereabouts::elsewhere`] is a lower one.
#[derive(Debug, PartialEq, Eq)]
pub struct Whereabouts<'a> {
    /// Packets that this host's devices accepted and did not send.
    pub not_sent: u64,
    /// Packets that arrived in this host and found no receive descriptor.
    pub no_descriptor: u64,
    /// Packets that arrived in this host and found no buffer.
    pub no_buffer: u64,
    /// Packets that arrived in this host and were dropped by its kernel, since their checksum was
    /// wrong.
    pub damaged: u64,
    /// Packets lost anywhere else.
    pub elsewhere: u64,
    /// All packets that the devices say they missed, of this run or not.
    pub missed_in_all: u64,
    /// Drivers that do not tell how many packets they accepted and did not send.
    silent_tx: Vec<&'a str>,
    /// Drivers that do not tell how many packets found no receive descriptor.
    silent_rx: Vec<&'a str>,
    /// Set if any driver tells any of this.
    told: bool,
    /// Set if the ports are sockets.
    are_sockets: bool,
}

impl<'a> Whereabouts<'a> {
    /// Divides `lost` packets among the places, by what the devices tell.
    pub fn of(lost: u64, devices: &'a [Device]) -> Self {
        let sum = |field: fn(&Device) -> Option<u64>| devices.iter().filter_map(field).sum::<u64>();
        let silent = |field: fn(&Device) -> Option<u64>| {
            let mut names: Vec<_> = devices
                .iter()
                .filter(|d| field(d).is_none())
                .map(|d| d.vf_driver.as_ref().unwrap_or(&d.driver).as_str())
                .collect();
            names.sort_unstable();
            names.dedup();
            names
        };
        let mut left = lost;
        let mut take = |most: u64| {
            let taken = most.min(left);
            left -= taken;
            taken
        };
        let not_sent = take(sum(|d| d.oerrors));
        let no_descriptor = take(sum(|d| d.imissed));
        let no_buffer = take(sum(|d| d.rx_nombuf));
        // What a NIC has found damaged may have been anyone's; a socket is not given it.
        let damaged = take(sum(|d| d.ierrors.filter(|_| d.is_socket())));
        Self {
            not_sent,
            no_descriptor,
            no_buffer,
            damaged,
            elsewhere: left,
            missed_in_all: sum(|d| d.imissed) + sum(|d| d.rx_nombuf),
            silent_tx: silent(|d| d.oerrors),
            silent_rx: silent(|d| d.imissed),
            told: devices
                .iter()
                .any(|d| d.oerrors.or(d.imissed).or(d.rx_nombuf).is_some()),
            are_sockets: devices.iter().all(Device::is_socket),
        }
    }

    /// Returns the most packets of those lost that this host's devices can have missed.
    pub const fn missed(&self) -> u64 {
        self.no_descriptor + self.no_buffer + self.damaged
    }

    /// Returns all places for the verdict, as in `41,200 missed by ..., 788 beyond this host`..
    pub fn describe(&self) -> String {
        let mut places = self.here();
        if self.elsewhere > 0 {
            places.push(self.describe_elsewhere());
        }
        places.join(", ")
    }

    /// Returns the places within this host where anything was lost.
    pub fn here(&self) -> Vec<String> {
        let mut places = Vec::new();
        if self.not_sent > 0 {
            places.push(format!(
                "{} accepted here but not sent",
                words::count(self.not_sent)
            ));
        }
        if self.no_descriptor > 0 {
            let missed = words::count(self.no_descriptor);
            places.push(if self.are_sockets {
                format!(
                    "{missed} missed by this host's sockets, whose buffers were full (raise \
                     --rx-desc or --rxq)"
                )
            } else {
                format!(
                    "{missed} missed by this host's NIC for want of descriptors (raise --rx-desc or \
                     --rxq)"
                )
            });
        }
        if self.no_buffer > 0 {
            let missed = words::count(self.no_buffer);
            places.push(format!("{missed} missed here for want of receive buffers"));
        }
        if self.damaged > 0 {
            let damaged = words::count(self.damaged);
            places.push(format!(
                "{damaged} dropped by this host's kernel for a wrong checksum"
            ));
        }
        places
    }

    /// Returns the drivers that leave a counter out, as in `the net_memif driver`; `None` if none
    /// does.
    pub fn silent(&self) -> Option<String> {
        let mut names: Vec<_> = self.silent_rx.iter().chain(&self.silent_tx).collect();
        names.sort_unstable();
        names.dedup();
        let names: Vec<_> = names.into_iter().map(|name| (*name).to_owned()).collect();
        match names.len() {
            0 => None,
            1 => Some(format!("the {} driver", names[0])),
            _ => Some(format!("the {} drivers", words::list(&names))),
        }
    }

    fn describe_elsewhere(&self) -> String {
        let count = words::count(self.elsewhere);
        let Some(silent) = self.silent() else {
            return format!("{count} beyond this host");
        };
        if !self.told {
            return format!("{count}, where is not told by {silent}");
        }
        let else_here = match (self.silent_rx.is_empty(), self.silent_tx.is_empty()) {
            (false, true) => "missed by it",
            (true, false) => "not sent by it",
            _ => "in it",
        };
        format!("{count} beyond this host or {else_here} (not told by {silent})")
    }
}

/// Returns what devices say that they received and could not hand over; nothing if none says so.
pub fn errors(devices: &[Device]) -> Option<String> {
    let errors: u64 = devices.iter().filter_map(|device| device.ierrors).sum();
    (errors > 0).then(|| {
        let noun = if errors == 1 { "error" } else { "errors" };
        let errors = words::count(errors);
        format!(
            "the device counted {errors} {noun} instead: frames that are longer than its buffers \
             (--mtu) or damaged"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::summary::SOCKET_DRIVER;

    fn device(driver: &str, oerrors: Option<u64>, imissed: Option<u64>) -> Device {
        Device {
            port: "0".to_owned(),
            driver: driver.to_owned(),
            mac: None,
            vf_driver: None,
            imissed,
            ierrors: None,
            rx_nombuf: imissed.map(|_| 0),
            oerrors,
            synthetic_packets: None,
            xstats: std::collections::BTreeMap::new(),
        }
    }

    #[test]
    fn no_more_is_blamed_on_the_devices_than_was_lost() {
        let devices = [
            device("x", Some(3), Some(100)),
            device("x", Some(4), Some(0)),
        ];
        let found = Whereabouts::of(20, &devices);
        assert_eq!(
            (found.not_sent, found.missed(), found.elsewhere),
            (7, 13, 0)
        );
        assert_eq!(found.missed_in_all, 100);
    }

    #[test]
    fn what_a_kernel_keeps_from_its_sockets_is_told_by_cause() {
        let socket = Device {
            ierrors: Some(2),
            rx_nombuf: None,
            ..device(SOCKET_DRIVER, Some(0), Some(3))
        };
        assert_eq!(
            Whereabouts::of(9, &[socket]).describe(),
            "3 missed by this host's sockets, whose buffers were full (raise --rx-desc or --rxq), 2 \
             dropped by this host's kernel for a wrong checksum, 4 beyond this host"
        );
        let nic = Device {
            ierrors: Some(2),
            ..device("x", Some(0), Some(3))
        };
        assert_eq!(Whereabouts::of(9, &[nic]).damaged, 0);
    }

    #[test]
    fn silence_is_named() {
        let text = |devices: &[Device]| Whereabouts::of(9, devices).describe();
        assert_eq!(text(&[device("a", Some(0), Some(0))]), "9 beyond this host");
        assert_eq!(
            text(&[device("a", None, None)]),
            "9, where is not told by the a driver"
        );
        assert_eq!(
            text(&[device("a", Some(2), None)]),
            "2 accepted here but not sent, 7 beyond this host or missed by it (not told by the a \
             driver)"
        );
        assert_eq!(
            text(&[device("a", None, Some(0))]),
            "9 beyond this host or not sent by it (not told by the a driver)"
        );
        assert_eq!(
            text(&[device("b", Some(0), None), device("a", None, Some(0))]),
            "9 beyond this host or in it (not told by the a and b drivers)"
        );
    }
}
