//! The MAC address of one next hop: when to ask for it, and what became of it.

use core::net::IpAddr;

use super::is_station;
use crate::time::{Instant, Span};
use crate::wire::Mac;

/// From one question to the next while there is no answer (RFC 1122, section 2.3.2.1; RFC 4861,
/// section 10: RETRANS_TIMER).
const RETRANSMIT: Span = Span::from_secs(1);
/// From an answer to the next question (RFC 4861, section 10: REACHABLE_TIME).
const REACHABLE: Span = Span::from_secs(30);

/// A question to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ask {
    /// The address whose MAC address is asked for.
    pub target: IpAddr,
}

/// News of the next hop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Its MAC address is known for the first time.
    First(Mac),
    /// It is at another MAC address than before.
    Moved {
        /// Where it was.
        from: Mac,
        /// Where it is.
        to: Mac,
    },
}

/// Keeps the MAC address of one next hop, and asks again whether it is still there.
///
/// An address that was learned is kept until another one is: a neighbour that falls silent has not
/// moved.
#[derive(Clone, Debug)]
pub struct Resolver {
    next_hop: IpAddr,
    mac: Option<Mac>,
    next_ask: Instant,
}

impl Resolver {
    /// Makes one that knows nothing of `next_hop` and asks at once.
    #[must_use]
    pub const fn new(next_hop: IpAddr) -> Self {
        Self {
            next_hop,
            mac: None,
            next_ask: Instant::START,
        }
    }

    /// Returns the MAC address that was learned last, if any was.
    #[must_use]
    pub const fn mac(&self) -> Option<Mac> {
        self.mac
    }

    /// Returns the question that is due at `now`, if one is; it counts as sent.
    pub fn poll(&mut self, now: Instant) -> Option<Ask> {
        if now < self.next_ask {
            return None;
        }
        self.next_ask = now + RETRANSMIT;
        Some(Ask {
            target: self.next_hop,
        })
    }

    /// Takes note that `ip` is at `mac`, as was heard at `now`, and returns what that changes.
    ///
    /// Another address than the next hop, and a MAC address of no station, are ignored.
    pub fn learn(&mut self, ip: IpAddr, mac: Mac, now: Instant) -> Option<Change> {
        if ip != self.next_hop || !is_station(mac) {
            return None;
        }
        self.next_ask = now + REACHABLE;
        match self.mac.replace(mac) {
            None => Some(Change::First(mac)),
            Some(from) if from != mac => Some(Change::Moved { from, to: mac }),
            Some(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use core::net::{Ipv4Addr, Ipv6Addr};
    use std::vec::Vec;

    use super::*;

    const NEXT_HOP: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2));
    const MAC: Mac = Mac([2, 0, 0, 0, 0, 2]);
    const OTHER: Mac = Mac([2, 0, 0, 0, 0, 3]);

    fn millis(millis: u64) -> Instant {
        Instant::START + Span::from_millis(millis)
    }

    /// Returns the milliseconds of a span at which `resolver` asks when polled at each.
    fn asked(resolver: &mut Resolver, from: u64, to: u64) -> Vec<u64> {
        (from..to)
            .filter(|&at| resolver.poll(millis(at)).is_some())
            .collect()
    }

    #[test]
    fn asks_at_once_and_then_once_a_second() {
        let mut resolver = Resolver::new(NEXT_HOP);
        assert_eq!(
            resolver.poll(Instant::START),
            Some(Ask { target: NEXT_HOP })
        );
        assert_eq!(asked(&mut resolver, 0, 3500), [1000, 2000, 3000]);
        assert_eq!(resolver.mac(), None);
    }

    #[test]
    fn never_asks_more_than_once_a_second_however_late_it_is_polled() {
        let mut resolver = Resolver::new(NEXT_HOP);
        assert!(resolver.poll(millis(700)).is_some());
        assert!(resolver.poll(millis(5900)).is_some());
        assert_eq!(asked(&mut resolver, 5900, 8000), [6900, 7900]);
    }

    #[test]
    fn asks_again_thirty_seconds_after_an_answer() {
        let mut resolver = Resolver::new(NEXT_HOP);
        resolver.poll(Instant::START);
        let change = resolver.learn(NEXT_HOP, MAC, millis(5));
        assert_eq!(change, Some(Change::First(MAC)));
        assert_eq!(asked(&mut resolver, 5, 30_006), [30_005]);
        assert_eq!(resolver.learn(NEXT_HOP, MAC, millis(30_006)), None);
        assert_eq!(asked(&mut resolver, 30_006, 60_007), [60_006]);
    }

    #[test]
    fn keeps_what_it_knows_while_the_next_hop_is_silent() {
        let mut resolver = Resolver::new(NEXT_HOP);
        resolver.learn(NEXT_HOP, MAC, Instant::START);
        let asked = asked(&mut resolver, 0, 33_500);
        assert_eq!(asked, [30_000, 31_000, 32_000, 33_000]);
        assert_eq!(resolver.mac(), Some(MAC));
    }

    #[test]
    fn a_next_hop_that_moved_is_told_of_once() {
        let mut resolver = Resolver::new(NEXT_HOP);
        resolver.learn(NEXT_HOP, MAC, Instant::START);
        let moved = Change::Moved {
            from: MAC,
            to: OTHER,
        };
        assert_eq!(resolver.learn(NEXT_HOP, OTHER, millis(1)), Some(moved));
        assert_eq!(resolver.learn(NEXT_HOP, OTHER, millis(2)), None);
        assert_eq!(resolver.mac(), Some(OTHER));
    }

    #[test]
    fn other_addresses_and_macs_of_no_station_are_ignored() {
        let mut resolver = Resolver::new(NEXT_HOP);
        resolver.poll(Instant::START);
        for (ip, mac) in [
            (IpAddr::V4(Ipv4Addr::new(10, 0, 0, 3)), MAC),
            (IpAddr::V6(Ipv6Addr::LOCALHOST), MAC),
            (NEXT_HOP, Mac([0; 6])),
            (NEXT_HOP, Mac::BROADCAST),
            (NEXT_HOP, Mac([0x33, 0x33, 0, 0, 0, 1])),
        ] {
            assert_eq!(resolver.learn(ip, mac, millis(1)), None, "{ip} {mac}");
        }
        assert_eq!(resolver.mac(), None);
        assert_eq!(asked(&mut resolver, 1, 1500), [1000]);
    }

    #[test]
    fn the_end_of_time_is_no_danger() {
        let mut resolver = Resolver::new(NEXT_HOP);
        assert!(resolver.poll(Instant::MAX).is_some());
        resolver.learn(NEXT_HOP, MAC, Instant::MAX);
        assert_eq!(resolver.mac(), Some(MAC));
    }
}
