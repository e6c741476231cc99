//! What DPDK logs unless somebody asks for more: warnings, of netvsc notices, and of memif all.
#![allow(unsafe_code)]

use std::ffi::{CStr, c_char, c_int};

use dpdkgen_rt::eal::{Eal, default_args};
use dpdkgen_rt::ethdev;

const WARNING: c_int = 5;
const NOTICE: c_int = 6;
const INFO: c_int = 7;
/// What a driver asks for that wants to be heard most.
const DEBUG: u32 = 8;

// What a driver calls when it is loaded.
unsafe extern "C" {
    fn rte_log_register_type_and_pick_level(name: *const c_char, default: u32) -> c_int;
    fn rte_log_get_level(kind: u32) -> c_int;
}

/// Returns the level of a kind of message, as its driver finds it.
fn level(name: &CStr) -> c_int {
    // SAFETY: DPDK copies the name, which ends in a zero byte.
    let kind = unsafe { rte_log_register_type_and_pick_level(name.as_ptr(), DEBUG) };
    let kind = u32::try_from(kind).expect("a kind of message");
    // SAFETY: only reads.
    unsafe { rte_log_get_level(kind) }
}

#[test]
fn warnings_are_logged_of_netvsc_notices_and_of_memif_why_a_peer_left() {
    let mut args = default_args(0);
    args.retain(|arg| arg != "--in-memory");
    let more = "--no-pci --no-huge -m 64 --no-shconf";
    args.extend(more.split_whitespace().map(str::to_owned));
    let _eal = Eal::init(&args, false, ethdev::CLOSER).expect("an EAL");
    assert_eq!(level(c"pmd.net.netvsc.driver"), NOTICE);
    assert_eq!(level(c"pmd.net.memif"), INFO);
    for other in [c"pmd.net.netvsc.init", c"lib.eal", c"pmd.of.later"] {
        assert_eq!(level(other), WARNING, "{other:?}");
    }
}
