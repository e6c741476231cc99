//! The page of a run: what is on it, what is left out and why, and what it is drawn from.

mod common;
mod pages;

use std::fs;
use std::path::PathBuf;

use common::{reflect, sendrecv};
use dpdkgen_report::csv::{CsvWriter, Row};
use dpdkgen_report::output::Target;
use dpdkgen_report::page::file::{DrawError, Files, draw};
use dpdkgen_report::page::{Distribution, Sources, render};
use dpdkgen_report::summary::Summary;
use pages::{check_structure, rows, sources, timeline, why_left_out};

const PANELS: [&str; 10] = [
    "split",
    "packets",
    "loss",
    "latency",
    "percentiles",
    "workers",
    "queues",
    "totals",
    "config",
    "left-out",
];

/// Returns which of the panels are there, in the page's order.
fn panels(page: &str) -> Vec<&str> {
    let mut found: Vec<_> = PANELS
        .iter()
        .filter_map(|id| Some((page.find(&format!(" id=\"{id}\""))?, *id)))
        .collect();
    found.sort_unstable();
    found.into_iter().map(|(_, id)| id).collect()
}

#[test]
fn everything_given_is_drawn() {
    let timeline = timeline(rows(600, None));
    let (mut summary, mut peer) = (sendrecv(), reflect());
    let page = render(&Sources {
        summary: Some(&summary),
        peer: Some(&peer),
        ..sources(&timeline)
    });
    let why = why_left_out(&page, "Where packets were lost");
    assert_eq!(why, "nothing was lost.");
    summary.lost = Some(10);
    peer.tx.packets -= 4;
    let latency = Distribution::of_percentiles(&summary.latency_ns.unwrap());
    let page = render(&Sources {
        summary: Some(&summary),
        latency: Some(&latency),
        latency_due: Some(&latency),
        peer: Some(&peer),
        ..sources(&timeline)
    });
    check_structure(&page);
    assert_eq!(panels(&page), PANELS[..9]);
    assert!(page.contains(
        "<h1>3,500,000 packets/s held for 60 s, less than 0.0001\u{a0}% lost: 4 on the way out and 6 on \
         the way back.</h1>"
    ));
    // Sent, received, loss, latency, and two curves of percentiles, besides those of the legends.
    let with_data =
        page.matches("<path class=\"line ").count() - page.matches("d=\"M1 6H27\"").count();
    assert_eq!(with_data, 6);
    assert_eq!(page.matches("<path class=\"dots ").count(), 2);
    // Three parts of the way, two workers, two queues.
    assert_eq!(page.matches("<td class=\"bar\">").count(), 7);
    for id in ["packets", "loss", "latency", "percentiles"] {
        let named = format!("<svg role=\"img\" aria-labelledby=\"{id}-title {id}-text\"");
        assert!(page.contains(&named), "{id}");
        let words = page
            .split(&format!("<desc id=\"{id}-text\">"))
            .nth(1)
            .unwrap();
        assert!(
            words.find("</desc>").unwrap() > 20,
            "{id} says what it shows"
        );
    }
}

#[test]
fn what_the_csv_does_not_tell_is_left_out_by_name() {
    let timeline = timeline(rows(600, Some(77)));
    let page = render(&sources(&timeline));
    check_structure(&page);
    assert_eq!(panels(&page), ["packets", "loss", "latency", "left-out"]);
    assert!(
        page.contains("<h1>2,100,000 packets sent, 0.2\u{a0}% lost (4,099).</h1>"),
        "{page}"
    );
    assert!(page.contains("The worst interval lost 100 % (at 7.7 s, beyond the picture)"));
    // Nor whether a reflector was on the way.
    assert!(page.contains("<h2>Latency over time</h2>"), "{page}");
    for name in [
        "Latency percentiles",
        "Packets per queue",
        "Busy share of the workers",
        "Totals",
        "Run configuration",
    ] {
        assert!(why_left_out(&page, name).contains("--json"), "{name}");
    }
    assert!(why_left_out(&page, "Where packets were lost").contains("--peer"));
}

#[test]
fn a_reflector_has_neither_loss_nor_latency() {
    let rows = rows(50, None).map(|row| Row {
        probes: None,
        ..row
    });
    let timeline = timeline(rows);
    let summary = reflect();
    let page = render(&Sources {
        summary: Some(&summary),
        ..sources(&timeline)
    });
    check_structure(&page);
    assert_eq!(
        panels(&page),
        [
            "packets", "workers", "queues", "totals", "config", "left-out"
        ]
    );
    for name in [
        "Loss over time",
        "Round trip over time",
        "Round trip percentiles",
    ] {
        assert!(
            why_left_out(&page, name).contains("sendrecv --report"),
            "{name}"
        );
    }
}

