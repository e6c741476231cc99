//! Raw bindings to what dpdkgen uses of DPDK, and nothing else.
//!
//! Names that begin with `rte_` are DPDK's own. Those that begin with `dg_` are the shim's
//! (`shim.h`, `shim.c`): flat structs in place of DPDK's configuration structs, and real functions
//! in place of its static inline ones, one call per burst. `build.rs` lists every one by name.
#![allow(unsafe_code)]

#[allow(
    missing_docs,
    non_camel_case_types,
    non_upper_case_globals,
    unused_qualifications
)]
#[allow(clippy::all, clippy::undocumented_unsafe_blocks, rustdoc::all)]
mod bindings {
    include!(concat!(env!("OUT_DIR"), "/bindings.rs"));
}

pub use bindings::*;

use core::mem::{align_of, offset_of};

// What shim.c asserts in the compiler that builds DPDK's inline functions, once more in the one
// that builds the accesses.
const _: () = {
    assert!(offset_of!(dg_mbuf, buf_addr) == DG_OFFSET_BUF_ADDR as usize);
    assert!(offset_of!(dg_mbuf, data_off) == DG_OFFSET_DATA_OFF as usize);
    assert!(offset_of!(dg_mbuf, nb_segs) == DG_OFFSET_NB_SEGS as usize);
    assert!(offset_of!(dg_mbuf, ol_flags) == DG_OFFSET_OL_FLAGS as usize);
    assert!(offset_of!(dg_mbuf, pkt_len) == DG_OFFSET_PKT_LEN as usize);
    assert!(offset_of!(dg_mbuf, data_len) == DG_OFFSET_DATA_LEN as usize);
    assert!((DG_OFFSET_NEXT as usize).is_multiple_of(align_of::<*mut dg_mbuf>()));
};
