//! The command `doctor`: what of this machine is in the way of a run, and what mends it.
//!
//! Promised: looking changes nothing, starts no EAL and asks no network, and only [`repair`]
//! changes anything. A machine is a folder ([`Root`]), so any other can be looked at from its files. What is wrong with a machine is said
//! once, by the check that it is ([`checks`]); what DPDK's log says about the same refers to that
//! check ([`signatures`]).

pub mod checks;
pub mod command;
pub mod dpdk;
pub mod finding;
pub mod imds;
pub mod log;
pub mod repair;
pub mod report;
pub mod signatures;

use self::checks::{Subject, Told};
use self::dpdk::Dpdk;
use self::finding::Verdict;
use self::report::Diagnosis;
use crate::machine::Machine;
use crate::machine::root::Root;

/// Examines the machine below `root`; `linked` is the DPDK of this program.
#[must_use]
pub fn examine(root: &Root, linked: Dpdk, told: &Told) -> Diagnosis {
    let mut machine = Machine::read(root);
    if let Some(imds) = &told.imds {
        for nic in &mut machine.nics {
            nic.addresses = nic
                .mac
                .map_or_else(Vec::new, |mac| imds.addresses(mac).collect());
        }
    }
    let dpdk = Dpdk::of(root, linked);
    let findings = checks::all(&Subject {
        root,
        machine: &machine,
        dpdk: &dpdk,
        told,
    });
    Diagnosis {
        verdict: findings.first().map_or(Verdict::Ok, |first| first.verdict),
        fix: repair::plan(&findings, told.nic.is_some()),
        nics: machine.nics,
        findings,
    }
}
