//! Several trials on memif ports that stay open, against one reflector: each begins anew and is
//! exact.

#[path = "../../run/tests/counting/mod.rs"]
#[allow(
    dead_code,
    unsafe_code,
    reason = "the request is all that is used of it"
)]
mod counting;

use std::net::SocketAddr;
use std::process::{Child, Command};
use std::time::Duration;

use dpdkgen_core::probe::sizes::Sizes;
use dpdkgen_core::time::Span;
use dpdkgen_core::tx::pacer::Rate;
use dpdkgen_report::csv::Row;
use dpdkgen_rt::cli::select;
use dpdkgen_rt::eal::Eal;
use dpdkgen_rt::eal::placement::WorkerLcores;
use dpdkgen_rt::ethdev;
use dpdkgen_rt::runtime::{self, DpdkRuntime};
use dpdkgen_run::assembly::worker_specs;
use dpdkgen_run::request::{Mode, Request};
use dpdkgen_run::runner::threads::Threads;
use dpdkgen_run::runner::trial::{Sink, trial};

fn eal_args(role: &str, socket: &str) -> Vec<String> {
    let mac = if role == "server" {
        "02:00:00:00:00:01"
    } else {
        "02:00:00:00:00:02"
    };
    let vdev =
        format!("--vdev=net_memif0,role={role},socket={socket},socket-abstract=no,mac={mac}");
    let args = format!("--no-huge -m 128 --no-pci --no-shconf -l 0 {vdev}");
    args.split(' ').map(str::to_owned).collect()
}

/// A reflector of its own process, which ends with this.
struct Reflector(Child);

impl Drop for Reflector {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[derive(Default)]
struct Rows(Vec<Row>);

impl Sink for Rows {
    fn row(&mut self, row: &Row) {
        self.0.push(*row);
    }
}

fn load(pps: u64, duration: Option<Span>, count: Option<u64>, payload_len: u16) -> Request {
    let mut request = counting::request(Rate::new(pps, Span::from_secs(1).as_nanos()));
    let Mode::SendRecv(sendrecv) = &mut request.mode else {
        unreachable!("a sendrecv")
    };
    sendrecv.dests = vec![SocketAddr::from(([10, 0, 0, 2], 10_000))];
    sendrecv.sizes = Sizes::one(payload_len);
    sendrecv.run_tag = None;
    // Both ends may have to share a CPU with others.
    sendrecv.drain = Span::from_millis(1_500);
    request.grace = Span::from_secs(1);
    (request.duration, request.count) = (duration, count);
    request
}

#[test]
fn three_trials_on_open_ports_are_each_exact() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("memif").display().to_string();
    let mut reflector = Command::new(env!("CARGO_BIN_EXE_dpdkgen-rt"));
    reflector.args(eal_args("server", &socket));
    reflector.args(["--", "reflect", "-q", "--wait-link", "60"]);
    let _reflector = Reflector(reflector.spawn().unwrap());

    let loads = [
        load(20_000, Some(Span::from_millis(300)), None, 200),
        load(5_000, None, Some(500), 16),
        load(40_000, Some(Span::from_millis(200)), None, 200),
    ];
    let eal = Eal::init(&eal_args("client", &socket), false, ethdev::CLOSER).unwrap();
    let ports = select::select(&eal, &[], &[]).unwrap();
    let specs = worker_specs(&loads[0], ports.len());
    let lcores = WorkerLcores::assign(&eal, specs.len());
    let mut devices = runtime::open(&eal, &ports, &loads[0], &specs, &lcores).unwrap();
    let up = runtime::wait_links(&devices, Duration::from_secs(20), &|_, _| false);
    assert_eq!(up, Ok(true));
    let mut runtime = DpdkRuntime::new(&eal, &mut devices, specs, &lcores, None);
    let mut tags = Vec::new();
    for load in &loads {
        let mut rows = Rows::default();
        let summary = trial(&mut Threads(&mut runtime), load, &mut rows).unwrap();
        let sent = summary.tx.packets;
        let pacing = summary.pacing.unwrap();
        match (load.count, load.duration) {
            (Some(count), _) => assert_eq!(sent, count, "{summary:?}"),
            (None, duration) => {
                let asked = pacing.target_pps * duration.unwrap().as_nanos() as f64 / 1e9;
                let due = (sent + pacing.skipped) as f64;
                assert!((due - asked).abs() <= 1.0, "{due} of {asked}: {summary:?}");
            }
        }
        let rx = summary.rx.as_ref().unwrap();
        let probes = rx.probes.unwrap();
        assert_eq!((rx.packets, probes.unique), (sent, sent), "{summary:?}");
        assert_eq!(summary.lost, Some(0));
        let rows_sent: u64 = rows.0.iter().map(|row| row.tx_packets).sum();
        assert_eq!(rows_sent, sent);
        assert_eq!(rows.0[0].start_ns, 0);
        tags.push(summary.config["run_tag"].clone());
    }
    assert!(
        tags[0] != tags[1] && tags[1] != tags[2] && tags[0] != tags[2],
        "{tags:?}"
    );
}
