//! The sending role: when a packet is due, what is in it, and which sequence it takes.

pub mod generator;
mod neighbours;
pub mod pacer;
pub mod template;

pub use generator::{Generator, Plan};
pub use neighbours::Neighbours;
pub use pacer::{Pacer, Rate};
pub use template::{Patch, Template};
