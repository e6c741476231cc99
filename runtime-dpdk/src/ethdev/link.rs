//! Whether a port has a connection.
#![allow(unsafe_code)]

use serde::Serialize;

/// A port's connection at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Link {
    /// Whether packets can pass.
    pub up: bool,
    /// The speed; absent when not told.
    pub speed_mbps: Option<u32>,
}

impl Link {
    /// Returns the link of the port `index` as it is now; none where the driver does not tell.
    pub(crate) fn of(index: u16) -> Option<Self> {
        let (mut up, mut speed_mbps) = (false, 0);
        // SAFETY: fills both; an index that is none gives an error.
        let error = unsafe { dpdk_sys::dg_port_link(index, &raw mut up, &raw mut speed_mbps) };
        (error == 0).then_some(Self {
            up,
            speed_mbps: Some(speed_mbps).filter(|&speed| speed != 0),
        })
    }
}
