//! Rows of the article's five columns, as its program writes them.
//!
//! It writes 0 as `drop_rate` and as `avg_latency` where nothing came back of what was sent in an
//! interval, which it also writes where all came back within the millisecond. But then they were
//! received in that very interval, so fewer received than sent tell the one from the other.

use super::{Fields, Row, RowLatency, RowProbes};

/// Reads a row with as many fields as the header has `columns`.
pub fn parse(mut fields: Fields<'_>, columns: usize) -> Result<Row, String> {
    let missing = |name: &str| format!("has no {name}");
    let time = fields.milliseconds("time")?;
    let start_ns = time.ok_or_else(|| missing("time"))?;
    let sent = fields.count("tx_packets")?;
    let tx_packets = sent.ok_or_else(|| missing("tx_packets"))?;
    let rx_packets = fields.count("rx_packets")?;
    let drop_rate = fields.number("drop_rate")?;
    let mean_ms = fields.number("avg_latency")?;
    fields.check_number(columns)?;
    Ok(Row {
        start_ns,
        tx_packets,
        rx_packets,
        probes: probes(tx_packets, rx_packets, drop_rate, mean_ms),
        path: None,
    })
}

/// Returns what became of the probes, as far as it is told.
fn probes(
    tx_packets: u64,
    rx_packets: Option<u64>,
    drop_rate: Option<f64>,
    mean_ms: Option<f64>,
) -> Option<RowProbes> {
    // More came back than was sent where probes were doubled: there was no loss to be seen.
    let drop_rate = drop_rate.filter(|rate| *rate <= 1.0)?.max(0.0);
    let is_zero = drop_rate == 0.0 && mean_ms == Some(0.0);
    let lost = if is_zero && rx_packets.is_some_and(|received| received < tx_packets) {
        tx_packets
    } else {
        (drop_rate * tx_packets as f64).round() as u64
    };
    let count = tx_packets - lost;
    let mean_ns = mean_ms.filter(|ms| *ms >= 0.0).map(|ms| ms * 1e6);
    let latency = mean_ns.map_or_else(RowLatency::default, |mean_ns| RowLatency {
        count,
        sum_ns: (mean_ns * count as f64).round() as u64,
        min_ns: mean_ns.round() as u64,
        max_ns: mean_ns.round() as u64,
    });
    Some(RowProbes {
        lost,
        latency,
        ..RowProbes::default()
    })
}
