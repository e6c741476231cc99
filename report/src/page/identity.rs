//! What tells a page from another: the run's title, and when, where and by what it was made.

use std::path::Path;

use serde_json::Value;

use super::Sources;
use crate::summary::{Mode, Summary};
use crate::text::words;

/// Returns the title: the mode, and as far as they are known the file, the host, the start and the
/// load.
pub fn title(sources: &Sources<'_>) -> String {
    let what = match sources.mode() {
        Some(Mode::SendRecv) => "sendrecv",
        Some(Mode::Reflect) => "reflect",
        None => "run",
    };
    let summary = sources.summary;
    let own_name = || {
        let page = summary?.config.get("report")?.as_str()?;
        Path::new(page).file_name()?.to_str()
    };
    let name = sources.from.or_else(own_name).filter(|name| *name != "-");
    let mut parts = vec![match name {
        Some(name) => format!("dpdkgen {what}: {name}"),
        None => format!("dpdkgen {what}"),
    }];
    if let Some(summary) = summary {
        parts.extend(summary.origin.host.clone());
        parts.extend(started(summary));
        parts.extend(load(summary));
    }
    parts.join(" \u{b7} ")
}

/// Returns `2026-11-27 15:50:28 UTC`.
fn started(summary: &Summary) -> Option<String> {
    let started = summary.origin.started_at.as_deref()?;
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
    let origin = &summary.origin;
    let program = match (&origin.program, &origin.version) {
        (Some(program), Some(version)) => Some(format!("{program} {version}")),
        (program, version) => program.clone().or_else(|| version.clone()),
    };
    let eal_args = origin.eal_args.as_ref();
    let named = [
        ("started at", started(summary)),
        ("host", origin.host.clone()),
        ("program", program),
        ("DPDK version", origin.dpdk_version.clone()),
        ("EAL options", eal_args.map(|args| args.join(" "))),
    ];
    let named = named.into_iter();
    let named = named.filter_map(|(name, value)| Some((name.to_owned(), value?)));
    let ports = summary.device.iter().map(|device| {
        let mac = device.mac.iter().cloned();
        let value: Vec<_> = mac.chain([device.driver.clone()]).collect();
        (format!("port {}", device.port), value.join(", "))
    });
    named.chain(ports).collect()
}
