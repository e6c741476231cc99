//! Why no port is chosen, and what a user can do about it.

use dpdkgen_run::failure::Failure;

use super::log::in_brackets;
use crate::cli::select::SelectError;

impl From<SelectError> for Failure {
    fn from(error: SelectError) -> Self {
        match error {
            SelectError::Port(error) => error.into(),
            SelectError::NoPort { log, is_root } => no_port(log.as_deref(), is_root),
            SelectError::NotChosen { there } => {
                Self::request(format!("choose a port with -p: {}", those(&there)))
            }
            SelectError::ChosenTwice { port, selector } => {
                Self::request(format!("port {port} is chosen twice, by -p {selector}"))
            }
            SelectError::KernelsVf { port, interface } => Self::request(format!(
                "port {port} is the VF of {interface}, an interface of the kernel's: taking it \
                 would cut that off, and an SSH connection over it; bind another interface's VMBus \
                 device to uio_hv_generic and choose it by its MAC"
            )),
            SelectError::NotThere { selector, there } => {
                Self::request(format!("there is no port {selector}: {}", those(&there)))
            }
            SelectError::Several { selector, there } => Self::request(format!(
                "{selector} names several ports, choose by index or name: {}",
                those(&there)
            )),
        }
    }
}

fn no_port(log: Option<&str>, is_root: bool) -> Failure {
    let why = in_brackets(log);
    if log.is_some() && !is_root {
        return Failure::machine(format!(
            "DPDK sees no port{why}: most ports take privileges, so run as root, or choose a \
             software port that needs none (net_memif)"
        ));
    }
    Failure::request(format!(
        "DPDK sees no port{why}: bind a network card to a DPDK driver (dpdk-devbind.py), or make a \
         software port with --vdev before the `--`"
    ))
}

/// Says which ports there are.
fn those(there: &str) -> String {
    if there.contains("; ") {
        format!("the ports are {there}")
    } else {
        format!("the only port is {there}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_ports_dpdks_reason_and_the_users_rights_say_what_to_do() {
        let failure = no_port(Some("Cannot open device"), false);
        assert_eq!(failure.exit_status(), 1);
        let sentence = failure.to_string();
        assert!(
            sentence.starts_with("DPDK sees no port (DPDK: Cannot open device): most ports"),
            "{sentence}"
        );
        for (log, is_root) in [(Some("Cannot open device"), true), (None, false)] {
            let failure = no_port(log, is_root);
            assert_eq!(failure.exit_status(), 2);
            assert!(failure.to_string().contains("--vdev"), "{failure}");
        }
    }
}
