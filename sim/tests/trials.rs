//! Several trials on the same ports, each with a load of its own: each begins anew and is exact.

use dpdkgen_report::csv::Row;
use dpdkgen_report::summary::Summary;
use dpdkgen_run::runner::trial::{Sink, trial};
use sim::options::{Task, parse};
use sim::simulation::{Scenario, Simulation};

#[derive(Default)]
struct Rows(Vec<Row>);

impl Sink for Rows {
    fn row(&mut self, row: &Row) {
        self.0.push(*row);
    }
}

fn scenario(line: &str) -> Scenario {
    let words = format!("sendrecv -t 2 -r 2 {line}");
    match parse(words.split_whitespace()) {
        Ok(Task::Run(scenario)) => *scenario,
        _ => panic!("{line}"),
    }
}

/// Carries out a trial of the load in `line`, and checks it against its rows.
fn carried_out(simulation: &mut Simulation, line: &str) -> Summary {
    let mut rows = Rows::default();
    let summary = trial(simulation, &scenario(line).request, &mut rows).unwrap();
    assert_eq!(simulation.disagreements, [""; 0], "{line}");
    let sum = |of: fn(&Row) -> u64| rows.0.iter().map(of).sum::<u64>();
    assert_eq!(sum(|row| row.tx_packets), summary.tx.packets, "{line}");
    let received = summary.rx.as_ref().unwrap().packets;
    assert_eq!(sum(|row| row.rx_packets.unwrap()), received, "{line}");
    assert_eq!(rows.0[0].start_ns, 0, "{line}");
    summary
}

const LOADS: [(&str, u64); 3] = [
    ("--rate 1Mpps --duration 0.01", 10_000),
    ("--rate 50kpps --count 1234 --packet-size 16", 1_234),
    (
        "--rate 2Mpps --duration 0.005 --warmup 0.001 -i 0.1",
        10_000,
    ),
];

#[test]
fn trials_on_a_perfect_link_lose_nothing_and_leave_nothing_behind() {
    let mut simulation = Simulation::new(&scenario("--delay 10us..50us --poll 1us")).unwrap();
    for (load, packets) in LOADS {
        let summary = carried_out(&mut simulation, load);
        assert_eq!(summary.tx.packets, packets, "{load}");
        assert_eq!(summary.lost, Some(0), "{load}");
        let rx = summary.rx.unwrap();
        let probes = rx.probes.unwrap();
        assert_eq!((rx.packets, probes.unique), (packets, packets), "{load}");
    }
}

#[test]
fn trials_on_a_lossy_link_are_each_held_against_its_truth() {
    let link = "--delay 10us..2ms --loss 1% --dup 1% --corrupt 1%";
    let mut simulation = Simulation::new(&scenario(link)).unwrap();
    for (load, packets) in LOADS {
        let summary = carried_out(&mut simulation, load);
        assert_eq!(summary.tx.packets, packets, "{load}");
        let probes = summary.rx.unwrap().probes.unwrap();
        assert!(summary.lost.unwrap() > 0 && probes.duplicates > 0, "{load}");
        assert_eq!(summary.lost.unwrap(), packets - probes.unique, "{load}");
    }
}

#[test]
fn each_trial_draws_anew_and_the_seed_determines_them_all() {
    let losses = |link: &str| -> Vec<u64> {
        let mut simulation = Simulation::new(&scenario(link)).unwrap();
        let load = "--rate 1Mpps --count 10000 --drain-ms 5";
        let mut lost = || carried_out(&mut simulation, load).lost.unwrap();
        (0..10).map(|_| lost()).collect()
    };
    let link = "--loss 10%";
    let first = losses(link);
    let is_first = |lost: &&u64| **lost == first[0];
    assert!(first.iter().filter(is_first).count() < 5, "{first:?}");
    assert_eq!(first, losses(link));
    assert_ne!(first, losses("--loss 10% --sim-seed 2"));
}

#[test]
fn each_trial_has_a_tag_of_its_own() {
    let mut simulation = Simulation::new(&scenario("")).unwrap();
    let mut request = scenario("--rate 1Mpps --count 10").request;
    let dpdkgen_run::request::Mode::SendRecv(sendrecv) = &mut request.mode else {
        panic!("a sendrecv")
    };
    sendrecv.run_tag = None;
    let mut tag = || {
        let summary = trial(&mut simulation, &request, &mut Rows::default()).unwrap();
        summary.config["run_tag"].clone()
    };
    assert_ne!(tag(), tag());
}
