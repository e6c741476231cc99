//! Searches for the tests.

use dpdkgen_report::search::{
    FrameSize, LimitedBy, Purpose, SearchReport, SearchResult, TrialRecord,
};
use dpdkgen_report::summary::{Latency, Origin};

/// What the path carries, in packets per second.
const CAPACITY: f64 = 1_200_000.0;

pub const SMALL: FrameSize = FrameSize::Bytes(64);
pub const LARGE: FrameSize = FrameSize::Bytes(1518);

fn latency(p50: u64) -> Latency {
    Latency {
        count: 1_000,
        min: 14_000,
        mean: p50 as f64,
        p50,
        p90: p50 + 2_000,
        p99: p50 + 5_000,
        p99_9: p50 + 9_000,
        p99_99: p50 + 10_000,
        max: p50 + 300_000,
    }
}

/// Returns a trial of ten seconds for the goal 0, of which a path of [`CAPACITY`] loses the rest.
pub fn trial(frame_size: FrameSize, pps: f64) -> TrialRecord {
    let sent = pps * 10.0;
    let lost = (sent - CAPACITY * 10.0).max(0.0);
    TrialRecord {
        frame_size,
        repeat: None,
        purpose: Purpose::Bound,
        goal: Some("0".to_owned()),
        target_pps: Some(pps),
        share: None,
        duration_s: 10.0,
        tx_packets: sent as u64,
        skipped: None,
        offered: true,
        disturbed: false,
        lost: Some(lost as u64),
        loss_ratio: Some(lost / sent),
        latency_ns: Some(latency(20_000 + lost as u64)),
    }
}

pub fn result(frame_size: FrameSize, goal: &str, bounds: [Option<f64>; 2]) -> SearchResult {
    let [lower_pps, upper_pps] = bounds;
    SearchResult {
        frame_bytes: match &frame_size {
            FrameSize::Bytes(bytes) => f64::from(*bytes),
            FrameSize::Mix(_) => 353.8,
        },
        frame_size,
        repeat: None,
        goal: goal.to_owned(),
        lower_pps,
        upper_pps,
        conditional_throughput_pps: lower_pps,
        limit: Some(LimitedBy::Path),
        complete: true,
        latency_ns: lower_pps.map(|_| latency(25_000)),
        trials: 7,
        duration_s: 61.0,
    }
}

/// Returns a search of two frame sizes for two goals, in which of the larger size the sender is the
/// limit and one goal has no lower bound.
pub fn searched() -> SearchReport {
    let mut search = SearchReport::new(Origin::default(), serde_json::Map::new());
    let _ = search
        .config
        .insert("line_bps".to_owned(), 10_000_000_000_u64.into());
    search.duration_s = 372.0;
    search.results = vec![
        result(SMALL, "0", [Some(1_198_000.0), Some(1_203_000.0)]),
        result(SMALL, "0.5%", [Some(1_204_000.0), Some(1_209_000.0)]),
        result(LARGE, "0", [Some(812_000.0), None]),
        result(LARGE, "0.5%", [None, Some(1_000.0)]),
    ];
    search.results[2].limit = Some(LimitedBy::Sender);
    let at_most = |size, pps| TrialRecord {
        purpose: Purpose::Sender,
        goal: None,
        target_pps: None,
        ..trial(size, pps)
    };
    search.trials.push(at_most(SMALL, 2_870_000.0));
    let loads = [600_000.0, 1_198_000.0, 1_203_000.0, 1_209_000.0];
    search.trials.extend(loads.map(|pps| trial(SMALL, pps)));
    search.trials.push(at_most(LARGE, 812_000.0));
    search.trials.push(TrialRecord {
        tx_packets: 8_120_000,
        skipped: Some(380_000),
        offered: false,
        disturbed: false,
        target_pps: Some(850_000.0),
        ..trial(LARGE, 812_000.0)
    });
    search.trials.extend([0.1, 1.0].map(|share| TrialRecord {
        purpose: Purpose::Latency,
        share: Some(share),
        ..trial(SMALL, 1_198_000.0 * share)
    }));
    search
}

/// Returns the same search twice, of which the second found 2,000 packets per second more.
pub fn repeated() -> SearchReport {
    let mut search = searched();
    let (results, trials) = (search.results.clone(), search.trials.clone());
    search.results = [1, 2]
        .iter()
        .flat_map(|number| {
            let more = f64::from(number - 1) * 2_000.0;
            results.iter().map(move |result| SearchResult {
                repeat: Some(*number),
                lower_pps: result.lower_pps.map(|pps| pps + more),
                upper_pps: result.upper_pps.map(|pps| pps + more),
                ..result.clone()
            })
        })
        .collect();
    search.trials = [1, 2]
        .iter()
        .flat_map(|number| {
            trials.iter().map(|trial| TrialRecord {
                repeat: Some(*number),
                ..trial.clone()
            })
        })
        .collect();
    search.sum_up();
    search
}