#[test]
fn a_run_that_ended_at_once_has_a_page() {
    for count in [0, 1] {
        let timeline = timeline(rows(count, None));
        let page = render(&sources(&timeline));
        check_left_out_of_short(&page, count);
    }
    // The length of the only interval stands in the totals.
    let timeline = timeline(rows(1, None));
    let mut summary = sendrecv();
    summary
        .config
        .insert("stats_interval_ns".to_owned(), 100_000_000.into());
    let page = render(&Sources {
        summary: Some(&summary),
        ..sources(&timeline)
    });
    assert!(panels(&page).starts_with(&["packets", "loss", "latency"]));
}

fn check_left_out_of_short(page: &str, rows: u64) {
    assert_eq!(panels(page), ["left-out"]);
    let why = why_left_out(page, "Packets per second");
    assert!(
        why.contains(if rows == 0 { "no row" } else { "single row" }),
        "{why}"
    );
}

#[test]
fn loss_is_split_over_the_way() {
    let timeline = timeline(rows(10, None));
    let mut summary = sendrecv();
    summary.tx.packets = 1_000;
    summary.lost = Some(100);
    let mut peer = reflect();
    // 1000 sent, 970 came to the reflector's program, 10 more to its NIC; 930 of them left it.
    peer.tx.packets = 935;
    peer.tx.refused = 35;
    peer.device[0].imissed = Some(10);
    peer.device[0].oerrors = Some(5);
    let drawn = |summary: &Summary, peer: &Summary| {
        render(&Sources {
            summary: Some(summary),
            peer: Some(peer),
            ..sources(&timeline)
        })
    };
    let page = drawn(&summary, &peer);
    check_structure(&page);
    for part in [
        "On the way out: 20 (20 %)",
        "In the reflector: 50 (50 %)",
        "On the way back: 30 (30 %)",
    ] {
        assert!(page.contains(part), "{part}");
    }
    assert!(page.contains("at most 10 were missed by its NIC"));
    assert!(page.contains("35 could not be handed to its device"));

    // The totals of another run do not go together, and that is said.
    peer.tx.packets = 2_000;
    let page = drawn(&summary, &peer);
    assert!(
        why_left_out(&page, "Where packets were lost").contains("warm-up"),
        "{page}"
    );
    peer.tx.packets = 500;
    let page = drawn(&summary, &peer);
    assert!(why_left_out(&page, "Where packets were lost").contains("ended sooner"));
}

#[test]
fn a_thousand_queues_and_a_long_run_make_a_small_page() {
    let timeline = timeline(rows(300_000, Some(123_456)));
    let mut summary = sendrecv();
    let (queue, worker) = (summary.queues[0].clone(), summary.workers[0].clone());
    summary.queues = vec![queue; 2_048];
    summary.workers = vec![worker; 2_048];
    let page = render(&Sources {
        summary: Some(&summary),
        ..sources(&timeline)
    });
    assert!(page.len() < 400_000, "{} bytes", page.len());
    // Each of 2,048 is in a strip, and none is left out.
    assert!(!page.contains("more are not drawn"));
    for name in ["most: ", "median: ", "least: "] {
        assert!(
            page.contains(&format!("<th scope=\"row\">{name}")),
            "{name}"
        );
    }
    // The one interval that lost all: the loss band reaches the top of its axis.
    let loss = page.split(" id=\"loss\"").nth(1).unwrap();
    let band = loss.split("<path class=\"band loss\" d=\"").nth(2).unwrap();
    assert!(
        band[..band.find('"').unwrap()].contains("V0H"),
        "the spike is drawn"
    );
}

#[test]
fn names_from_files_stay_text() {
    let timeline = timeline(rows(3, None));
    let mut summary = sendrecv();
    summary.device[0].port = "<img src=x onerror=alert(1)>".to_owned();
    summary
        .config
        .insert("a\"><script>".to_owned(), "</td>".into());
    let page = render(&Sources {
        summary: Some(&summary),
        from: Some("<script>.csv"),
        ..sources(&timeline)
    });
    assert!(!page.contains("<img") && !page.contains("<script"));
}

/// The files of a run of 10 rows, and the place of its page.
struct Run {
    dir: tempfile::TempDir,
    files: Files,
}

