//! The numbers of a run as tables: the few that are looked for first, all totals, and the settings.

use serde_json::{Map, Value};

use super::html::{self, Tile, table, wide};
use super::{Panel, Sources, identity};
use crate::summary::{ClockSource, Latency, Mode, Summary};
use crate::text::words;

const TOTALS: &str = "Totals";
const CONFIG: &str = "Run configuration";

/// A row of a table: a name and a value.
type Entry = (String, String);

/// Returns the numbers that are looked for first, as tiles.
pub fn tiles(sources: &Sources<'_>) -> String {
    let tiles = match sources.summary {
        Some(summary) => tiles_of_summary(summary),
        None => tiles_of_rows(sources),
    };
    let tiles = tiles.into_iter().map(|(name, value)| Tile {
        name,
        value,
        ..Tile::default()
    });
    html::tiles(&tiles.collect::<Vec<_>>())
}

fn tiles_of_rows(sources: &Sources<'_>) -> Vec<Entry> {
    let totals = sources.timeline.totals();
    let mut tiles = Entries::default();
    tiles.add("Sent", Some(words::count(totals.tx_packets)));
    tiles.add("Received", totals.rx_packets.map(words::count));
    tiles.add("Lost", totals.lost.map(words::count));
    tiles.0
}

fn tiles_of_summary(summary: &Summary) -> Vec<Entry> {
    let mut tiles = Entries::default();
    let rx = summary.rx.as_ref();
    match (rx.and_then(|rx| rx.probes), rx) {
        (Some(probes), _) => {
            tiles.add("Sent", Some(words::count(summary.tx.packets)));
            tiles.add("Came back", Some(words::count(probes.unique)));
        }
        (None, Some(rx)) => {
            tiles.add("Received", Some(words::count(rx.packets)));
            tiles.add("Sent back", Some(words::count(summary.tx.packets)));
        }
        (None, None) => tiles.add("Sent", Some(words::count(summary.tx.packets))),
    }
    tiles.add("Lost", summary.loss_ratio.map(words::percent));
    let latency = summary.latency_ns;
    tiles.add(
        &format!("Median {}", summary.latency_kind().name()),
        latency.map(|l| words::nanos(l.p50)),
    );
    tiles.add("99 % within", latency.map(|l| words::nanos(l.p99)));
    let longest = match rx.and_then(|rx| rx.probes).is_some_and(|p| p.late > 0) {
        true => "Longest, late ones too",
        false => "Longest",
    };
    tiles.add(longest, latency.map(|l| words::nanos(l.max)));
    tiles.add("Packets/s", summary.tx.pps.map(words::rate_number));
    let duration = summary.duration_s.filter(|seconds| *seconds > 0.0);
    tiles.add("Duration", duration.map(words::seconds));
    tiles.0
}

/// The rows of a table; what does not apply is left out.
#[derive(Default)]
struct Entries(Vec<Entry>);

impl Entries {
    fn add(&mut self, name: &str, value: Option<String>) {
        self.0.extend(value.map(|value| (name.to_owned(), value)));
    }

    fn count(&mut self, name: &str, value: Option<u64>) {
        self.add(name, value.map(words::count));
    }

    fn table(self, caption: &str) -> String {
        if self.0.is_empty() {
            return String::new();
        }
        table(caption, &self.0)
    }
}

/// Returns the panel of all totals of the JSON.
pub fn totals(sources: &Sources<'_>) -> Panel {
    let Some(summary) = sources.summary else {
        return Panel::left_out(TOTALS, sources.wants_json());
    };
    let name = |after| sources.latency_name(after);
    let tables = [
        sent(summary),
        received(summary),
        latency(&name("from when it was sent"), summary.latency_ns),
        latency(&name("from when it was due"), summary.latency_due_ns),
        pacing(summary),
        clock(summary),
    ];
    let devices = summary.device.iter().map(|device| {
        let mut entries = Entries::default();
        entries.add("driver", Some(device.driver.clone()));
        entries.count("missed (imissed)", device.imissed);
        entries.count("damaged (ierrors)", device.ierrors);
        entries.count("without a buffer (rx_nombuf)", device.rx_nombuf);
        entries.count("not sent (oerrors)", device.oerrors);
        for (name, value) in &device.xstats {
            entries.count(name, Some(*value));
        }
        entries.table(&format!("Device {}", device.port))
    });
    let tables: String = tables.into_iter().chain(devices).collect();
    Panel::Drawn(wide("totals", TOTALS, &side_by_side(&tables)))
}

