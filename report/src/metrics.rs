//! The metrics of a run that is going on, for Prometheus: `/metrics` over HTTP.
//!
//! Promised: the address is taken before anything is sent; what is told is at most about a second
//! old; counters never decrease; and whatever clients do, the run goes on and others are answered.

mod server;
mod text;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, PoisonError};

use self::server::Server;
pub use self::text::render;
use crate::progress::{Progress, Step};

/// The address could not be taken: one sentence.
#[derive(Debug, thiserror::Error)]
#[error("cannot serve metrics on {address}: {cause}; name another --metrics address or port")]
pub struct BindError {
    address: SocketAddr,
    cause: io::Error,
}

/// An address that is taken, and what is told there.
pub struct Metrics {
    address: SocketAddr,
    told: Arc<Mutex<String>>,
    last: Option<Progress>,
    state: State,
}

enum State {
    /// Clients wait until the run begins.
    Bound(Option<TcpListener>),
    Serving(Server),
    Failed(io::Error),
}

impl Metrics {
    /// Takes `address`.
    ///
    /// # Errors
    ///
    /// It is taken, or not this machine's; the error is a sentence that names it.
    pub fn bind(address: SocketAddr) -> Result<Self, BindError> {
        let bound =
            TcpListener::bind(address).and_then(|listener| Ok((listener.local_addr()?, listener)));
        match bound {
            Ok((address, listener)) => Ok(Self {
                address,
                told: Arc::default(),
                last: None,
                state: State::Bound(Some(listener)),
            }),
            Err(cause) => Err(BindError { address, cause }),
        }
    }

    /// Returns the address, with the port that the system chose if it was asked to.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Tells `progress` from now on. Whoever calls this first decides where the server's threads
    /// run.
    pub fn show(&mut self, progress: Progress) {
        let text = render(&Step::new(self.last.as_ref(), &progress));
        *self.told.lock().unwrap_or_else(PoisonError::into_inner) = text;
        self.last = Some(progress);
        self.serve();
    }

    /// Begins to answer, if that has not begun.
    fn serve(&mut self) {
        let State::Bound(listener) = &mut self.state else {
            return;
        };
        let Some(listener) = listener.take() else {
            return;
        };
        self.state = match Server::start(listener, Arc::clone(&self.told)) {
            Ok(server) => State::Serving(server),
            Err(cause) => State::Failed(cause),
        };
    }

    /// Answers nobody any more. If nobody ever was answered, or nobody could be by the end: why, in
    /// one sentence.
    #[must_use]
    pub fn finish(self) -> Option<String> {
        let (cause, what) = match self.state {
            State::Bound(_) => return None,
            State::Failed(cause) => (Some(cause), "was not served"),
            State::Serving(server) => (server.finish(), "was not served any more by the end"),
        };
        cause.map(|cause| format!("{} (metrics) {what}: {cause}", self.address))
    }
}
