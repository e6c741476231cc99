//! The tables of what was found: each frame size and goal, and the spread of repeated searches.

use crate::page::document::Panel;
use crate::page::html::{details, grid, note, wide};
use crate::search::{FrameSize, SearchReport, named, row, sized, tests_2544};
use crate::text::words;

const NAME: &str = "Results";

/// Returns the panel.
pub fn panel(search: &SearchReport) -> Panel {
    let tests: String = tests_2544(search).iter().map(|line| note(line)).collect();
    if search.results.is_empty() && !tests.is_empty() {
        return Panel::Drawn(wide("results", NAME, &tests));
    }
    if search.results.is_empty() {
        return Panel::left_out(NAME, "no bound was looked for before the end");
    }
    let rows = search.results.iter().map(|result| {
        let mut cells = row(result);
        cells[0] = sized_of(&result.frame_size, result.repeat);
        cells
    });
    let headings = [
        "Frame size",
        "Goal",
        "Lower bound, packets/s",
        "Upper bound, packets/s",
        "Gbit/s on the line",
        "Conditional throughput, packets/s",
        "Latency p50 / p99",
        "Trials",
        "Limited by",
    ];
    let mut html = grid("Bounds", headings, &rows.collect::<Vec<_>>());
    html += &note(
        "The lower bound is the highest load that keeps to the goal, the upper bound the least that \
         does not. Gbit/s count preamble and gap too. The conditional throughput is what of the lower \
         bound arrives at least; latency is that at the lower bound.",
    );
    if !search.spread.is_empty() {
        html = spread(search) + &details("Each search", &html);
    }
    Panel::Drawn(wide("results", NAME, &(tests + &html)))
}

/// Returns a frame size, and the number of the search if there are several: `64 bytes, search 2`.
pub fn sized_of(size: &FrameSize, repeat: Option<u32>) -> String {
    match repeat {
        None => sized(size),
        Some(repeat) => format!("{}, search {repeat}", sized(size)),
    }
}

fn spread(search: &SearchReport) -> String {
    let rows = search.spread.iter().map(|spread| {
        let [least, median, greatest] = [spread.min_pps, spread.median_pps, spread.max_pps];
        let share = match median > 0.0 {
            true => words::percent((greatest - least) / median),
            false => "-".to_owned(),
        };
        [
            sized(&spread.frame_size),
            named(&spread.goal),
            spread.searches.to_string(),
            words::rate_number(median),
            words::rate_number(least),
            words::rate_number(greatest),
            share,
        ]
    });
    let headings = [
        "Frame size",
        "Goal",
        "Searches",
        "Median, packets/s",
        "Least",
        "Greatest",
        "Spread",
    ];
    let rows: Vec<_> = rows.collect();
    grid(
        "Lower bounds of the searches that were finished; the spread is from the least to the greatest, of \
         the median",
        headings,
        &rows,
    )
}
