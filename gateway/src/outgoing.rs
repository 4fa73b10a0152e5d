//! Requests that the gateway makes by itself, to servers that the configuration names, by connections to addresses that were looked at.
//!
//! No redirect is followed and no proxy is asked: where it goes is where the configuration says.

mod line;
mod reach;

use std::error::Error;
use std::io;
use std::net::IpAddr;
use std::time::Duration;

use hyper::header::{HOST, USER_AGENT};
use hyper::http::request::Builder;
use hyper::{Method, Request};
use webtrunk_engine::net::Network;

pub use self::line::Line;
pub use self::reach::{Unreachable, refusal};
use crate::config::{Authorities, Target};

/// How long a request may take, from the look-up of the name to the end of the answer. Chosen by us: receivers of webhooks put what they
/// get into a queue, and providers have their keys at hand.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// The longest head of an answer.
pub(crate) const HEAD_MAX: usize = 16 << 10;

/// Who is asked.
#[derive(Debug, Clone, Copy)]
pub struct Server<'s> {
    /// Where it is.
    pub target: &'s Target,
    /// Addresses that it may have besides public ones.
    pub networks: &'s [Network],
    /// By these and the addresses of the machine others reach the gateway: nobody is asked there, unless `networks` have it.
    pub own: &'s [IpAddr],
    /// By whom its certificate is vouched for; `None` where it is asked without TLS.
    pub authorities: Option<&'s Authorities>,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// It cannot be connected to, or its certificate is another's.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// It is where nobody may be asked.
    #[error(transparent)]
    Unreachable(#[from] Unreachable),
    /// It speaks something else.
    #[error("what it answers is no HTTP: {0}")]
    Http(#[from] hyper::Error),
    /// There is no such request.
    #[error("it cannot be asked: {0}")]
    Request(#[from] hyper::http::Error),
    /// The answer is too long, or ends before its end.
    #[error("what it answers cannot be read: {0}")]
    Body(Box<dyn Error + Send + Sync>),
}

impl Server<'_> {
    /// A request to it; what it is about is the caller's to add.
    #[must_use]
    pub fn request(&self, method: Method) -> Builder {
        Request::builder()
            .method(method)
            .uri(self.target.path.as_str())
            .header(HOST, self.target.authority.as_str())
            .header(USER_AGENT, concat!("Webtrunk/", env!("CARGO_PKG_VERSION")))
    }
}
