//! The command `search`: its options, and what it is asked for.

use std::time::Duration;

use clap::{ArgAction, Args, ValueEnum};
use dpdkgen_core::probe::sizes::Sizes;
use dpdkgen_core::time::Span;
use dpdkgen_search::{Goal, Method};

use super::args::{LatencyArgs, OutputArgs, PortArgs, ProbeArgs, SettleArgs};
use super::sendrecv::unpaced;
use super::{Program, without_end};
use crate::failure::Failure;
use crate::request::{Mode, Request, SendRecv, of_frames, time_text};
use crate::search::{NamedGoal, Recipe, SearchRequest};
use crate::units::{self, BadValue, FrameSize, RateSpec};

/// Options of `search`.
#[derive(Debug, Args)]
pub struct SearchArgs {
    #[command(flatten)]
    pub find: FindArgs,
    #[command(flatten)]
    pub probes: ProbeArgs,
    #[command(flatten)]
    pub settle: SettleArgs,
    #[command(flatten)]
    pub ports: PortArgs,
    #[command(flatten)]
    pub output: OutputArgs,
    #[command(flatten)]
    pub latency: LatencyArgs,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "What to find")]
pub struct FindArgs {
    /// What must hold: the loss, and perhaps the 99th percentile of latency; repeatable
    /// [default: 0 and 0.5%, NDR and PDR]
    #[arg(long, value_name = "LOSS[,p99=TIME]", value_parser = goal)]
    pub goal: Vec<(f64, Option<Span>)>,
    /// Lowest rate to try, in --rate's units: 3.5Mpps, 10Gbps (frames), 10Gbpsl1 (line)
    #[arg(long, value_name = "R", default_value = "1kpps", value_parser = units::rate)]
    pub min_rate: RateSpec,
    /// Highest rate to try [default: what the sender reaches by itself, measured first]
    #[arg(long, value_name = "R", value_parser = units::rate)]
    pub max_rate: Option<RateSpec>,
    /// Final trial duration [default: 10]
    #[arg(long, value_name = "S", value_parser = units::seconds)]
    pub trial: Option<Span>,
    /// Sum of final trials that a bound needs [default: 20, or one --trial]
    #[arg(long, value_name = "S", value_parser = units::seconds)]
    pub trials: Option<Span>,
    /// Share of that sum which may be of bad trials
    #[arg(long, value_name = "RATIO", default_value = "50%", value_parser = units::ratio)]
    pub exceed: f64,
    /// How near lower and upper bound have to come
    #[arg(long, value_name = "RATIO", default_value = "0.5%", value_parser = units::ratio)]
    pub width: f64,
    /// Search with each of these frames: 64,512,imix or rfc2544 [default: --frame-size]
    #[arg(long, value_name = "LIST")]
    pub frame_sizes: Option<String>,
    /// Search so often, and tell median and spread
    #[arg(long, value_name = "N", default_value = "1", value_parser = units::within::<1, 1000>)]
    pub repeat: u16,
    /// Fail if a lower bound is below this rate (exit status 3)
    #[arg(long, value_name = "R", value_parser = units::rate)]
    pub expect: Option<RateSpec>,
    /// A test of RFC 2544, 2544-style: its frame sizes and no loss, each bound by one trial
    #[arg(long, value_name = "TEST", value_enum, conflicts_with_all = ["goal", "trials", "exceed"])]
    pub rfc2544: Option<RecipeArg>,
    /// With the RFC's own times: trials of 60 s, 20 of 120 s for latency, 50 bursts
    #[arg(long, action = ArgAction::SetTrue, requires = "rfc2544")]
    pub rfc2544_times: bool,
    /// How loads are chosen: short trials first and all goals at once, or plain halving
    #[arg(long, value_name = "METHOD", default_value = "mlrsearch", value_enum)]
    pub method: MethodArg,
}

/// A way in which loads are chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum MethodArg {
    // Without descriptions, which would have all options of the help take several lines.
    Mlrsearch,
    Bisection,
}

/// A test of RFC 2544.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum RecipeArg {
    Throughput,
    Latency,
    Loss,
    BackToBack,
}

impl From<RecipeArg> for Recipe {
    fn from(test: RecipeArg) -> Self {
        match test {
            RecipeArg::Throughput => Self::Throughput,
            RecipeArg::Latency => Self::Latency,
            RecipeArg::Loss => Self::FrameLossRate,
            RecipeArg::BackToBack => Self::BackToBack,
        }
    }
}

/// The frame sizes of RFC 2544, section 9.1.
const RFC2544_SIZES: [u16; 7] = [64, 128, 256, 512, 1024, 1280, 1518];

/// The final trial duration unless one is given.
const TRIAL: Span = Span::from_secs(10);

/// The duration of a trial, and of one that shows latency, in RFC 2544 (sections 24 and 26.2).
const RFC2544_TRIAL: Span = Span::from_secs(60);
const RFC2544_LATENCY: Span = Span::from_secs(120);

/// The duration sum unless one is given, or a trial is longer.
const SUM: Span = Span::from_secs(20);

/// The most frame sizes of a search.
const MAX_SIZES: usize = 64;

