//! The states of a WebRTC transport.

use std::fmt;
use std::time::Instant;

use super::event::TransportError;
use crate::dtls::{Association, Handshake, SrtpPair};
use crate::rtp::DropReason;

/// DTLS datagrams kept for a peer whose description has not come: a ClientHello is two.
const EARLY_DATAGRAMS_MAX: usize = 8;

/// Longest of them in bytes: Ethernet's payload.
const EARLY_DATAGRAM_LENGTH_MAX: usize = 1500;

/// Where a transport is, and what it holds there.
pub(super) enum State {
    /// We have candidates; the peer's description has not come.
    Gathering {
        early: EarlyDatagrams,
    },
    /// Described, but no check has come.
    Checking {
        expires_at: Instant,
    },
    Handshaking {
        handshake: Box<Handshake>,
        expires_at: Instant,
    },
    Ready {
        association: Association,
        srtp: Box<SrtpPair>,
    },
    Closed,
    Failed(TransportError),
}

impl State {
    /// The keys of both directions.
    ///
    /// # Errors
    /// [`DropReason::NotReady`], before the handshake and after the end.
    pub(super) fn keys(&mut self) -> Result<&mut SrtpPair, DropReason> {
        match self {
            Self::Ready { srtp, .. } => Ok(srtp),
            Self::Gathering { .. }
            | Self::Checking { .. }
            | Self::Handshaking { .. }
            | Self::Closed
            | Self::Failed(_) => Err(DropReason::NotReady),
        }
    }
}

/// What came of DTLS before the peer's description.
#[derive(Default)]
pub(super) struct EarlyDatagrams(Vec<Vec<u8>>);

impl EarlyDatagrams {
    /// Keeps one of them.
    ///
    /// # Errors
    /// Where it is too long, or one too many.
    pub(super) fn keep(&mut self, datagram: &[u8]) -> Result<(), DropReason> {
        if datagram.len() > EARLY_DATAGRAM_LENGTH_MAX {
            return Err(DropReason::TooLong);
        }
        if self.0.len() == EARLY_DATAGRAMS_MAX {
            return Err(DropReason::Overrun);
        }
        self.0.push(datagram.to_vec());
        Ok(())
    }
}

impl IntoIterator for EarlyDatagrams {
    type Item = Vec<u8>;
    type IntoIter = std::vec::IntoIter<Vec<u8>>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gathering { .. } => f.write_str("Gathering"),
            Self::Checking { .. } => f.write_str("Checking"),
            Self::Handshaking { .. } => f.write_str("Handshaking"),
            Self::Ready { .. } => f.write_str("Ready"),
            Self::Closed => f.write_str("Closed"),
            Self::Failed(error) => write!(f, "Failed({error:?})"),
        }
    }
}
