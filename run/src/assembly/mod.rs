//! The parts of a run, put together: who works where, the memory for it, and what the workers
//! share.

pub mod context;
pub mod memory;
pub mod placement;

pub use self::context::Context;
pub use self::memory::Memory;
pub use self::placement::{OpenedPort, Placement, WorkerSpec, worker_specs};
