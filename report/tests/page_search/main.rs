//! The page of a search: what is on it, what is left out and why, and what it is drawn from.

mod files;
#[path = "../pages/looks.rs"]
mod looks;
mod pictures;
mod searches;

use dpdkgen_report::page::search::render;
use dpdkgen_report::search::{FrameSize, LimitedBy, Purpose, SearchEnd};

use looks::{check_structure, why_left_out};
use searches::{SMALL, repeated, searched, trial};

/// Returns the cells of the rows of the table of this caption.
fn table(page: &str, caption: &str) -> Vec<Vec<String>> {
    let begin = format!("<caption>{caption}</caption>");
    let (_, rest) = page.split_once(&begin).expect("the table is there");
    let (table, _) = rest.split_once("</table>").unwrap();
    let rows = table.split("<tr>").skip(2);
    rows.map(|row| {
        let cells = row.split("</t").filter_map(|cell| cell.rsplit_once('>'));
        let cells = cells.map(|(_, text)| text.replace('\u{a0}', " "));
        cells.filter(|text| !text.trim().is_empty()).collect()
    })
    .collect()
}

#[test]
fn everything_that_was_found_is_drawn() {
    let page = render(&searched(), None);
    check_structure(&page);
    assert!(page.contains(
        "<h1>64 to 1518 bytes: 812,000 to 1,198,000 packets/s at 0 (NDR) and 1,204,000 packets/s at \
         0.5% (PDR) (no lower bound with 1518 bytes).</h1>"
    ), "{page}");
    for tile in [
        "<dt>0 (NDR), packets/s</dt><dd>812,000 to 1,198,000</dd><dd class=\"about\">0.81 to 9.99 \
         Gbit/s on the line; limited by the path or by the sender</dd>",
        "<dt>0.5% (PDR), packets/s</dt><dd>1,204,000</dd><dd class=\"about\">0.81 Gbit/s on the line; \
         limited by the path; none with 1518 bytes: even the lowest rate misses it</dd>",
        "<dt>Trials</dt><dd>9</dd>",
        "<dt>Duration</dt><dd>6 min 12 s</dd>",
    ] {
        assert!(page.contains(tile), "{tile} is not in {page}");
    }
    assert!(page.contains(
        "<li>1518 bytes, 0 (NDR): the sender does not offer more (it reached 812,000 packets/s), so \
         this is its limit and not the path's.</li>"
    ));
    assert!(page.contains(
        "<li>1518 bytes, 0.5% (PDR): no lower bound, since even the lowest rate, 1,000 packets/s, \
         misses the goal.</li>"
    ));
    let bounds = table(&page, "Bounds");
    assert_eq!(
        bounds[0],
        [
            "64 bytes",
            "0 (NDR)",
            "1,198,000",
            "1,203,000",
            "0.81",
            "1,198,000",
            "25 µs / 30 µs",
            "7 in 61 s",
            "path"
        ]
    );
    assert_eq!(
        bounds[3],
        [
            "1518 bytes",
            "0.5% (PDR)",
            "-",
            "1,000",
            "-",
            "-",
            "-",
            "7 in 61 s",
            "path"
        ]
    );
    let marked = page.split("dpdkgen-sections\" content=\"").nth(1).unwrap();
    assert!(marked.starts_with("results rates loads shares trials config\""));
    assert!(!page.contains("Not on this page"));
}

#[test]
fn every_trial_is_in_a_table() {
    let page = render(&searched(), None);
    let trials = table(&page, "In order");
    assert_eq!(trials.len(), 9);
    assert_eq!(
        trials[0],
        [
            "1",
            "64 bytes",
            "the sender's own rate",
            "the most",
            "10 s",
            "28,700,000",
            "16,700,000",
            "58.2 %",
            "16.7 ms",
            "yes"
        ]
    );
    assert_eq!(
        trials[6][3..],
        [
            "850,000",
            "10 s",
            "8,120,000",
            "0",
            "0 %",
            "25 µs",
            "no, 380,000 skipped"
        ]
    );
    let shares = table(&page, "Each from a trial of its own");
    let expected = [
        "10 %", "119,800", "14 µs", "20 µs", "25 µs", "29 µs", "320 µs",
    ];
    assert_eq!(shares[0][2..], expected);
    assert_eq!(shares[1][2], "100 %");
    let mut search = searched();
    search
        .trials
        .retain(|trial| trial.purpose != Purpose::Latency);
    let page = render(&search, None);
    let why = why_left_out(&page, "Latency at shares of the lower bound");
    assert_eq!(why, "no trial was made for it.");
    search.trials = vec![trial(SMALL, 1_000.0); 1_234];
    let page = render(&search, None);
    assert_eq!(table(&page, "In order").len(), 1_000);
    assert!(page.contains("234 more are in the JSON."));
}

