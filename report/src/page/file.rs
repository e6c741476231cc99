//! A page drawn from the files that a finished run or search left.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read, Write};
use std::path::{Path, PathBuf};

use super::{Distribution, Sources, render, search, sections};
use crate::csv::reader::{CsvReader, ReadError};
use crate::output::{Output, Target};
use crate::page::timeline::Timeline;
use crate::search::SearchReport;
use crate::summary::{Mode, SCHEMA, Summary};

/// The most bytes of a JSON: thousands of queues and workers take one MiB, a thousand trials another.
const MOST_JSON: u64 = 16 << 20;

/// What some editors put in front of a text.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// The bytes of the CSV that are read at once.
const BUFFER: usize = 256 * 1024;

/// The files that a page is drawn from, and the place that it goes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Files {
    /// The CSV of the run, or the JSON of a search, which is told by what it holds.
    pub csv: PathBuf,
    /// The JSON of the run, if there is one.
    pub json: Option<PathBuf>,
    /// The JSON of the reflector, if there is one.
    pub peer: Option<PathBuf>,
    /// The place that the page is written to.
    pub page: Target,
}

/// The error of a page that was not drawn: one sentence.
#[derive(Debug, thiserror::Error)]
pub enum DrawError {
    /// A file could not be read to its end, or not be written.
    #[error("{0}")]
    Machine(String),
    /// A file is not of the kind, or not of the run, that it is given for.
    #[error("{0}")]
    Request(String),
}

/// Draws the page, and returns its length in bytes.
///
/// # Errors
///
/// If a file cannot be read, is not what a run or a search writes or not of this run, or the page
/// cannot be written. An older page is left as it is unless the files could be read, and if it shows
/// more.
pub fn draw(files: &Files) -> Result<usize, DrawError> {
    let short_name = files.csv.file_name().unwrap_or(files.csv.as_os_str());
    let short_name = short_name.to_string_lossy();
    let html = match open(&files.csv)? {
        Content::Rows(rows) => of_run(files, &short_name, rows)?,
        Content::Search(text) => {
            let found = read_search(files, &text)?;
            search::render(&found, Some(&short_name))
        }
    };
    check_replaced(&files.page, &html)?;
    write(&files.page, &html)?;
    Ok(html.len())
}

/// What the first of the files holds.
enum Content {
    /// Rows, as far as has been seen.
    Rows(Box<dyn BufRead>),
    /// The JSON of a search.
    Search(String),
}

fn open(path: &Path) -> Result<Content, DrawError> {
    let opened = File::open(path).and_then(|file| {
        let mut file = BufReader::with_capacity(BUFFER, file);
        let begin = file.fill_buf()?;
        let begin = begin.strip_prefix(BYTE_ORDER_MARK).unwrap_or(begin);
        let is_object = begin.trim_ascii_start().starts_with(b"{");
        Ok((file, is_object))
    });
    let (file, is_object) = opened.map_err(|error| fail(path, &error.into()))?;
    if !is_object {
        return Ok(Content::Rows(Box::new(file)));
    }
    let text = read_text(file).map_err(|error| cannot_read(path, &error))?;
    Ok(match is_of_search(&text) {
        true => Content::Search(text),
        false => Content::Rows(Box::new(Cursor::new(text))),
    })
}

/// Returns whether a JSON says that its mode is `search`, be it whole or cut off.
fn is_of_search(json: &str) -> bool {
    json.split("\"mode\"").skip(1).any(|rest| {
        let value = rest.trim_start().strip_prefix(':');
        value.is_some_and(|value| value.trim_start().starts_with("\"search\""))
    })
}

fn read_search(files: &Files, text: &str) -> Result<SearchReport, DrawError> {
    let name = files.csv.display();
    if files.json.is_some() || files.peer.is_some() {
        return Err(DrawError::Request(format!(
            "{name} is the JSON of a search, which is drawn by itself: leave --json and --peer out"
        )));
    }
    let found = SearchReport::from_json(text).map_err(|error| error.to_string());
    let found = found.and_then(|found| check_schema(found.schema).map(|()| found));
    found.map_err(|why| DrawError::Request(format!("{name} is not the JSON of a search: {why}")))
}

/// Returns the page of a run, whose rows are `rows`.
fn of_run(files: &Files, short_name: &str, rows: impl BufRead) -> Result<String, DrawError> {
    let summary = files.json.as_deref().map(read_json).transpose()?;
    let peer = files.peer.as_deref().map(read_json).transpose()?;
    check_peer(files, summary.as_ref(), peer.as_ref())?;
    let name = files.csv.display().to_string();
    let timeline = accumulate(rows).map_err(|error| fail(&files.csv, &error))?;
    if let (Some(summary), Some(json)) = (&summary, &files.json) {
        check_same_run(&timeline, summary, &name, json)?;
    }
    let latency = |of: fn(&Summary) -> Option<crate::summary::Latency>| {
        let told = summary.as_ref().and_then(of);
        told.map(|told| Distribution::of_percentiles(&told))
    };
    let (latency, latency_due) = (latency(|s| s.latency_ns), latency(|s| s.latency_due_ns));
    Ok(render(&Sources {
        timeline: &timeline,
        summary: summary.as_ref(),
        latency: latency.as_ref(),
        latency_due: latency_due.as_ref(),
        peer: peer.as_ref(),
        from: Some(short_name),
    }))
}

