//! Azure's guard against spoofing: what does not come from an address of its NIC is dropped, and
//! nothing counts it.

use super::super::finding::{Check, Finding, Step, Verdict};
use super::super::imds::ADDRESS;
use super::Subject;
use crate::machine::Platform;

/// Says whether probes from the source address get out.
pub fn address(subject: &Subject) -> Finding {
    let told = subject.told;
    if subject.machine.platform != Platform::Azure {
        let evidence = "only Azure drops what does not come from the NIC's own address";
        return Finding::new(Check::SourceAddress, Verdict::NotApplicable, evidence);
    }
    let Some(imds) = &told.imds else {
        let evidence = "no network is asked: give what the metadata service told by --imds";
        return Finding::new(Check::SourceAddress, Verdict::NotApplicable, evidence).mended_by([
            Step::by_hand(format!(
                "curl -s -H Metadata:true \"{ADDRESS}\" > imds.json; dpdkgen-rt doctor --imds \
                 imds.json --src IP"
            )),
        ]);
    };
    let nics = subject.nics().filter_map(|nic| nic.mac);
    let known: Vec<String> = nics
        .flat_map(|mac| imds.addresses(mac))
        .map(|address| address.to_string())
        .collect();
    let list = if known.is_empty() {
        "none".to_owned()
    } else {
        known.join(", ")
    };
    let evidence = format!("addresses of the NICs to test with: {list} (--imds)");
    let Some(src) = told.src else {
        return Finding::new(Check::SourceAddress, Verdict::Note, evidence)
            .so("--src has to be one of them, or all probes vanish without a trace");
    };
    if known.contains(&src.to_string()) {
        let evidence = format!("{src} is of the NIC ({evidence})");
        return Finding::new(Check::SourceAddress, Verdict::Ok, evidence);
    }
    let evidence = format!("{src} is none of the {evidence}");
    Finding::new(Check::SourceAddress, Verdict::Failure, evidence)
        .so("Azure drops every probe, and no counter tells")
        .mended_by([Step::by_hand(
            "give --src one of these, or az network nic update -g GROUP -n NIC --ip-forwarding true",
        )])
}
