//! What the control thread has of the ports: their counters and links, and CPUs of its own.

use std::sync::Arc;

use dpdkgen_report::summary;
use dpdkgen_run::assembly::{OpenedPort, Placement};
use dpdkgen_run::results::events::PortState;
use dpdkgen_run::runner::threads::ForControl;

use crate::eal::affinity::CpuSet;
use crate::ethdev::driver::Driver;
use crate::ethdev::link::{LinkState, LinkWatch};
use crate::ethdev::stats::PortStatsReader;

/// What the control thread has of the ports.
#[derive(Clone)]
pub(super) struct Control {
    /// Where it runs, if that is known.
    pub cpus: Option<CpuSet>,
    /// The ports.
    pub placement: Arc<Placement>,
    /// One a port.
    pub stats: Vec<PortStatsReader>,
    /// One a port.
    pub links: Vec<LinkWatch>,
}

impl ForControl for Control {
    fn settle(&self) {
        if let Some(cpus) = self.cpus {
            // Refused, it stays on the main lcore's CPU, which costs speed and nothing else.
            let _ = cpus.restore();
        }
    }

    fn device(&self) -> Vec<summary::Device> {
        let read = |(port, stats): (&OpenedPort, &PortStatsReader)| {
            let counters = stats.read();
            let synthetic_packets = counters.paths.as_ref().map(|paths| paths.synthetic_packets);
            summary::Device {
                port: port.name.clone(),
                driver: port.driver.clone(),
                mac: Some(port.mac.to_string()),
                vf_driver: port.vf_driver.clone(),
                imissed: counters.imissed,
                ierrors: counters.ierrors,
                rx_nombuf: counters.rx_nombuf,
                oerrors: counters.oerrors,
                synthetic_packets,
                xstats: counters
                    .paths
                    .map(|paths| paths.vf.into_iter().collect())
                    .unwrap_or_default(),
            }
        };
        self.placement
            .ports
            .iter()
            .zip(&self.stats)
            .map(read)
            .collect()
    }

    fn states(&mut self) -> Vec<PortState> {
        let state = |(port, link): (&OpenedPort, &mut LinkWatch)| match link.state() {
            LinkState::Up => PortState::Up,
            LinkState::Down if Driver::new(&port.driver, None).is_memif() => PortState::PeerGone,
            LinkState::Down => PortState::LinkDown,
            LinkState::Removed => PortState::Removed,
        };
        let ports = self.placement.ports.iter();
        ports.zip(&mut self.links).map(state).collect()
    }
}
