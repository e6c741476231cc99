//! The words of a run or a search: where they go, and how much is shown, beside the data that it writes.

use std::fmt;
use std::time::Duration;

use dpdkgen_report::background::Background;
use dpdkgen_report::console::{Console, Stream, say_last};
use dpdkgen_report::live::{Display, Style};
use dpdkgen_report::output::{Output, Target};
use dpdkgen_report::patience::{Patience, Writer};
use dpdkgen_report::place::Place;

use crate::failure::Failure;
use crate::request::{Request, Verbosity};

/// The outputs that are written at the end of a run, and not while it goes on.
const AT_THE_END: [&str; 2] = ["--json", "--report"];

/// The place of the words, and who shows them there.
pub struct Screen {
    /// The thread that writes what is shown while it goes on.
    pub console: Console,
    /// The stream that all words go to.
    pub stream: Stream,
    /// The style of what is shown while it goes on; `None` if nothing is.
    pub style: Option<Style>,
    /// The display of a wait, and of a run; `None` if nothing is shown.
    pub display: Option<Display>,
    is_quiet: bool,
}

impl Screen {
    /// Makes the screen of what `request` asks for.
    #[must_use]
    pub fn new(request: &Request) -> Self {
        let (stream, style) = shown(request);
        let console = Console::new(stream, request.program());
        Self {
            display: style.map(|style| Display::new(stream, console.clone(), style)),
            console,
            stream,
            style,
            is_quiet: request.verbosity == Verbosity::Quiet,
        }
    }

    /// Shows a line to the person who watches, unless that was not wanted; for before the first trial
    /// or after the last one.
    pub fn tell(&self, line: &str) {
        if !self.is_quiet {
            self.stream.write_soon(&format!("{line}\n"));
        }
    }

    /// Shows that nothing has begun, and what is waited for, for so long at most.
    pub fn wait(&mut self, what: &dyn fmt::Display, left: Duration) {
        if let Some(display) = &mut self.display {
            display.wait(&what.to_string(), left);
        }
    }

    /// Takes away what was shown of a wait.
    pub fn waited(&mut self) {
        if let Some(display) = &mut self.display {
            display.waited();
        }
    }

    /// Opens the output `what` at `target`, if it is asked for, to be written in the background; its
    /// first failure is said here.
    ///
    /// # Errors
    ///
    /// Returns a failure if it cannot be written.
    pub fn open(
        &self,
        target: &Option<Target>,
        what: &'static str,
    ) -> Result<Option<Background>, Failure> {
        let Some(target) = target else {
            return Ok(None);
        };
        let output = Output::open(target, what);
        let output = output.map_err(|error| Failure::machine(error.to_string()))?;
        Ok(Some(Background::new(output, self.console.clone())))
    }

    /// Waits for `outputs`, to which all is written, and then shows the text that `render` makes for
    /// so many columns and that is called `what`, for as long as `patience` lasts; returns a sentence
    /// for each that is incomplete.
    pub fn close(
        &self,
        mut outputs: Vec<Background>,
        what: &str,
        render: impl FnOnce(usize) -> String,
        patience: &mut Patience<'_>,
    ) -> Vec<String> {
        let columns = match self.style {
            Some(Style::Table) => self.stream.size().columns,
            _ => usize::MAX,
        };
        let text = (!self.is_quiet).then(|| render(columns));
        outputs.iter_mut().for_each(Background::close);
        let writers: Vec<&dyn Writer> = outputs.iter().map(|output| output as _).collect();
        patience.tell(text.as_ref().map(|_| self.console.clone()));
        patience.wait(&writers);
        patience.tell(None);
        self.console.end();
        patience.wait(&[&self.console]);
        let failures = outputs.into_iter().filter_map(Background::finish);
        let mut failures: Vec<String> = failures.collect();
        let said = text.and_then(|text| say_last(self.stream, what, text.trim_end(), patience));
        failures.extend(said);
        failures
    }
}

/// Returns the stream of the words: standard output, or standard error if the other carries data. With
/// it the style of the display, if there is one: nothing is drawn over data, and no line stands
/// between those of others.
fn shown(request: &Request) -> (Stream, Option<Style>) {
    let outputs = request.data_outputs();
    let is_in =
        |place: &Option<Place>, target: &Target| place.is_some() && target.place() == *place;
    let stdout = Stream::Stdout.place();
    let carries = |(_, target): &(_, &Target)| **target == Target::Stdout || is_in(&stdout, target);
    let stream = if outputs.iter().any(carries) {
        Stream::Stderr
    } else {
        Stream::Stdout
    };
    if request.verbosity == Verbosity::Quiet {
        return (stream, None);
    }
    let place = stream.place();
    let mut beside = outputs.iter().filter(|(_, target)| is_in(&place, target));
    let style = match beside.next() {
        None if stream.can_be_drawn_on() => Some(Style::Table),
        None => Some(Style::Lines),
        // A terminal: whoever watches reads both.
        Some((name, _)) if matches!(place, Some(Place::Device(_))) => {
            let is_late = |name: &&str| AT_THE_END.contains(name);
            let are_late = is_late(name) && beside.all(|(name, _)| is_late(name));
            Some(if are_late {
                Style::Lines
            } else {
                Style::Answers
            })
        }
        Some(_) => None,
    };
    (stream, style)
}
