//! What a page says of a run: the words beside the pictures are true, and one is not another's
//! opposite.

mod common;
mod pages;

use common::{reflect, sendrecv};
use dpdkgen_report::csv::{Row, RowProbes};
use dpdkgen_report::page::file::accumulate;
use dpdkgen_report::page::timeline::Timeline;
use dpdkgen_report::page::{Sources, render};
use dpdkgen_report::summary::{Event, Happening, Outages, Role, Summary};
use pages::{check_structure, rows, sources, timeline, why_left_out};

/// Returns `count` rows of which those in `out` lose all.
fn with_outages(count: u64, out: &[(u64, u64)]) -> impl Iterator<Item = Row> {
    rows(count, None).enumerate().map(move |(index, row)| {
        let is_out = out
            .iter()
            .any(|(from, to)| (*from..*to).contains(&(index as u64)));
        let probes = row.probes.map(|probes| RowProbes {
            lost: if is_out { 3_500 } else { 0 },
            ..probes
        });
        Row { probes, ..row }
    })
}

/// Returns the note below the picture of this name.
fn note<'p>(page: &'p str, id: &str) -> &'p str {
    let figure = page.split(&format!("<figure id=\"{id}\"")).nth(1);
    let figure = figure.unwrap_or_else(|| panic!("{id} is not drawn"));
    let rest = figure.split("<p class=\"note\">").nth(1).unwrap();
    &rest[..rest.find("</p>").unwrap()]
}

/// Returns the value of the tile of this name.
fn tile<'p>(page: &'p str, name: &str) -> &'p str {
    let begin = format!("<dt>{name}</dt><dd>");
    let at = page.find(&begin).unwrap_or_else(|| panic!("no {name}"));
    let rest = &page[at + begin.len()..];
    &rest[..rest.find("</dd>").unwrap()]
}

fn drawn(timeline: &Timeline, summary: &Summary) -> String {
    let page = render(&Sources {
        summary: Some(summary),
        ..sources(timeline)
    });
    check_structure(&page);
    page
}

#[test]
fn loss_that_was_outages_is_told_as_outages() {
    let drawn_of = |out: &[(u64, u64)]| {
        let timeline = timeline(with_outages(100, out));
        note(&render(&sources(&timeline)), "loss").to_owned()
    };
    assert!(
        drawn_of(&[(20, 41)])
            .ends_with("In one outage 73,500 packets were lost: from 2 s to 4.1 s."),
        "{}",
        drawn_of(&[(20, 41)])
    );
    assert!(
        drawn_of(&[(0, 1), (20, 40), (90, 100)]).ends_with(
            "In 3 outages 108,500 packets were lost: from the start to 0.1 s, from 2 s to 4 s and \
             from 9 s to 10 s."
        ),
        "{}",
        drawn_of(&[(0, 1), (20, 40), (90, 100)])
    );
    let many: Vec<_> = (0..10)
        .map(|number| (number * 10, number * 10 + 2))
        .collect();
    let told = drawn_of(&many);
    assert!(
        told.contains("In 10 outages") && told.ends_with(" and 4 more."),
        "{told}"
    );
    assert!(!drawn_of(&[]).contains("outage"));
}

#[test]
fn what_began_at_the_start_is_not_at_0_ns() {
    let timeline = timeline(with_outages(100, &[(0, 3)]));
    let mut summary = sendrecv();
    summary.events = [(0.0, Happening::LinkDown), (-1.5, Happening::LinkUp)]
        .map(|(at_s, what)| Event {
            at_s,
            port: "eth1".to_owned(),
            what,
        })
        .to_vec();
    let page = drawn(&timeline, &summary);
    assert!(note(&page, "loss").starts_with("The worst interval lost 100 % (at the start)"));
    assert!(note(&page, "latency").contains("(sent at the start)"));
    assert!(page.contains("Port eth1: link down at the start, link up in the warm-up."));
    assert!(!page.contains("at 0 ns"), "{page}");
}

