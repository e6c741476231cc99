//! The paths that the packets of netvsc ports took, interval by interval: by the counters of their
//! drivers, which are asked once a second.
//!
//! An interval has the path of the time between two readings that it lies in; if it is closed before
//! the next reading, that of the last.

use std::collections::VecDeque;

use dpdkgen_core::time::{Instant, Span};
use dpdkgen_report::csv::{Path, Row};
use dpdkgen_report::summary::Device;

/// The most changes of path that are kept for the intervals that are still open.
const MOST: usize = 4096;

/// The paths so far.
#[derive(Debug)]
pub struct PathLog {
    /// The time at which counting begins, and the length of an interval.
    start: Instant,
    interval: Span,
    /// What the devices had counted at the last reading.
    last: Vec<Device>,
    /// Until when which path was taken, from the end of the one before on.
    taken: VecDeque<(Instant, Path)>,
    lost_without_vf: u64,
}

impl PathLog {
    /// Makes the log of a run with rows of `interval` whose counting begins at `start`; `None`
    /// unless one of `devices` is a netvsc port.
    #[must_use]
    pub fn new(start: Instant, interval: Span, devices: &[Device]) -> Option<Self> {
        devices
            .iter()
            .any(|device| device.synthetic_packets.is_some())
            .then(|| Self {
                start,
                interval,
                last: devices.to_vec(),
                taken: VecDeque::new(),
                lost_without_vf: 0,
            })
    }

    /// Takes what the devices have counted at `now`.
    pub fn see(&mut self, now: Instant, devices: &[Device]) {
        let paths = self.last.iter().zip(devices);
        let paths = paths.filter_map(|(last, now)| path(last, now));
        match (paths.reduce(Path::and), self.taken.back_mut()) {
            (None, _) => {}
            (Some(path), Some((until, same))) if *same == path => *until = now,
            (Some(path), _) => self.taken.push_back((now, path)),
        }
        for (last, now) in self.last.iter_mut().zip(devices) {
            if now.has_vf().is_some() {
                last.clone_from(now);
            }
        }
        if self.taken.len() > MOST {
            self.taken.pop_front();
        }
    }

    /// Fills in the path of `row`, which is closed. Rows come in their order.
    pub fn complete(&mut self, row: &mut Row) {
        let begin = self.start + Span::from_nanos(row.start_ns);
        let end = begin + self.interval;
        // Nothing that comes is as early.
        while self.taken.len() > 1 && self.taken[0].0 <= begin {
            self.taken.pop_front();
        }
        let over = self.taken.iter().position(|(until, _)| *until >= end);
        let count = over.map_or(self.taken.len(), |last| last + 1);
        let paths = self.taken.iter().take(count).map(|(_, path)| *path);
        row.path = paths.reduce(Path::and).or_else(|| self.at_first());
        if row.path != Some(Path::Vf) {
            self.lost_without_vf += row.probes.map_or(0, |probes| probes.lost);
        }
    }

    /// Returns the packets lost of those sent in intervals in which not all went by the VF; `None`
    /// if all did.
    #[must_use]
    pub fn lost_without_vf(&self) -> Option<u64> {
        (self.lost_without_vf > 0).then_some(self.lost_without_vf)
    }

    /// Returns the path that is there before anything was counted.
    fn at_first(&self) -> Option<Path> {
        let there = self.last.iter().filter_map(Device::has_vf).map(path_if);
        there.reduce(Path::and)
    }
}

fn path_if(has_vf: bool) -> Path {
    if has_vf { Path::Vf } else { Path::Synthetic }
}

/// Returns the path between two readings of a netvsc port; that which is there, if nothing moved.
fn path(last: &Device, now: &Device) -> Option<Path> {
    let had_vf = last.has_vf()?;
    let has_vf = now.has_vf()?;
    let synthetic = now.synthetic_packets? > last.synthetic_packets?;
    // Of a VF that went, or that came, nobody knows since when.
    let vf = had_vf != has_vf || by_vf(now) != by_vf(last);
    Some(match (vf, synthetic) {
        (true, true) => Path::Mixed,
        (true, false) => Path::Vf,
        (false, true) => Path::Synthetic,
        (false, false) => path_if(has_vf),
    })
}

