//! The packets of each queue, and the busy share of each worker: a bar for each, or a strip of them
//! all with those named that stand out.

use super::html::{Bar, bars, escaped, note, section, strip};
use super::{Panel, Sources};
use crate::summary::{Direction, Queue, Role, Summary, Worker};
use crate::text::words;

/// The most bars with a name each; of more, a strip is drawn.
const MOST_BARS: usize = 16;

/// The most bars of a strip: more could not be told apart.
const MOST_IN_STRIP: usize = 2048;

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
    let most = queues.iter().map(|queue| queue.packets).max().unwrap_or(0);
    let total: u64 = queues.iter().map(|queue| queue.packets).sum();
    let drawn = queues.iter().map(|queue| {
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
    let mut html = if drawn.len() <= MOST_BARS {
        bars(caption, class, &drawn)
    } else {
        strip_of(
            &format!("{caption} on {} queues", drawn.len()),
            class,
            &drawn,
            &[],
        )
    };
    if queues.len() > 1 {
        html += &note(&spread(queues, total));
    }
    format!("<div>\n{html}</div>\n")
}

/// Returns a sentence on how evenly the packets are spread.
fn spread(queues: &[&Queue], total: u64) -> String {
    let counts = queues.iter().map(|queue| queue.packets);
    let (least, most) = (counts.clone().min(), counts.clone().max());
    let idle = match counts.filter(|count| *count == 0).count() {
        0 => String::new(),
        1 => " One got none.".to_owned(),
        idle => format!(" {idle} got none."),
    };
    if least == most {
        let each = words::packets(least.unwrap_or(0));
        return format!("Each has {each}.{}", more(queues.len()));
    }
    format!(
        "From {} to {} a queue; evenly spread it would be {} each.{idle}{}",
        words::count(least.unwrap_or(0)),
        words::count(most.unwrap_or(0)),
        words::count(total / queues.len() as u64),
        more(queues.len())
    )
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
    let about = "Of the lcore's time, in polls that moved packets";
    let bar = |(worker, ratio): &(&Worker, f64)| worker_bar(summary, worker, *ratio);
    let html = if known.len() <= MOST_BARS {
        let drawn: Vec<_> = known.iter().map(bar).collect();
        bars(about, "third", &drawn)
    } else {
        let of_role = |role: Role| {
            let of_role = known.iter().filter(|(worker, _)| worker.role == role);
            let of_role: Vec<_> = of_role.copied().collect();
            let drawn: Vec<_> = of_role.iter().map(bar).collect();
            let caption = format!(
                "{} {} {}: {}",
                drawn.len(),
                role.name(),
                if drawn.len() == 1 {
                    "worker"
                } else {
                    "workers"
                },
                lowercase(about)
            );
            match drawn.len() {
                0 => String::new(),
                few if few <= MOST_BARS => bars(&caption, "third", &drawn),
                _ => strip_of(&caption, "third", &drawn, &most_stalled(&of_role)),
            }
        };
        [Role::Tx, Role::Rx, Role::Reflect].map(of_role).concat()
    };
    let about = "What is left is headroom. A stall is a poll more than 50 µs after the one before.";
    let html = html + &note(&(about.to_owned() + &more(known.len())));
    Panel::Drawn(section("workers", WORKERS, &html))
}

fn worker_bar(summary: &Summary, worker: &Worker, ratio: f64) -> Bar {
    let mut value = words::share(ratio);
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
        length: ratio,
    }
}

/// Returns the worker that stalled most often, by its place, as an outlier.
fn most_stalled(workers: &[(&Worker, f64)]) -> Vec<(&'static str, usize)> {
    let counts = workers.iter().map(|(worker, _)| worker.stalls.count);
    let most = counts.enumerate().filter(|(_, count)| *count > 0);
    let most = most.max_by_key(|(_, count)| *count);
    most.map(|(place, _)| ("most stalls", place))
        .into_iter()
        .collect()
}

/// Returns a strip of `drawn`, and those by name that have the most, the median and the least, and
/// the `others` that stand out.
fn strip_of(caption: &str, class: &str, drawn: &[Bar], others: &[(&str, usize)]) -> String {
    let mut by_length: Vec<usize> = (0..drawn.len()).collect();
    by_length.sort_by(|a, b| drawn[*b].length.total_cmp(&drawn[*a].length));
    let outliers = [
        ("most", by_length[0]),
        ("median", by_length[by_length.len() / 2]),
        ("least", by_length[by_length.len() - 1]),
    ];
    let named = outliers.iter().chain(others).map(|(why, place)| Bar {
        name: format!("{why}: {}", drawn[*place].name),
        ..drawn[*place].clone()
    });
    let named: Vec<_> = named.collect();
    let shown = &drawn[..drawn.len().min(MOST_IN_STRIP)];
    let lengths: Vec<_> = shown.iter().map(|bar| bar.length).collect();
    let ends = [&shown[0], &shown[shown.len() - 1]].map(|bar| bar.name.as_str());
    let shows = format!("{caption}, from {} to {}", ends[0], ends[1]);
    bars_after(
        caption,
        &strip(class, &shows, &lengths, ends),
        class,
        &named,
    )
}

fn bars_after(caption: &str, strip: &str, class: &str, named: &[Bar]) -> String {
    format!(
        "<p class=\"about\">{}</p>\n{strip}{}",
        escaped(caption),
        bars("Of these", class, named)
    )
}

fn lowercase(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or(String::new(), |first| {
        first.to_lowercase().collect::<String>() + chars.as_str()
    })
}

/// Returns `port: place` where there are several ports, else `place`.
fn of_port(summary: &Summary, port: &str, place: &str) -> String {
    if summary.queues.iter().all(|queue| queue.port == port) {
        return place.to_owned();
    }
    format!("{port}: {place}")
}

fn more(count: usize) -> String {
    match count.checked_sub(MOST_IN_STRIP) {
        None | Some(0) => String::new(),
        Some(more) => format!(" {more} more are not drawn; the JSON has them."),
    }
}
