//! The metrics of a run, scraped by a real Prometheus; the alerts and the dashboard, evaluated by it.

use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use dpdkgen_tests::{Need, Program, Summary, http, run, turn};
use serde_json::Value;

const LIMIT: Duration = Duration::from_secs(60);
const SIM: &str = env!("CARGO_BIN_EXE_dpdkgen-sim");
/// A run that goes on until it is ended.
const ENDLESS: &str = "sendrecv --rate 100kpps --packet-size 64 --loss 1% --dup 1% \
                       --duration 70000 -t 2 -r 2 -q";

/// Returns the path of a file of the folder `docs`.
fn docs(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../docs")
        .join(name)
}

/// Starts a run that goes on, with its metrics at `address`.
fn endless(address: SocketAddr) -> Program {
    let mut command = Command::new(SIM);
    command
        .args(ENDLESS.split_whitespace())
        .args(["--metrics", &address.to_string()]);
    Program::start(command)
}

/// Returns the results of a query to Prometheus at `address`; an error if it does not understand
/// the query.
fn query(address: SocketAddr, expression: &str) -> Result<Vec<Value>, String> {
    let path = format!("/api/v1/query?query={}", http::escaped(expression));
    let (_, body) = http::get(address, &path).map_err(|error| error.to_string())?;
    let mut answer: Value = serde_json::from_str(&body).map_err(|error| error.to_string())?;
    if answer["status"] != "success" {
        return Err(body);
    }
    match answer["data"]["result"].take() {
        Value::Array(results) => Ok(results),
        other => Err(other.to_string()),
    }
}

/// Returns the number of the only result.
fn number(address: SocketAddr, expression: &str) -> Option<f64> {
    let results = query(address, expression).ok()?;
    let [result] = &results[..] else { return None };
    result["value"][1].as_str()?.parse().ok()
}

#[test]
fn promtool_finds_nothing_to_say() {
    let needs = [Need::Program("promtool")];
    let Some(_turn) = turn("promtool_finds_nothing_to_say", &needs) else {
        return;
    };
    let address = http::free_address();
    let mut program = endless(address);
    let mut metrics = String::new();
    program.until("metrics of some packets", LIMIT, |_| {
        metrics = http::get(address, "/metrics").map_or(String::new(), |(_, text)| text);
        metrics.contains("dpdkgen_lost_packets_total") && !metrics.contains("_seconds_count 0\n")
    });
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("metrics");
    fs::write(&file, &metrics).unwrap();
    let mut promtool = Command::new("sh");
    promtool
        .args(["-c", "promtool check metrics < $0"])
        .arg(&file);
    let said = run(promtool, LIMIT).ok();
    assert_eq!(
        (said.stdout.trim(), said.stderr.trim()),
        ("", ""),
        "{metrics}"
    );

    let mut promtool = Command::new("promtool");
    promtool.args(["check", "rules"]).arg(docs("alerts.yml"));
    let _ = run(promtool, LIMIT).ok();
}

#[test]
fn a_real_prometheus_scrapes_a_run() {
    let needs = [Need::Program("prometheus")];
    let Some(_turn) = turn("a_real_prometheus_scrapes_a_run", &needs) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let (target, address) = (http::free_address(), http::free_address());
    let config = folder.path().join("prometheus.yml");
    let alerts = docs("alerts.yml");
    let text = format!(
        "global: {{scrape_interval: 500ms, evaluation_interval: 500ms}}\n\
         rule_files: ['{}']\n\
         scrape_configs: [{{job_name: dpdkgen, static_configs: [{{targets: ['{target}']}}]}}]\n",
        alerts.display()
    );
    fs::write(&config, text).unwrap();
    let mut prometheus = Command::new("prometheus");
    prometheus
        .arg(format!("--config.file={}", config.display()))
        .arg(format!(
            "--storage.tsdb.path={}",
            folder.path().join("data").display()
        ))
        .arg(format!("--web.listen-address={address}"))
        .stdin(Stdio::null());
    let mut prometheus = Program::start(prometheus);
    let program = endless(target);

    // Two scrapes make a rate.
    let rate = "sum(rate(dpdkgen_tx_packets_total[1m]))";
    prometheus.until("rate of what is sent", LIMIT, |_| {
        number(address, rate) > Some(0.0)
    });
    assert_eq!(number(address, "up"), Some(1.0));
    let all = number(address, "sum(dpdkgen_rx_packets_total)").unwrap();
    let unique = number(address, "sum(dpdkgen_rx_packets_total{result=\"unique\"})").unwrap();
    assert!(all > unique && unique > 0.0, "{unique} of {all}");
    let p99 = "histogram_quantile(0.99, rate(dpdkgen_round_trip_seconds_bucket[1m]))";
    let p99 = number(address, p99).unwrap();
    assert!((1e-7..1e-3).contains(&p99), "{p99} s");

    evaluates_the_dashboard(address);
    prometheus.until("alerts that are evaluated", LIMIT, |_| {
        let (_, body) = http::get(address, "/api/v1/rules").unwrap();
        let rules: Value = serde_json::from_str(&body).unwrap();
        let rules = rules["data"]["groups"][0]["rules"].as_array().cloned();
        let rules = rules.unwrap_or_default();
        assert!(
            !rules.iter().any(|rule| rule["health"] == "err"),
            "{rules:?}"
        );
        !rules.is_empty() && rules.iter().all(|rule| rule["health"] == "ok")
    });
    // One packet in a hundred is lost either way.
    let state = "ALERTS{alertname=\"DpdkgenLoss\"}";
    prometheus.until("alert", LIMIT, |_| {
        query(address, state).is_ok_and(|a| !a.is_empty())
    });

    let _ = program.interrupt().ok();
    prometheus.until("end of the metrics", LIMIT, |_| {
        number(address, "up") == Some(0.0)
    });
}