/// Returns how many packets the VF has carried.
fn by_vf(device: &Device) -> u64 {
    let of = |name: &str| device.xstats.get(name).copied().unwrap_or(0);
    of("vf_rx_good_packets") + of("vf_tx_good_packets")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use dpdkgen_report::csv::RowProbes;

    use super::*;

    fn device(synthetic: Option<u64>, vf: Option<u64>) -> Device {
        let stat = |packets| ("vf_tx_good_packets".to_owned(), packets);
        Device {
            port: "a".to_owned(),
            driver: "net_netvsc".to_owned(),
            mac: None,
            vf_driver: None,
            imissed: None,
            ierrors: None,
            rx_nombuf: None,
            oerrors: None,
            synthetic_packets: synthetic,
            xstats: vf.map(stat).into_iter().collect::<BTreeMap<_, _>>(),
        }
    }

    fn at(millis: u64) -> Instant {
        Instant::START + Span::from_millis(millis)
    }

    /// Returns the paths of the rows of 500 ms that are closed by then.
    fn paths(log: &mut PathLog, rows: std::ops::Range<u64>) -> Vec<&'static str> {
        rows.map(|index| {
            let mut row = Row {
                start_ns: index * 500_000_000,
                probes: Some(RowProbes {
                    lost: 1,
                    ..RowProbes::default()
                }),
                ..Row::default()
            };
            log.complete(&mut row);
            row.path.map_or("", Path::name)
        })
        .collect()
    }

    #[test]
    fn an_interval_has_the_path_that_carried_between_the_readings_around_it() {
        let first = [device(Some(0), Some(0)), device(None, None)];
        let mut log = PathLog::new(at(0), Span::from_millis(500), &first).unwrap();
        for (millis, synthetic, vf) in [
            (1000, 0, Some(10)),
            (2000, 3, None),
            (3000, 9, None),
            (4000, 12, Some(5)),
            (5000, 12, Some(20)),
        ] {
            let devices = [device(Some(synthetic), vf), device(None, None)];
            log.see(at(millis), &devices);
        }
        let expected = [
            "vf",
            "vf",
            "mixed",
            "mixed",
            "synthetic",
            "synthetic",
            "mixed",
            "mixed",
            "vf",
            "vf",
            // Not read yet.
            "vf",
        ];
        assert_eq!(paths(&mut log, 0..11), expected);
        assert_eq!(log.lost_without_vf(), Some(6));
    }

    #[test]
    fn a_row_over_a_change_is_mixed() {
        let first = [device(Some(0), Some(0))];
        let mut log = PathLog::new(at(0), Span::from_millis(500), &first).unwrap();
        log.see(at(700), &[device(Some(0), Some(5))]);
        // Could not be read.
        log.see(at(800), &[device(None, None)]);
        log.see(at(900), &[device(Some(0), Some(9))]);
        log.see(at(1400), &[device(Some(7), Some(9))]);
        assert_eq!(paths(&mut log, 0..3), ["vf", "mixed", "synthetic"]);
    }

    #[test]
    fn where_nothing_moves_the_path_is_the_one_that_is_there() {
        for (vf, expected) in [(Some(0), "vf"), (None, "synthetic")] {
            let devices = [device(Some(0), vf)];
            let mut log = PathLog::new(at(0), Span::from_millis(500), &devices).unwrap();
            assert_eq!(paths(&mut log, 0..1), [expected]);
            log.see(at(1000), &devices);
            assert_eq!(paths(&mut log, 1..2), [expected]);
        }
        let others = [device(None, None)];
        assert!(PathLog::new(at(0), Span::from_millis(500), &others).is_none());
    }
}
