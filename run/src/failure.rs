//! The one error type at the edge: a sentence for the user and the exit status it leads to.

use std::fmt;

/// The reason for which a run cannot be made, in one sentence that names what was wrong and what to
/// do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    kind: Kind,
    sentence: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Machine,
    Request,
}

impl Failure {
    /// Makes a failure of the machine or a device (hugepages, permission, path, link): exit status
    /// 1.
    pub fn machine(sentence: impl Into<String>) -> Self {
        Self {
            kind: Kind::Machine,
            sentence: sentence.into(),
        }
    }

    /// Makes a failure of the request, which cannot be met (syntax, no such port, too many queues):
    /// exit status 2.
    pub fn request(sentence: impl Into<String>) -> Self {
        Self {
            kind: Kind::Request,
            sentence: sentence.into(),
        }
    }

    /// Returns the exit status of a program that ends with this failure.
    #[must_use]
    pub const fn exit_status(&self) -> u8 {
        match self.kind {
            Kind::Machine => 1,
            Kind::Request => 2,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sentence)
    }
}

impl std::error::Error for Failure {}
