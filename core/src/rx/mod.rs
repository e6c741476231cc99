//! The receiving role: what a frame is, from the frame alone, and what it counts as.

mod answering;
mod arrivals;
pub mod receiver;
pub mod verify;

pub use answering::{AnswerBox, MAX_ANSWER};
pub use receiver::Receiver;
pub use verify::{Expectation, Verifier};
