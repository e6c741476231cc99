//! How far a run is, for whoever watches it.

use dpdkgen_core::time::Nanos;
use dpdkgen_report::progress::{Goal, Phase, Progress, WorkerProgress};
use dpdkgen_report::summary::{Device, Mode, Role};

use super::Control;
use crate::assembly::Placement;
use crate::request::Mode as Asked;
use crate::results::totals::merged;

impl<'a> Control<'_, 'a> {
    /// Tells how far the run is at `now`, by what the workers published last; `device` is what the
    /// devices have counted so far, as differences since the start.
    #[must_use]
    pub fn progress(&self, now: Nanos, device: &[Device]) -> Progress {
        let request = self.context.request();
        let Placement {
            ports,
            specs,
            lcores,
        } = self.context.placement();
        let receives = self.context.has(Role::Rx);
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
        let workers = specs.iter().zip(lcores);
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
                    port: ports[spec.port].name.clone(),
                    queue: spec.queue,
                    counters,
                })
                .collect(),
            closed: receives.then_some(self.closed),
            latency: receives.then(|| merged(self.context.stats(), |stats| &stats.latency)),
            device: device.to_vec(),
        }
    }
}
