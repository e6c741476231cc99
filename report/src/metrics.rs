//! The metrics of a run that is going on, for Prometheus: `/metrics` over HTTP.
//!
//! Promised: the address is taken before anything is sent; what is told is at most about a second
//! old; counters never decrease; and a client that is slow or asks often holds up nothing but
//! itself.

mod text;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use tiny_http::{Header, Method, Request, Response, Server};

pub use self::text::render;
use crate::progress::{Progress, Step};

/// The text format, as Prometheus names it.
const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

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
    Bound(TcpListener),
    Serving(Arc<Server>, JoinHandle<()>),
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
                state: State::Bound(listener),
            }),
            Err(cause) => Err(BindError { address, cause }),
        }
    }

    /// The address, with the port that the system chose if it was asked to.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Tells `progress` from now on. Whoever calls this first decides where the server's threads run.
    pub fn show(&mut self, progress: Progress) {
        let text = render(&Step::new(self.last.as_ref(), &progress));
        *self.told.lock().unwrap_or_else(PoisonError::into_inner) = text;
        self.last = Some(progress);
        self.serve();
    }

    /// Begins to answer, if that has not begun.
    fn serve(&mut self) {
        if let State::Bound(listener) = &self.state {
            let served = listener.try_clone();
            let served = served.and_then(|listener| serve(listener, &self.told));
            self.state = match served {
                Ok((server, thread)) => State::Serving(server, thread),
                Err(cause) => State::Failed(cause),
            };
        }
    }

    /// Answers nobody any more. If nobody ever was, although the address had been taken: why, in one
    /// sentence.
    #[must_use]
    pub fn finish(self) -> Option<String> {
        match self.state {
            State::Bound(_) => None,
            State::Failed(cause) => Some(format!(
                "{} (metrics) was not served: {cause}",
                self.address
            )),
            State::Serving(server, thread) => {
                server.unblock();
                let _ = thread.join();
                None
            }
        }
    }
}

fn serve(
    listener: TcpListener,
    told: &Arc<Mutex<String>>,
) -> io::Result<(Arc<Server>, JoinHandle<()>)> {
    let server = Server::from_listener(listener, None).map_err(io::Error::other)?;
    let server = Arc::new(server);
    let (serving, told) = (Arc::clone(&server), Arc::clone(told));
    let thread = thread::Builder::new().name("metrics".to_owned());
    let thread = thread.spawn(move || {
        for request in serving.incoming_requests() {
            let text = told.lock().unwrap_or_else(PoisonError::into_inner).clone();
            answer(request, text);
        }
    })?;
    Ok((server, thread))
}

/// Whoever asked may have gone.
fn answer(request: Request, text: String) {
    let path = request.url().split('?').next().unwrap_or_default();
    let is_read = matches!(request.method(), Method::Get | Method::Head);
    let _ = match path {
        "/metrics" if is_read => {
            let header = Header::from_bytes("Content-Type", CONTENT_TYPE)
                .expect("a header without line breaks");
            request.respond(Response::from_string(text).with_header(header))
        }
        "/metrics" => {
            request.respond(Response::from_string("only GET and HEAD\n").with_status_code(405))
        }
        _ => request
            .respond(Response::from_string("the metrics are at /metrics\n").with_status_code(404)),
    };
}
