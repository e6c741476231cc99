//! What happens to the ports of a run: seen by looking again and again.

use dpdkgen_core::neighbour::NextHop;
use dpdkgen_core::time::{Instant, Span};
use dpdkgen_core::wire::Mac;
use dpdkgen_report::summary::{Device, Event, Happening};

use crate::assembly::OpenedPort;

/// The most events that are kept: a link that goes up and down for days does not fill the memory.
const MOST: usize = 10_000;

/// Whether a port can carry anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PortState {
    /// It has a link, or a driver that does not tell.
    Up,
    /// It has no link.
    LinkDown,
    /// It has no link since it has no peer.
    PeerGone,
    /// Its device was taken away.
    Removed,
}

/// The time without a packet taken from which on a device's ring counts as full. A device that is
/// slow takes some all the time.
const FULL_FOR: Span = Span::from_millis(100);

/// What the workers of a port have handed over to its device.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct HandedOver {
    /// Packets that it took.
    pub taken: u64,
    /// Times that it refused one.
    pub refused: u64,
}

/// A port's transmit rings, as they were seen last.
#[derive(Debug, Clone, Copy, Default)]
struct TxRings {
    seen: HandedOver,
    /// Since when nothing was taken of what was handed over.
    full_since: Option<Instant>,
    /// Whether that was told.
    is_told: bool,
}

/// What happened so far.
#[derive(Debug)]
pub struct EventLog {
    /// The time at which counting begins.
    start: Instant,
    states: Vec<PortState>,
    /// Whether each netvsc port has its VF, as far as that was told.
    vfs: Vec<Option<bool>>,
    tx_rings: Vec<TxRings>,
    /// Where the next hop of each port that follows one was.
    next_hops: Vec<Mac>,
    events: Vec<Event>,
}

impl EventLog {
    /// Makes the log of a run whose counting begins at `start`, whose ports are all up, and which
    /// follows `next_hops`, port by port.
    #[must_use]
    pub fn new(start: Instant, ports: usize, next_hops: &[NextHop]) -> Self {
        Self {
            start,
            states: vec![PortState::Up; ports],
            vfs: vec![None; ports],
            tx_rings: vec![TxRings::default(); ports],
            next_hops: next_hops.iter().map(NextHop::mac).collect(),
            events: Vec::new(),
        }
    }

    /// Takes note of how `ports` are at `now`.
    pub fn see_states(&mut self, now: Instant, ports: &[OpenedPort], states: &[PortState]) {
        for (number, (port, state)) in ports.iter().zip(states).enumerate() {
            let what = match (self.states[number], *state) {
                (before, now) if before == now => continue,
                // Whatever its driver still says.
                (PortState::Removed, _) => continue,
                (_, PortState::Removed) => Happening::Removed,
                (_, PortState::LinkDown) => Happening::LinkDown,
                (_, PortState::PeerGone) => Happening::PeerGone,
                (PortState::PeerGone, PortState::Up) => Happening::PeerBack,
                (_, PortState::Up) => Happening::LinkUp,
            };
            self.states[number] = *state;
            self.push(now, port, what);
        }
    }

    /// Takes note of whether `ports` have their VFs at `now`, by what their `devices` tell.
    pub fn see_vfs(&mut self, now: Instant, ports: &[OpenedPort], devices: &[Device]) {
        for (number, (port, device)) in ports.iter().zip(devices).enumerate() {
            let Some(has_vf) = device.has_vf() else {
                continue;
            };
            let what = if has_vf {
                Happening::VfBack
            } else {
                Happening::VfGone
            };
            let before = self.vfs[number].replace(has_vf);
            if before.is_some_and(|before| before != has_vf) {
                self.push(now, port, what);
            }
        }
    }

    /// Takes note of what the devices of `ports` have taken by `now`: whoever empties their rings
    /// may stand still.
    pub fn see_handed_over(&mut self, now: Instant, ports: &[OpenedPort], sums: &[HandedOver]) {
        for (number, (port, sum)) in ports.iter().zip(sums).enumerate() {
            let mut rings = self.tx_rings[number];
            let before = std::mem::replace(&mut rings.seen, *sum);
            // Without a link nothing is taken either, and that is told.
            let is_up = self.states[number] == PortState::Up;
            if sum.taken > before.taken || !is_up {
                if rings.is_told && is_up {
                    self.push(now, port, Happening::TxRingFree);
                }
                (rings.full_since, rings.is_told) = (None, false);
            } else if sum.refused > before.refused {
                let since = *rings.full_since.get_or_insert(now);
                if !rings.is_told && now.saturating_since(since) >= FULL_FOR {
                    self.push(since, port, Happening::TxRingFull);
                    rings.is_told = true;
                }
            }
            self.tx_rings[number] = rings;
        }
    }

    /// Takes note of where the next hops of `ports` are at `now`.
    pub fn see_next_hops(&mut self, now: Instant, ports: &[OpenedPort], next_hops: &[NextHop]) {
        for (number, (port, next_hop)) in ports.iter().zip(next_hops).enumerate() {
            let mac = next_hop.mac();
            if self.next_hops[number] != mac {
                self.next_hops[number] = mac;
                let moved = format!("next hop {} moved to {mac}", next_hop.ip());
                self.push(now, port, Happening::Other(moved));
            }
        }
    }

    /// Returns what happened, in order of time.
    #[must_use]
    pub fn finish(mut self) -> Vec<Event> {
        // That a ring is full is known only when it has been so for a time.
        self.events.sort_by(|a, b| a.at_s.total_cmp(&b.at_s));
        self.events
    }

