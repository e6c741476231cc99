//! The outputs of a run: the live display, the CSV of its intervals, the JSON of its totals, a log
//! of histograms, a sample of its frames, metrics, a summary in words, and a page with pictures.
//!
//! Everything here works from plain numbers that the run hands in, so a finished run can be shown
//! again from its files. Nothing here decides what a packet means or counts anything.
#![forbid(unsafe_code)]

pub mod background;
pub mod console;
pub mod csv;
pub mod hdr;
pub mod latency;
pub mod live;
pub mod metrics;
pub mod output;
pub mod page;
pub mod patience;
pub mod pcap;
pub mod place;
pub mod progress;
pub mod search;
pub mod split;
pub mod summary;
pub mod text;
