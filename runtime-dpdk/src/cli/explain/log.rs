//! What DPDK logs, explained where its words are known.

use std::sync::atomic::{AtomicU64, Ordering};

use dpdkgen_report::console::Stream;

use crate::doctor::signatures::{SIGNATURES, recognise};

/// The signatures that were explained, each a bit: a line that is logged for each packet is
/// explained once.
static EXPLAINED: AtomicU64 = AtomicU64::new(0);

/// Tells a line of DPDK's log on standard error, with what it means if that is known and was not
/// said before.
pub fn tell_log(line: &str) {
    let meaning = recognise(line).filter(|&number| {
        let bit = 1 << number;
        EXPLAINED.fetch_or(bit, Ordering::Relaxed) & bit == 0
    });
    let meaning = meaning.map_or_else(String::new, |number| {
        format!("; that is, {}", SIGNATURES[number].sentence())
    });
    Stream::Stderr.write_soon(&format!("dpdkgen-rt: DPDK: {}{meaning}\n", line.trim()));
}

/// Tells of what DPDK logged in a start that went well the lines whose meaning is known: the others
/// are of what it tried in vain and did without.
pub fn tell_log_of_start(lines: &[String]) {
    for line in lines.iter().filter(|line| recognise(line).is_some()) {
        tell_log(line);
    }
}

/// Returns DPDK's last words, if there are any, in brackets and with a space in front, to be put
/// into a sentence: the first line whose meaning is known, with that, or else the last two, since
/// the last one often says only that there was an error.
pub(super) fn in_brackets(log: Option<&str>) -> String {
    let Some(log) = log else {
        return String::new();
    };
    let known = log.lines().find_map(|line| Some((line, recognise(line)?)));
    if let Some((line, number)) = known {
        return format!(
            " (DPDK: {line}; that is, {})",
            SIGNATURES[number].sentence()
        );
    }
    let lines: Vec<&str> = log.lines().collect();
    let last = lines[lines.len().saturating_sub(2)..].join("; ");
    format!(" (DPDK: {last})")
}

/// Returns a reason of the EAL's, with what it means if that is known.
pub(super) fn explained(reason: &str) -> String {
    recognise(reason).map_or_else(
        || reason.to_owned(),
        |number| format!("{reason}; that is, {}", SIGNATURES[number].sentence()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_many_words_the_telling_ones_are_said() {
        assert_eq!(in_brackets(None), "");
        assert_eq!(in_brackets(Some("one\ntwo\nthree")), " (DPDK: two; three)");
        assert_eq!(in_brackets(Some("one")), " (DPDK: one)");
        let log = "mana_dev_configure(): number of TX/RX queues must be power of 2\n\
                   hn_vf_configure(): VF configuration failed: -22\n\
                   Port0 dev_configure = -22\nmore";
        let said = in_brackets(Some(log));
        assert!(
            said.contains("must be power of 2; that is, MANA's"),
            "{said}"
        );
        assert!(said.contains("-r 8 -t 8"), "{said}");
        assert!(!said.contains("VF configuration failed"), "{said}");
    }

    #[test]
    fn a_reason_is_explained_if_it_is_known() {
        assert_eq!(explained("Something new"), "Something new");
        let said = explained("Cannot open /dev/uio0: Permission denied");
        assert!(said.contains("run as root"), "{said}");
    }

    #[test]
    fn each_signature_has_its_bit() {
        assert!(SIGNATURES.len() <= 64);
    }
}
