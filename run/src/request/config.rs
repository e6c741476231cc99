//! The settings in effect as they stand in the JSON summary, under `config`.

use std::net::SocketAddr;

use dpdkgen_core::time::Span;
use dpdkgen_core::wire::Tci;
use dpdkgen_report::output::Target;
use serde_json::{Map, Value, json};

use super::{Mode, Reflect, Request, SendRecv};

impl Request {
    /// Returns the settings by name; what was not asked for is absent. Names of times end in `_ns`.
    #[must_use]
    pub fn config(&self) -> Map<String, Value> {
        let ports: Vec<_> = self.ports.iter().map(ToString::to_string).collect();
        let mut config = Map::new();
        let mut set = |name: &str, value: Value| {
            if !value.is_null() {
                config.insert(name.to_owned(), value);
            }
        };
        set("ports", json!(ports));
        set("rxq", json!(self.rxq));
        set("txq", json!(self.txq));
        set("rx_burst", json!(self.rx_burst));
        set("tx_burst", json!(self.tx_burst));
        set("rx_desc", json!(self.rx_desc));
        set("tx_desc", json!(self.tx_desc));
        set("mtu", json!(self.mtu));
        set("stats_file", json!(self.stats_file.as_ref().map(target)));
        set("stats_interval_ns", json!(self.interval.as_nanos()));
        set("grace_ns", json!(self.grace.as_nanos()));
        set("flush_every_ns", json!(self.flush_every.as_nanos()));
        set("json", json!(self.json.as_ref().map(target)));
        set("hdr", json!(self.hdr.as_ref().map(target)));
        set("pcap", json!(self.pcap.as_ref().map(target)));
        let one_in = self.pcap.as_ref().map(|_| self.pcap_sample);
        set("pcap_sample", json!(one_in));
        set("metrics", json!(self.metrics));
        set("report", json!(self.report.as_ref().map(target)));
        set("duration_ns", json!(self.duration.map(ns)));
        set("count", json!(self.count));
        set("wait_link_ns", json!(self.wait_link.as_nanos()));
        match &self.mode {
            Mode::SendRecv(send) => send.config(set),
            Mode::Reflect(reflect) => reflect.config(set),
        }
        config.extend(self.own.clone());
        config
    }
}

impl SendRecv {
    fn config(&self, mut set: impl FnMut(&str, Value)) {
        let macs: Vec<_> = self.dest_macs.iter().map(ToString::to_string).collect();
        let (first, last) = (self.src_ports.start(), self.src_ports.end());
        set("src", json!(self.sources));
        set("dest", one_or_all(&self.dests));
        set(
            "gateway",
            json!((!self.gateways.is_empty()).then_some(&self.gateways)),
        );
        set("through", json!(self.is_through));
        set("oneway", json!(self.is_oneway));
        let tags: Vec<_> = self.marks.tags.as_slice().iter().map(vlan_text).collect();
        set("vlan", json!((!tags.is_empty()).then_some(tags)));
        set("dscp", json!(self.marks.dscp));
        set("ttl", json!(self.marks.ttl));
        set("src_port_range", json!(format!("{first}-{last}")));
        set("dest_mac", json!((!macs.is_empty()).then_some(macs)));
        self.config_of_sizes(&mut set);
        set(
            "rate_pps",
            json!(self.rate.map(dpdkgen_core::tx::pacer::Rate::pps)),
        );
        set("warmup_ns", json!(self.warmup.as_nanos()));
        set("seed", json!(self.seed));
        set("run_tag", json!(self.run_tag));
        set("drain_ns", json!(self.drain.as_nanos()));
        set("max_loss", json!(self.max_loss));
        set("max_p99_ns", json!(self.max_p99.map(ns)));
        set("max_skipped", json!(self.most_skipped()));
    }
}

impl Reflect {
    fn config(&self, mut set: impl FnMut(&str, Value)) {
        set(
            "ip",
            json!((!self.addresses.is_empty()).then_some(&self.addresses)),
        );
        let allowed: Vec<_> = self.allowed.iter().map(ToString::to_string).collect();
        set("allow", json!((!allowed.is_empty()).then_some(allowed)));
        set("promiscuous", json!(self.is_promiscuous));
    }
}

/// Returns what was given once as it is, and what was given once per port as a list.
fn one_or_all(given: &[SocketAddr]) -> Value {
    match given {
        [one] => json!(one),
        all => json!(all),
    }
}

fn vlan_text(tag: &Tci) -> String {
    format!("{}.{}", tag.id(), tag.priority())
}

fn ns(time: Span) -> u64 {
    time.as_nanos()
}

fn target(target: &Target) -> String {
    match target {
        Target::Stdout => "-".to_owned(),
        Target::Stderr => "/dev/stderr".to_owned(),
        Target::File(path) => path.display().to_string(),
    }
}
