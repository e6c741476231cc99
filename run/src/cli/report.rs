//! The command `report`, the same in every program: the files to draw, and the page drawn from
//! them.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use dpdkgen_report::output::Target;
use dpdkgen_report::page::file::{self, DrawError, Files};
use dpdkgen_report::place::Place;

use super::args::ReportArgs;
use crate::failure::Failure;

/// Returns the command, for clap.
pub fn command(name: &str, before: &str) -> clap::Command {
    ReportArgs::augment_args(clap::Command::new("report"))
        .about("Draw a finished run or search as an HTML page, from the files that it left")
        .override_usage(format!(
            "{name} {before}report CSV [--json FILE] [--peer REFLECT.json] [-o FILE.html]\n       \
             {name} {before}report SEARCH.json [-o FILE.html]"
        ))
        .after_help(format!(
            "\
The page needs no network and no script. What its pictures take and is not given, they are left out
for, by name. Any number of rows is drawn, and a single interval that stands out stays visible.

Examples:
  {name} report run.csv
  {name} report run.csv --json run.json --peer reflect.json -o run.html
  {name} report search.json"
        ))
}

/// Returns the files that `args` name.
///
/// # Errors
///
/// Returns a failure if there is no name for the page, or if it is that of a file which is read.
pub fn files(args: ReportArgs) -> Result<Files, Failure> {
    let ReportArgs {
        mut csv,
        json,
        peer,
        output,
    } = args;
    if csv == Path::new("-") {
        csv = PathBuf::from("/dev/stdin");
    }
    if csv == Path::new("/dev/stdin") && output.is_none() {
        return Err(Failure::request(
            "standard input gives the page no name: name it with -o",
        ));
    }
    let page = output.unwrap_or_else(|| Target::File(csv.with_extension("html")));
    let read = [Some(&csv), json.as_ref(), peer.as_ref()];
    let place = page.place();
    for read in read.into_iter().flatten() {
        let is_place = || place.is_some() && place == Place::of_path(read);
        if page == Target::File(read.clone()) || is_place() {
            return Err(Failure::request(format!(
                "the page would be written over {}, which is read: name another file with -o",
                read.display()
            )));
        }
    }
    Ok(Files {
        csv,
        json,
        peer,
        page,
    })
}

/// Draws the page of a finished run or search, says where it is, and returns the exit status.
///
/// # Errors
///
/// Returns a failure if a file cannot be read, is not what a run or a search writes or not of this
/// run, or if the page cannot be written.
pub fn draw(files: &Files) -> Result<u8, Failure> {
    let bytes = file::draw(files).map_err(|error| match error {
        DrawError::Machine(sentence) => Failure::machine(sentence),
        DrawError::Request(sentence) => Failure::request(sentence),
    })?;
    if let Target::File(path) = &files.page {
        let kilobytes = bytes.div_ceil(1000);
        // Whoever watches may have gone; the page is there.
        let _ = writeln!(io::stdout(), "Wrote {} ({kilobytes} kB).", path.display());
    }
    Ok(0)
}
