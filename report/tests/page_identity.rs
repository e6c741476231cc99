//! A page beside others: its title, where it comes from, what it may replace, and what the totals of
//! the reflector add to it.

mod common;
mod pages;

use std::fs;

use common::{reflect, sendrecv};
use dpdkgen_core::stats::ProbeCounters;
use dpdkgen_report::csv::CsvWriter;
use dpdkgen_report::output::Target;
use dpdkgen_report::page::file::{DrawError, Files, draw};
use dpdkgen_report::page::{Distribution, Sources, render};
use pages::{check_structure, rows, sources, timeline, why_left_out};

#[test]
fn a_page_is_told_from_another_by_its_title() {
    let timeline = timeline(rows(10, None));
    let mut summary = sendrecv();
    summary.origin.host = Some("vm1".to_owned());
    summary.origin.started_at = Some("2026-11-27T15:50:28.123Z".to_owned());
    summary.origin.program = Some("dpdkgen-rt".to_owned());
    summary.origin.version = Some("1.2.3".to_owned());
    summary.origin.dpdk_version = Some("DPDK 24.11.2".to_owned());
    summary.origin.eal_args = Some(vec!["-l".to_owned(), "0-15".to_owned()]);
    for (name, value) in [
        ("rate_pps", 3_500_000.0.into()),
        ("payload_bytes", 16.into()),
        ("report", "out/night.html".into()),
    ] {
        summary.config.insert(name.to_owned(), value);
    }
    let page = render(&Sources {
        from: None,
        summary: Some(&summary),
        ..sources(&timeline)
    });
    assert!(
        page.contains(
            "<title>dpdkgen sendrecv: night.html \u{b7} vm1 \u{b7} 2026-11-27 15:50:28 UTC \u{b7} \
             3,500,000 packets/s of 16 bytes of payload</title>"
        ),
        "{page}"
    );
    for (name, value) in [
        ("started at", "2026-11-27 15:50:28 UTC"),
        ("host", "vm1"),
        ("program", "dpdkgen-rt 1.2.3"),
        ("DPDK version", "DPDK 24.11.2"),
        ("EAL options", "-l 0-15"),
        ("port 0000:03:00.0", "02:00:00:00:00:01, mlx5_pci"),
    ] {
        let row = format!("<tr><th scope=\"row\">{name}</th><td>{value}</td></tr>");
        assert!(page.contains(&row), "{row}");
    }
    check_structure(&page);
    let page = render(&Sources {
        summary: Some(&summary),
        ..sources(&timeline)
    });
    assert!(page.contains("<title>dpdkgen sendrecv: run.csv \u{b7} vm1 "));
    summary.config.remove("payload_bytes");
    for (name, value) in [
        ("frame_mix", "imix".into()),
        ("mean_frame_bytes", (4246.0 / 12.0).into()),
    ] {
        summary.config.insert(name.to_owned(), value);
    }
    let page = render(&Sources {
        summary: Some(&summary),
        ..sources(&timeline)
    });
    let mix = "3,500,000 packets/s of imix, 353.8 bytes a frame on average</title>";
    assert!(page.contains(mix), "{page}");
}

