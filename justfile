# What there is to do here: `just` lists it. Each recipe is a script or a line of cargo, and works without just too.

_list:
    @just --list --unsorted

# Install what building takes; with `--tests`, what the tests take too
setup *ARGS:
    scripts/setup {{ ARGS }}

# Build dpdkgen-rt and dpdkgen-sim as they are used
build:
    cargo build --release -p dpdkgen-rt -p sim

# Run every check and every test; as root with those in network namespaces
test:
    scripts/test

# Run the tests that need no DPDK
quick *ARGS:
    cargo test {{ ARGS }}

# Run fuzz targets for a time each: `just fuzz 600 probe`; all of them for a minute without arguments
fuzz *ARGS:
    scripts/fuzz {{ ARGS }}

# Run the models of what threads share, or those of one file
loom *ARGS:
    scripts/loom {{ ARGS }}

# Look for undefined behaviour: all parts, or those named (shim, miri, address, thread)
sanitize *ARGS:
    scripts/sanitize {{ ARGS }}

# Run for an hour over memif and for a simulated day, and hold what was told against itself
soak *ARGS:
    scripts/soak {{ ARGS }}

# Run on emulated NICs in QEMU: all of them, or those named (e1000e, igb, vmxnet3, virtio)
emulate *ARGS:
    scripts/emulate {{ ARGS }}

# Plant faults in the accounting, or those of these numbers, and say which tests notice
plant *ARGS:
    scripts/plant {{ ARGS }}

# Make every small change to core, or those of some functions (`-F Pacer`), and say which nobody notices
mutants *ARGS:
    scripts/mutants {{ ARGS }}

# Measure against testpmd and a bare loop; takes root and hugepages
bench *ARGS:
    scripts/bench {{ ARGS }}

# Compare the hot paths' instructions with those kept; `--write` keeps those of now
instructions *ARGS:
    cargo build --release -p dpdkgen-bench
    scripts/instructions {{ ARGS }}

# Show a reflector and a sender over memif for ten seconds; takes no privileges
demo *ARGS:
    scripts/demo {{ ARGS }}

# Build the documentation of all crates
docs *ARGS:
    cargo doc --workspace --no-deps {{ ARGS }}

# Format, and tell what clippy finds
lint:
    cargo fmt --all
    cargo clippy --workspace --all-targets -- -D warnings
