//! The article's notebook on our CSV: pandas reads it, resamples it and plots it as it stands.

use std::process::Command;
use std::time::Duration;

use dpdkgen_tests::machine::{PYTHON, dpdkgen_sim, target};
use dpdkgen_tests::{Need, Rows, run, turn};

const LIMIT: Duration = Duration::from_secs(60);

#[test]
fn the_articles_notebook_plots_a_run() {
    let needs = [
        Need::PythonModule("pandas"),
        Need::PythonModule("matplotlib"),
    ];
    let Some(_turn) = turn("the_articles_notebook_plots_a_run", &needs) else {
        return;
    };
    let dir = tempfile::tempdir().expect("a temporary folder");
    let csv = dir.path().join("run.csv");
    let mut sim = Command::new(dpdkgen_sim());
    let line = "sendrecv -q --rate 20kpps --duration 3 --packet-size 16 -i 1 --loss 1% --poll 50us";
    sim.args(line.split(' ')).arg("--stats-file").arg(&csv);
    let _ = run(sim, LIMIT).ok();
    let rows = Rows::read(&csv);
    assert!(rows.len() > 3_900, "{} rows of a millisecond", rows.len());

    let picture = target().join("notebook.png");
    let mut python = Command::new(PYTHON);
    python.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/notebook.py"));
    python.arg(&csv).arg(&picture);
    python.env("MPLCONFIGDIR", dir.path());
    let plotted = run(python, LIMIT).ok();
    assert_eq!(
        plotted.stderr, "",
        "pandas and matplotlib have nothing to say"
    );
    let seconds: Vec<Vec<f64>> = plotted
        .stdout
        .lines()
        .map(|line| {
            line.split(' ')
                .map(|field| field.parse().expect(field))
                .collect()
        })
        .collect();
    assert!(seconds.len() >= 3, "{}", plotted.stdout);
    for second in &seconds[..2] {
        let [sent, received, loss, latency] = second[..] else {
            panic!("{second:?}");
        };
        assert_eq!(sent, 20_000.0, "a second's packets");
        // Lost on either way, and two delays of 50 µs at least.
        assert!((19_300.0..19_900.0).contains(&received), "{received}");
        assert!((0.01..0.03).contains(&loss), "{loss}");
        assert!((0.1..0.3).contains(&latency), "{latency} ms");
    }
    let drawn = std::fs::read(&picture).expect("a picture");
    assert!(drawn.starts_with(b"\x89PNG") && drawn.len() > 10_000);
}
