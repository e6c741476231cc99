//! Finds libdpdk, compiles `shim.c` and binds what `shim.h` offers, by exact name.

use std::env;
use std::path::PathBuf;
use std::process::Command;

/// The oldest DPDK that the shim compiles against.
const OLDEST_DPDK: &str = "22.11";

const NO_DPDK: &str = "libdpdk 22.11 or later was not found by pkg-config: install it with \
     `apt-get install libdpdk-dev pkg-config`, or point PKG_CONFIG_PATH at its libdpdk.pc";
const NO_CLANG: &str = "libclang, with which bindgen reads DPDK's headers, was not found: install it with \
     `apt-get install libclang-dev clang`, or point LIBCLANG_PATH at the folder of libclang.so";

const FUNCTIONS: &[&str] = &[
    // EAL
    "rte_eal_init",
    "rte_eal_alarm_cancel",
    "rte_eal_alarm_set",
    "rte_eal_cleanup",
    "rte_eal_remote_launch",
    "rte_eal_get_lcore_state",
    "rte_eal_wait_lcore",
    "rte_get_main_lcore",
    "rte_get_next_lcore",
    "rte_lcore_to_socket_id",
    "rte_log_set_global_level",
    "rte_strerror",
    "rte_version",
    "dg_driver_folder",
    "dg_errno",
    "dg_log_to",
    "dg_log_to_fd",
    "dg_log_to_stderr",
    // ports
    "rte_eth_dev_adjust_nb_rx_tx_desc",
    "rte_eth_dev_close",
    "rte_eth_dev_rx_offload_name",
    "rte_eth_dev_set_mtu",
    "rte_eth_allmulticast_disable",
    "rte_eth_allmulticast_enable",
    "rte_eth_promiscuous_disable",
    "rte_eth_promiscuous_enable",
    "rte_eth_dev_start",
    "rte_eth_dev_stop",
    "rte_eth_dev_tx_offload_name",
    "rte_eth_find_next",
    "rte_eth_find_next_owned_by",
    "rte_eth_xstats_get",
    "rte_eth_xstats_get_names",
    "dg_port_configure",
    "dg_rss_update",
    "dg_port_info",
    "dg_port_is_removed",
    "dg_port_link",
    "dg_port_stats",
    "dg_restore_tags",
    "dg_rss_type_name",
    "dg_rx_queue_setup",
    "dg_tx_queue_setup",
    // packets
    "rte_mempool_free",
    "rte_pktmbuf_pool_create",
    "dg_free_bulk",
    "dg_memif_has_ring",
    "dg_rx_burst",
    "dg_rx_queue_count",
    "dg_take_bulk",
    "dg_tx_burst",
];

const TYPES: &[&str] = &[
    "dg_mbuf",
    "dg_port_config",
    "dg_port_info",
    "dg_port_stats",
    "rte_eth_xstat",
    "rte_eth_xstat_name",
    "rte_mempool",
];

/// The constants of `shim.h`, each a variant of an unnamed enum.
const CONSTANTS: &[&str] = &[
    "DG_LOG_INFO",
    "DG_MAX_LCORES",
    "DG_MAX_PORTS",
    "DG_NO_OWNER",
    "DG_NO_PORT",
    "DG_OFFSET_BUF_ADDR",
    "DG_OFFSET_DATA_LEN",
    "DG_OFFSET_DATA_OFF",
    "DG_OFFSET_NB_SEGS",
    "DG_OFFSET_NEXT",
    "DG_OFFSET_OL_FLAGS",
    "DG_OFFSET_PKT_LEN",
    "DG_FOREIGN_DATA",
    "DG_HEADROOM",
    "DG_MBUF_BYTES",
    "DG_RSS_IP_UDP",
    "DG_RX_SCATTER",
    "DG_TAGS_BESIDE",
    "DG_TX_MBUF_FAST_FREE",
    "DG_TX_MULTI_SEGS",
];

fn main() {
    println!("cargo::rerun-if-env-changed=LIBCLANG_PATH");
    for input in ["build.rs", "shim.h", "shim.c"] {
        println!("cargo::rerun-if-changed={input}");
    }
    if let Err(sentence) = build() {
        // Fails the build with this line alone, where a panic would add its own text.
        println!("cargo::error={sentence}");
    }
}

fn build() -> Result<(), String> {
    pkg_config::Config::new()
        .atleast_version(OLDEST_DPDK)
        .probe("libdpdk")
        .map_err(|_| NO_DPDK)?;
    let flags = compiler_flags().ok_or(NO_DPDK)?;

    clang_sys::load().map_err(|_| NO_CLANG)?;
    let bindings = bind(&flags)?;
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("OUT_DIR is set by cargo")?);
    bindings
        .write_to_file(out.join("bindings.rs"))
        .map_err(|e| format!("cannot write the bindings to {}: {e}", out.display()))?;

    // Whatever profile Rust is built with: the burst functions are the hot path.
    let mut shim = cc::Build::new();
    shim.file("shim.c").opt_level(3).std("gnu11").warnings(true);
    shim.force_frame_pointer(false);
    for flag in &flags {
        shim.flag(flag);
    }
    shim.try_compile("dg_shim").map_err(|e| {
        format!("shim.c does not compile against this DPDK (`apt-get install build-essential` if there is no C compiler): {e}")
    })
}

/// Returns what `pkg-config --cflags` says, whole: DPDK's inline functions need its `-include` and
/// `-march`, which the pkg-config crate leaves out.
fn compiler_flags() -> Option<Vec<String>> {
    println!("cargo::rerun-if-env-changed=PKG_CONFIG");
    let program = env::var_os("PKG_CONFIG").unwrap_or_else(|| "pkg-config".into());
    let output = Command::new(program)
        .args(["--cflags", "libdpdk"])
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output
        .status
        .success()
        .then(|| text.split_whitespace().map(str::to_owned).collect())
}

fn bind(flags: &[String]) -> Result<bindgen::Bindings, String> {
    let mut builder = bindgen::Builder::default()
        .header("shim.h")
        .clang_args(flags)
        .opaque_type("rte_mempool")
        .prepend_enum_name(false)
        .derive_default(true)
        .rust_edition(bindgen::RustEdition::Edition2024);
    for name in FUNCTIONS {
        builder = builder.allowlist_function(name);
    }
    for name in TYPES {
        builder = builder.allowlist_type(name);
    }
    for name in CONSTANTS {
        builder = builder.allowlist_var(name);
    }
    builder.generate().map_err(|e| match e {
        // A libclang without its own headers, as when only the library's package is installed.
        bindgen::BindgenError::ClangDiagnostic(text)
            if text.contains("'stddef.h' file not found") =>
        {
            NO_CLANG.to_owned()
        }
        other => format!("bindgen cannot read DPDK's headers: {other}"),
    })
}
