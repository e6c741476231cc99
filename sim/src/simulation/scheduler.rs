//! The order of a simulated run: lcores and control threads act one at a time, always the one whose
//! time is the earliest.

use dpdkgen_core::phase::Phase;
use dpdkgen_core::time::{Instant, Span};
use dpdkgen_run::assembly::Context;
use dpdkgen_run::results::end::End;
use dpdkgen_run::runner::control::Control;
use dpdkgen_run::runner::trial::Sink;

use super::actor::Actor;
use super::endpoints;
use crate::link::SharedLink;
use crate::truth::audit;

/// Lets lcores and control threads act in the order of time, and is itself the sender's control
/// thread.
pub struct Scheduler<'k, 's, 'l> {
    context: &'k Context<'s>,
    control: Control<'k, 's>,
    link: &'k SharedLink<'l>,
    /// The time between two looks of the control threads.
    every: Span,
    /// The time of their next look.
    next: Instant,
    /// The number of rows closed so far.
    rows: u64,
}

impl<'k, 's, 'l> Scheduler<'k, 's, 'l> {
    /// Makes the scheduler of the workers of `context`; control threads look at `first`, and each
    /// time that `every` has passed.
    #[must_use]
    pub fn new(
        context: &'k Context<'s>,
        link: &'k SharedLink<'l>,
        every: Span,
        first: Instant,
    ) -> Self {
        Self {
            context,
            control: Control::new(context),
            link,
            every,
            next: first,
            rows: 0,
        }
    }

    /// Lets the senders act until `until`, without a reflector; `Some` if the run is over sooner.
    pub fn run(
        &mut self,
        until: Instant,
        senders: &mut [Actor<'_, '_, '_>],
        sink: &mut impl Sink,
    ) -> Option<End> {
        self.run_with_reflector(until, senders, &mut [], sink, |_| {})
    }

    /// Lets senders and reflectors act until `until`; `Some` if the run is over sooner.
    /// `reflector_looks` is the control thread of the reflectors.
    pub fn run_with_reflector(
        &mut self,
        until: Instant,
        senders: &mut [Actor<'_, '_, '_>],
        reflectors: &mut [Actor<'_, '_, '_>],
        sink: &mut impl Sink,
        mut reflector_looks: impl FnMut(Instant),
    ) -> Option<End> {
        loop {
            let sender = earliest(senders);
            let reflector = earliest(reflectors);
            let (now, number) = sender.unwrap_or((Instant::MAX, 0));
            let (reflector_now, reflector_number) = reflector.unwrap_or((Instant::MAX, 0));
            let first = now.min(reflector_now).min(self.next);
            if first >= until {
                return None;
            }
            if first == self.next {
                self.next = self.next + self.every;
                reflector_looks(first);
                if let Some(end) = self.look(first, sink) {
                    return Some(end);
                }
            } else if now <= reflector_now {
                senders[number].step(self.context.phase.get());
            } else {
                reflectors[reflector_number].step(Phase::Running);
            }
        }
    }

    /// Has the sender's control thread look at the run, and hands rows and progress to `sink`.
    fn look(&mut self, now: Instant, sink: &mut impl Sink) -> Option<End> {
        let Self {
            context,
            control,
            link,
            rows,
            ..
        } = self;
        let requests = sink.stop_requests();
        let end = control.poll(now, requests, &mut |row| {
            audit::row(&mut link.borrow_mut().truth, *rows, row);
            *rows += 1;
            sink.row(row);
        });
        let progress = || {
            let device = endpoints::devices(&link.borrow(), &context.placement().ports);
            control.progress(now, &device)
        };
        if end.is_some() {
            sink.end(&progress);
        } else {
            sink.tick(now, control.phase(now), &progress);
        }
        end
    }
}

/// Returns the time and the number of the actor whose turn is next; `None` if all have ended.
fn earliest(actors: &[Actor<'_, '_, '_>]) -> Option<(Instant, usize)> {
    let times = actors.iter().enumerate();
    times
        .filter_map(|(number, actor)| Some((actor.time()?, number)))
        .min()
}
