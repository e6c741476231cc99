//! The command `search`: how much a path carries, found by trials on ports that stay open.
//!
//! The `dpdkgen-search` crate decides which load comes next and what the trials say; here they are
//! asked for ([`SearchRequest`]), carried out ([`Searching`]) and shown.

mod conclusion;
mod drive;
mod known;
mod outputs;
mod recipes;
mod request;
mod trials;

pub use self::drive::Searching;
pub use self::request::{NamedGoal, Recipe, SearchRequest};