#[test]
fn repeated_searches_are_told_by_their_spread() {
    let page = render(&repeated(), None);
    check_structure(&page);
    assert!(
        page.contains("812,000 to 1,198,000 packets/s at 0 (NDR)"),
        "{page}"
    );
    assert!(
        page.contains(", in the median of 2 searches.</h1>"),
        "{page}"
    );
    let caption = "Lower bounds of the searches that were finished; the spread is from the least to \
                   the greatest, of the median";
    let spread = table(&page, caption);
    assert_eq!(
        spread[0],
        [
            "64 bytes",
            "0 (NDR)",
            "2",
            "1,198,000",
            "1,198,000",
            "1,200,000",
            "0.17 %"
        ]
    );
    // Without a lower bound in either.
    assert_eq!(spread[3][2..], ["2", "0", "0", "0", "-"]);
    let bounds = table(&page, "Bounds");
    assert_eq!(bounds.len(), 8);
    assert_eq!(bounds[4][0], "64 bytes, search 2");
    // What is said of both is said once.
    assert_eq!(page.matches("even the lowest rate, 1,000").count(), 1);
}

#[test]
fn what_is_said_of_several_bounds_is_said_once() {
    let mut search = searched();
    search.results.truncate(2);
    for result in &mut search.results {
        result.limit = Some(LimitedBy::MaxRate);
        result.upper_pps = None;
    }
    search.results[1].trials = 0;
    let sentence = "64 bytes, 0 (NDR); 64 bytes, 0.5% (PDR): the highest rate that was asked for \
                    keeps to the goal; the path may carry more.";
    let text = dpdkgen_report::search::render(&search, usize::MAX);
    assert!(
        text.contains(&format!("\n{sentence}\n9 trials in 6 min 12 s.\n")),
        "{text}"
    );
    let page = render(&search, None);
    assert!(page.contains(&format!("<li>{sentence}</li>")), "{page}");
    assert_eq!(table(&page, "Bounds")[1][7], "0");
    assert!(
        page.contains("limited by the highest rate asked for"),
        "{page}"
    );
}

#[test]
fn a_sender_that_stood_still_is_told_from_one_that_is_slow() {
    let mut search = searched();
    search.results.truncate(1);
    search.results[0].limit = Some(LimitedBy::Sender);
    search.trials = vec![trial(SMALL, 9e5); 3];
    let words = render(&search, None);
    assert!(words.contains("the sender does not offer more (it reached 900,000 packets/s)"));
    for trial in &mut search.trials[..2] {
        (trial.offered, trial.disturbed) = (false, true);
    }
    let words = render(&search, None);
    let told = "the sender stood still in 2 of 3 trials, as when its CPU does something else, so \
                this is its limit and not the path's";
    assert!(words.contains(told), "{words}");
}

#[test]
fn a_search_that_was_stopped_says_so_first() {
    let mut search = searched();
    search.stop_reason = SearchEnd::Signal;
    search.results.truncate(2);
    search.results[1].complete = false;
    search.results[1].limit = None;
    let page = render(&search, None);
    check_structure(&page);
    assert!(
        page.contains("<h1>Stopped early. So far 64 bytes: 1,198,000 packets/s"),
        "{page}"
    );
    assert!(page.contains("these are the bounds found so far.</li>"));
    assert!(page.contains("0.81 Gbit/s on the line; not finished</dd>"));
    assert_eq!(table(&page, "Bounds")[1][8], "not finished");
    // Before the first trial too there is a page.
    search.results.clear();
    search.trials.clear();
    search.stop_reason = SearchEnd::Removed;
    let page = render(&search, None);
    check_structure(&page);
    assert!(page.contains(
        "<h1>Stopped early, as a device was taken away. So far no bound was found.</h1>"
    ));
    for name in [
        "Results",
        "Rate over frame size",
        "Loss over load",
        "Latency over load",
        "Latency at shares of the lower bound",
        "Trials",
    ] {
        let _ = why_left_out(&page, name);
    }
}

#[test]
fn names_from_files_stay_text() {
    let mut search = repeated();
    let name = "<img src=x onerror=alert(1)>\" onload=\"";
    let mix = FrameSize::Mix(name.to_owned());
    for result in &mut search.results {
        result.goal = name.to_owned();
    }
    search.results[0].frame_size = mix.clone();
    search.trials[0].frame_size = mix;
    search.trials[1].goal = Some(name.to_owned());
    search.origin.host = Some(name.to_owned());
    let _ = search.config.insert(name.to_owned(), name.into());
    search.sum_up();
    let page = render(&search, Some("<script>.json"));
    check_structure(&page.replace("src=x", ""));
    assert!(!page.contains("<img") && !page.contains("<script") && !page.contains("\" onload"));
}
