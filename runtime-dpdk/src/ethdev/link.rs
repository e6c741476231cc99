//! Whether a port has a connection.
#![allow(unsafe_code)]

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::Serialize;

use super::kernel_interface;

/// The buses that devices can be taken from: the kernel's folders, with one in it for each device.
const BUSES: [&str; 2] = ["/sys/bus/pci/devices", "/sys/bus/vmbus/devices"];

/// A port's connection at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Link {
    /// Whether packets can pass.
    pub up: bool,
    /// The speed; absent when not told.
    pub speed_mbps: Option<u32>,
}

impl Link {
    /// Returns the link of the port `index` as it is now; none where the driver does not tell.
    pub(crate) fn of(index: u16) -> Option<Self> {
        let (mut up, mut speed_mbps) = (false, 0);
        // SAFETY: fills both; an index that is none gives an error.
        let error = unsafe { dpdk_sys::dg_port_link(index, &raw mut up, &raw mut speed_mbps) };
        (error == 0).then_some(Self {
            up,
            speed_mbps: Some(speed_mbps).filter(|&speed| speed != 0),
        })
    }
}

/// Where a port's link is told.
#[derive(Clone, Debug)]
pub(super) struct LinkSource {
    pub port: u16,
    /// The index of the kernel's interface that the port uses, of whose link the driver may know
    /// nothing.
    pub interface: Option<u32>,
    /// The kernel's folder of its device, which goes when the device does; none if it is on no bus.
    pub device: Option<PathBuf>,
}

/// Returns the folder below one of `buses` of the device with this name.
pub(super) fn device_folder(buses: &[impl AsRef<Path>], name: &str) -> Option<PathBuf> {
    let mut folders = buses.iter().map(|bus| bus.as_ref().join(name));
    folders.find(|folder| folder.is_dir())
}

impl LinkSource {
    /// Returns the source of the port `index`, whose device has this name.
    pub fn new(port: u16, interface: Option<u32>, name: &str) -> Self {
        Self {
            port,
            interface,
            device: device_folder(&BUSES, name),
        }
    }

    /// Returns whether packets can pass now, as far as that is told.
    pub fn is_up(&self) -> bool {
        let by_kernel = |index| kernel_interface::has_link(index).unwrap_or(false);
        Link::of(self.port).is_none_or(|link| link.up) && self.interface.is_none_or(by_kernel)
    }

    /// Returns whether the device was taken away. Few drivers tell, and of the others some then take
    /// a minute to be stopped and closed.
    pub fn is_removed(&self) -> bool {
        // SAFETY: the port is one, since it was configured.
        let by_driver = unsafe { dpdk_sys::dg_port_is_removed(self.port) };
        by_driver || self.device.as_ref().is_some_and(|device| !device.exists())
    }

    fn state(&self) -> LinkState {
        if self.is_removed() {
            LinkState::Removed
        } else if self.is_up() {
            LinkState::Up
        } else {
            LinkState::Down
        }
    }
}

/// The state of a port that is started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkState {
    /// Packets can pass, as far as that is told.
    Up,
    /// None can.
    Down,
    /// Nor will any: its device was taken away.
    Removed,
}

/// Watches a port's link while workers run.
#[derive(Clone, Debug)]
pub struct LinkWatch {
    pub(super) source: LinkSource,
    /// The time from one look to the next: hardware is asked by way of its firmware.
    pub(super) interval: Duration,
    seen: Option<(Instant, LinkState)>,
}

impl LinkWatch {
    pub(super) const fn new(source: LinkSource, interval: Duration) -> Self {
        Self {
            source,
            interval,
            seen: None,
        }
    }

    /// Returns the state, as it was when it was last time to look.
    pub fn state(&mut self) -> LinkState {
        match self.seen {
            Some((at, state)) if at.elapsed() < self.interval => state,
            _ => {
                let state = self.source.state();
                self.seen = Some((Instant::now(), state));
                state
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_is_there_as_long_as_its_bus_has_it() {
        let bus = tempfile::tempdir().expect("a folder");
        let folder = bus.path().join("0000:02:00.0");
        std::fs::create_dir(&folder).expect("a device");
        let buses = [Path::new("/sys/bus/none/devices"), bus.path()];
        assert_eq!(device_folder(&buses, "0000:02:00.0"), Some(folder));
        assert_eq!(device_folder(&buses, "net_memif0"), None);
    }
}
