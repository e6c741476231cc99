//! What a user can do about a port that cannot be used as asked: the one place where the device
//! layer's errors become sentences and the options of the command line are named.

use dpdkgen_core::probe::layout::Layout;
use dpdkgen_run::failure::Failure;

use crate::ethdev::error::{Error, QueueDirection};

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            Error::Unknown { index, reason } => {
                Self::machine(format!("DPDK tells nothing about port {index}: {reason}"))
            }
            Error::Refused {
                port,
                step,
                reason,
                log,
            } => Self::machine(format!(
                "port {port} cannot be {step}: {reason}{log}; `-v` shows DPDK's whole log"
            )),
            Error::TooManyQueues {
                port,
                direction,
                wanted,
                limit,
            } => {
                let (direction, option) = match direction {
                    QueueDirection::Receive => ("receive", "-r"),
                    QueueDirection::Transmit => ("transmit", "-t"),
                };
                Self::request(format!(
                    "port {port} has at most {limit} {direction} queues, and {wanted} were asked \
                     for: give it fewer with {option}"
                ))
            }
            Error::QueueCounts { port, driver, can } => Self::request(format!(
                "port {port} is driven by {driver}, which has {can}: ask for as many with -r and -t"
            )),
            Error::MtuTooLarge {
                port,
                wanted,
                carried,
            } => Self::request(format!(
                "a payload of {} bytes needs an MTU of {wanted}; port {port} carries {carried}: \
                 send at most {} bytes",
                payload(wanted),
                payload(carried)
            )),
            Error::MtuCannotBeRaised {
                port,
                wanted,
                has,
                version,
                needed,
            } => Self::request(format!(
                "a payload of {} bytes needs an MTU of {wanted}; port {port} has {has} and \
                 {version} cannot raise that of a netvsc port: send at most {} bytes, or use DPDK \
                 {needed}",
                payload(wanted),
                payload(has)
            )),
            Error::LinkDown { port, log } => Self::machine(format!(
                "the link of port {port} is still down{log}: start or connect its peer, or wait \
                 longer with --wait-link"
            )),
            Error::NoMemory {
                buffers,
                mib,
                node,
                reason,
            } => Self::machine(format!(
                "there is no memory for {buffers} packet buffers, about {mib} MiB on NUMA node \
                 {node} ({reason}): reserve more hugepages, give the EAL more with `-m` before the \
                 `--`, or ask for fewer queues or descriptors"
            )),
        }
    }
}

/// Returns the bytes of UDP payload that an MTU leaves.
const fn payload(mtu: u16) -> u16 {
    mtu.saturating_sub(Layout::IPV4.of_mtu())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_too_many_is_one_sentence_with_the_option() {
        let error = Error::TooManyQueues {
            port: "0 (net_ring0)".to_owned(),
            direction: QueueDirection::Receive,
            wanted: 99,
            limit: 16,
        };
        let failure = Failure::from(error);
        assert_eq!(failure.exit_status(), 2);
        assert_eq!(
            failure.to_string(),
            "port 0 (net_ring0) has at most 16 receive queues, and 99 were asked for: give it fewer \
             with -r"
        );
    }

    #[test]
    fn a_larger_payload_is_told_in_bytes_of_payload() {
        let error = Error::MtuTooLarge {
            port: "0 (net_memif0)".to_owned(),
            wanted: 3028,
            carried: 1500,
        };
        let sentence = Failure::from(error).to_string();
        assert!(
            sentence.starts_with("a payload of 3000 bytes"),
            "{sentence}"
        );
        assert!(sentence.ends_with("send at most 1472 bytes"), "{sentence}");
    }
}
