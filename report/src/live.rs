//! The live display: a small table on a terminal, a plain line a second anywhere else.
//!
//! Promised: it shows what the workers counted and nothing estimated; rates, latencies and busy
//! shares are of the time since it was last shown, all else is of the whole run. Time is the run's
//! own, so a simulation's passes as fast as it is computed. The table fits its terminal. Where data
//! goes to the same place nothing is drawn, and nothing said that would stand between its lines.

mod busy;
mod line;
mod table;

use std::time::{Duration, Instant};

pub use self::line::line;
pub use self::table::lines as table;
use self::table::waiting;
use crate::console::{Console, Frame, Stream};
use crate::progress::{Phase, Progress, Step};
use crate::text::words;

/// The time from one look at a run to the next.
pub const SHOW_EVERY: Duration = Duration::from_secs(1);

/// The time after which a wait before the run is said in a line.
const SAY_AFTER: Duration = Duration::from_secs(2);

/// A way to show how far a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// A table that is drawn again and again.
    Table,
    /// A line for each look at it.
    Lines,
    /// That the user's wish to end it was heard, and nothing else.
    Answers,
}

/// A display of how far a run is.
#[derive(Debug)]
pub struct Display {
    console: Console,
    stream: Stream,
    style: Style,
    last: Option<Progress>,
    wait: Option<Wait>,
}

/// A wait before the run.
#[derive(Debug)]
struct Wait {
    what: String,
    since: Instant,
    /// The time at which it was shown last.
    shown: Option<Instant>,
}

impl Display {
    /// Makes a display on `stream`, which is that of `console`.
    #[must_use]
    pub const fn new(stream: Stream, console: Console, style: Style) -> Self {
        Self {
            console,
            stream,
            style,
            last: None,
            wait: None,
        }
    }

    /// Shows that the run, which has not begun, waits for `what`, for so long at most. That is written
    /// by the thread that waits: one of the console's own, made now, would keep to the CPU of a
    /// worker.
    pub fn wait(&mut self, what: &str, left: Duration) {
        let now = Instant::now();
        if self.wait.as_ref().is_none_or(|wait| wait.what != what) {
            self.wait = Some(Wait {
                what: what.to_owned(),
                since: now,
                shown: None,
            });
        }
        let Some(wait) = &mut self.wait else { return };
        let is_due = match self.style {
            Style::Table => wait.shown.is_none_or(|shown| now - shown >= SHOW_EVERY),
            Style::Lines => wait.shown.is_none() && now - wait.since >= SAY_AFTER,
            Style::Answers => false,
        };
        if is_due {
            wait.shown = Some(now);
            let left = words::seconds(left.as_secs_f64().ceil());
            if self.style == Style::Table {
                let table = waiting(what, &left, self.stream.size());
                self.stream.draw_now(&table);
            } else {
                let line = format!("Waiting for {what}, for {left} at most.\n");
                self.stream.write_soon(&line);
            }
        }
    }

    /// Takes away what was shown of a wait, which is over.
    pub fn waited(&mut self) {
        let is_shown = self.wait.take().is_some_and(|wait| wait.shown.is_some());
        if is_shown && self.style == Style::Table {
            self.stream.erase_now();
        }
    }

    /// Takes away the table of the run, which is over.
    pub fn clear(&mut self) {
        if self.last.is_some() && self.style == Style::Table {
            self.console.show(Frame::Table(Vec::new()));
        }
    }

    /// Returns whether a phase is shown as soon as the run comes into it.
    #[must_use]
    pub fn is_urgent(&self, phase: Phase) -> bool {
        match phase {
            Phase::Draining { is_asked_for, .. } => is_asked_for || self.style == Style::Table,
            Phase::WarmUp | Phase::Running => false,
        }
    }

    /// Shows `progress`.
    pub fn show(&mut self, progress: Progress) {
        let step = Step::new(self.last.as_ref(), &progress);
        match self.style {
            Style::Table => self
                .console
                .show(Frame::Table(table(&step, self.stream.size()))),
            Style::Lines => self.console.show(Frame::Line(line(&step))),
            Style::Answers => self.answer(progress.phase),
        }
        self.last = Some(progress);
    }

    /// Says that the run ends, if the user has asked for that.
    fn answer(&self, phase: Phase) {
        let is_asked_for = |phase| {
            matches!(
                phase,
                Phase::Draining {
                    is_asked_for: true,
                    ..
                }
            )
        };
        let last = self.last.as_ref().map(|last| last.phase);
        if is_asked_for(phase) && !last.is_some_and(is_asked_for) {
            let sentence = "Stopping: waiting for what is in flight; Ctrl-C ends that.";
            self.console.say(sentence);
        }
    }
}

impl Drop for Display {
    /// Leaves the terminal to whoever says why there is no run.
    fn drop(&mut self) {
        self.waited();
    }
}