/// Returns a run that lost nothing, of which a whole interval came late.
fn late() -> (Timeline, Summary) {
    let rows = rows(100, Some(77)).enumerate().map(|(index, row)| {
        let probes = row.probes.map(|probes| RowProbes {
            lost: if index == 77 { 3_500 } else { 0 },
            late: if index == 95 { 3_500 } else { 0 },
            ..probes
        });
        Row { probes, ..row }
    });
    let mut summary = sendrecv();
    let latency = summary.latency_ns.as_mut().unwrap();
    (latency.max, latency.min) = (1_820_000_000, 40_000);
    let probes = summary.rx.as_mut().unwrap().probes.as_mut().unwrap();
    probes.late = 3_500;
    (timeline(rows), summary)
}

#[test]
fn late_packets_are_named_and_no_loss_is_not_called_one() {
    let (timeline, summary) = late();
    let page = drawn(&timeline, &summary);
    assert!(page.contains("none lost.</h1>"));
    assert_eq!(
        note(&page, "loss").split(" In one").next().unwrap(),
        "3,500 packets came after their interval had been closed, and show here as lost: by that \
         the worst interval lost 100 % (at 7.7 s), and in the end nothing was lost."
    );
    assert!(note(&page, "loss").ends_with("3,500 packets were lost or late: from 7.7 s to 7.8 s."));
    assert_eq!(
        note(&page, "latency"),
        "Of those that came in time: shortest 40 µs, mean 50 µs, longest 60 µs (sent at the start). \
         3,500 packets came after their interval had been closed, and are not in this picture: the \
         longest of them took 1.82 s."
    );
    assert_eq!(tile(&page, "Longest, late ones too"), "1.82 s");
}

#[test]
fn without_late_packets_there_is_one_longest() {
    let timeline = timeline(rows(100, None));
    let mut summary = sendrecv();
    summary.latency_ns.as_mut().unwrap().max = 60_000;
    let page = drawn(&timeline, &summary);
    assert_eq!(tile(&page, "Longest"), "60 µs");
    assert!(note(&page, "latency").contains("longest 60 µs"));
}

#[test]
fn where_all_came_late_latency_is_not_called_unmeasured() {
    let rows = rows(10, None).map(|row| Row {
        probes: Some(RowProbes {
            lost: 3_500,
            late: 3_500,
            ..RowProbes::default()
        }),
        ..row
    });
    let timeline = timeline(rows);
    let page = render(&sources(&timeline));
    let why = why_left_out(&page, "Latency over time");
    assert!(
        why.contains("35,000 packets came after their interval"),
        "{why}"
    );
}

#[test]
fn a_single_spike_does_not_own_the_scale() {
    let spiky = rows(600, Some(300)).enumerate().map(|(index, row)| {
        let rx_packets = if index == 301 {
            Some(350_000)
        } else {
            row.rx_packets
        };
        Row { rx_packets, ..row }
    });
    let timeline = timeline(spiky);
    let page = render(&sources(&timeline));
    check_structure(&page);
    assert!(
        note(&page, "loss").contains("lost 100 % (at 30 s, beyond the picture)"),
        "{}",
        note(&page, "loss")
    );
    assert!(
        note(&page, "packets").contains(
            "Up to 3,500,000 packets/s were received in an interval (at 30.1 s), which is beyond the \
             picture."
        ),
        "{}",
        note(&page, "packets")
    );
    let figure = |id: &str| page.split(&format!("<figure id=\"{id}\"")).nth(1).unwrap();
    // The others lose one of 3,500 each, and receive 35,000 packets/s.
    assert!(
        !figure("loss")
            .split("</svg>")
            .next()
            .unwrap()
            .contains(">100 %</span>")
    );
    assert!(figure("packets").contains(">40 k</span>"));
}

