//! A sender, a link and a reflector, from start to end in virtual time.

use dpdkgen_core::filling::SplitMix64;
use dpdkgen_core::probe::Tag;
use dpdkgen_core::time::{Clock, Nanos};
use dpdkgen_core::wire::Mac;
use dpdkgen_core::worker::{Crew, Phase, Worker};
use dpdkgen_report::csv::Row;
use dpdkgen_report::summary::{self, Role, Summary};
use dpdkgen_run::control::Control;
use dpdkgen_run::failure::Failure;
use dpdkgen_run::request::{Mode, Request};
use dpdkgen_run::stage::{Memory, OpenedPort, Post, Stage, posts};
use dpdkgen_run::totals::{Circumstances, summarize};

use crate::link::{Faults, Link, SharedLink, Side};
use crate::port::SimPort;
use crate::truth::Truth;

/// A world to simulate.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// What the sender is asked for; a `sendrecv`.
    pub request: Request,
    /// What the link does.
    pub faults: Faults,
    /// Queue pairs of the reflector.
    pub reflector_queues: u16,
    /// From one round of an lcore to the next, at most.
    pub step: Nanos,
    /// Share of rounds after which an lcore is away for a while.
    pub stalls: f64,
    /// How long that is, at most.
    pub stall: Nanos,
    /// Of all that is left to chance.
    pub seed: u64,
}

/// What came of it.
pub struct Finished {
    /// What the run says.
    pub summary: Summary,
    /// Its rows.
    pub rows: Vec<Row>,
    /// What is true.
    pub truth: Truth,
    /// What the reflector counted: received, sent, refused, ignored.
    pub reflected: [u64; 4],
}

/// The link's time, as a clock.
struct LinkClock(SharedLink);

impl Clock for LinkClock {
    fn now(&mut self) -> Nanos {
        self.0.borrow().now
    }
}

/// One lcore: its crew, and when it is next given the CPU.
struct Lcore<'w, 'a> {
    crew: Crew<'w, 'a, SimPort>,
    wakes: Nanos,
    is_reflector: bool,
    has_ended: bool,
}

impl Scenario {
    /// Lets it happen.
    ///
    /// # Errors
    ///
    /// If the request cannot be met.
    ///
    /// # Panics
    ///
    /// If it is not a `sendrecv`, or the run does not end.
    pub fn run(&self) -> Result<Finished, Failure> {
        let reflect = Request {
            mode: Mode::Reflect,
            rxq: self.reflector_queues,
            txq: self.reflector_queues,
            duration: None,
            count: None,
            ..self.request.clone()
        };
        let (posts, echo_posts) = (posts(&self.request, 1), posts(&reflect, 1));
        let mut memory = Memory::new(&self.request, &posts)?;
        let mut echo_memory = Memory::new(&reflect, &echo_posts)?;
        let tag = Tag::new(self.seed);
        let stage = Stage::new(&self.request, &posts, tag, &mut memory);
        let echo = Stage::new(&reflect, &echo_posts, tag, &mut echo_memory);
        let truth = Truth::new(stage.rings()[0].division());
        let queues = (self.request.rxq.max(1), self.reflector_queues);
        let link = Link::new(self.faults, self.seed, queues, truth);
        let mut senders: Vec<_> = (0..posts.len())
            .map(|at| [self.worker(&stage, at, &link, Side::Sender)])
            .collect();
        let mut echoes: Vec<_> = (0..echo_posts.len())
            .map(|at| [self.worker(&echo, at, &link, Side::Reflector)])
            .collect();
        let lcore = |is_reflector| {
            move |workers| Lcore {
                crew: Crew::new(workers),
                wakes: Nanos(0),
                is_reflector,
                has_ended: false,
            }
        };
        let mut lcores: Vec<_> = senders
            .iter_mut()
            .map(|w| &mut w[..])
            .map(lcore(false))
            .collect();
        lcores.extend(echoes.iter_mut().map(|w| &mut w[..]).map(lcore(true)));
        let (end, rows) = self.live(&stage, &echo, &link, &mut lcores);
        let numbers: Vec<u32> = (0..posts.len() as u32).collect();
        let circumstances = Circumstances {
            end,
            clock: summary::Clock {
                source: summary::ClockSource::ClockMonotonic,
                hz: None,
                error_ppm: None,
            },
            ports: &[port()],
            lcores: &numbers,
            device: Vec::new(),
        };
        let summary = summarize(&stage, circumstances);
        let reflected = reflected(&echo);
        drop(lcores);
        drop((senders, echoes));
        let link = std::rc::Rc::into_inner(link).expect("all ends are gone");
        Ok(Finished {
            summary,
            rows,
            truth: link.into_inner().truth,
            reflected,
        })
    }

