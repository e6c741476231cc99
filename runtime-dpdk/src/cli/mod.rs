//! What a user names and reads.

mod list;
pub mod select;

pub use list::{render, to_json};
