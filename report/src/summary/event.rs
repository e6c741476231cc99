//! What happened to a port during a run.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Something that happened to a port.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// When it was seen: seconds since counting began, as in the rows of the CSV; negative in the
    /// warm-up.
    pub at_s: f64,
    /// The port's name.
    pub port: String,
    /// What happened.
    pub what: Happening,
}

/// What can happen to a port. In the JSON it is a text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", from = "String")]
pub enum Happening {
    /// Its link went down.
    LinkDown,
    /// Its link came up again.
    LinkUp,
    /// Its peer, without which it has no link, went away.
    PeerGone,
    /// A peer came back.
    PeerBack,
    /// Its device takes nothing more, since nobody empties its transmit rings.
    TxRingFull,
    /// It takes packets again.
    TxRingFree,
    /// Its device was taken away, which ended the run.
    Removed,
    /// The VF of a netvsc port was taken away: packets take the slow path.
    VfGone,
    /// It was given back.
    VfBack,
    /// Something else, in words.
    Other(String),
}

impl Happening {
    /// Returns whether it is about whether the port can carry anything.
    #[must_use]
    pub const fn is_of_link(&self) -> bool {
        matches!(self, Self::LinkUp | Self::PeerBack | Self::TxRingFree) || self.is_outage()
    }

    /// Returns whether the port can carry nothing from then on.
    #[must_use]
    pub const fn is_outage(&self) -> bool {
        matches!(
            self,
            Self::LinkDown | Self::PeerGone | Self::TxRingFull | Self::Removed
        )
    }
}

impl fmt::Display for Happening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::LinkDown => "link down",
            Self::LinkUp => "link up",
            Self::PeerGone => "peer gone",
            Self::PeerBack => "peer back",
            Self::TxRingFull => "tx ring full",
            Self::TxRingFree => "tx ring free",
            Self::Removed => "removed",
            Self::VfGone => "VF gone",
            Self::VfBack => "VF back",
            Self::Other(what) => what,
        })
    }
}

impl From<Happening> for String {
    fn from(happening: Happening) -> Self {
        happening.to_string()
    }
}

impl From<String> for Happening {
    fn from(text: String) -> Self {
        let known = [
            Self::LinkDown,
            Self::LinkUp,
            Self::PeerGone,
            Self::PeerBack,
            Self::TxRingFull,
            Self::TxRingFree,
            Self::Removed,
            Self::VfGone,
            Self::VfBack,
        ];
        let known = known.into_iter().find(|known| known.to_string() == text);
        known.unwrap_or(Self::Other(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_happened_is_read_as_it_was_written() {
        for what in [
            Happening::LinkDown,
            Happening::PeerBack,
            Happening::VfGone,
            Happening::Other("next hop 10.0.0.1 moved".to_owned()),
        ] {
            let text = serde_json::to_string(&what).unwrap();
            assert_eq!(text, format!("\"{what}\""));
            assert_eq!(serde_json::from_str::<Happening>(&text).unwrap(), what);
        }
    }
}
