//! The course of a run: how it is started, watched and ended.

pub mod clock;
pub mod control;
pub mod course;
pub mod drive;
pub mod signals;
pub mod threads;
pub mod trial;
