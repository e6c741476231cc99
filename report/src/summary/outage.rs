//! The outages of a run: stretches of time from which nothing, or next to nothing, came back.

use serde::{Deserialize, Serialize};

use crate::csv::Row;

/// The share of an interval's packets from which on it belongs to an outage.
const OUT: f64 = 0.9;

/// The share from which on the interval before or after those belongs to it too: an outage begins
/// and ends within an interval.
const EDGE: f64 = 0.1;

/// The packets that an outage takes at least: of fewer, chance takes all too.
const FEWEST: u64 = 10;

/// The most outages that are kept one by one.
const KEPT: usize = 32;

/// The outages of a run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Outages {
    /// The number of outages.
    pub count: u64,
    /// The packets sent in all of them that did not come back before their interval was closed.
    pub lost: u64,
    /// The first of them, in order.
    pub first: Vec<Outage>,
}

/// One outage: neighbouring intervals that lost nearly all that was sent in them.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Outage {
    /// Seconds from when counting began to the beginning of its first interval.
    pub from_s: f64,
    /// Seconds from when counting began to the end of its last interval.
    pub to_s: f64,
    /// The packets sent in it that did not come back before their interval was closed.
    pub lost: u64,
}

/// Finds outages in rows, which it takes one by one.
#[derive(Debug, Clone, Default)]
pub struct OutageFinder {
    found: Outages,
    /// The last row, if it can be the beginning of an outage: its time, and what it lost.
    before: Option<(u64, u64)>,
    open: Option<Open>,
    last_ns: u64,
    interval_ns: u64,
}

/// An outage that has not been closed.
#[derive(Debug, Clone, Copy)]
struct Open {
    from_ns: u64,
    /// The end of its last interval; `None` until the row after it tells.
    to_ns: Option<u64>,
    lost: u64,
    /// Set if it has had its last interval.
    is_over: bool,
}

impl OutageFinder {
    /// Takes the next row.
    pub fn push(&mut self, row: &Row) {
        let start_ns = row.start_ns;
        self.interval_ns = start_ns.saturating_sub(self.last_ns);
        self.last_ns = start_ns;
        if let Some(open) = &mut self.open {
            open.to_ns.get_or_insert(start_ns);
            if open.is_over {
                self.close();
            }
        }
        let before = self.before.take();
        // While nothing is sent, nothing tells whether it would come back.
        let Some(lost) = row.probes.filter(|_| row.tx_packets > 0).map(|p| p.lost) else {
            return;
        };
        let share = lost as f64 / row.tx_packets as f64;
        match &mut self.open {
            Some(open) if share >= EDGE => {
                open.lost += lost;
                open.to_ns = None;
                open.is_over = share < OUT;
            }
            Some(_) => self.close(),
            None if share >= OUT => {
                let (from_ns, lost_before) = before.unwrap_or((start_ns, 0));
                self.open = Some(Open {
                    from_ns,
                    to_ns: None,
                    lost: lost + lost_before,
                    is_over: false,
                });
            }
            None => self.before = (share >= EDGE).then_some((start_ns, lost)),
        }
    }

    fn close(&mut self) {
        let Some(open) = self.open.take().filter(|open| open.lost >= FEWEST) else {
            return;
        };
        let to_ns = open.to_ns.unwrap_or(self.last_ns + self.interval_ns);
        self.found.count += 1;
        self.found.lost += open.lost;
        if self.found.first.len() < KEPT {
            self.found.first.push(Outage {
                from_s: open.from_ns as f64 / 1e9,
                to_s: to_ns as f64 / 1e9,
                lost: open.lost,
            });
        }
    }

    /// Returns the outages of all rows taken; `None` if there was none.
    #[must_use]
    pub fn finish(&self) -> Option<Outages> {
        let mut end = self.clone();
        end.close();
        (end.found.count > 0).then_some(end.found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::csv::RowProbes;

    /// Finds the outages of rows of 100 ms, each of so many packets sent and lost.
    fn found(rows: &[(u64, u64)]) -> Option<Outages> {
        let mut finder = OutageFinder::default();
        for (index, (tx_packets, lost)) in rows.iter().enumerate() {
            finder.push(&Row {
                start_ns: index as u64 * 100_000_000,
                tx_packets: *tx_packets,
                rx_packets: Some(0),
                probes: Some(RowProbes {
                    lost: *lost,
                    ..RowProbes::default()
                }),
                path: None,
            });
        }
        finder.finish()
    }

    fn outage(from_s: f64, to_s: f64, lost: u64) -> Outage {
        Outage { from_s, to_s, lost }
    }

    #[test]
    fn an_outage_has_its_edges() {
        let rows = [
            (100, 0),
            (100, 25),
            (100, 100),
            (100, 99),
            (100, 60),
            (100, 1),
        ];
        let found = found(&rows).unwrap();
        assert_eq!((found.count, found.lost), (1, 284));
        assert_eq!(found.first, [outage(0.1, 0.5, 284)]);
    }

    #[test]
    fn each_outage_is_one_and_the_last_may_last() {
        let rows = [(100, 100), (100, 0), (100, 100), (100, 50), (100, 100)];
        let found = found(&rows).unwrap();
        assert_eq!(
            found.first,
            [
                outage(0.0, 0.1, 100),
                outage(0.2, 0.4, 150),
                outage(0.4, 0.5, 100)
            ]
        );
    }

    #[test]
    fn what_is_not_sent_neither_ends_nor_lengthens_one() {
        let rows = [(100, 100), (0, 0), (0, 0), (100, 100), (0, 0), (100, 0)];
        let found = found(&rows).unwrap();
        assert_eq!(found.first, [outage(0.0, 0.4, 200)]);
    }

    #[test]
    fn loss_that_goes_on_and_single_packets_are_none() {
        assert_eq!(found(&[(100, 60); 50]), None);
        assert_eq!(found(&[(1, 1), (1, 0), (2, 2), (1, 0)]), None);
    }

    #[test]
    fn of_many_the_first_are_kept() {
        let rows: Vec<_> = [(50, 50), (50, 0)].repeat(100);
        let found = found(&rows).unwrap();
        assert_eq!((found.count, found.lost), (100, 5_000));
        assert_eq!(found.first.len(), KEPT);
    }
}
