//! What can go wrong with an agent.

use std::io;
use std::time::Duration;

use webtrunk_signalling::sip::message::{Method, ParseError, Response};

use super::sdp::SdpError;

/// What can go wrong with an agent.
#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    /// The server cannot be reached.
    #[error("cannot reach {server}: {source}; is it running there?")]
    Unreachable {
        /// Where.
        server: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// This machine does not give what is needed.
    #[error("cannot open {what}: {source}")]
    Local {
        /// A socket or an address.
        what: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The peer refused.
    #[error("the peer refused: {status} {reason}")]
    Refused {
        /// The status code.
        status: u16,
        /// The reason phrase.
        reason: String,
    },
    /// The peer did not respond in time, or its connection ended.
    #[error("no final response to {0}")]
    NoResponse(Method),
    /// The peer's message lacks what is needed.
    #[error("the peer's SIP is of no use: {0}")]
    Sip(#[from] ParseError),
    /// The peer's description is of no use.
    #[error(transparent)]
    Sdp(#[from] SdpError),
    /// The destination is no SIP address.
    #[error("{0:?} is no user, number or SIP URI")]
    Destination(String),
    /// Not a key of a telephone.
    #[error("{0:?} has more than the digits 0-9 * # A-D")]
    Digits(String),
    /// The WebRTC library failed.
    #[error("the WebRTC library failed: {0}")]
    Library(String),
    /// What lies between both ends of a call without SIP refused or was not understood.
    #[error("the media relay is of no use: {0}")]
    Relay(String),
    /// A request of the JSON API was refused or not answered.
    #[error("the JSON API: {0}")]
    Page(String),
    /// The call or its agent has ended.
    #[error("the call has ended")]
    Gone,
    /// It did not happen.
    #[error("{what} did not happen within {limit:?}")]
    Waited {
        /// What was waited for.
        what: &'static str,
        /// How long.
        limit: Duration,
    },
}

impl AgentError {
    pub(crate) fn library(error: impl std::fmt::Display) -> Self {
        Self::Library(error.to_string())
    }

    pub(crate) fn refused(response: &Response) -> Self {
        Self::Refused { status: response.status.code(), reason: response.reason.to_string() }
    }

    /// The status code, where the peer refused with one.
    #[must_use]
    pub const fn status(&self) -> Option<u16> {
        match self {
            Self::Refused { status, .. } => Some(*status),
            _ => None,
        }
    }
}