#[test]
fn a_page_with_more_is_not_replaced_by_one_with_less() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    let mut csv = CsvWriter::new(Vec::new());
    csv.begin().unwrap();
    rows(10, None).for_each(|row| csv.write(&row).unwrap());
    fs::write(path("run.csv"), csv.finish().unwrap()).unwrap();
    let mut summary = sendrecv();
    (summary.tx.packets, summary.lost) = (35_000, Some(10));
    fs::write(path("run.json"), summary.to_json().unwrap()).unwrap();
    let files = |json: Option<&str>, page: &str| Files {
        csv: path("run.csv"),
        json: json.map(path),
        peer: None,
        page: Target::File(path(page)),
    };
    // The page that the run itself drew has the whole histogram.
    let timeline = timeline(rows(10, None));
    let told = summary.latency_ns.unwrap();
    let latency = Distribution::of_buckets([(46_000, told.count)], &told);
    let own = render(&Sources {
        from: None,
        summary: Some(&summary),
        latency: Some(&latency),
        ..sources(&timeline)
    });
    fs::write(path("run.html"), &own).unwrap();
    for (json, lost) in [
        (
            None,
            "latency percentiles, busy shares, packets per queue, totals, the configuration and \
             the whole curve of latencies",
        ),
        (Some("run.json"), "the whole curve of latencies"),
    ] {
        let error = draw(&files(json, "run.html")).unwrap_err();
        assert!(matches!(error, DrawError::Request(_)), "{error}");
        let sentence = format!(
            "{} is a page that shows more than these files tell ({lost}) and is left as it is: name \
             another file with -o",
            path("run.html").display()
        );
        assert_eq!(error.to_string(), sentence);
        assert_eq!(fs::read_to_string(path("run.html")).unwrap(), own);
    }
    // Elsewhere, and over as much or less, it is drawn.
    for (json, page) in [
        (None, "a.html"),
        (Some("run.json"), "a.html"),
        (Some("run.json"), "a.html"),
    ] {
        let _ = draw(&files(json, page)).unwrap();
    }
    fs::write(path("other.html"), "<p>of somebody else</p>").unwrap();
    let _ = draw(&files(None, "other.html")).unwrap();
}

#[test]
fn the_verdict_says_where_the_panel_says() {
    let timeline = timeline(rows(10, None));
    let mut summary = sendrecv();
    (summary.tx.packets, summary.lost) = (1_000, Some(100));
    summary.device[0].imissed = Some(50);
    summary.device[0].oerrors = Some(4);
    let mut peer = reflect();
    (peer.tx.packets, peer.tx.refused) = (935, 35);
    let told = render(&Sources {
        summary: Some(&summary),
        peer: Some(&peer),
        ..sources(&timeline)
    });
    assert!(
        told.contains(
            "10\u{a0}% lost: 30 on the way out, 35 in the reflector and 35 on the way back.</h1>"
        ),
        "{told}"
    );
    assert!(told.contains(
        "Lost 100 of 1,000; 4 were accepted here and not sent; at most 35 were missed here"
    ));
    let note = "On the way out, 4 were accepted by the sender's own device and not sent.";
    assert!(told.contains(note), "{told}");
}

#[test]
fn where_nothing_came_back_the_reflector_tells_which_way_is_broken() {
    let timeline = timeline(rows(10, None));
    let (mut summary, mut peer) = (sendrecv(), reflect());
    (summary.tx.packets, summary.lost) = (1_000, Some(1_000));
    let rx = summary.rx.as_mut().unwrap();
    (rx.packets, rx.probes) = (0, Some(ProbeCounters::default()));
    peer.tx.packets = 1_000;
    let told = render(&Sources {
        summary: Some(&summary),
        peer: Some(&peer),
        ..sources(&timeline)
    });
    assert!(
        told.contains("all 1,000 packets lost: 1,000 on the way back.</h1>"),
        "{told}"
    );
    assert!(told.contains(
        "The reflector received 1,000 packets and sent 1,000 back, so the way to it works"
    ));
    assert!(!told.contains("Check that the reflector runs"), "{told}");
}

#[test]
fn a_reflector_that_does_not_fit_says_nothing_of_the_loss() {
    let timeline = timeline(rows(10, None));
    let (mut summary, mut peer) = (sendrecv(), reflect());
    (summary.tx.packets, summary.lost) = (1_000, Some(100));
    peer.tx.packets = 2_000;
    let told = render(&Sources {
        summary: Some(&summary),
        peer: Some(&peer),
        ..sources(&timeline)
    });
    assert!(
        told.contains("10\u{a0}% lost: 100 beyond this host.</h1>"),
        "{told}"
    );
    assert!(why_left_out(&told, "Where packets were lost").contains("warm-up"));
}
