//! What a user names and reads: ports chosen ([`select`]) and listed, and what went wrong, in one
//! sentence each with the options of the command line ([`explain`]).

pub mod explain;
mod list;
pub mod select;

pub use list::{render, to_json};
