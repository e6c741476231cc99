//! The checks, by what they look at. Each is a function from the machine to a finding, and touches
//! nothing.

mod cpu;
mod drivers;
mod memory;
mod nics;
mod source;
mod vf;
mod vfio;

use std::net::IpAddr;

pub use self::cpu::list_of_cpus;
pub(super) use self::drivers::is_loaded;

use super::dpdk::{self, Dpdk};
use super::finding::Finding;
use super::imds::Imds;
use crate::machine::root::Root;
use crate::machine::{Card, Machine, Nic};

/// What is looked at, and what the user told beside it.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// The machine's files.
    pub root: &'a Root,
    /// What was read of it.
    pub machine: &'a Machine,
    /// The DPDK that the program is linked to, or that the files have.
    pub dpdk: &'a Dpdk,
    /// What the user told.
    pub told: &'a Told,
}

/// What the user told about a run to come.
#[derive(Clone, Debug, Default)]
pub struct Told {
    /// The NIC to test with, by interface, UUID or MAC.
    pub nic: Option<String>,
    /// The address that probes come from.
    pub src: Option<IpAddr>,
    /// What Azure's instance metadata service told.
    pub imds: Option<Imds>,
    /// The CPUs that the EAL is to use.
    pub lcores: Option<Vec<usize>>,
}

impl Subject<'_> {
    /// Returns the NICs on VMBus to test with: those that carry nothing, or the one that the user
    /// chose of them.
    fn nics(&self) -> impl Iterator<Item = &Nic> {
        self.machine
            .nics
            .iter()
            .filter(|nic| nic.carries.is_empty())
            .filter(|nic| match &self.told.nic {
                Some(name) => nic.is_called(name),
                None => true,
            })
    }

    /// Returns the network cards on PCI to test with: those that carry nothing.
    fn cards(&self) -> impl Iterator<Item = &Card> {
        let cards = self.machine.cards.iter();
        cards.filter(|card| card.carries.is_empty() && !self.machine.has_vmbus())
    }
}

/// Makes all checks.
#[must_use]
pub fn all(subject: &Subject) -> Vec<Finding> {
    let mut findings = vec![
        nics::platform(subject),
        nics::management(subject),
        nics::binding(subject),
        vf::pairing(subject),
        vf::driver(subject),
        vf::verbs(subject),
        drivers::drivers(subject),
        nics::queues(subject),
        memory::hugepages(subject),
        memory::iova(subject),
        vfio::iommu(subject),
        vfio::locked_memory(subject),
        cpu::cpus(subject),
        cpu::clock(subject),
        dpdk::faults(subject),
        source::address(subject),
        nics::eal_options(subject),
    ];
    // A stable sort: what is equally grave stays in the order of the checks.
    findings.sort_by_key(|finding| finding.verdict);
    findings
}