#[test]
fn a_hundred_lcores_and_queues_are_strips_that_name_who_stands_out() {
    let timeline = timeline(rows(100, None));
    let mut summary = sendrecv();
    let (queue, worker) = (summary.queues[0].clone(), summary.workers[1].clone());
    for number in 1..100_u16 {
        let mut queue = queue.clone();
        (queue.queue, queue.packets) = (number, 1_000_000 + u64::from(number % 50));
        let mut worker = worker.clone();
        (worker.lcore, worker.queue) = (u32::from(number) + 2, number);
        worker.busy_ratio = Some(0.3);
        if number == 17 {
            (queue.packets, worker.busy_ratio) = (9_000_000, Some(0.93));
        }
        if number == 60 {
            (queue.packets, worker.busy_ratio) = (0, Some(0.02));
        }
        if number == 71 {
            worker.stalls.count = 812;
        }
        summary.queues.push(queue);
        summary.workers.push(worker);
    }
    summary.queues[0].packets = 1_000_000;
    let page = drawn(&timeline, &summary);
    for named in [
        "most: lcore 19, rx 17</th>",
        "least: lcore 62, rx 60</th>",
        "most stalls: lcore 73, rx 71</th>",
        "most: queue 17</th>",
        "least: queue 60</th>",
        "One got none.",
        "100 rx workers: of the lcore",
        "Received on 100 queues",
        "<span>queue 0</span><span>queue 99</span>",
    ] {
        assert!(page.contains(named), "{named} is not in\n{page}");
    }
    // Two strips, and the only sender and its queue beside the seven named: no hundred rows.
    assert_eq!(page.matches("<div class=\"strip\">").count(), 2);
    assert_eq!(page.matches("<td class=\"bar\">").count(), 9);
    assert_eq!(
        summary
            .workers
            .iter()
            .filter(|w| w.role == Role::Tx)
            .count(),
        1
    );
}

#[test]
fn outages_of_the_json_are_told_in_the_summary() {
    let mut summary = sendrecv();
    summary.lost = Some(73_500);
    let mut finder = dpdkgen_report::summary::OutageFinder::default();
    with_outages(100, &[(20, 41)]).for_each(|row| finder.push(&row));
    summary.outages = finder.finish();
    assert!(matches!(&summary.outages, Some(Outages { count: 1, .. })));
    let text = dpdkgen_report::text::render(&summary);
    let line = "In one outage 73,500 packets were lost: from 2 s to 4.1 s.\n";
    assert!(text.contains(line), "{text}");
}

#[test]
fn the_articles_csv_is_drawn_and_what_it_lacks_is_named() {
    let header = "time,tx_packets,rx_packets,drop_rate,avg_latency\n";
    let page = |rows: &str| {
        let timeline = accumulate(format!("{header}{rows}").as_bytes()).unwrap();
        let page = render(&sources(&timeline));
        check_structure(&page);
        page
    };
    let told = page("0,100,90,0.1,0.5\n100,100,0,0,0\n200,100,100,0,0.25\n300,0,0,0,0\n");
    assert!(
        told.contains("<h1>300 packets sent, 36.7\u{a0}% lost (110).</h1>"),
        "{told}"
    );
    assert_eq!(tile(&told, "Lost"), "110");
    assert!(
        note(&told, "loss")
            .contains("In one outage 110 packets were lost: from the start to 0.2 s.")
    );
    let latency = note(&told, "latency");
    assert!(
        latency.contains("mean of each interval alone")
            && latency.contains("500 µs (at the start)"),
        "{latency}"
    );
    assert!(!latency.contains("shortest"), "{latency}");
    let lacks = "Late packets, duplicates, reordering, corruption; shortest and longest latencies";
    assert!(why_left_out(&told, lacks).contains("five columns"));
    assert!(!told.contains("cut off"), "{told}");

    // A reflector has 0 for both in every row.
    let told = page("0,100,100,0,0\n100,100,100,0,0\n");
    assert!(told.contains("200 packets sent, 200 packets received; what was lost is not told."));
    for name in ["Loss over time", "Latency over time"] {
        assert!(
            why_left_out(&told, name).contains("0 in every row"),
            "{name}"
        );
    }
    assert!(!told.contains("<dt>Lost</dt>"), "{told}");

    // Whoever stops the program leaves a line without an end.
    let told = page("0,100,90,0.1,0.5\n100,100,90,0.1,0.5\n200,100,128,0,");
    assert!(
        told.contains("The CSV has no end of its line 4, which may be cut off"),
        "{told}"
    );
}

#[test]
fn a_reflector_of_many_pairs_has_a_strip_of_them() {
    let timeline = timeline(rows(10, None).map(|row| Row {
        probes: None,
        ..row
    }));
    let mut summary = reflect();
    summary.workers = vec![summary.workers[0].clone(); 17];
    let page = drawn(&timeline, &summary);
    assert!(page.contains("17 reflect workers: of the lcore"), "{page}");
    assert_eq!(page.matches("<div class=\"strip\">").count(), 1);
}
