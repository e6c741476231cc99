//! What a user can do about it: the one place where what went wrong below becomes a sentence, and
//! where the options of the command line are named.

mod eal;
mod ethdev;
mod select;

use dpdkgen_run::request::{SendRecv, of_port};

use crate::eal::placement::Sharing;
use crate::ethdev::info::PortInfo;

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

/// Returns DPDK's last words, if there are any, in brackets and with a space in front, to be put
/// into a sentence.
fn in_brackets(log: Option<&str>) -> String {
    log.map(|lines| format!(" (DPDK: {lines})"))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

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
