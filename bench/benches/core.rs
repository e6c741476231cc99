//! How long each piece of work takes: `cargo bench -p dpdkgen-bench`.

use divan::Bencher;
use divan::counter::ItemsCount;
use dpdkgen_bench::{PACKETS, WORKS};

fn main() {
    divan::main();
}

#[divan::bench(args = WORKS.iter().map(|(name, _)| *name))]
fn packets(bencher: Bencher<'_, '_>, name: &str) {
    let (_, make) = WORKS
        .iter()
        .find(|(of, _)| *of == name)
        .expect("a name of the list");
    let work = make();
    bencher.counter(ItemsCount::new(PACKETS)).bench_local(work);
}