fn sent(summary: &Summary) -> String {
    let tx = &summary.tx;
    let mut entries = Entries::default();
    entries.count("packets", Some(tx.packets));
    entries.count("bytes of frames", Some(tx.bytes));
    entries.add("packets/s", tx.pps.map(words::rate_number));
    // Who builds packets tries again, who passes them on cannot.
    let refused = match summary.mode {
        Mode::SendRecv => "refused at first",
        Mode::Reflect => "refused, and gone",
    };
    entries.count(refused, Some(tx.refused));
    entries.count("without a buffer", tx.no_buffer);
    entries.table("Sent")
}

fn received(summary: &Summary) -> String {
    let mut entries = Entries::default();
    if let Some(rx) = &summary.rx {
        entries.count("packets", Some(rx.packets));
        entries.count("bytes of frames", Some(rx.bytes));
        entries.add("packets/s", rx.pps.map(words::rate_number));
        if let Some(probes) = &rx.probes {
            for (counter, count) in probes.each() {
                entries.count(counter.label, Some(count));
            }
        }
        for (reason, count) in rx.ignored.iter().flatten() {
            entries.count(
                &format!("ignored: {}", reason.replace('_', " ")),
                Some(*count),
            );
        }
        entries.count("checksum left to a NIC", Some(rx.checksum_partial));
    }
    entries.count("lost", summary.lost);
    entries.add("loss", summary.loss_ratio.map(words::percent));
    entries.table("Received")
}

fn latency(caption: &str, latency: Option<Latency>) -> String {
    let mut entries = Entries::default();
    if let Some(latency) = latency {
        entries.count("measured", Some(latency.count));
        for (name, ns) in [
            ("shortest", latency.min),
            ("mean", latency.mean.round() as u64),
            ("50 % within", latency.p50),
            ("90 % within", latency.p90),
            ("99 % within", latency.p99),
            ("99.9 % within", latency.p99_9),
            ("99.99 % within", latency.p99_99),
            ("longest", latency.max),
        ] {
            entries.add(name, Some(words::nanos(ns)));
        }
    }
    entries.table(caption)
}

fn pacing(summary: &Summary) -> String {
    let mut entries = Entries::default();
    if let Some(pacing) = &summary.pacing {
        entries.add(
            "packets/s asked for",
            Some(words::rate_number(pacing.target_pps)),
        );
        entries.add(
            "packets/s reached",
            pacing.achieved_pps.map(words::rate_number),
        );
        entries.count("skipped", Some(pacing.skipped));
        if let Some(lag) = pacing.lag_ns {
            entries.add("half sent within", Some(words::nanos(lag.p50)));
            entries.add("99 % sent within", Some(words::nanos(lag.p99)));
            entries.add("all sent within", Some(words::nanos(lag.max)));
        }
    }
    entries.table("Pacing: sent after it was due")
}

fn clock(summary: &Summary) -> String {
    let clock = &summary.clock;
    let mut entries = Entries::default();
    let source = match clock.source {
        ClockSource::Tsc => "time stamp counter",
        ClockSource::ClockMonotonic => "CLOCK_MONOTONIC",
        ClockSource::Virtual => "simulated time",
    };
    entries.add("source", Some(source.to_owned()));
    entries.add(
        "frequency",
        clock.hz.map(|hz| format!("{:.3} GHz", hz / 1e9)),
    );
    entries.add("off by", clock.error_ppm.map(|ppm| format!("{ppm:.2} ppm")));
    entries.table("Clock")
}

