//! Why a port cannot be used as asked, and what a user can do about it.

use dpdkgen_run::failure::Failure;

use super::log::in_brackets;
use crate::eal::Errno;
use crate::ethdev::Direction;
use crate::ethdev::error::{Error, NoMemory, Step};

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            Error::Unknown { index, errno } => {
                Self::machine(format!("DPDK tells nothing about port {index}: {errno}"))
            }
            Error::Refused {
                port,
                step,
                errno,
                log,
            } => Self::machine(format!(
                "port {port} cannot be {}: {}{}; `-v` shows DPDK's whole log",
                done(step),
                reason(errno),
                in_brackets(log.as_deref())
            )),
            Error::TooManyQueues {
                port,
                direction,
                wanted,
                limit,
            } => {
                let option = match direction {
                    Direction::Rx => "-r",
                    Direction::Tx => "-t",
                };
                let direction = kind(direction);
                Self::request(format!(
                    "port {port} has at most {limit} {direction} queues, and {wanted} were asked \
                     for: give it fewer with {option}"
                ))
            }
            Error::QueueCounts { port, driver, can } => Self::request(format!(
                "port {port} is driven by {driver}, which has {can}: ask for as many with -r and -t"
            )),
            Error::MoreTx {
                port,
                version,
                needed,
            } => Self::request(format!(
                "{version} crashes with more transmit than receive queues on port {port}: give -r as \
                 many as -t, or use DPDK {needed}"
            )),
            Error::MtuTooLarge {
                port,
                wanted,
                carried,
                headers,
            } => Self::request(match headers {
                None => {
                    format!("port {port} carries an MTU of {carried} at most: lower --mtu {wanted}")
                }
                Some(headers) => format!(
                    "{}; port {port} carries {carried}: send at most {} bytes",
                    need(wanted, headers),
                    carried.saturating_sub(headers)
                ),
            }),
            Error::MtuTooSmall { port, asked, least } => Self::request(format!(
                "port {port} carries an MTU of {least} at least: raise --mtu {asked}"
            )),
            Error::MtuOfInterface { port, asked, has } => Self::request(format!(
                "port {port} has the MTU of its kernel interface, which is {has}: leave --mtu \
                 {asked} out, or give the interface that MTU with `ip link set mtu {asked} dev ...`"
            )),
            Error::MtuRefused {
                port,
                wanted,
                driver,
                log,
            } => Self::request(format!(
                "port {port} cannot have an MTU of {wanted}: {driver} refuses it{}; ask for less",
                in_brackets(log.as_deref())
            )),
            Error::MtuCannotBeChanged {
                port,
                wanted,
                has,
                headers,
                version,
                needed,
            } => {
                let cannot = format!(
                    "port {port} has {has} and {version} cannot change that of a netvsc port"
                );
                Self::request(match headers {
                    None => format!("{cannot}: leave --mtu {wanted} out, or use DPDK {needed}"),
                    Some(headers) => format!(
                        "{}; {cannot}: send at most {} bytes, or use DPDK {needed}",
                        need(wanted, headers),
                        has.saturating_sub(headers)
                    ),
                })
            }
            Error::Discards { port, driver } => Self::request(format!(
                "port {port} is driven by {driver}, which discards what is sent, so nothing can come \
                 back: leave --through out, or choose a port with a path behind it (-p)"
            )),
            Error::LinkDown { port, log } => Self::machine(match turned_away(log.as_deref()) {
                Some(why) => {
                    format!("port {port} has no link, since its peer turned it away: {why}")
                }
                None => format!(
                    "the link of port {port} is still down{}: start or connect its peer, or wait \
                     longer with --wait-link",
                    in_brackets(log.as_deref())
                ),
            }),
            Error::Unresolved { port, next_hop } => Self::machine(format!(
                "nobody on port {port} says that {next_hop} is there: check --dest (and --vlan, if it \
                 is in one), name the router with --gateway if one is on the way, or give the \
                 next hop's MAC with --dest-mac"
            )),
            Error::NoMemory(NoMemory {
                buffers,
                mib,
                node,
                errno,
                log,
            }) => Self::machine(format!(
                "there is no memory for {buffers} packet buffers, about {mib} MiB on NUMA node \
                 {node} ({errno}{}): reserve more hugepages, give the EAL more with `-m` before \
                 the `--`, or ask for fewer queues or descriptors",
                in_brackets(log.as_deref())
            )),
        }
    }
}

/// Returns why the peer of a memif port ended the connection before there was one, by the words of
/// its message.
fn turned_away(log: Option<&str>) -> Option<String> {
    let (_, words) = log?.rsplit_once("Disconnect received: ")?;
    let words = words.lines().next().unwrap_or_default();
    Some(match words {
        "Invalid ring index" => "it has fewer queues; ask for as many on both sides (-r, -t), as \
                                 receive queues here as transmit queues there"
            .to_owned(),
        "Already connected" => "another peer is connected with it".to_owned(),
        _ => format!("\"{words}\""),
    })
}

/// Says what MTU the payload needs that leaves so many `headers` in it.
fn need(mtu: u16, headers: u16) -> String {
    let payload = mtu.saturating_sub(headers);
    format!("a payload of {payload} bytes needs an MTU of {mtu}")
}

