//! The control thread of a simulated world, and the order in which all act.

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

/// The control thread of the sender, and the order in which all act.
pub struct Scheduler<'k, 's, 'l> {
    context: &'k Context<'s>,
    control: Control<'k, 's>,
    link: &'k SharedLink<'l>,
    every: Span,
    next: Instant,
    rows: u64,
}

impl<'k, 's, 'l> Scheduler<'k, 's, 'l> {
    /// Looks `every` so often at the workers of `context` and at `link`, from `first` on.
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

    /// Lets the senders act until `until`; `Some` if the run is over sooner.
    pub fn run(
        &mut self,
        until: Instant,
        senders: &mut [Actor<'_, '_, '_>],
        sink: &mut impl Sink,
    ) -> Option<End> {
        self.run_with_reflector(until, senders, &mut [], sink, |_| {})
    }

    /// The same with a reflector, whose own control thread is called every time.
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
            sink.tick(now, &progress);
        }
        end
    }
}

/// Whose turn it is, and when.
fn earliest(actors: &[Actor<'_, '_, '_>]) -> Option<(Instant, usize)> {
    let times = actors.iter().enumerate();
    times
        .filter_map(|(number, actor)| Some((actor.time()?, number)))
        .min()
}
