//! The metrics of a run that is going on, for Prometheus: `/metrics` over HTTP.
//!
//! Promised: the address is bound before anything is sent; the metrics are at most about a second
//! old; counters never decrease; whatever clients do, the run goes on and others are answered; and if
//! nobody can be, that is said once while the run goes on.

mod server;
mod text;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, PoisonError};

use self::server::Server;
pub use self::text::render;
use crate::console::Console;
use crate::progress::{Progress, Step};

/// The error of an address that could not be bound: one sentence.
#[derive(Debug, thiserror::Error)]
#[error("cannot serve metrics on {address}: {cause}; name another --metrics address or port")]
pub struct BindError {
    address: SocketAddr,
    cause: io::Error,
}

/// The metrics of a run, served at an address.
pub struct Metrics {
    address: SocketAddr,
    told: Arc<Mutex<String>>,
    last: Option<Progress>,
    state: State,
    has_said: bool,
}

enum State {
    /// The address is bound, and clients wait until the run begins; `None` only while the server is
    /// being started.
    Bound(Option<TcpListener>),
    Serving(Server),
    Failed(io::Error),
}

impl Metrics {
    /// Binds `address`.
    ///
    /// # Errors
    ///
    /// If it is in use, or not this machine's; the error is a sentence that names it.
    pub fn bind(address: SocketAddr) -> Result<Self, BindError> {
        let bound =
            TcpListener::bind(address).and_then(|listener| Ok((listener.local_addr()?, listener)));
        match bound {
            Ok((address, listener)) => Ok(Self {
                address,
                told: Arc::default(),
                last: None,
                state: State::Bound(Some(listener)),
                has_said: false,
            }),
            Err(cause) => Err(BindError { address, cause }),
        }
    }

    /// Returns the address, with the port that the system chose if it was 0.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves the metrics of `progress` from now on, and says on `console`, once, if that cannot be
    /// done. The first call makes the server's thread,
    /// which runs on the CPUs of the thread that calls.
    pub fn show(&mut self, progress: Progress, console: &Console) {
        let text = render(&Step::new(self.last.as_ref(), &progress));
        *self.told.lock().unwrap_or_else(PoisonError::into_inner) = text;
        self.last = Some(progress);
        self.serve();
        if !self.has_said
            && let Some(trouble) = self.trouble()
        {
            self.has_said = true;
            console.say(&format!("{trouble}; the run goes on"));
        }
    }

    /// Returns a sentence that says why nobody is answered just now.
    fn trouble(&self) -> Option<String> {
        let cause = match &self.state {
            State::Bound(_) => None,
            State::Failed(cause) => Some(cause.to_string()),
            State::Serving(server) => server.trouble(),
        };
        cause.map(|cause| format!("{} (metrics) takes no clients: {cause}", self.address))
    }

    /// Starts the server, unless it has been started.
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

    /// Ends the server. Returns a sentence that says why, if it could not be started or could take
    /// no more clients by the end.
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
