//! A port's next hop during a run: heard of by receivers, and followed by senders.

use core::net::IpAddr;

use super::{Neighbour, is_station};
use crate::sync::{AtomicU64, Relaxed};
use crate::wire::Mac;

/// The MAC address of one next hop, as the port's receivers heard it last.
#[derive(Debug)]
pub struct NextHop {
    ip: IpAddr,
    mac: AtomicU64,
}

impl NextHop {
    /// Makes the next hop `ip`, which so far is at `mac`.
    #[must_use]
    pub fn new(ip: IpAddr, mac: Mac) -> Self {
        Self {
            ip,
            mac: AtomicU64::new(mac.to_bits()),
        }
    }

    /// Returns its address.
    #[must_use]
    pub const fn ip(&self) -> IpAddr {
        self.ip
    }

    /// Returns where it is.
    #[inline]
    #[must_use]
    pub fn mac(&self) -> Mac {
        Mac::from_bits(self.mac.load(Relaxed))
    }

    /// Takes note of where `neighbour` is, if it is this next hop, and returns whether it is.
    pub fn learn(&self, neighbour: Neighbour) -> bool {
        if neighbour.ip != self.ip || !is_station(neighbour.mac) {
            return false;
        }
        self.mac.store(neighbour.mac.to_bits(), Relaxed);
        true
    }
}

#[cfg(test)]
mod tests {
    use core::net::Ipv4Addr;

    use super::*;

    #[test]
    fn only_the_next_hop_moves_it_and_only_to_a_station() {
        let [ip, other] = [2, 3].map(|last| IpAddr::V4(Ipv4Addr::new(10, 0, 0, last)));
        let [here, there] = [1, 2].map(|last| Mac([2, 0, 0, 0, 0, last]));
        let next_hop = NextHop::new(ip, here);
        let learn = |ip, mac| next_hop.learn(Neighbour { ip, mac });
        assert!(!learn(other, there));
        assert!(!learn(ip, Mac::BROADCAST));
        assert!(learn(ip, here));
        assert_eq!(next_hop.mac(), here);
        assert!(learn(ip, there));
        assert_eq!(next_hop.mac(), there);
    }
}
