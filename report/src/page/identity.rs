//! What tells a page from another: the run's title, and when, where and by what it was made.

use std::path::Path;

use serde_json::{Map, Value};

use super::Sources;
use crate::search::SearchReport;
use crate::summary::{Mode, Origin, Summary};
use crate::text::words;

/// What stands between the parts of a title.
const SEPARATOR: &str = " \u{b7} ";

/// Returns the title of a run's page: the mode, and as far as they are known the file, the host, the
/// start and the load.
pub fn title(sources: &Sources<'_>) -> String {
    let what = match sources.mode() {
        Some(Mode::SendRecv) => "sendrecv",
        Some(Mode::Reflect) => "reflect",
        None => "run",
    };
    let Some(summary) = sources.summary else {
        return of(what, sources.from, None);
    };
    let title = of(what, sources.from, Some((&summary.config, &summary.origin)));
    match load(summary) {
        Some(load) => title + SEPARATOR + &load,
        None => title,
    }
}

/// Returns the title of a search's page: as far as they are known the file, the host and the start.
pub fn title_of_search(search: &SearchReport, from: Option<&str>) -> String {
    of("search", from, Some((&search.config, &search.origin)))
}

/// Returns what was done, the file that it comes `from` or else its own, the host and the start.
fn of(what: &str, from: Option<&str>, told: Option<(&Map<String, Value>, &Origin)>) -> String {
    let own_name = || {
        let page = told?.0.get("report")?.as_str()?;
        Path::new(page).file_name()?.to_str()
    };
    let name = from.or_else(own_name).filter(|name| *name != "-");
    let mut parts = vec![match name {
        Some(name) => format!("dpdkgen {what}: {name}"),
        None => format!("dpdkgen {what}"),
    }];
    if let Some((_, origin)) = told {
        parts.extend(origin.host.clone());
        parts.extend(started(origin));
    }
    parts.join(SEPARATOR)
}

/// Returns `2026-11-27 15:50:28 UTC`.
fn started(origin: &Origin) -> Option<String> {
    let started = origin.started_at.as_deref()?;
    let second = started.split('.').next()?.trim_end_matches('Z');
    Some(format!("{} UTC", second.replace('T', " ")))
}

/// Returns `3,500,000 packets/s of 16 bytes`, of a run that sent.
fn load(summary: &Summary) -> Option<String> {
    if summary.mode == Mode::Reflect {
        return None;
    }
    let payload = summary.config.get("payload_bytes").and_then(Value::as_u64);
    let payload = payload.map(|bytes| format!("{} bytes of payload", words::count(bytes)));
    let payload = payload.or_else(|| summary.frame_mix().map(words::mix));
    let rate = summary.config.get("rate_pps").and_then(Value::as_f64);
    match (rate.map(words::rate), payload) {
        (Some(rate), Some(payload)) => Some(format!("{rate} of {payload}")),
        (rate, payload) => rate.or(payload),
    }
}

/// Returns when, where and by what the run was made, and its ports, as rows of a table.
pub fn rows(summary: &Summary) -> Vec<(String, String)> {
    let ports = summary.device.iter().map(|device| {
        let mac = device.mac.iter().cloned();
        let value: Vec<_> = mac.chain([device.driver.clone()]).collect();
        (format!("port {}", device.port), value.join(", "))
    });
    rows_of_origin(&summary.origin).chain(ports).collect()
}

/// Returns when, where and by what it was made, as rows of a table.
pub fn rows_of_origin(origin: &Origin) -> impl Iterator<Item = (String, String)> {
    let program = match (&origin.program, &origin.version) {
        (Some(program), Some(version)) => Some(format!("{program} {version}")),
        (program, version) => program.clone().or_else(|| version.clone()),
    };
    let eal_args = origin.eal_args.as_ref();
    let named = [
        ("started at", started(origin)),
        ("host", origin.host.clone()),
        ("program", program),
        ("DPDK version", origin.dpdk_version.clone()),
        ("EAL options", eal_args.map(|args| args.join(" "))),
    ];
    let named = named.into_iter();
    named.filter_map(|(name, value)| Some((name.to_owned(), value?)))
}
