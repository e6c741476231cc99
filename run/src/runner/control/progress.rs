//! How far a run is, for whoever watches it.

use dpdkgen_core::time::Nanos;
use dpdkgen_report::progress::{Goal, Phase, Progress, WorkerProgress};
use dpdkgen_report::summary::{Device, Mode, Role};

use super::Control;
use crate::assembly::OpenedPort;
use crate::request::Mode as Asked;
use crate::results::totals::merged;

/// What is told of a run that its workers do not know.
#[derive(Debug, Clone, Copy)]
pub struct Scene<'a> {
    /// The ports of the run.
    pub ports: &'a [OpenedPort],
    /// The lcore of each worker.
    pub lcores: &'a [u32],
    /// What the devices have counted so far, as differences since the start.
    pub device: &'a [Device],
}

impl<'a> Control<'_, 'a> {
    /// How far the run is at `now`: what the workers published last.
    #[must_use]
    pub fn progress(&self, now: Nanos, scene: &Scene<'_>) -> Progress {
        let request = self.context.request();
        let receives = self
            .context
            .specs()
            .iter()
            .any(|spec| spec.role == Role::Rx);
        let (mode, warmup) = match &request.mode {
            Asked::SendRecv(sendrecv) => (Mode::SendRecv, sendrecv.warmup),
            Asked::Reflect => (Mode::Reflect, Nanos(0)),
        };
        let phase = match self.stop {
            Some(_) => Phase::Draining,
            None if now < warmup => Phase::WarmUp,
            None => Phase::Running,
        };
        let time = request.duration.map(|span| Goal::Time((warmup + span).0));
        let workers = self.context.specs().iter().zip(scene.lcores);
        let workers = workers.zip(self.snapshots());
        Progress {
            mode,
            at_ns: now.0,
            phase,
            goals: time
                .into_iter()
                .chain(request.count.map(Goal::Packets))
                .collect(),
            workers: workers
                .map(|((spec, lcore), counters)| WorkerProgress {
                    lcore: *lcore,
                    role: spec.role,
                    port: scene.ports[spec.port].name.clone(),
                    queue: spec.queue,
                    counters,
                })
                .collect(),
            closed: receives.then_some(self.closed),
            latency: receives.then(|| merged(self.context.stats(), |stats| &stats.latency)),
            device: scene.device.to_vec(),
        }
    }
}
