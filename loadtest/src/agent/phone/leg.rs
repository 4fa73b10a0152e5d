//! Plain RTP: no encryption, no checks; packets go where the description says.

use std::net::SocketAddr;
use std::time::Instant;

use webtrunk_codecs::CodecId;

use crate::agent::AgentError;
use crate::agent::media::{Leg, Received};
use crate::agent::sdp::{
    Agreement, Direction, Format, LocalDescription, LocalTransport, RemoteDescription, payload_types,
};

/// Plain RTP.
pub(super) struct RtpLeg {
    /// What our descriptions say: not where we are, behind a NAT.
    shown: SocketAddr,
    session_id: u64,
    version: u64,
    ssrc: u32,
    offered: Direction,
    formats: Vec<Format>,
    remote: Option<SocketAddr>,
}

impl RtpLeg {
    pub(super) fn new(shown: SocketAddr) -> Self {
        Self {
            shown,
            session_id: rand::random::<u64>() >> 2,
            version: 0,
            ssrc: rand::random(),
            offered: Direction::SendRecv,
            formats: Vec::new(),
            remote: None,
        }
    }

    fn describe(&mut self, direction: Direction) -> String {
        self.version += 1;
        LocalDescription {
            session_id: self.session_id,
            version: self.version,
            address: self.shown,
            direction,
            formats: &self.formats,
            transport: LocalTransport::Rtp,
        }
        .to_string()
    }
}

impl Leg for RtpLeg {
    fn offer(&mut self, codecs: &[CodecId], direction: Direction) -> String {
        self.formats = payload_types(codecs);
        self.offered = direction;
        self.describe(direction)
    }

    fn answer(
        &mut self,
        offer: &str,
        codecs: &[CodecId],
        direction: Direction,
        _now: Instant,
    ) -> Result<(String, Agreement), AgentError> {
        let offer = RemoteDescription::parse(offer)?;
        let agreement = Agreement::from_offer(&offer, codecs, direction)?;
        self.remote = Some(offer.address);
        self.formats = agreement.answer_formats();
        Ok((self.describe(agreement.direction), agreement))
    }

    fn accept(&mut self, answer: &str, _now: Instant) -> Result<Agreement, AgentError> {
        let answer = RemoteDescription::parse(answer)?;
        let agreement = Agreement::from_answer(&answer, self.offered)?;
        self.remote = Some(answer.address);
        Ok(agreement)
    }

    fn receive_formats(&self) -> &[Format] {
        &self.formats
    }

    fn ssrc(&self) -> u32 {
        self.ssrc
    }

    fn is_ready(&self) -> bool {
        self.remote.is_some()
    }

    fn handle_datagram(&mut self, datagram: &[u8], _from: SocketAddr, _now: Instant) -> Received {
        match datagram {
            [first, ..] if first >> 6 == 2 => Received::Rtp(datagram.to_vec()),
            _ => Received::Broken,
        }
    }

    fn protect_rtp(&mut self, packet: &[u8]) -> Option<(SocketAddr, Vec<u8>)> {
        Some((self.remote?, packet.to_vec()))
    }

    fn protect_rtcp(&mut self, packet: &[u8]) -> Option<(SocketAddr, Vec<u8>)> {
        let remote = self.remote?;
        Some((SocketAddr::new(remote.ip(), remote.port().checked_add(1)?), packet.to_vec()))
    }
}