/// Checks that a page that is there already does not show more than `html`, such as one that the
/// run drew itself.
fn check_replaced(target: &Target, html: &str) -> Result<(), DrawError> {
    let Target::File(path) = target else {
        return Ok(());
    };
    if !path.is_file() {
        return Ok(());
    }
    let mut head = Vec::new();
    let read = File::open(path).and_then(|file| file.take(sections::HEAD).read_to_end(&mut head));
    // What cannot be read may be written all the same, and a write says what is wrong.
    let Some(lost) = read.ok().and_then(|_| {
        let head = String::from_utf8_lossy(&head);
        sections::lost(&head, html)
    }) else {
        return Ok(());
    };
    Err(DrawError::Request(format!(
        "{} is a page that shows more than these files tell ({lost}) and is left as it is: name \
         another file with -o",
        path.display()
    )))
}

fn write(target: &Target, html: &str) -> Result<(), DrawError> {
    let machine = |sentence: String| DrawError::Machine(sentence);
    let mut output = Output::open(target, "report").map_err(|error| machine(error.to_string()))?;
    // An output never fails towards its writer; it remembers.
    let _ = output.write_all(html.as_bytes());
    output.finish();
    match output.failure() {
        Some(failure) => Err(machine(failure.to_owned())),
        None => Ok(()),
    }
}

fn fail(path: &Path, error: &ReadError) -> DrawError {
    let name = path.display();
    match error {
        ReadError::Foreign { .. } => DrawError::Request(format!("{name} {error}")),
        ReadError::Io(_) | ReadError::CutOff { .. } => {
            DrawError::Machine(format!("{name} {error}"))
        }
    }
}

fn cannot_read(path: &Path, error: &io::Error) -> DrawError {
    DrawError::Machine(format!("{} cannot be read: {error}", path.display()))
}

/// Reads the rows of `input`, however many there are, into columns.
///
/// # Errors
///
/// If it cannot be read, or is not the CSV of a run.
pub fn accumulate(input: impl BufRead) -> Result<Timeline, ReadError> {
    let mut rows = CsvReader::new(input)?;
    let mut timeline = Timeline::default();
    if rows.has_five() {
        timeline.set_of_five();
    }
    loop {
        match rows.next_row() {
            Ok(Some(row)) => timeline.push(&row),
            Ok(None) => return Ok(timeline),
            // Of a run that was killed, or still goes on, or a disk that was full.
            Err(ReadError::CutOff { line }) => {
                timeline.cut_off(line);
                return Ok(timeline);
            }
            Err(error) => return Err(error),
        }
    }
}

fn read_json(path: &Path) -> Result<Summary, DrawError> {
    let text = File::open(path).and_then(read_text);
    let text = text.map_err(|error| cannot_read(path, &error))?;
    let summary = Summary::from_json(&text).map_err(|error| error.to_string());
    let summary = summary.and_then(|summary| check_schema(summary.schema).map(|()| summary));
    summary.map_err(|why| {
        let name = path.display();
        DrawError::Request(format!("{name} is not the JSON of a run: {why}"))
    })
}

fn check_schema(schema: u32) -> Result<(), String> {
    match schema {
        SCHEMA => Ok(()),
        other => Err(format!("its schema is {other} and {SCHEMA} is known")),
    }
}

fn read_text(file: impl Read) -> io::Result<String> {
    let mut text = String::new();
    let read = file.take(MOST_JSON + 1).read_to_string(&mut text)?;
    if read as u64 > MOST_JSON {
        return Err(io::Error::other("it is too large for the JSON of a run"));
    }
    if text.as_bytes().starts_with(BYTE_ORDER_MARK) {
        text.drain(..BYTE_ORDER_MARK.len());
    }
    Ok(text)
}

fn check_peer(
    files: &Files,
    summary: Option<&Summary>,
    peer: Option<&Summary>,
) -> Result<(), DrawError> {
    let (Some(peer), Some(path)) = (peer, &files.peer) else {
        return Ok(());
    };
    if peer.mode != Mode::Reflect {
        return Err(DrawError::Request(format!(
            "{} is the JSON of a sendrecv: --peer takes the reflector's",
            path.display()
        )));
    }
    if summary.is_some_and(|summary| summary.mode == Mode::Reflect) {
        return Err(DrawError::Request(
            "--json is a reflector's and so is --peer: give the CSV and the JSON of the sendrecv, and \
             the reflector's JSON as --peer"
                .to_owned(),
        ));
    }
    Ok(())
}

/// Checks that the rows add up to the totals; if they do not, one of the two is not whole or of
/// another run.
fn check_same_run(
    timeline: &Timeline,
    summary: &Summary,
    csv: &str,
    json: &Path,
) -> Result<(), DrawError> {
    if timeline.cut_off_at().is_some() {
        // The page says that it has not all.
        return Ok(());
    }
    let (rows, json) = (timeline.totals(), json.display());
    let differ = "they are of different runs, or the CSV lacks rows; leave --json out to draw the CSV \
                  alone";
    if rows.tx_packets != summary.tx.packets {
        return Err(DrawError::Request(format!(
            "{csv} adds up to {} packets sent and {json} tells {}: {differ}",
            rows.tx_packets, summary.tx.packets
        )));
    }
    // Without a row there is none that could tell.
    if rows.rows > 0 && !timeline.is_of_five() && rows.lost != summary.lost {
        let told =
            |lost: Option<u64>| lost.map_or("no loss".to_owned(), |lost| format!("{lost} lost"));
        return Err(DrawError::Request(format!(
            "{csv} adds up to {} and {json} tells {}: {differ}",
            told(rows.lost),
            told(summary.lost)
        )));
    }
    Ok(())
}
