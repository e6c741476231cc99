//! dpdkgen over the kernel's UDP sockets: on any Linux, without DPDK and without root.
//!
//! | module | what it promises |
//! |---|---|
//! | [`options`] | the command line: what sockets cannot do is refused, and what only they can is read |
//! | [`open`] | a request is met with open sockets, or refused with a reason |
//! | [`sockets`] | a socket has its options, its buffers and its counters |
//! | [`port`] | a worker's sockets are a port of frames, whose headers no kernel sees |
//! | [`runtime`] | sockets and threads as trials want them: `Runtime` of `dpdkgen-run` |
//! | [`kernel`], [`errors`] | what the kernel counts and what it answers, by its own names |
//! | [`sys`] | the system calls that have no safe form elsewhere; `unsafe` stands there alone |
//! | [`explain`] | errors as sentences |

pub mod errors;
pub mod explain;
pub mod kernel;
pub mod open;
pub mod options;
pub mod port;
pub mod runtime;
pub mod sockets;
pub mod sys;
