//! The counters of probes among the keys of `rx`, named by core's table. When reading, missing ones
//! are 0, and if all are missing there are none.

use std::collections::BTreeMap;

use dpdkgen_core::stats::ProbeCounters;
use serde::de::{Deserialize, Deserializer, Error};
use serde::ser::{SerializeMap, Serializer};
use serde_json::Value;

pub fn serialize<S: Serializer>(
    probes: &Option<ProbeCounters>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(None)?;
    for (counter, count) in probes.iter().flat_map(ProbeCounters::each) {
        map.serialize_entry(counter.name, &count)?;
    }
    map.end()
}

pub fn deserialize<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<ProbeCounters>, D::Error> {
    let keys = BTreeMap::<String, Value>::deserialize(deserializer)?;
    let mut probes = ProbeCounters::default();
    let mut is_told = false;
    for (name, value) in keys {
        let Some(counter) = probes.by_name(&name) else {
            continue;
        };
        let count = value.as_u64();
        *counter = count.ok_or_else(|| D::Error::custom(format!("{name} is no count: {value}")))?;
        is_told = true;
    }
    Ok(is_told.then_some(probes))
}
