//! What a user can do about it: the one place where what went wrong below becomes a sentence, and
//! where the options of the command line are named.

mod eal;
mod ethdev;
mod select;

use crate::eal::placement::Sharing;

/// Tells that workers have to share lcores.
#[must_use]
pub fn sharing(sharing: Sharing) -> String {
    let Sharing { workers, lcores } = sharing;
    let noun = if lcores == 1 { "lcore" } else { "lcores" };
    format!(
        "{workers} workers share {lcores} {noun}; with {workers} lcores (-l) each would have its \
         own"
    )
}

/// Returns DPDK's last words, if there are any, in brackets and with a space in front, to be put
/// into a sentence.
fn in_brackets(log: Option<&str>) -> String {
    log.map(|lines| format!(" (DPDK: {lines})"))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workers_that_share_are_told_how_many_lcores_they_want() {
        let told = |workers, lcores| sharing(Sharing { workers, lcores });
        assert_eq!(
            told(3, 2),
            "3 workers share 2 lcores; with 3 lcores (-l) each would have its own"
        );
        assert!(told(2, 1).starts_with("2 workers share 1 lcore; "));
    }
}
