//! The transport of one call's media, without sockets and clocks.

use std::net::SocketAddr;
use std::time::Instant;

use webtrunk_codecs::CodecId;

use crate::agent::sdp::{Agreement, Direction, Format};
use crate::agent::{AgentError, SrtpProfile};

/// What a datagram was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Received {
    /// An RTP packet in the clear.
    Rtp(Vec<u8>),
    /// A compound RTCP packet in the clear.
    Rtcp(Vec<u8>),
    /// The transport's own business.
    Control,
    /// Nothing that can be read or decrypted.
    Broken,
}

/// The transport of one call's media.
pub(crate) trait Leg: Send + 'static {
    /// Describes us as offerer.
    fn offer(&mut self, codecs: &[CodecId], direction: Direction) -> String;

    /// Takes an offer and describes us as answerer.
    fn answer(
        &mut self,
        offer: &str,
        codecs: &[CodecId],
        direction: Direction,
        now: Instant,
    ) -> Result<(String, Agreement), AgentError>;

    /// Takes the answer to our last offer.
    fn accept(&mut self, answer: &str, now: Instant) -> Result<Agreement, AgentError>;

    /// Takes new ICE credentials, which the next description shows.
    ///
    /// # Errors
    /// The transport has no ICE.
    fn restart_ice(&mut self, _now: Instant) -> Result<(), AgentError> {
        Err(AgentError::Library("there is no ICE to restart".to_owned()))
    }

    /// Loses its network, and is at another address from now on; ICE has to restart, or the next description tells.
    fn move_to(&mut self, _local: SocketAddr) {}

    /// The other end tells of candidates after its description, in a fragment of it (RFC 8840 9).
    fn take_candidates(&mut self, _fragment: &str, _now: Instant) {}

    /// The candidate as a fragment of a description (RFC 8840 9), where there is one.
    fn fragment(&self) -> Option<String> {
        None
    }

    /// The payload types that may come, by what we described last.
    fn receive_formats(&self) -> &[Format];

    /// Our stream's source.
    fn ssrc(&self) -> u32;

    /// Whether media can be sent.
    fn is_ready(&self) -> bool;

    /// Why it never will be, where that is known.
    fn failure(&self) -> Option<&'static str> {
        None
    }

    /// How packets are encrypted, where they are.
    fn srtp_profile(&self) -> Option<SrtpProfile> {
        None
    }

    /// Whether the other end closed the transport.
    fn is_closed_by_peer(&self) -> bool {
        false
    }

    fn handle_datagram(&mut self, datagram: &[u8], from: SocketAddr, now: Instant) -> Received;

    /// Makes a datagram of an RTP packet; `None` when there is nowhere to send it.
    fn protect_rtp(&mut self, packet: &[u8]) -> Option<(SocketAddr, Vec<u8>)>;

    /// Makes a datagram of an RTCP packet; `None` when there is nowhere to send it.
    fn protect_rtcp(&mut self, packet: &[u8]) -> Option<(SocketAddr, Vec<u8>)>;

    fn handle_timeout(&mut self, _now: Instant) {}

    fn poll_timeout(&mut self) -> Option<Instant> {
        None
    }

    fn poll_transmit(&mut self) -> Option<(SocketAddr, Vec<u8>)> {
        None
    }

    /// Says goodbye, where the transport has a word for it.
    fn close(&mut self, _now: Instant) {}
}
