//! The article's two command lines, with only the program's name changed, a software port in the
//! EAL part, and the numbers of lcores and queues cut to what is here.

use std::process::Command;
use std::time::Duration;

use dpdkgen_tests::machine::{dpdkgen_rt, two_cpus};
use dpdkgen_tests::{Memif, Program, Rows, turn};

/// Starts the article's `-l 0-15 -- …` with another `-l` and a `--vdev` that has this MAC.
fn article(lcore: usize, device: &str, mac: &str, rest: &str) -> Program {
    let mut command = Command::new(dpdkgen_rt());
    command.args([
        "-l",
        &lcore.to_string(),
        "--no-pci",
        "--no-huge",
        "-m",
        "256",
        "--no-shconf",
    ]);
    command.arg(format!("--vdev={device},mac={mac}")).arg("--");
    command.args(rest.split_whitespace());
    Program::start(command)
}

#[test]
fn the_articles_command_lines_run() {
    let Some(_turn) = turn("the_articles_command_lines_run", &[]) else {
        return;
    };
    let memif = Memif::new(12);
    let (first, last) = two_cpus();
    let reflect = article(
        last,
        &memif.server(0),
        "02:00:00:00:00:0b",
        "reflect -p 02:00:00:00:00:0b -r 1 -t 1 -s /dev/stdout --stats-evict-interval-secs 5 \
         --stats-evict-threshold-secs 1 --stats-interval-ms 1000 --burst-size 128",
    );
    let sendrecv = article(
        first,
        &memif.client(0),
        "02:00:00:00:00:0a",
        "sendrecv -p 02:00:00:00:00:0a -r 1 -t 1 -s /dev/stdout --src 10.0.0.4 \
         --src-port-range 10000-30000 --dest 10.0.0.5:10000 --dest-mac 02:00:00:00:00:0b \
         --stats-evict-interval-secs 120 --stats-evict-threshold-secs 1 --stats-interval-ms 1 \
         --packet-size 16 -R 3500 --burst-size 32",
    );
    // Rows are flushed only after 120 s, so nothing tells that it is under way.
    std::thread::sleep(Duration::from_secs(4));
    let sent = sendrecv.interrupt().ok();
    let reflected = reflect.interrupt().ok();

    let rows = Rows::parse(&sent.stdout);
    assert!(rows.len() > 2000, "{} rows of a millisecond", rows.len());
    for (number, time) in rows.column("time").enumerate() {
        assert_eq!(time, Some(number as f64));
    }
    assert!(rows.sum("tx_packets") > 10_000, "{}", sent.stderr);
    let back = rows.sum("tx_packets") - (rows.sum("lost") - rows.sum("late"));
    assert!(
        back > 0 && back <= rows.sum("rx_packets"),
        "{}",
        sent.stderr
    );
    assert_eq!(rows.sum("corrupt") + rows.sum("foreign"), 0);
    assert!(rows.column("avg_latency").flatten().all(|ms| ms > 0.0));

    let reflected_rows = Rows::parse(&reflected.stdout);
    assert_eq!(
        reflected_rows.sum("rx_packets"),
        rows.sum("tx_packets"),
        "over memif"
    );
    assert_eq!(
        reflected_rows.sum("tx_packets"),
        rows.sum("rx_packets"),
        "over memif"
    );
}
