//! Does a piece of work `ROUNDS` times under valgrind: `instructions NAME ROUNDS`.

use std::process::ExitCode;

use dpdkgen_bench::WORKS;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let work = |name: &str| WORKS.iter().find(|(of, _)| *of == name);
    if let [name, rounds] = &args[..]
        && let Some((_, make)) = work(name)
        && let Ok(rounds) = rounds.parse::<u64>()
    {
        let mut work = make();
        for _ in 0..rounds {
            work();
        }
        return ExitCode::SUCCESS;
    }
    let names: Vec<&str> = WORKS.iter().map(|(name, _)| *name).collect();
    let vectors = if cfg!(target_feature = "sse4.1") {
        "with SSE4.1"
    } else {
        "without SSE4.1"
    };
    eprintln!(
        "usage: instructions NAME ROUNDS; built {vectors}; NAME is one of: {}",
        names.join(", ")
    );
    ExitCode::from(2)
}