/// Says what is done to a port in a step.
fn done(step: Step) -> String {
    match step {
        Step::Configure => "configured".to_owned(),
        Step::SetMtu(mtu) => format!("given an MTU of {mtu}"),
        Step::AdjustDescriptors => "given that many descriptors".to_owned(),
        Step::SetUpQueue(direction, number) => {
            format!("given {} queue {number}", kind(direction))
        }
        Step::Start => "started".to_owned(),
    }
}

/// Says why a driver refused: many say the same whatever the reason was.
fn reason(errno: Errno) -> String {
    if errno == Errno::UNSPECIFIC {
        "its driver refuses".to_owned()
    } else {
        errno.to_string()
    }
}

/// Says what kind of queue it is.
const fn kind(direction: Direction) -> &'static str {
    match direction {
        Direction::Rx => "receive",
        Direction::Tx => "transmit",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_too_many_is_one_sentence_with_the_option() {
        let error = Error::TooManyQueues {
            port: "0 (net_ring0)".to_owned(),
            direction: Direction::Rx,
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
            headers: Some(28),
        };
        let sentence = Failure::from(error).to_string();
        assert!(
            sentence.starts_with("a payload of 3000 bytes"),
            "{sentence}"
        );
        assert!(sentence.ends_with("send at most 1472 bytes"), "{sentence}");
    }

    #[test]
    fn an_mtu_that_was_asked_for_is_told_with_its_option() {
        let port = || "0 (net_memif0)".to_owned();
        let told = |error: Error| {
            let failure = Failure::from(error);
            assert_eq!(failure.exit_status(), 2);
            failure.to_string()
        };
        assert_eq!(
            told(Error::MtuTooLarge {
                port: port(),
                wanted: 9000,
                carried: 1500,
                headers: None,
            }),
            "port 0 (net_memif0) carries an MTU of 1500 at most: lower --mtu 9000"
        );
        assert_eq!(
            told(Error::MtuOfInterface {
                port: port(),
                asked: 9000,
                has: 1500,
            }),
            "port 0 (net_memif0) has the MTU of its kernel interface, which is 1500: leave --mtu \
             9000 out, or give the interface that MTU with `ip link set mtu 9000 dev ...`"
        );
        assert_eq!(
            told(Error::MtuRefused {
                port: port(),
                wanted: 9000,
                driver: "mlx5_pci".to_owned(),
                log: None,
            }),
            "port 0 (net_memif0) cannot have an MTU of 9000: mlx5_pci refuses it; ask for less"
        );
    }

    #[test]
    fn numbers_of_queues_that_a_driver_does_not_take_are_told_with_both_options() {
        let error = Error::QueueCounts {
            port: "0 (7ced8dd2-1a43)".to_owned(),
            driver: "net_mana".to_owned(),
            can: "1, 2, 4, 8 or 16 receive queues, and no more to transmit",
        };
        let failure = Failure::from(error);
        assert_eq!(failure.exit_status(), 2);
        assert_eq!(
            failure.to_string(),
            "port 0 (7ced8dd2-1a43) is driven by net_mana, which has 1, 2, 4, 8 or 16 receive \
             queues, and no more to transmit: ask for as many with -r and -t"
        );
    }

    #[test]
    fn a_port_that_gives_nothing_back_is_told_with_what_to_choose() {
        let error = Error::Discards {
            port: "1 (net_null0)".to_owned(),
            driver: "net_null".to_owned(),
        };
        let failure = Failure::from(error);
        assert_eq!(failure.exit_status(), 2);
        assert_eq!(
            failure.to_string(),
            "port 1 (net_null0) is driven by net_null, which discards what is sent, so nothing can \
             come back: leave --through out, or choose a port with a path behind it (-p)"
        );
    }

    #[test]
    fn a_link_that_stays_down_is_told_with_what_the_peer_said_if_there_is_one() {
        let told = |log: Option<&str>| {
            let error = Error::LinkDown {
                port: "0 (net_memif0)".to_owned(),
                log: log.map(str::to_owned),
            };
            Failure::from(error).to_string()
        };
        assert_eq!(
            told(None),
            "the link of port 0 (net_memif0) is still down: start or connect its peer, or wait \
             longer with --wait-link"
        );
        let received = "memif_msg_receive_disconnect(): Disconnect received: ";
        assert_eq!(
            told(Some(&format!("first\n{received}Invalid ring index"))),
            "port 0 (net_memif0) has no link, since its peer turned it away: it has fewer queues; \
             ask for as many on both sides (-r, -t), as receive queues here as transmit queues there"
        );
        assert!(
            told(Some(&format!("{received}Secret required"))).ends_with(": \"Secret required\"")
        );
    }

    #[test]
    fn a_step_that_is_refused_says_so_with_dpdks_last_words() {
        let error = Error::Refused {
            port: "1 (net_tap0)".to_owned(),
            step: Step::SetUpQueue(Direction::Tx, 3),
            errno: Errno::UNSPECIFIC,
            log: Some("no queue".to_owned()),
        };
        assert_eq!(
            Failure::from(error).to_string(),
            "port 1 (net_tap0) cannot be given transmit queue 3: its driver refuses (DPDK: no \
             queue); `-v` shows DPDK's whole log"
        );
    }
}