    fn push(&mut self, now: Instant, port: &OpenedPort, what: Happening) {
        let what = match self.events.len() {
            MOST.. => return,
            len if len + 1 == MOST => {
                Happening::Other("what happened later is not kept".to_owned())
            }
            _ => what,
        };
        self.events.push(Event {
            at_s: (now.as_nanos() as f64 - self.start.as_nanos() as f64) / 1e9,
            port: port.name.clone(),
            what,
        });
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::*;
    use dpdkgen_core::neighbour::Neighbour;

    fn ports() -> Vec<OpenedPort> {
        ["a", "b"]
            .map(|name| OpenedPort {
                name: name.to_owned(),
                driver: "net_x".to_owned(),
                vf_driver: None,
                mac: Mac([2, 0, 0, 0, 0, 1]),
                line_bps: None,
            })
            .into()
    }

    fn told(log: EventLog) -> Vec<String> {
        let events = log.finish().into_iter();
        events
            .map(|Event { at_s, port, what }| format!("{at_s} {port} {what}"))
            .collect()
    }

    fn millis(millis: u64) -> Instant {
        Instant::START + Span::from_millis(millis)
    }

    #[test]
    fn a_change_is_told_once_and_a_state_not_at_all() {
        use PortState::{LinkDown, PeerGone, Up};
        let mut log = EventLog::new(millis(1000), 2, &[]);
        for (at, states) in [
            (0, [Up, Up]),
            (500, [LinkDown, Up]),
            (600, [LinkDown, Up]),
            (1500, [Up, PeerGone]),
            (2000, [Up, Up]),
            (2500, [Up, PortState::Removed]),
            (3000, [Up, LinkDown]),
        ] {
            log.see_states(millis(at), &ports(), &states);
        }
        let expected = [
            "-0.5 a link down",
            "0.5 a link up",
            "0.5 b peer gone",
            "1 b peer back",
            "1.5 b removed",
        ];
        assert_eq!(told(log), expected);
    }

    #[test]
    fn a_vf_that_goes_and_comes_back_is_told_and_one_that_stays_is_not() {
        let mut log = EventLog::new(Instant::START, 2, &[]);
        let device = |vf: Option<bool>| Device {
            port: String::new(),
            driver: "net_netvsc".to_owned(),
            mac: None,
            vf_driver: None,
            imissed: None,
            ierrors: None,
            rx_nombuf: None,
            oerrors: None,
            synthetic_packets: vf.map(|_| 0),
            xstats: vf
                .filter(|has_vf| *has_vf)
                .map(|_| ("vf_rx_good_packets".to_owned(), 1))
                .into_iter()
                .collect(),
        };
        let (there, away, not_told) = (Some(true), Some(false), None);
        for (at, vfs) in [
            (0, [there, away]),
            (1000, [there, away]),
            (2000, [away, not_told]),
            (3000, [not_told, away]),
            (4000, [there, there]),
        ] {
            log.see_vfs(millis(at), &ports(), &vfs.map(device));
        }
        assert_eq!(told(log), ["2 a VF gone", "4 a VF back", "4 b VF back"]);
    }

    #[test]
    fn a_ring_that_nobody_empties_is_told_from_when_to_when() {
        let mut log = EventLog::new(Instant::START, 2, &[]);
        let ports = &ports()[..1];
        let mut see = |at, taken, refused| {
            log.see_handed_over(millis(at), ports, &[HandedOver { taken, refused }]);
        };
        // Slow, but it takes some.
        for at in 0..100 {
            see(at * 10, at, at * 7);
        }
        // Nothing is due.
        see(3000, 100, 700);
        // Its reader stands still.
        for at in 0..50 {
            see(4000 + at * 10, 100, 701 + at);
        }
        see(4500, 101, 751);
        assert_eq!(told(log), ["4 a tx ring full", "4.5 a tx ring free"]);

        let mut log = EventLog::new(Instant::START, 2, &[]);
        log.see_states(millis(0), ports, &[PortState::PeerGone]);
        for at in 0..50 {
            let sum = HandedOver {
                taken: 0,
                refused: at,
            };
            log.see_handed_over(millis(at * 10), ports, &[sum]);
        }
        assert_eq!(told(log), ["0 a peer gone"]);
    }

    #[test]
    fn a_next_hop_that_moved_is_told_once() {
        let ip = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2));
        let [here, there] = [3, 4].map(|last| Mac([2, 0, 0, 0, 0, last]));
        let next_hops = [NextHop::new(ip, here)];
        let mut log = EventLog::new(Instant::START, 2, &next_hops);
        log.see_next_hops(millis(1), &ports(), &next_hops);
        assert!(next_hops[0].learn(Neighbour { ip, mac: there }));
        log.see_next_hops(millis(2), &ports(), &next_hops);
        log.see_next_hops(millis(3), &ports(), &next_hops);
        assert_eq!(
            told(log),
            ["0.002 a next hop 10.0.0.2 moved to 02:00:00:00:00:04"]
        );
    }

    #[test]
    fn a_link_that_never_rests_does_not_fill_the_memory() {
        let mut log = EventLog::new(Instant::START, 1, &[]);
        for at in 0..30_000 {
            let state = [PortState::LinkDown, PortState::Up][at as usize % 2];
            log.see_states(millis(at), &ports()[..1], &[state]);
        }
        let told = told(log);
        assert_eq!(told.len(), MOST);
        assert!(told[MOST - 1].ends_with("not kept"), "{}", told[MOST - 1]);
    }
}
