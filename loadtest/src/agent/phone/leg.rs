//! RTP, encrypted where the descriptions have keys, and no checks; packets go where the description says.

use std::net::SocketAddr;
use std::time::Instant;

use webtrunk_codecs::CodecId;

use super::sdes::{PhoneSrtp, Sdes};
use crate::agent::media::{Leg, Received};
use crate::agent::sdp::{
    Agreement, Dialect, Direction, Format, LocalDescription, LocalTransport, RemoteDescription,
};
use crate::agent::{AgentError, SrtpProfile};

/// RTP of one call.
pub(super) struct RtpLeg {
    /// What our descriptions say: not where we are, behind a NAT.
    shown: SocketAddr,
    is_behind_nat: bool,
    session_id: u64,
    version: u64,
    ssrc: u32,
    offered: Direction,
    formats: Vec<Format>,
    dialect: Dialect,
    remote: Option<SocketAddr>,
    sdes: Option<Sdes>,
    /// Whether keys were agreed on.
    is_secure: bool,
}

impl RtpLeg {
    /// At `local`; who is behind a NAT believes to be at `inner`.
    pub(super) fn new(
        local: SocketAddr,
        inner: Option<SocketAddr>,
        srtp: Option<PhoneSrtp>,
        dialect: Dialect,
    ) -> Self {
        Self {
            shown: inner.unwrap_or(local),
            is_behind_nat: inner.is_some(),
            session_id: rand::random::<u64>() >> 2,
            version: 0,
            ssrc: rand::random(),
            offered: Direction::SendRecv,
            formats: Vec::new(),
            dialect,
            remote: None,
            sdes: srtp.map(Sdes::new),
            is_secure: false,
        }
    }

    fn describe(&mut self, direction: Direction, protocol: &str) -> String {
        self.version += 1;
        let crypto = self.sdes.as_mut().and_then(Sdes::describe);
        LocalDescription {
            session_id: self.session_id,
            version: self.version,
            address: self.shown,
            direction,
            formats: &self.formats,
            ptime_ms: self.dialect.ptime_ms(),
            transport: LocalTransport::Rtp { protocol, crypto: crypto.as_deref() },
        }
        .to_string()
    }

    fn agree(&mut self, remote: &RemoteDescription) -> Result<(), AgentError> {
        if let Some(sdes) = &mut self.sdes {
            self.is_secure = sdes.agree(remote)?;
        }
        Ok(())
    }

    fn begin(&mut self) -> Result<(), AgentError> {
        self.sdes.as_mut().filter(|_| self.is_secure).map_or(Ok(()), Sdes::begin)
    }
}

impl Leg for RtpLeg {
    fn offer(&mut self, codecs: &[CodecId], direction: Direction) -> String {
        self.formats = self.dialect.offered(codecs);
        self.offered = direction;
        let protocol = self.sdes.as_ref().map_or("RTP/AVP", Sdes::protocol);
        self.describe(direction, protocol)
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
        self.agree(&offer)?;
        self.remote = Some(offer.address);
        self.formats = self.dialect.answered(&agreement);
        // Who knows no SRTP has no word for it.
        let protocol = if self.sdes.is_some() { &offer.protocol } else { "RTP/AVP" };
        let answer = self.describe(agreement.direction, protocol);
        self.begin()?;
        Ok((answer, agreement))
    }

    fn accept(&mut self, answer: &str, _now: Instant) -> Result<Agreement, AgentError> {
        let answer = RemoteDescription::parse(answer)?;
        let agreement = Agreement::from_answer(&answer, self.offered)?;
        self.agree(&answer)?;
        self.begin()?;
        self.remote = Some(answer.address);
        Ok(agreement)
    }

    fn move_to(&mut self, local: SocketAddr) {
        // Behind a NAT it does not know where it is.
        if !self.is_behind_nat {
            self.shown = local;
        }
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

    fn srtp_profile(&self) -> Option<SrtpProfile> {
        self.sdes.as_ref().filter(|_| self.is_secure).map(Sdes::profile)
    }

    fn handle_datagram(&mut self, datagram: &[u8], _from: SocketAddr, _now: Instant) -> Received {
        match datagram {
            [first, ..] if first >> 6 != 2 => Received::Broken,
            [_, 192..=223, ..] if self.is_secure => {
                let sdes = self.sdes.as_mut();
                sdes.and_then(|sdes| sdes.unprotect_rtcp(datagram)).map_or(Received::Broken, Received::Rtcp)
            }
            [_, ..] if self.is_secure => {
                let sdes = self.sdes.as_mut();
                sdes.and_then(|sdes| sdes.unprotect_rtp(datagram)).map_or(Received::Broken, Received::Rtp)
            }
            [_, ..] => Received::Rtp(datagram.to_vec()),
            [] => Received::Broken,
        }
    }

    fn protect_rtp(&mut self, packet: &[u8]) -> Option<(SocketAddr, Vec<u8>)> {
        let packet = match &mut self.sdes {
            Some(sdes) if self.is_secure => sdes.protect_rtp(packet)?,
            Some(_) | None => packet.to_vec(),
        };
        Some((self.remote?, packet))
    }

    fn protect_rtcp(&mut self, packet: &[u8]) -> Option<(SocketAddr, Vec<u8>)> {
        let remote = self.remote?;
        let packet = match &mut self.sdes {
            Some(sdes) if self.is_secure => sdes.protect_rtcp(packet)?,
            Some(_) | None => packet.to_vec(),
        };
        Some((SocketAddr::new(remote.ip(), remote.port().checked_add(1)?), packet))
    }
}