impl Run {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        let mut csv = CsvWriter::new(Vec::new());
        csv.begin().unwrap();
        rows(10, None).for_each(|row| csv.write(&row).unwrap());
        fs::write(path("run.csv"), csv.finish().unwrap()).unwrap();
        let mut summary = sendrecv();
        summary.tx.packets = 35_000;
        summary.lost = Some(10);
        fs::write(path("run.json"), summary.to_json().unwrap()).unwrap();
        let mut peer = reflect();
        peer.tx.packets = 34_995;
        fs::write(path("reflect.json"), peer.to_json().unwrap()).unwrap();
        let files = Files {
            csv: path("run.csv"),
            json: Some(path("run.json")),
            peer: Some(path("reflect.json")),
            page: Target::File(path("run.html")),
        };
        Self { dir, files }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn refused(&self, files: &Files, is_request: bool) -> String {
        let error = draw(files).expect_err("it is refused");
        assert_eq!(
            matches!(error, DrawError::Request(_)),
            is_request,
            "{error}"
        );
        let sentence = error.to_string();
        assert!(!sentence.contains('\n'), "{sentence}");
        assert!(!self.path("run.html").exists(), "nothing is written");
        sentence
    }
}

#[test]
fn files_make_a_page() {
    let run = Run::new();
    let bytes = draw(&run.files).unwrap();
    let page = fs::read_to_string(run.path("run.html")).unwrap();
    assert_eq!(page.len(), bytes);
    check_structure(&page);
    assert_eq!(panels(&page), PANELS[..9]);
    assert!(page.contains("10 intervals in run.csv"));
}

/// A run that was killed leaves one, and so does a full disk.
#[test]
fn a_csv_that_is_cut_off_is_drawn_as_far_as_it_is_whole() {
    let run = Run::new();
    let csv = fs::read_to_string(&run.files.csv).unwrap();
    fs::write(&run.files.csv, &csv[..csv.len() - 3]).unwrap();
    let _ = draw(&run.files).unwrap();
    let page = fs::read_to_string(run.path("run.html")).unwrap();
    check_structure(&page);
    assert!(page.contains("The CSV has no end of its line 11, which may be cut off"));
    assert!(page.contains("9 intervals in run.csv"));
}

#[test]
fn files_that_do_not_fit_are_refused() {
    let run = Run::new();
    let csv = fs::read_to_string(&run.files.csv).unwrap();
    let write = |text: &str| fs::write(&run.files.csv, text).unwrap();

    write("a,b\n1,2\n");
    let sentence = run.refused(&run.files, true);
    assert!(
        sentence.contains("run.csv is not the CSV of a run: line 1"),
        "{sentence}"
    );
    let line = csv.lines().nth(3).unwrap();
    write(&csv.replace(&format!("{line}\n"), ""));
    let sentence = run.refused(&run.files, true);
    assert!(
        sentence.contains("line 4 is of 300 ms where the row of 200 ms is due"),
        "{sentence}"
    );
    // Whole rows are missing at its end: only the totals know.
    write(&csv[..csv.len() - csv.lines().last().unwrap().len() - 1]);
    let sentence = run.refused(&run.files, true);
    assert!(
        sentence.contains("adds up to 31500") && sentence.contains("tells 35000"),
        "{sentence}"
    );
    write(&csv);
    let other = fs::read_to_string(run.path("run.json")).unwrap();
    let other = other.replace("\"lost\": 10,", "\"lost\": 11,");
    fs::write(run.path("other.json"), other).unwrap();

    let with_json = |json| Files {
        json: Some(json),
        ..run.files.clone()
    };
    let absent = run.refused(&with_json(run.path("absent.json")), false);
    assert!(absent.contains("absent.json cannot be read"), "{absent}");
    let other = run.refused(&with_json(run.path("other.json")), true);
    assert!(
        other.contains("adds up to 10 lost") && other.contains("tells 11 lost"),
        "{other}"
    );
    let foreign = run.refused(&with_json(run.files.csv.clone()), true);
    assert!(foreign.contains("is not the JSON of a run"), "{foreign}");
    let peer = Files {
        peer: run.files.json.clone(),
        ..run.files.clone()
    };
    let swapped = run.refused(&peer, true);
    assert!(
        swapped.contains("--peer takes the reflector's"),
        "{swapped}"
    );
}

#[test]
fn over_a_path_that_forwards_latency_is_one_way() {
    let timeline = timeline(rows(600, Some(77)));
    let mut summary = sendrecv();
    summary.latency_due_ns = summary.latency_ns;
    summary.config.insert("through".to_owned(), true.into());
    let latency = Distribution::of_percentiles(&summary.latency_ns.unwrap());
    let page = render(&Sources {
        summary: Some(&summary),
        latency: Some(&latency),
        latency_due: Some(&latency),
        ..sources(&timeline)
    });
    check_structure(&page);
    for name in [
        "<dt>Median one-way latency</dt>",
        "<h2>One-way latency over time</h2>",
        "<h2>One-way latency percentiles</h2>",
        "One-way latency from when it was sent",
        "One-way latency from when it was due",
    ] {
        assert!(page.contains(name), "{name} is not in\n{page}");
    }
    assert!(!page.to_lowercase().contains("round trip"), "{page}");
    assert!(why_left_out(&page, "Where packets were lost").contains("no reflector"));
}
