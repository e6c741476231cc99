//! Lines of a log that repeat, which a driver may write a thousand times a second.

use std::collections::VecDeque;

/// The number of lines of a kind that are told before only some are.
const TOLD_AT_FIRST: u64 = 3;

/// The most kinds that are remembered; of one that was forgotten the lines count anew.
const MAX_KINDS: usize = 64;

/// Counts the lines of each kind. Lines are of one kind if they differ only in (hexadecimal) digits.
pub(super) struct Repeats {
    /// Each kind's text and count, the one longest unheard first.
    kinds: VecDeque<(String, u64)>,
}

impl Repeats {
    /// Makes one that has heard nothing.
    pub(super) const fn new() -> Self {
        Self {
            kinds: VecDeque::new(),
        }
    }

    /// Counts `line`, and returns what to tell of it: the first three of a kind as they are, then
    /// the tenth, the hundredth and so on with their number.
    pub(super) fn told(&mut self, line: &str) -> Option<String> {
        let kind: String = line.chars().filter(|c| !c.is_ascii_hexdigit()).collect();
        let known = self.kinds.iter().position(|(text, _)| *text == kind);
        let (kind, before) = known
            .and_then(|at| self.kinds.remove(at))
            .unwrap_or((kind, 0));
        let count = before + 1;
        if self.kinds.len() == MAX_KINDS {
            self.kinds.pop_front();
        }
        self.kinds.push_back((kind, count));
        if count <= TOLD_AT_FIRST {
            Some(line.to_owned())
        } else if count == 10_u64.pow(count.ilog10()) {
            Some(format!("{line} ({count} lines like this one so far)"))
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_repeats_is_told_ever_more_rarely() {
        let mut repeats = Repeats::new();
        let told: Vec<_> = (0..20_000)
            .filter_map(|fd| repeats.told(&format!("read on fd {fd} failed")))
            .collect();
        assert_eq!(told.len(), 3 + 4, "{told:?}");
        assert_eq!(told[2], "read on fd 2 failed");
        assert_eq!(
            told[6],
            "read on fd 9999 failed (10000 lines like this one so far)"
        );
    }

    #[test]
    fn kinds_are_counted_apart_and_only_so_many_of_them() {
        let mut repeats = Repeats::new();
        let name = |n: usize| "x".repeat(n + 1);
        for _ in 0..3 {
            for kind in 0..MAX_KINDS {
                assert_eq!(repeats.told(&name(kind)), Some(name(kind)));
            }
        }
        assert_eq!(repeats.told(&name(0)), None);
        assert_eq!(repeats.told("new"), Some("new".to_owned()));
        assert_eq!(repeats.kinds.len(), MAX_KINDS);
        // The kind that was longest unheard made room.
        assert_eq!(repeats.told(&name(1)), Some(name(1)));
        assert_eq!(repeats.told(&name(0)), None);
    }
}
