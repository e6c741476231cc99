//! Searches of paths whose capacity is known, by models of a line each: the bounds enclose it.

use core::time::Duration;

use dpdkgen_search::{Found, Goal, Limits, Method, Outcome, Search, Trial};

/// Pseudorandom numbers (`SplitMix64`).
struct Rng(u64);

impl Rng {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn uniform(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Returns how many of `count` happen with this probability, nearly enough for many.
    fn of(&mut self, count: f64, probability: f64) -> f64 {
        let mean = count * probability;
        if mean <= 0.0 {
            return 0.0;
        }
        if mean < 30.0 {
            let (limit, mut product, mut events) = ((-mean).exp(), self.uniform(), 0.0);
            while product > limit {
                product *= self.uniform();
                events += 1.0;
            }
            return f64::min(events, count);
        }
        let normal: f64 = (0..12).map(|_| self.uniform()).sum::<f64>() - 6.0;
        (mean + normal * mean.sqrt()).round().clamp(0.0, count)
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Model {
    Hard,
    Queue,
    Noise(f64),
    Growing,
    TwoSpeeds,
}

impl Model {
    fn loss(self, capacity: f64, trial: Trial, rng: &mut Rng) -> f64 {
        let seconds = trial.duration.as_secs_f64();
        let load = trial.pps as f64;
        let sent = (load * seconds).floor();
        let capacity = match self {
            Self::TwoSpeeds if rng.uniform() < 0.25 => capacity * 0.8,
            _ => capacity,
        };
        let queue = if self == Self::Queue { 64.0 } else { 0.0 };
        let passed = sent.min((capacity * seconds).floor() + queue);
        let lost = match self {
            Self::Noise(share) => rng.of(passed, share),
            Self::Growing => rng.of(passed, 0.01 * (load / capacity).min(1.0).powi(4)),
            _ => 0.0,
        };
        1.0 - (passed - lost) / sent
    }
}

struct Done {
    found: Vec<Found>,
    trials: usize,
    seconds: f64,
}

fn searched(model: Model, goals: Vec<Goal>, seed: u64, method: Method) -> (f64, Done) {
    let mut rng = Rng(seed);
    let capacity = 10_f64.powf(5.0 + 1.9 * rng.uniform());
    let limits = Limits {
        min: 1_000,
        max: 10_000_000,
    };
    let count = goals.len();
    let mut search = Search::new(goals, limits, method);
    let (mut trials, mut seconds) = (0, 0.0);
    while let Some(trial) = search.next() {
        let loss = model.loss(capacity, trial, &mut rng);
        search.record(trial, Outcome::offered(loss));
        trials += 1;
        seconds += trial.duration.as_secs_f64();
        assert!(trials < 2_000, "{model:?} of seed {seed} has no end");
    }
    let found = (0..count).map(|goal| search.result(goal)).collect();
    let done = Done {
        found,
        trials,
        seconds,
    };
    (capacity, done)
}

fn goals(trial: u64, sum: u64) -> Vec<Goal> {
    let of = |goal: Goal| Goal {
        trial: Duration::from_secs(trial),
        sum: Duration::from_secs(sum),
        ..goal
    };
    vec![of(Goal::NDR), of(Goal::PDR)]
}

#[test]
fn figures() {
    for (trial, sum) in [(1, 20), (10, 20), (1, 1), (60, 60)] {
        for model in [
            Model::Hard,
            Model::Queue,
            Model::Noise(1e-3),
            Model::Noise(1e-6),
            Model::Growing,
            Model::TwoSpeeds,
        ] {
            let (mut n, mut t, mut most) = (0, 0.0, 0);
            for seed in 0..400 {
                let (_, done) = searched(model, goals(trial, sum), seed, Method::Mlr);
                n += done.trials;
                most = most.max(done.trials);
                t += done.seconds;
            }
            println!(
                "{trial} {sum} {model:?} {} (most {most}) {:.1}",
                n as f64 / 400.0,
                t / 400.0
            );
        }
    }
}

#[test]
fn trace() {
    let env = |name: &str| std::env::var(name).unwrap();
    let model = match env("MODEL").as_str() {
        "hard" => Model::Hard,
        "grow" => Model::Growing,
        "two" => Model::TwoSpeeds,
        _ => Model::Noise(1e-3),
    };
    let seed: u64 = env("SEED").parse().unwrap();
    let (t, s) = (env("T").parse().unwrap(), env("S").parse().unwrap());
    let mut rng = Rng(seed);
    let capacity = 10_f64.powf(5.0 + 1.9 * rng.uniform());
    println!("capacity {capacity}");
    let mut search = Search::new(
        goals(t, s),
        Limits {
            min: 1000,
            max: 10_000_000,
        },
        Method::Mlr,
    );
    while let Some(trial) = search.next() {
        let loss = model.loss(capacity, trial, &mut rng);
        println!(
            "{} {} {:?} {:.5}",
            trial.goal, trial.pps, trial.duration, loss
        );
        search.record(trial, Outcome::offered(loss));
    }
}
