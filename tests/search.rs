//! `search` on real ports: trials on ports that stay open, what a policer lets pass, the end by a
//! signal.
//!
//! What a machine has time to send is left to chance, and a trial that was not offered says nothing of
//! the path: it is told as the sender's limit, and the tests take it for that.

use std::fs;
use std::process::Command;
use std::time::Duration;

use dpdkgen_report::search::{LimitedBy, Purpose, SearchEnd, SearchReport};
use dpdkgen_tests::machine::{tell, two_cpus};
use dpdkgen_tests::{FAR, Link, Memif, NEAR, Need, Offload, Program, ports, run, turn};

const LIMIT: Duration = Duration::from_secs(120);

/// Starts a reflector at one end of a memif link, and returns it and the search at the other end that
/// `options` ask for.
fn over_memif(link: &Memif, options: &str) -> (Program, Command) {
    let (near, far) = two_cpus();
    let server = [link.server(0)];
    let reflect = ports::dpdkgen(&far.to_string(), &server, "reflect --ip 10.0.0.2");
    let reflector = Program::start(reflect);
    let arguments =
        format!("search --src 10.0.0.1 --dest 10.0.0.2:10000 --frame-size 64 {options}");
    let client = [link.client(0)];
    (
        reflector,
        ports::dpdkgen(&near.to_string(), &client, &arguments),
    )
}

#[test]
fn trials_are_made_on_ports_that_stay_open() {
    let Some(_turn) = turn("trials_are_made_on_ports_that_stay_open", &[]) else {
        return;
    };
    let link = Memif::new(12);
    let folder = tempfile::tempdir().unwrap();
    let (json, page) = (folder.path().join("s.json"), folder.path().join("s.html"));
    let options = format!(
        "--trial 0.05 --trials 0.15 --min-rate 100pps --max-rate 20kpps --json {} --report {}",
        ports::text(&json),
        ports::text(&page)
    );
    let (reflector, search) = over_memif(&link, &options);
    let ended = run(search, LIMIT).ok();
    let _ = reflector.interrupt().ok();
    let report = SearchReport::from_json(&fs::read_to_string(&json).unwrap()).unwrap();
    assert_eq!(report.stop_reason, SearchEnd::Done);
    assert_eq!(report.results.len(), 2);
    for result in &report.results {
        assert!(result.complete, "{result:?}");
        // 20 kpps are no load for a link, and some for a machine that does other work.
        match result.limit {
            Some(LimitedBy::MaxRate) => assert_eq!(result.lower_pps, Some(20_000.0)),
            Some(LimitedBy::Sender) => assert_eq!(result.upper_pps, None),
            other => tell(&format!(
                "a search found {other:?} at {:?}",
                result.upper_pps
            )),
        }
    }
    // No probe of one trial counts in another, so none loses less than nothing.
    for trial in &report.trials {
        let lost = trial.lost.unwrap();
        assert!(lost <= trial.tx_packets, "{trial:?}");
        let due = trial.tx_packets + trial.skipped.unwrap_or(0);
        let asked = trial.target_pps.unwrap() * trial.duration_s;
        assert!((due as f64 - asked).abs() <= 1.0, "{trial:?}");
    }
    assert!(ended.stdout.contains("Lower pps"), "{}", ended.stdout);
    assert!(
        fs::read_to_string(&page)
            .unwrap()
            .contains("dpdkgen search")
    );
}

#[test]
fn a_signal_ends_a_search_with_what_it_has_found() {
    let Some(_turn) = turn("a_signal_ends_a_search_with_what_it_has_found", &[]) else {
        return;
    };
    let link = Memif::new(12);
    let folder = tempfile::tempdir().unwrap();
    let json = folder.path().join("s.json");
    let options = format!(
        "--trial 0.2 --trials 3600 --max-rate 5kpps --json {}",
        ports::text(&json)
    );
    let (reflector, search) = over_memif(&link, &options);
    let mut search = Program::start(search);
    search.until("three trials", LIMIT, |search| {
        search.stdout().matches("for 200 ms").count() > 3
    });
    let ended = search.interrupt().ok();
    let _ = reflector.interrupt().ok();
    let report = SearchReport::from_json(&fs::read_to_string(&json).unwrap()).unwrap();
    assert_eq!(report.stop_reason, SearchEnd::Signal);
    assert!(report.trials.len() >= 3, "{report:?}");
    assert!(report.results.iter().all(|result| !result.complete));
    assert!(
        ended.stdout.contains("bounds found so far"),
        "{}",
        ended.stdout
    );
}

