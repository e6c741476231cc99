//! What a user names and reads.

mod errors;
mod list;
pub mod select;

pub use list::{render, to_json};
