//! The progress of a run, for those who watch it.

use dpdkgen_core::time::Instant;
use dpdkgen_report::progress::{Goal, Phase, Progress, WorkerProgress};
use dpdkgen_report::summary::{Device, Mode, Role};

use super::Control;
use crate::assembly::Placement;
use crate::request::Mode as Asked;
use crate::results::totals::merged;

impl<'a> Control<'_, 'a> {
    /// Returns the phase that the run is in at `now`.
    #[must_use]
    pub fn phase(&self, now: Instant) -> Phase {
        match self.stop {
            Some(_) => Phase::Draining {
                until_ns: self.drain_until.map(Instant::as_nanos),
                is_asked_for: self.is_asked_for,
            },
            None if now < self.context.request().start() => Phase::WarmUp,
            None => Phase::Running,
        }
    }

    /// Tells how far the run is at `now`, by what the workers published last; `device` is what the
    /// devices have counted so far, as differences since the start.
    #[must_use]
    pub fn progress(&self, now: Instant, device: &[Device]) -> Progress {
        let request = self.context.request();
        let Placement {
            ports,
            specs,
            lcores,
        } = self.context.placement();
        let receives = self.context.has(Role::Rx);
        let mode = match &request.mode {
            Asked::SendRecv(_) => Mode::SendRecv,
            Asked::Reflect(_) => Mode::Reflect,
        };
        let start = request.start();
        let time = request
            .duration
            .map(|span| Goal::Time((start + span).as_nanos()));
        let workers = specs.iter().zip(lcores);
        let workers = workers.zip(self.snapshots());
        Progress {
            mode,
            at_ns: now.as_nanos(),
            phase: self.phase(now),
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
            latency_kind: request.latency_kind(),
            device: device.to_vec(),
        }
    }
}
