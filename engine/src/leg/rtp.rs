//! The transport of a leg to a phone: a pair of ports, a latch, and SRTP where its descriptions have keys.

use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

use super::latch::Latch;
use super::sdes::SdesSrtp;
use super::webrtc::Received;
use crate::net::{Outbox, SocketId};
use crate::rtp::{DropReason, RtpHeader, RtpPacket, is_rtcp};
use crate::sdp::SdesKeys;
use crate::srtp::ProtectionProfile;

/// Two sockets of our own and what is known of the peer's.
#[derive(Debug)]
pub struct RtpTransport {
    port: u16,
    rtp: SocketId,
    rtcp: SocketId,
    signalled_from: Option<IpAddr>,
    latch: Option<Latch>,
    srtp: Option<SdesSrtp>,
}

impl RtpTransport {
    /// A transport on the sockets of `port` (RTP) and the port above it (RTCP).
    #[must_use]
    pub fn new(port: u16, rtp: SocketId, rtcp: SocketId, signalled_from: Option<IpAddr>) -> Self {
        Self { port, rtp, rtcp, signalled_from, latch: None, srtp: None }
    }

    /// The pair's RTP port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The sockets, RTP first.
    #[must_use]
    pub fn sockets(&self) -> [SocketId; 2] {
        [self.rtp, self.rtcp]
    }

    /// Takes where the peer's signalling came from; counts from its next description on.
    pub fn set_signalled_from(&mut self, from: IpAddr) {
        self.signalled_from = Some(from);
    }

    /// Takes the addresses of the peer's description.
    pub fn set_remote(&mut self, rtp: SocketAddr, rtcp: SocketAddr, now: Instant) {
        match &mut self.latch {
            Some(latch) => latch.relearn(rtp, rtcp, self.signalled_from, now),
            None => self.latch = Some(Latch::new(rtp, rtcp, self.signalled_from, now)),
        }
    }

    /// The peer is on hold in the old way and names no address: nothing is sent, nothing taken.
    pub fn forget_remote(&mut self) {
        self.latch = None;
    }

    /// Takes the keys of the descriptions; once there are such, there always are.
    pub fn set_keys(&mut self, keys: Option<SdesKeys>) {
        match (&mut self.srtp, keys) {
            (Some(srtp), Some(keys)) => srtp.agree(keys),
            (None, Some(keys)) => self.srtp = Some(SdesSrtp::new(keys)),
            (Some(_) | None, None) => {}
        }
    }

    /// The cipher, where there are keys.
    #[must_use]
    pub fn profile(&self) -> Option<ProtectionProfile> {
        self.srtp.as_ref().map(SdesSrtp::profile)
    }

    /// Judges what came by its source, and decrypts it in place where there are keys. Who could not be the peer
    /// is worth no cipher, and who has not the key changes nothing.
    ///
    /// # Errors
    /// Why it was dropped: [`DropReason::WrongSource`], [`DropReason::NotReady`] before the peer is described,
    /// what SRTP says.
    pub fn handle_datagram<'p>(
        &mut self,
        datagram: &'p mut [u8],
        from: SocketAddr,
        now: Instant,
    ) -> Result<Received<'p>, DropReason> {
        let latch = self.latch.as_mut().ok_or(DropReason::NotReady)?;
        if is_rtcp(datagram) {
            latch.check_rtcp(from)?;
            let compound = match &mut self.srtp {
                Some(srtp) => srtp.unprotect_rtcp(datagram)?,
                None => datagram,
            };
            latch.accept_rtcp(from)?;
            return Ok(Received::Rtcp(compound));
        }
        latch.check(from, now)?;
        let packet = match &mut self.srtp {
            Some(srtp) => srtp.unprotect_rtp(datagram)?,
            None => datagram,
        };
        latch.accept(&RtpPacket::parse(packet)?, from, now)?;
        Ok(Received::Rtp(packet))
    }

    /// Whether the peer is described, so that it can be sent something.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.latch.is_some()
    }

    /// Sends one RTP packet to where the peer is.
    pub fn send_rtp(&mut self, header: &RtpHeader, payload: &[u8], outbox: &mut Outbox) {
        let Some(latch) = &self.latch else { return };
        let length = RtpHeader::LEN + payload.len();
        let Some(slot) = outbox.slot().filter(|slot| length <= slot.len()) else { return };
        header.write_to(&mut slot[..]);
        slot[RtpHeader::LEN..length].copy_from_slice(payload);
        let length = match &mut self.srtp {
            Some(srtp) => srtp.protect_rtp(&mut slot[..], length).ok(),
            None => Some(length),
        };
        if let Some(length) = length {
            outbox.commit(length, self.rtp, latch.destination());
        }
    }

    /// Sends one compound RTCP packet to where the peer takes it.
    pub fn send_rtcp(&mut self, compound: &[u8], outbox: &mut Outbox) {
        let Some(to) = self.latch.as_ref().and_then(Latch::rtcp_destination) else { return };
        let Some(slot) = outbox.slot().filter(|slot| compound.len() <= slot.len()) else { return };
        slot[..compound.len()].copy_from_slice(compound);
        let length = match &mut self.srtp {
            Some(srtp) => srtp.protect_rtcp(&mut slot[..], compound.len()).ok(),
            None => Some(compound.len()),
        };
        if let Some(length) = length {
            outbox.commit(length, self.rtcp, to);
        }
    }
}

#[cfg(test)]
mod tests;