    fn worker<'s>(
        &self,
        stage: &'s Stage<'_>,
        number: usize,
        link: &SharedLink,
        side: Side,
    ) -> Worker<'s, SimPort> {
        let Post { queue, .. } = stage.posts()[number];
        let Mode::SendRecv(sendrecv) = &self.request.mode else {
            panic!("no sendrecv")
        };
        let source_ports = u64::from(sendrecv.source_ports());
        let rx_burst = self.request.rx_burst;
        let sim = SimPort::new(link.clone(), side, queue, queue, source_ports, rx_burst);
        stage.worker(number, sim, &[port()])
    }

    /// Gives every lcore its rounds, and the control threads theirs, until the run is over.
    fn live(
        &self,
        stage: &Stage<'_>,
        echo: &Stage<'_>,
        link: &SharedLink,
        lcores: &mut [Lcore<'_, '_>],
    ) -> (dpdkgen_run::control::End, Vec<Row>) {
        let mut random = SplitMix64(!self.seed);
        let (mut control, mut echo_control) = (Control::new(stage), Control::new(echo));
        let mut clock = LinkClock(link.clone());
        let mut rows = Vec::new();
        let mut next_look = Nanos(0);
        stage.command.set(Phase::Running);
        echo.command.set(Phase::Running);
        loop {
            let next = lcores
                .iter()
                .filter(|lcore| !lcore.has_ended)
                .map(|lcore| lcore.wakes)
                .min();
            let now = next.map_or(next_look, |next| next.min(next_look));
            link.borrow_mut().now = now;
            for lcore in lcores
                .iter_mut()
                .filter(|lcore| !lcore.has_ended && lcore.wakes <= now)
            {
                let of = if lcore.is_reflector { echo } else { stage };
                lcore.has_ended = lcore
                    .crew
                    .round(now, &mut clock, of.command.phase())
                    .is_none();
                lcore.wakes = now + Nanos(1) + self.pause(&mut random);
            }
            if now >= next_look {
                next_look = now + Nanos::MILLISECOND;
                echo_control.poll(now, 0, &mut |_| {});
                if let Some(end) = control.poll(now, 0, &mut |row| rows.push(*row)) {
                    // Its last counters: a reflector publishes now and then, and when it ends.
                    echo.command.set(Phase::Stopping);
                    for lcore in lcores.iter_mut().filter(|lcore| !lcore.has_ended) {
                        lcore.crew.round(now, &mut clock, Phase::Stopping);
                    }
                    return (end, rows);
                }
            }
        }
    }

    fn pause(&self, random: &mut SplitMix64) -> Nanos {
        let share = (random.next() >> 11) as f64 / (1_u64 << 53) as f64;
        let most = if share < self.stalls {
            self.stall
        } else {
            self.step
        };
        Nanos(random.next() % (most.0 + 1))
    }
}

fn port() -> OpenedPort {
    OpenedPort {
        name: "sim0".to_owned(),
        driver: "sim".to_owned(),
        mac: Mac([2, 0, 0, 0, 0, 1]),
    }
}

fn reflected(echo: &Stage<'_>) -> [u64; 4] {
    let mut total = [0; 4];
    for (stats, post) in echo.stats().iter().zip(echo.posts()) {
        let counters = stats.try_snapshot().unwrap_or_default();
        debug_assert_eq!(post.role, Role::Reflect);
        let ignored = counters.ignored;
        let ignored = ignored.not_ipv4 + ignored.not_udp + ignored.fragment + ignored.malformed;
        let parts = [
            counters.rx.packets,
            counters.tx.packets,
            counters.tx.refused,
            ignored,
        ];
        for (total, part) in total.iter_mut().zip(parts) {
            *total += part;
        }
    }
    total
}
