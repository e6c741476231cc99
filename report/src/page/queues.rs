//! The packets of each queue, and the busy share of each worker.

use super::html::{Bar, bars, escaped};
use super::{Panel, Sources};
use crate::summary::{Direction, Queue, Summary, Worker};
use crate::text::words;

/// The most bars of a chart; a line counts those that are left out.
const MOST_BARS: usize = 64;

const PACKETS: &str = "Packets per queue";
const WORKERS: &str = "Busy share of the workers";

/// Returns the panel of each queue's packets, by direction.
pub fn packets(sources: &Sources<'_>) -> Panel {
    let Some(summary) = sources.summary else {
        return Panel::left_out(PACKETS, sources.wants_json());
    };
    let mut html = String::new();
    for (direction, caption, class) in [
        (Direction::Tx, "Sent", "first"),
        (Direction::Rx, "Received", "second"),
    ] {
        let queues = summary.queues.iter();
        let queues: Vec<&Queue> = queues
            .filter(|queue| queue.direction == direction)
            .collect();
        if queues.is_empty() {
            continue;
        }
        html += &direction_html(summary, &queues, caption, class);
    }
    if html.is_empty() {
        return Panel::left_out(PACKETS, "the JSON names no queue");
    }
    let sides = format!("<div class=\"sides\">\n{html}</div>\n");
    Panel::Drawn(section("queues", PACKETS, &sides))
}

fn direction_html(summary: &Summary, queues: &[&Queue], caption: &str, class: &str) -> String {
    let counts = queues.iter().map(|queue| queue.packets);
    let (least, most) = (
        counts.clone().min().unwrap_or(0),
        counts.clone().max().unwrap_or(0),
    );
    let total: u64 = counts.sum();
    let drawn = queues.iter().take(MOST_BARS).map(|queue| {
        let mut value = words::count(queue.packets);
        if queues.len() > 1 && total > 0 {
            value += &format!(" ({})", words::percent(queue.packets as f64 / total as f64));
        }
        Bar {
            name: of_port(summary, &queue.port, &format!("queue {}", queue.queue)),
            value,
            length: queue.packets as f64 / most.max(1) as f64,
        }
    });
    let drawn: Vec<_> = drawn.collect();
    let mut html = bars(caption, class, &drawn);
    if queues.len() > 1 {
        let spread = format!(
            "From {} to {} a queue; evenly spread it would be {} each.",
            words::count(least),
            words::count(most),
            words::count(total / queues.len() as u64)
        );
        html += &note(&(spread + &more(queues.len())));
    }
    format!("<div>\n{html}</div>\n")
}

/// Returns the panel of each worker's busy share: of its lcore's time, in polls that moved packets.
pub fn workers(sources: &Sources<'_>) -> Panel {
    let Some(summary) = sources.summary else {
        return Panel::left_out(WORKERS, sources.wants_json());
    };
    let workers = summary.workers.iter();
    let known: Vec<(&Worker, f64)> = workers
        .filter_map(|worker| Some((worker, worker.busy_ratio?)))
        .collect();
    if known.is_empty() {
        return Panel::left_out(WORKERS, "no worker ran long enough to tell");
    }
    let drawn = known.iter().take(MOST_BARS).map(|(worker, ratio)| {
        let mut value = words::share(*ratio);
        if worker.stalls.count > 0 {
            value += &format!(
                ", {} stall{}",
                words::count(worker.stalls.count),
                if worker.stalls.count == 1 { "" } else { "s" }
            );
        }
        let place = format!(
            "lcore {}, {} {}",
            worker.lcore,
            worker.role.name(),
            worker.queue
        );
        Bar {
            name: of_port(summary, &worker.port, &place),
            value,
            length: *ratio,
        }
    });
    let drawn: Vec<_> = drawn.collect();
    let mut html = bars(
        "Of the lcore's time, in polls that moved packets",
        "third",
        &drawn,
    );
    let about = "What is left is headroom. A stall is a poll more than 50 µs after the one before.";
    html += &note(&(about.to_owned() + &more(known.len())));
    Panel::Drawn(section("workers", WORKERS, &html))
}

/// Returns `port: place` where there are several ports, else `place`.
fn of_port(summary: &Summary, port: &str, place: &str) -> String {
    if summary.queues.iter().all(|queue| queue.port == port) {
        return place.to_owned();
    }
    format!("{port}: {place}")
}

fn more(count: usize) -> String {
    match count.checked_sub(MOST_BARS) {
        None | Some(0) => String::new(),
        Some(more) => format!(" {more} more are not drawn; the JSON has them."),
    }
}

fn note(text: &str) -> String {
    format!("<p class=\"note\">{}</p>\n", escaped(text))
}

pub(super) fn section(id: &str, title: &str, html: &str) -> String {
    let title = escaped(title);
    format!("<section id=\"{id}\">\n<h2>{title}</h2>\n{html}</section>\n")
}
