//! A log of DPDK's that a user has, this program's or another's, explained line by line.

use std::fmt::Write;
use std::io::{self, BufRead};

use super::signatures::{SIGNATURES, recognise};

/// The most bytes that are looked at of a line.
const LONGEST_LINE: usize = 4096;

/// The most bytes that are read of a log.
pub const LONGEST_LOG: u64 = 64 << 20;

/// Explains each kind of line in `log` that is recognised, once, with how often it was there; if
/// there is none, what can be wrong without a trace in a log. Returns whether there was any.
///
/// # Errors
///
/// If the log cannot be read.
pub fn explain(log: impl BufRead) -> io::Result<(String, bool)> {
    let mut log = log.take(LONGEST_LOG);
    let mut first: Vec<(usize, String)> = Vec::new();
    let mut counts = [0_u64; SIGNATURES.len()];
    let mut line = Vec::new();
    loop {
        line.clear();
        if log.read_until(b'\n', &mut line)? == 0 {
            break;
        }
        let text = String::from_utf8_lossy(&line[..line.len().min(LONGEST_LINE)]);
        let Some(number) = recognise(&text) else {
            continue;
        };
        counts[number] += 1;
        if counts[number] == 1 {
            first.push((number, text.trim().to_owned()));
        }
    }
    let mut told = String::new();
    // Writing to a String does not fail.
    for (number, line) in &first {
        let times = match counts[*number] {
            1 => String::new(),
            count => format!(" ({count} such lines)"),
        };
        let sentence = SIGNATURES[*number].sentence();
        let _ = writeln!(told, "{line}{times}\n  {sentence}");
    }
    if first.is_empty() {
        told.push_str("Nothing in this log is known. Without a trace in a log:\n");
        for signature in SIGNATURES {
            if let Some(symptom) = signature.symptom {
                let _ = writeln!(told, "{symptom}\n  {}", signature.sentence());
            }
        }
    }
    Ok((told, !first.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_line_is_explained_once() {
        let log = "EAL: Selected IOVA mode 'PA'\n\
                   hn_vf_attach(): Couldn't find port for VF\n\
                   \u{fffd}hn_vf_attach(): Couldn't find port for VF\r\n\
                   testpmd: No probed ethernet devices";
        let (told, is_known) = explain(log.as_bytes()).unwrap();
        assert!(is_known);
        let lines: Vec<&str> = told.lines().collect();
        assert_eq!(lines.len(), 4, "{told}");
        assert_eq!(
            lines[0],
            "hn_vf_attach(): Couldn't find port for VF (2 such lines)"
        );
        assert!(lines[1].contains("net_mana") && lines[3].contains("uio_hv_generic"));
    }

    #[test]
    fn a_log_that_says_nothing_leaves_what_no_log_says() {
        let (told, is_known) = explain(&b"all is well\n\xff\xfe"[..]).unwrap();
        assert!(!is_known);
        assert!(
            told.contains("SSH") && told.contains("source-address"),
            "{told}"
        );
    }
}