/// Returns the panel of the settings in effect.
pub fn config(sources: &Sources<'_>) -> Panel {
    let Some(summary) = sources.summary else {
        return Panel::left_out(CONFIG, sources.wants_json());
    };
    Panel::Drawn(settings(CONFIG, identity::rows(summary), &summary.config))
}

/// Returns a panel of settings, and of when, where and by what they were in effect.
pub fn settings(title: &str, origin: Vec<Entry>, config: &Map<String, Value>) -> String {
    let mut entries = Vec::new();
    let mut nested = String::new();
    for (name, value) in config {
        match value {
            Value::Object(inner) => {
                let inner: Vec<_> = inner
                    .iter()
                    .map(|(name, value)| setting(name, value))
                    .collect();
                nested += &table(&name.replace('_', " "), &inner);
            }
            value => entries.push(setting(name, value)),
        }
    }
    // Two tables side by side rather than one that is twice as long.
    let half = entries.split_off(entries.len().div_ceil(2));
    let all = [
        ("when, where and by what", origin),
        ("settings", entries),
        ("settings", half),
    ];
    let html = all.map(|(caption, part)| match part.is_empty() {
        true => String::new(),
        false => table(caption, &part),
    });
    wide("config", title, &side_by_side(&(html.concat() + &nested)))
}

/// The ending of a setting's name that tells a unit, and the function that puts its value in words.
type Unit = (&'static str, fn(&Value) -> Option<String>);

/// Returns a setting as a person reads it: the unit goes from its name to its value.
fn setting(name: &str, value: &Value) -> Entry {
    let units: [Unit; 4] = [
        ("_ns", |value| value.as_u64().map(words::nanos)),
        ("_pps", |value| value.as_f64().map(words::rate)),
        ("_bps", |value| value.as_f64().map(words::bit_rate)),
        ("_bytes", |value| {
            let whole = value.as_u64().map(words::count);
            let mean = || Some(format!("{:.1}", value.as_f64()?));
            Some(format!("{} bytes", whole.or_else(mean)?))
        }),
    ];
    let told = units
        .iter()
        .find_map(|(ending, words)| Some((name.strip_suffix(ending)?, words(value)?)));
    let (name, value) = told.unwrap_or_else(|| (name, plain(value)));
    (name.replace('_', " "), value)
}

fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(values) if values.is_empty() => "the only one".to_owned(),
        Value::Array(values) => values.iter().map(plain).collect::<Vec<_>>().join(", "),
        Value::Object(named) => {
            let named = named.iter();
            let named = named.map(|(name, value)| format!("{name} {}", plain(value)));
            named.collect::<Vec<_>>().join(" ")
        }
        other => other.to_string(),
    }
}

fn side_by_side(tables: &str) -> String {
    format!("<div class=\"tables\">\n{tables}</div>\n")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn settings_carry_their_unit() {
        let told = |name, value| setting(name, &value);
        let entry = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(
            told("grace_ns", json!(1_000_000_000)),
            entry("grace", "1 s")
        );
        assert_eq!(
            told("rate_pps", json!(3.5e6)),
            entry("rate", "3,500,000 packets/s")
        );
        assert_eq!(
            told("payload_bytes", json!(1000)),
            entry("payload", "1,000 bytes")
        );
        assert_eq!(
            told("mean_frame_bytes", json!(4246.0 / 12.0)),
            entry("mean frame", "353.8 bytes")
        );
        let sizes = json!([{"size": 64, "weight": 7}, {"size": 570, "weight": 1}]);
        assert_eq!(
            told("frame_sizes", sizes),
            entry("frame sizes", "size 64 weight 7, size 570 weight 1")
        );
        assert_eq!(told("src", json!(["10.0.0.1"])), entry("src", "10.0.0.1"));
        assert_eq!(told("run_tag", json!(7)), entry("run tag", "7"));
        assert_eq!(told("odd_ns", json!("x")), entry("odd ns", "x"));
    }
}