#[test]
fn a_reflector_that_goes_ends_a_search_with_what_it_has_found() {
    let Some(_turn) = turn(
        "a_reflector_that_goes_ends_a_search_with_what_it_has_found",
        &[],
    ) else {
        return;
    };
    let link = Memif::new(12);
    let folder = tempfile::tempdir().unwrap();
    let json = folder.path().join("s.json");
    let options = format!(
        "--trial 0.5 --trials 3600 --max-rate 5kpps --json {}",
        ports::text(&json)
    );
    let (reflector, search) = over_memif(&link, &options);
    let mut search = Program::start(search);
    search.until("two trials", LIMIT, |search| {
        search.stdout().matches("for 500 ms").count() > 2
    });
    drop(reflector);
    let ended = search.wait(LIMIT).with_status(1);
    let said = "port net_memif0 had no link or no peer any more, which ended the search";
    assert!(ended.stderr.contains(said), "{}", ended.stderr);
    let report = SearchReport::from_json(&fs::read_to_string(&json).unwrap()).unwrap();
    assert_eq!(report.stop_reason, SearchEnd::Gone);
    assert!(report.trials.len() >= 2, "{report:?}");
}

/// Packets per second that the policer lets pass, and how many at once.
const PASSED: (f64, f64) = (4_000.0, 40.0);

#[test]
fn what_a_policer_lets_pass_is_found() {
    const TEST: &str = "what_a_policer_lets_pass_is_found";
    let needs = [Need::BridgeRules, Need::Program("ethtool")];
    let Some(_turn) = turn(TEST, &needs) else {
        return;
    };
    let link = Link::new(Offload::On);
    link.address(NEAR, "10.77.0.1/24");
    link.address(FAR, "10.77.0.2/24");
    let (near, far) = two_cpus();
    let (rate, burst) = PASSED;
    let folder = tempfile::tempdir().unwrap();
    let rules = folder.path().join("rules");
    let text = format!(
        "table inet policer {{\n chain input {{\n  type filter hook input priority 0;\n  \
         udp dport 10000 limit rate over {rate}/second burst {burst} packets drop\n }}\n}}\n"
    );
    fs::write(&rules, text).unwrap();
    let mut nft = Command::new("nft");
    nft.arg("-f").arg(&rules);
    let _ = run(link.inside(FAR, &nft), LIMIT).ok();
    let mut reflector = Program::start(link.inside(FAR, &ports::sockets(far, "reflect")));
    reflector.until("reflector", LIMIT, |it| {
        it.stdout().contains("Reflecting on")
    });
    let json = folder.path().join("s.json");
    let arguments = format!(
        "search --src 10.77.0.1 --dest 10.77.0.2:10000 --src-port-range 20000-20003 --frame-size 64 \
         --trial 0.2 --trials 0.6 --width 2% --min-rate 100pps --max-rate 40kpps --json {}",
        ports::text(&json)
    );
    let search = ports::sockets(near, &arguments);
    // Where the sender is disturbed again and again, what was found until then has to do.
    let mut within = Command::new("timeout");
    within.args(["--signal=INT", "--preserve-status", "45"]);
    within.arg(search.get_program()).args(search.get_args());
    let _ = run(link.inside(NEAR, &within), LIMIT).ok();
    let _ = reflector.interrupt().ok();
    let report = SearchReport::from_json(&fs::read_to_string(&json).unwrap()).unwrap();
    for (result, loss) in report.results.iter().zip([0.0, 0.005]) {
        // A trial of a fifth of a second may begin with a whole burst.
        let truth = (rate + burst * 5.0) / (1.0 - loss);
        let lower = result.lower_pps.unwrap_or(0.0);
        // Of one that is not complete it only seems so.
        let passes = lower <= truth * 1.01 || !result.complete;
        assert!(passes, "more than passes: {result:?}");
        match (result.limit, result.upper_pps) {
            (Some(LimitedBy::Path), Some(upper)) if result.complete => {
                // A stall on the way makes a burst, which the policer drops too.
                if upper < truth * 0.995 {
                    tell(&format!(
                        "{TEST}: {upper} packets/s and not {truth}: the machine was busy"
                    ));
                }
            }
            _ => tell(&format!(
                "{TEST}: the sender was the limit: the machine was busy"
            )),
        }
    }
    let bounds = report.trials.iter();
    let overload = bounds.filter(|trial| trial.purpose == Purpose::Bound && trial.offered);
    for trial in overload {
        // The policer passes no more than its rate and a burst, whatever is offered.
        let passed = trial.tx_packets - trial.lost.unwrap();
        let most = rate * (trial.duration_s + 0.05) + burst;
        assert!(passed as f64 <= most, "{passed} passed: {trial:?}");
    }
}
