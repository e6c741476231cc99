//! What a user can do about it: the one place where what went wrong below becomes a sentence, and
//! where the options of the command line are named.

mod eal;
mod ethdev;
mod log;
mod select;

pub use self::log::{tell_log, tell_log_of_start};

use dpdkgen_run::request::{SendRecv, of_port};

use crate::eal::placement::Sharing;
use crate::ethdev::info::PortInfo;
use crate::ethdev::vf::MissingVf;

/// Tells that workers have to share lcores.
#[must_use]
pub fn sharing(sharing: Sharing) -> String {
    let Sharing { workers, lcores } = sharing;
    let noun = if lcores == 1 { "lcore" } else { "lcores" };
    format!(
        "{workers} workers share {lcores} {noun}; with {workers} lcores (-l) each would have its \
         own"
    )
}

/// Tells that workers on all CPUs leave none to the thread that brings the VF of `port` back.
#[must_use]
pub fn no_cpu_left(port: &PortInfo) -> String {
    format!(
        "the workers take all CPUs, so DPDK's interrupt thread, which brings the VF of port {port} \
         back if the host takes it away, has to share one: fewer queues (-r, -t) leave it its own"
    )
}

/// Tells that `port` has more transmit queues than were asked for, and of them so many that are used.
#[must_use]
pub fn idle_queues(port: &PortInfo, has: u16, used: u16) -> String {
    let driver = port.vf_driver.as_ref().unwrap_or(&port.driver);
    let (were, others) = match (used, has - used) {
        (1, 1) => ("was", "other stays"),
        (1, _) => ("was", "others stay"),
        (_, 1) => ("were", "other stays"),
        _ => ("were", "others stay"),
    };
    format!(
        "port {port} has {has} transmit queues where {used} {were} asked for, since {driver} wants as \
         many as receive queues; the {others} idle"
    )
}

/// Warns that a netvsc port goes without its VF.
#[must_use]
pub fn missing_vf(missing: &MissingVf) -> String {
    let MissingVf {
        port,
        device,
        driver,
    } = missing;
    let vf = match (device, driver) {
        (Some(device), Some(driver)) => {
            format!("its VF {device} ({driver} drives it, and netvsc has not attached it)")
        }
        (Some(device), None) => format!(
            "its VF {device} (no driver of DPDK's made a port of it: is librte-net-mlx5 or \
             librte-net-mana installed, and -a or -b does not leave the device out?)"
        ),
        (None, _) => {
            "a VF (the machine has none for it: is accelerated networking on? `dpdkgen-rt doctor` \
             looks further)"
                .to_owned()
        }
    };
    format!(
        "dpdkgen-rt: warning: port {port} goes without {vf}: its packets take the slow path by the \
         host, about 1 Mpps, all of them on one receive queue"
    )
}

/// Warns of each of `ports` that sends to its own MAC address, though a reflector is to turn its
/// probes round: a switch brings them nowhere.
#[must_use]
pub fn own_destinations(sendrecv: &SendRecv, ports: &[PortInfo]) -> Vec<String> {
    if sendrecv.is_through || sendrecv.dest_macs.is_empty() {
        return Vec::new();
    }
    let destinations = ports.iter().enumerate();
    destinations
        .filter(|(number, port)| of_port(&sendrecv.dest_macs, *number) == port.mac)
        .map(|(_, port)| {
            format!(
                "dpdkgen-rt: warning: --dest-mac {} is port {port} itself, so no reflector gets \
                 its probes: give the reflector's MAC or the next hop's",
                port.mac
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ethdev::info::tests::port;

    #[test]
    fn a_vf_that_is_missing_is_named_with_the_reason_and_what_it_costs() {
        let told = |device: Option<&str>, driver: Option<&str>| {
            missing_vf(&MissingVf {
                port: "1 (7ced8dd2-1a43)".to_owned(),
                device: device.map(str::to_owned),
                driver: driver.map(str::to_owned),
            })
        };
        let vf = Some("1a65:00:02.0");
        let text = told(vf, Some("mlx5_pci"));
        for part in [
            "7ced8dd2-1a43",
            "1a65:00:02.0",
            "mlx5_pci",
            "1 Mpps",
            "one receive queue",
        ] {
            assert!(text.contains(part), "{text}");
        }
        assert!(told(vf, None).contains("librte-net-mlx5"));
        assert!(told(None, None).contains("accelerated networking"));
    }

    #[test]
    fn queues_that_a_driver_wants_are_told() {
        let mana = PortInfo {
            vf_driver: Some("net_mana".to_owned()),
            ..port(0, "7ced8dd2-1a43", [2; 6], "net_netvsc")
        };
        assert_eq!(
            idle_queues(&mana, 8, 1),
            "port 0 (7ced8dd2-1a43) has 8 transmit queues where 1 was asked for, since net_mana wants \
             as many as receive queues; the others stay idle"
        );
        assert!(idle_queues(&mana, 4, 3).ends_with(
            "were asked for, since net_mana wants as many as receive queues; the other stays idle"
        ));
    }

    #[test]
    fn workers_that_share_are_told_how_many_lcores_they_want() {
        let told = |workers, lcores| sharing(Sharing { workers, lcores });
        assert_eq!(
            told(3, 2),
            "3 workers share 2 lcores; with 3 lcores (-l) each would have its own"
        );
        assert!(told(2, 1).starts_with("2 workers share 1 lcore; "));
    }
}
