//! The pages of a run and of a search in a browser: no complaint on its console, every mark there, in
//! the light, in the dark and on a phone. The screenshots stay in `target/page/`, to be looked at.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;
use std::time::Duration;

use dpdkgen_tests::machine::{dpdkgen_sim, target};
use dpdkgen_tests::{Need, run, turn};
use serde_json::{Value, json};

const LIMIT: Duration = Duration::from_secs(60);

/// Options by which a browser takes nothing from the machine's configuration, and no network.
const FLAGS: &str = "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run \
                     --disable-background-networking --disable-component-update --disable-sync \
                     --hide-scrollbars --enable-logging=stderr --v=0";

/// Opens `page` in a browser with an empty profile of its own, checks that the browser complains
/// about nothing, and returns its standard output and standard error.
fn chromium(page: &Path, options: &[&str]) -> (String, String) {
    let profile = tempfile::tempdir().expect("a temporary folder");
    let mut command = Command::new("chromium");
    command.args(FLAGS.split_whitespace()).args(options);
    command.arg(format!("--user-data-dir={}", profile.path().display()));
    command.arg(format!("file://{}", page.display()));
    let ended = run(command, LIMIT).ok();
    let console = ended.stderr.lines().filter(|line| line.contains("CONSOLE"));
    let console: Vec<_> = console.collect();
    assert_eq!(console, [""; 0], "what the browser complains about");
    (ended.stdout, ended.stderr)
}

fn folder() -> PathBuf {
    let folder = target().join("page");
    fs::create_dir_all(&folder).expect("a folder for the screenshots");
    folder
}

/// Returns the page of a run with something to see, the same for all tests.
fn page_of_a_run() -> &'static Path {
    static PAGE: LazyLock<PathBuf> = LazyLock::new(run_with_page);
    &PAGE
}

fn run_with_page() -> PathBuf {
    let page = folder().join("run.html");
    let mut sim = Command::new(dpdkgen_sim());
    let line = "sendrecv -q --rate 50kpps --duration 2 --packet-size 100 -i 1 -r 3 -t 2 --poll 20us \
                --gemodel 0.01%:5% --dup 0.1% --delay 20us..60us --delay-tail 2us";
    sim.args(line.split_whitespace()).arg("--report").arg(&page);
    let _ = run(sim, LIMIT).ok();
    page
}

/// Returns the page of a search of three frame sizes for two goals, done twice.
fn page_of_a_search() -> &'static Path {
    static PAGE: LazyLock<PathBuf> = LazyLock::new(search_with_page);
    &PAGE
}

fn search_with_page() -> PathBuf {
    let json = folder().join("search.json");
    let (mut results, mut trials) = (Vec::new(), Vec::new());
    for (repeat, size) in (1..=2).flat_map(|repeat| [64, 512, 9018].map(|size| (repeat, size))) {
        for (goal, lower) in [("0", 148_809_523_u32), ("0.5%,p99=100us", 148_909_523)] {
            results.push(json!({
                "frame_size": size, "frame_bytes": size, "repeat": repeat, "goal": goal,
                "lower_pps": lower, "upper_pps": lower + 100_000,
                "conditional_throughput_pps": lower - 10, "limit": "path", "complete": true,
                "latency_ns": latency(20_000), "trials": 35, "duration_s": 671.3
            }));
            trials.extend((1..=35).map(|number| {
                // Every other one loses, the further the more.
                let target = lower - 700_000 + number * 40_000;
                let ratio = f64::from(number) / 40.0 * f64::from(number % 2);
                let sent = target * 10;
                json!({
                    "frame_size": size, "repeat": repeat, "purpose": "bound", "goal": goal,
                    "target_pps": target, "duration_s": 10.0, "tx_packets": sent,
                    "offered": number < 34, "skipped": 12_345_678, "loss_ratio": ratio,
                    "lost": (f64::from(sent) * ratio) as u64,
                    "latency_ns": latency(u64::from(number) * 9_000)
                })
            }));
        }
        trials.extend([0.1, 0.5, 1.0].map(|share| {
            json!({
                "frame_size": size, "repeat": repeat, "purpose": "latency", "goal": "0",
                "share": share, "target_pps": 148_809_523.0 * share, "duration_s": 10.0,
                "tx_packets": 1_488_095_230, "offered": true, "lost": 0, "loss_ratio": 0.0,
                "latency_ns": latency(18_000)
            })
        }));
    }
    let spread = [64, 512, 9018].map(|size| {
        json!({
            "frame_size": size, "goal": "0", "searches": 2, "median_pps": 148_809_523,
            "min_pps": 139_000_000, "max_pps": 148_809_523
        })
    });
    let search = json!({
        "schema": 1, "mode": "search", "stop_reason": "done", "host": "vm1",
        "duration_s": 4_321.0, "config": { "line_bps": 100e9 }, "results": results,
        "spread": spread, "trials": trials
    });
    fs::write(&json, search.to_string()).expect("a file");
    let mut report = Command::new(dpdkgen_sim());
    report.arg("report").arg(&json);
    let _ = run(report, LIMIT).ok();
    json.with_extension("html")
}

