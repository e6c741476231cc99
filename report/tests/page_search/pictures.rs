//! The pictures of a search.

use dpdkgen_report::page::search::render;
use dpdkgen_report::search::FrameSize;

use crate::looks::{check_structure, why_left_out};
use crate::searches::{LARGE, SMALL, repeated, result, searched, trial};

/// Returns the picture of this name within the page.
fn picture<'p>(page: &'p str, id: &str) -> &'p str {
    let begin = format!("<figure id=\"{id}\">");
    let (_, rest) = page.split_once(&begin).unwrap_or_else(|| panic!("no {id}"));
    rest.split_once("</figure>").unwrap().0
}

/// Returns the number of points of the path of this class, the legend's not counted.
fn points(picture: &str, class: &str) -> usize {
    let begin = format!("<path class=\"{class}\" d=\"");
    let drawn = picture.split_once("</figcaption>").unwrap().1;
    let (_, path) = drawn
        .split_once(&begin)
        .unwrap_or_else(|| panic!("no {class}"));
    path.split_once('"').unwrap().0.matches("h0").count()
}

#[test]
fn the_rate_is_drawn_beside_what_the_line_carries() {
    let page = render(&searched(), None);
    let rates = picture(&page, "rates");
    // Two dots of the first goal, one of the second, and two of the line.
    assert_eq!(
        ["first", "second", "quiet"].map(|pen| points(rates, &format!("dots {pen}"))),
        [2, 1, 2]
    );
    assert!(rates.contains("The line carries 10 Gbit/s, preamble and gap counted."));
    assert!(rates.contains("No lower bound: 0.5% (PDR) with 1518 bytes."));
    let mut search = searched();
    let _ = search.config.remove("line_bps");
    let page = render(&search, None);
    let rates = picture(&page, "rates");
    assert!(rates.contains("What the line carries is not drawn, since its speed is not told."));
    assert!(!rates.contains("dots quiet"), "{rates}");
    search.results.truncate(2);
    let page = render(&search, None);
    let why = why_left_out(&page, "Rate over frame size");
    assert_eq!(why, "there is one frame size; --frame-sizes takes several.");
}

#[test]
fn repeated_searches_have_lines_from_the_least_to_the_greatest() {
    let page = render(&repeated(), None);
    let rates = picture(&page, "rates");
    let (_, path) = rates
        .split_once("<path class=\"whisker first\" d=\"")
        .unwrap();
    // One of each frame size.
    assert_eq!(path.split_once('"').unwrap().0.matches('V').count(), 2);
    assert_eq!(points(rates, "dots first"), 2);
    assert!(rates.contains("of repeated searches the median"), "{rates}");
}

#[test]
fn loss_and_latency_are_drawn_over_the_load() {
    let page = render(&searched(), None);
    let loss = picture(&page, "loss-1");
    assert_eq!(points(loss, "dots loss"), 5);
    // A loss of 0 is on the ground, one of 58 % near the top, and 0.25 % clearly between them.
    let drawn = loss.split("<path class=\"dots loss\" d=\"").nth(2).unwrap();
    let path = drawn.split('"').next().unwrap();
    let heights: Vec<u32> = path
        .split("h0")
        .filter_map(|point| point.rsplit_once(' ')?.1.parse().ok())
        .collect();
    assert!(
        heights[0] < 150 && heights[1] == 1_000 && heights[2] == 1_000,
        "{path}"
    );
    assert!((400..950).contains(&heights[3]), "{path}");
    assert!(loss.contains("5 trials, 2 without loss."));
    assert!(loss.contains("bounds of 0 (NDR)") && loss.contains("bounds of 0.5% (PDR)"));
    // Those about the bounds have a picture of their own, without what is far from them.
    let near = picture(&page, "loss-near-1");
    assert_eq!(points(near, "dots loss"), 3);
    let latencies = picture(&page, "latency-1");
    for pen in ["latency", "third", "loss"] {
        assert_eq!(points(latencies, &format!("dots {pen}")), 7, "{pen}");
    }
    // What the sender did not offer is a ring, and no latency.
    let loss = picture(&page, "loss-2");
    assert!(loss.contains("Rings are trials in which the sender did not offer the load"));
    assert_eq!(points(loss, "ring loss"), 1);
    // Of one load alone there is nothing to be told apart.
    assert!(!page.contains("id=\"loss-near-2\""));
    assert_eq!(points(picture(&page, "latency-2"), "dots latency"), 1);
    // All but the first frame size are folded.
    assert_eq!(page.matches("<details class=\"group\" open>").count(), 1);
    assert_eq!(page.matches("<details class=\"group\">").count(), 1);
}

#[test]
fn more_sizes_and_goals_than_there_is_room_for_are_named() {
    let mut search = searched();
    let goals = ["0", "0.1%", "0.5%", "0,p99=100us"];
    search.results = goals
        .map(|goal| result(SMALL, goal, [Some(1_198_000.0), Some(1_203_000.0)]))
        .to_vec();
    search.results.push(result(LARGE, "0", [Some(1.0), None]));
    let sizes = (0..9).map(|number| trial(FrameSize::Bytes(64 + number), 1_000.0));
    search.trials.extend(sizes);
    let page = render(&search, None);
    check_structure(&page);
    assert!(picture(&page, "rates").contains("Not drawn, but in the table: 0,p99=100us."));
    assert!(picture(&page, "loss-1").contains("The bounds of 0,p99=100us are in the table alone."));
    let why = why_left_out(&page, "Loss and latency over load: 71 bytes and 72 bytes");
    assert!(why.contains("the first 8 frame sizes"), "{why}");
    assert!(page.contains("id=\"loss-8\"") && !page.contains("id=\"loss-9\""));
}
