//! Where the words of a run go, and how much is shown of it, beside the data that it writes.

use dpdkgen_report::console::Stream;
use dpdkgen_report::live::Style;
use dpdkgen_report::output::Target;
use dpdkgen_report::place::Place;

use crate::request::{Request, Verbosity};

/// The outputs that are written at the end of a run, and not while it goes on.
const AT_THE_END: [&str; 2] = ["--json", "--report"];

/// Returns the stream of the words: standard output, or standard error if the other carries data. With
/// it the style of the display, if there is one: nothing is drawn over data, and no line stands
/// between those of others.
pub fn shown(request: &Request) -> (Stream, Option<Style>) {
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