fn latency(p50: u64) -> Value {
    json!({
        "count": 1_000, "min": 14_000, "mean": p50, "p50": p50, "p90": p50 + 2_000, "p99": p50 + 5_000,
        "p99_9": p50 + 9_000, "p99_99": p50 + 10_000, "max": p50 + 30_000_000
    })
}

/// Returns the number of steps of each path of this class that belongs to a picture.
fn steps(dom: &str, class: &str) -> Vec<usize> {
    let paths = dom.split("<path class=\"").skip(1);
    paths
        .filter_map(|path| {
            let (classes, rest) = path.split_once('"')?;
            let data = rest.strip_prefix(" d=\"")?.split('"').next()?;
            // Those of a legend have a few.
            let steps = data.matches('V').count();
            (classes == class && steps > 10).then_some(steps)
        })
        .collect()
}

#[test]
fn a_browser_draws_every_mark() {
    let Some(_turn) = turn("a_browser_draws_every_mark", &[Need::Program("chromium")]) else {
        return;
    };
    let page = page_of_a_run();
    let (dom, _) = chromium(page, &["--dump-dom"]);
    // Three seconds of milliseconds are two rows a column; a constant rate has few steps.
    assert!(steps(&dom, "line loss")[0] > 20, "loss");
    assert!(steps(&dom, "band loss")[0] > 20, "loss of single intervals");
    assert!(steps(&dom, "line latency")[0] > 300, "latency");
    assert!(
        steps(&dom, "band latency")[0] > 300,
        "latency of single intervals"
    );
    assert!(steps(&dom, "line second")[0] > 100, "packets received");
    // Sent and received, and the two curves of percentiles.
    assert_eq!(
        dom.matches("<path class=\"line first\"").count(),
        4,
        "with their legends"
    );
    assert_eq!(
        dom.matches("<path class=\"line second\"").count(),
        4,
        "with their legends"
    );
    // Five workers and five queues: what the parser made of the bars still has its rectangles.
    assert_eq!(dom.matches("<rect class=\"track\"").count(), 10);
    assert_eq!(dom.matches("<svg role=\"img\"").count(), 14);
    assert_eq!(
        dom.matches("<table").count(),
        dom.matches("<caption").count()
    );
}

#[test]
fn a_browser_draws_every_trial_of_a_search() {
    let name = "a_browser_draws_every_trial_of_a_search";
    let Some(_turn) = turn(name, &[Need::Program("chromium")]) else {
        return;
    };
    let (dom, _) = chromium(page_of_a_search(), &["--dump-dom"]);
    // Of each frame size loss and latency, of all loads and of those near the bounds.
    assert_eq!(dom.matches("<figure id=").count(), 13);
    let picture = |id: &str| {
        let (_, rest) = dom.split_once(&format!("<figure id=\"{id}\">")).expect(id);
        let (picture, _) = rest.split_once("</figure>").expect("its end");
        picture
            .split_once("</figcaption>")
            .expect("its legend")
            .1
            .to_owned()
    };
    let dots = |picture: &str, class: &str| {
        let (_, rest) = picture
            .split_once(&format!("<path class=\"{class}\" d=\""))
            .expect(class);
        rest.split_once('"')
            .expect("its end")
            .0
            .matches("h0")
            .count()
    };
    for size in 1..=3 {
        // 35 trials a goal, of which two were not offered, twice; and three of latency.
        let loss = picture(&format!("loss-{size}"));
        assert_eq!(dots(&loss, "hole loss"), 8);
        let latencies = picture(&format!("latency-{size}"));
        for pen in ["latency", "third", "loss"] {
            assert_eq!(dots(&latencies, &format!("dots {pen}")), 2 * (66 + 3));
        }
    }
    // Three tables of bounds and latencies, and that of trials.
    assert_eq!(dom.matches("<table class=\"grid\"").count(), 4);
    assert_eq!(
        dom.matches("<th scope=\"row\">").count(),
        12 + 3 + 18 + 438 + 2
    );
    assert_eq!(
        dom.matches("<table").count(),
        dom.matches("<caption").count()
    );
}

#[test]
fn it_is_drawn_in_the_light_in_the_dark_and_on_a_phone() {
    let name = "it_is_drawn_in_the_light_in_the_dark_and_on_a_phone";
    let Some(_turn) = turn(name, &[Need::Program("chromium")]) else {
        return;
    };
    let (run, search) = (page_of_a_run(), page_of_a_search());
    for (page, name, size, dark) in [
        (run, "light.png", (1280, 2600), false),
        (run, "dark.png", (1280, 2600), true),
        (run, "phone.png", (360, 4600), false),
        (search, "search-light.png", (1280, 2600), false),
        (search, "search-dark.png", (1280, 2600), true),
        (search, "search-phone.png", (360, 4600), false),
    ] {
        let picture = folder().join(name);
        // What an earlier test left must not pass for this one's.
        let _ = fs::remove_file(&picture);
        let (width, height) = size;
        let screenshot = format!("--screenshot={}", picture.display());
        let window = format!("--window-size={width},{height}");
        let scheme = format!("--blink-settings=preferredColorScheme={}", u8::from(!dark));
        let _ = chromium(page, &[&screenshot, &window, &scheme]);
        let drawn = fs::read(&picture).expect("a screenshot");
        assert!(drawn.starts_with(b"\x89PNG"), "{name}");
        let number = |at: usize| u32::from_be_bytes(drawn[at..at + 4].try_into().expect("4 bytes"));
        assert_eq!((number(16), number(20)), size, "{name}");
        assert!(drawn.len() > 50_000, "{name} has {} bytes", drawn.len());
    }
}