/// Checks that every expression of the dashboard gives something, but for what does not happen on
/// this link.
fn evaluates_the_dashboard(address: SocketAddr) {
    let text = fs::read_to_string(docs("grafana-dashboard.json")).unwrap();
    let dashboard: Value = serde_json::from_str(&text).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let targets = panels.iter().flat_map(|p| p["targets"].as_array().unwrap());
    let expressions: Vec<_> = targets
        .map(|target| target["expr"].as_str().unwrap())
        .collect();
    assert!(expressions.len() > 10, "{expressions:?}");
    for expression in expressions {
        let expression = expression
            .replace("$__rate_interval", "1m")
            .replace("$instance", ".*");
        let results = query(address, &expression).unwrap_or_else(|error| panic!("{error}"));
        assert!(!results.is_empty(), "{expression} gives nothing");
    }
}

/// Starts a run that may have `most` descriptors, with its metrics at `address`.
fn with_descriptors(most: usize, address: SocketAddr, folder: &Path) -> Program {
    let mut command = Command::new("sh");
    let line = format!("ulimit -n {most}; exec {SIM} {ENDLESS} --json json --metrics {address}");
    command.args(["-c", &line]).current_dir(folder);
    Program::start(command)
}

#[test]
fn idle_connections_that_take_all_descriptors_cost_nothing_for_long() {
    let name = "idle_connections_that_take_all_descriptors_cost_nothing_for_long";
    let Some(_turn) = turn(name, &[]) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let address = http::free_address();
    let mut program = with_descriptors(256, address, folder.path());
    program.until("metrics", LIMIT, answers_at(address));
    // The connection has gone by then.
    thread::sleep(Duration::from_millis(200));
    let folder_of_opened = format!("/proc/{}/fd", program.id());
    let is_free = |number: &usize| !fs::exists(format!("{folder_of_opened}/{number}")).unwrap();
    let opened = (0..).find(is_free).unwrap();
    program.signal("INT");
    let _ = program.wait(LIMIT).ok();

    // Some descriptors are left for connections, and fewer than there are idlers.
    let address = http::free_address();
    let mut program = with_descriptors(opened + 3, address, folder.path());
    program.until("metrics", LIMIT, answers_at(address));
    let idle: Vec<_> = (0..60).map(|_| TcpStream::connect(address)).collect();
    program.until("metrics beside idlers", LIMIT, answers_at(address));
    drop(idle);
    program.until("metrics after idlers", LIMIT, answers_at(address));
    program.signal("INT");
    let ended = program.wait(LIMIT).ok();
    assert_eq!(ended.stderr, "");
    let _ = Summary::read(&folder.path().join("json"));

    // None is left, so nobody is ever answered, and that is said.
    let address = http::free_address();
    let mut program = with_descriptors(opened, address, folder.path());
    program.until("a listener", LIMIT, |_| TcpStream::connect(address).is_ok());
    thread::sleep(Duration::from_secs(2));
    program.signal("INT");
    let ended = program.wait(LIMIT).with_status(1);
    let said = format!(
        "dpdkgen-sim: {address} (metrics) was not served any more by the end: Too many open files \
         (os error 24)\n"
    );
    assert_eq!(ended.stderr, said);
    let _ = Summary::read(&folder.path().join("json"));
}

fn answers_at(address: SocketAddr) -> impl FnMut(&Program) -> bool {
    move |_| http::get(address, "/metrics").is_ok()
}
