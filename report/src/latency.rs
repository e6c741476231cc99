//! What a run's latencies are, and the one place that names them: for people and for Prometheus.

/// The kind of latency that a run measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LatencyKind {
    /// From a port to a reflector and back (RFC 2681).
    RoundTrip,
    /// From a port to a port over a path that forwards, by one clock (RFC 7679).
    OneWay,
    /// One of the two: a CSV alone does not tell which.
    Untold,
}

impl LatencyKind {
    /// Returns the kind of a run whose path forwards, or does not.
    #[must_use]
    pub const fn of(is_through: bool) -> Self {
        if is_through {
            Self::OneWay
        } else {
            Self::RoundTrip
        }
    }

    /// Returns its name within a sentence, as in `the round trip`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.names()[0]
    }

    /// Returns the name of many, as in `round trips measured by dpdkgen`.
    #[must_use]
    pub const fn plural(self) -> &'static str {
        self.names()[1]
    }

    /// Returns its shortest name, for where there is little room.
    #[must_use]
    pub const fn short(self) -> &'static str {
        self.names()[2]
    }

    /// Returns its name in a metric, without prefix and unit.
    #[must_use]
    pub const fn metric(self) -> &'static str {
        self.names()[3]
    }

    const fn names(self) -> [&'static str; 4] {
        match self {
            Self::RoundTrip => ["round trip", "round trips", "round trip", "round_trip"],
            Self::OneWay => ["one-way latency", "one-way latencies", "one-way", "one_way"],
            Self::Untold => ["latency", "latencies", "latency", "latency"],
        }
    }
}