/// Opens `page` in frames of these widths, around it a script that puts what `look` returns for each
/// frame's document into the title, and returns the title.
fn looked_at(page: &Path, widths: &[u32], look: &str) -> String {
    let source = fs::read_to_string(page).expect("a page");
    let source = source.replace('&', "&amp;").replace('"', "&quot;");
    let frame = |width: &u32| {
        format!(
            "<iframe width={width} height=4000 style=\"border:0\" srcdoc=\"{source}\"></iframe>"
        )
    };
    let frames: String = widths.iter().map(frame).collect();
    let html = format!(
        "<!DOCTYPE html><meta charset=utf-8>{frames}<script>const look = {look}; onload = () => \
         {{ document.title = Array.from(frames, frame => look(frame.document)).join('; '); }}</script>"
    );
    let name = page.file_stem().expect("a name").to_string_lossy();
    let probe = folder().join(format!("{name}-frames.html"));
    fs::write(&probe, html).expect("a file");
    let (dom, _) = chromium(&probe, &["--dump-dom", "--window-size=1400,1000"]);
    // The titles of the pages themselves are text of an attribute, and before it or behind.
    let title = dom
        .split("<title>")
        .skip(1)
        .find(|rest| !rest.starts_with("dpdkgen"));
    let (title, _) = title
        .and_then(|rest| rest.split_once("</title>"))
        .expect("a title");
    title.to_owned()
}

#[test]
fn nothing_is_wider_than_a_phone() {
    let name = "nothing_is_wider_than_a_phone";
    let Some(_turn) = turn(name, &[Need::Program("chromium")]) else {
        return;
    };
    let look =
        "page => `${page.documentElement.scrollWidth} of ${page.documentElement.clientWidth}`";
    for page in [page_of_a_run(), page_of_a_search()] {
        let told = looked_at(page, &[320, 360], look);
        assert_eq!(told, "320 of 320; 360 of 360", "{}", page.display());
    }
}

/// Returns the page of 37,800,000,000 packets and the loss of one of them.
fn page_of_many() -> PathBuf {
    let csv = folder().join("many.csv");
    let mut rows =
        "time,tx_packets,rx_packets,drop_rate,avg_latency,lost,late,duplicates,reordered,\
                    corrupt,foreign,latency_min_ns,latency_max_ns\n"
            .to_owned();
    for second in 0..12_u64 {
        let (sent, lost) = (3_150_000_000_u64, u64::from(second == 5));
        let (received, ratio) = (sent - lost, lost as f64 / sent as f64);
        let time = second * 1_000;
        rows +=
            &format!("{time},{sent},{received},{ratio},0.05,{lost},0,0,0,0,0,40000,900000000\n");
    }
    fs::write(&csv, rows).expect("a file");
    let page = folder().join("many.html");
    let mut report = Command::new(dpdkgen_sim());
    report.arg("report").arg(&csv).arg("-o").arg(&page);
    let _ = run(report, LIMIT).ok();
    page
}

#[test]
fn no_figure_is_cut_off_and_no_label_leaves_its_card() {
    let name = "no_figure_is_cut_off_and_no_label_leaves_its_card";
    let Some(_turn) = turn(name, &[Need::Program("chromium")]) else {
        return;
    };
    let many = page_of_many();
    let told = fs::read_to_string(&many).expect("a page");
    assert!(told.contains("<dd>37,800,000,000</dd>"), "{told}");
    let look = "page => { \
        page.querySelectorAll('details').forEach(folded => folded.open = true); \
        const box = node => { const range = page.createRange(); range.selectNodeContents(node); \
            return range.getBoundingClientRect(); }; \
        const all = (nodes, card) => [...page.querySelectorAll(nodes)].map(node => \
            [node.textContent, box(node), node.closest(card).getBoundingClientRect()]); \
        const seen = [...all('.tiles dd, .tiles dt', '.tiles div'), \
            ...all('.ys span, .xs span', 'figure'), ...all('.grid th, .grid td', 'section')].filter(([, text]) => text.width > 0); \
        const out = seen.filter(([, text, card]) => \
            text.left < card.left || text.right > card.right); \
        return `${seen.length > 20} ${out.map(([name]) => name).join(',')}`; }";
    for page in [page_of_a_run(), &many, page_of_a_search()] {
        let told = looked_at(page, &[320, 400, 700, 1080, 1150, 1300], look);
        let expected = ["true "; 6].join("; ");
        assert_eq!(told, expected, "{}", page.display());
    }
}
