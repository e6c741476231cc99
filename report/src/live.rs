//! The live display: a small table on a terminal, a plain line a second anywhere else.
//!
//! Promised: it shows what the workers counted and nothing estimated; rates, latencies and busy
//! shares are of the time since it was last shown, all else is of the whole run. Time is the run's
//! own, so a simulation's passes as fast as it is computed.

mod line;
mod table;

pub use self::line::line;
pub use self::table::lines as table;
use crate::console::{Console, Frame, Stream};
use crate::progress::{Progress, Step};

/// A display of how far a run is.
#[derive(Debug)]
pub struct Display {
    console: Console,
    draws: bool,
    last: Option<Progress>,
}

impl Display {
    /// Makes a display on `stream`, which is that of `console`.
    #[must_use]
    pub fn new(stream: Stream, console: Console) -> Self {
        Self {
            console,
            draws: stream.is_terminal(),
            last: None,
        }
    }

    /// Shows `progress`.
    pub fn show(&mut self, progress: Progress) {
        let step = Step::new(self.last.as_ref(), &progress);
        self.console.show(if self.draws {
            Frame::Table(table(&step))
        } else {
            Frame::Line(line(&step))
        });
        self.last = Some(progress);
    }
}