/// Returns what is to be searched for.
pub fn search(program: &Program, args: SearchArgs) -> Result<SearchRequest, Failure> {
    let SearchArgs {
        find,
        probes,
        settle,
        ports,
        output,
        latency,
    } = args;
    if probes.run_tag.is_some() {
        return Err(Failure::request(
            "--run-tag names one run, and each trial of a search has a tag of its own: leave it out",
        ));
    }
    let mut send = unpaced(program, "search", &probes, &settle, &ports)?;
    send.ends_drain_early = true;
    let has_size = probes.frame_size.is_some() || probes.packet_size.is_some();
    let sizes = match &find.frame_sizes {
        None if find.rfc2544.is_some() && !has_size => of_list("rfc2544", &send)?,
        None => vec![send.sizes.clone()],
        Some(_) if has_size => {
            return Err(Failure::request(
                "--frame-sizes and --frame-size or --packet-size exclude each other: all say how long \
                 the frames are",
            ));
        }
        Some(list) => of_list(list, &send)?,
    };
    // Ports are opened for the largest.
    if let Some(largest) = sizes.iter().max_by_key(|sizes| sizes.largest()) {
        send.sizes = largest.clone();
    }
    let base = Request {
        hdr: latency.hdr,
        ..without_end(Mode::SendRecv(send), ports, output)
    };
    Ok(SearchRequest {
        base,
        sizes,
        goals: goals(&find),
        min_rate: find.min_rate,
        max_rate: find.max_rate,
        method: match find.method {
            MethodArg::Mlrsearch => Method::Mlr,
            MethodArg::Bisection => Method::Bisection,
        },
        repeat: find.repeat.into(),
        expect: find.expect,
        recipe: find.rfc2544.map(Recipe::from),
        latency_trial: if find.rfc2544_times {
            duration(RFC2544_LATENCY)
        } else {
            duration(trial(&find))
        },
        trial_repeats: match (find.rfc2544, find.rfc2544_times) {
            (Some(RecipeArg::Latency), true) => 20,
            (Some(RecipeArg::BackToBack), true) => 50,
            _ => 3,
        },
    })
}

/// Returns the sizes of probes that make the frames in `list`.
fn of_list(list: &str, send: &SendRecv) -> Result<Vec<Sizes>, Failure> {
    let wrong = |what: String| Failure::request(format!("--frame-sizes {list} {what}"));
    let frames: Vec<FrameSize> = if list == "rfc2544" {
        let sizes = RFC2544_SIZES.map(u64::from);
        sizes.map(FrameSize::One).to_vec()
    } else {
        let each = list.split(',').map(units::frame_size);
        let each: Result<Vec<_>, _> = each.collect();
        each.map_err(|_| {
            wrong(
                "is not a list of frame sizes in bytes or imix, such as 64,512,imix, nor rfc2544"
                    .to_owned(),
            )
        })?
    };
    if frames.len() > MAX_SIZES {
        let given = frames.len();
        return Err(wrong(format!(
            "names {given} sizes, and {MAX_SIZES} is the limit"
        )));
    }
    for (number, frame) in frames.iter().enumerate() {
        if frames[..number].contains(frame) {
            return Err(wrong("names one twice: name each size once".to_owned()));
        }
    }
    let sizes = frames.iter().map(|frame| of_frames(frame, send.layout()));
    sizes.collect()
}

/// Returns the final trial duration.
fn trial(find: &FindArgs) -> Span {
    let default = if find.rfc2544_times {
        RFC2544_TRIAL
    } else {
        TRIAL
    };
    find.trial.unwrap_or(default)
}

/// Returns the goals, or those that everybody asks for.
fn goals(find: &FindArgs) -> Vec<NamedGoal> {
    let trial = trial(find);
    let of = |(loss_ratio, p99): (f64, Option<Span>)| NamedGoal {
        goal: Goal {
            loss_ratio,
            p99_ns: p99.map(Span::as_nanos),
            trial: duration(trial),
            sum: duration(find.trials.unwrap_or(trial.max(SUM))),
            exceed: find.exceed,
            width: find.width,
        },
        name: name(loss_ratio, p99),
    };
    if find.rfc2544.is_some() {
        let mut throughput = of((0.0, None));
        // One trial tells, as the RFC has it.
        throughput.goal.sum = throughput.goal.trial;
        throughput.goal.exceed = 0.0;
        return vec![throughput];
    }
    if find.goal.is_empty() {
        let usual = [Goal::NDR, Goal::PDR];
        return usual.map(|goal| of((goal.loss_ratio, None))).into();
    }
    find.goal.iter().copied().map(of).collect()
}

/// Returns the name of a goal: `0.5%`, `0,p99=100us`.
fn name(loss_ratio: f64, p99: Option<Span>) -> String {
    let mut name = if loss_ratio == 0.0 {
        "0".to_owned()
    } else {
        // To parts per billion of a percent, which is where a float of it ends.
        let percent = format!("{:.9}", loss_ratio * 100.0);
        format!("{}%", percent.trim_end_matches('0').trim_end_matches('.'))
    };
    if let Some(p99) = p99 {
        name.push_str(&format!(",p99={}", time_text(p99)));
    }
    name
}

const fn duration(span: Span) -> Duration {
    Duration::from_nanos(span.as_nanos())
}

/// Reads a goal: `0.5%`, `0,p99=100us`.
fn goal(text: &str) -> Result<(f64, Option<Span>), BadValue> {
    const WANTED: BadValue =
        BadValue::Wanted("a loss, and perhaps a limit of latency, such as 0.5% or 0,p99=100us");
    let (loss, p99) = match text.split_once(',') {
        Some((loss, rest)) => {
            let time = rest.trim().strip_prefix("p99=").ok_or(WANTED)?;
            let time = units::nanoseconds(time).map_err(|_| WANTED)?;
            (loss, Some(time))
        }
        None => (text, None),
    };
    let loss = units::ratio(loss.trim()).map_err(|_| WANTED)?;
    Ok((loss, p99))
}
