//! The transport of a plain RTP leg: a pair of ports and a latch.

use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

use super::latch::Latch;
use crate::net::{Outbox, SocketId};
use crate::rtp::{DropReason, RtpHeader, RtpPacket};

/// Two sockets of our own and what is known of the peer's.
#[derive(Debug)]
pub struct RtpTransport {
    port: u16,
    rtp: SocketId,
    rtcp: SocketId,
    signalled_from: Option<IpAddr>,
    latch: Option<Latch>,
}

impl RtpTransport {
    /// A transport on the sockets of `port` (RTP) and the port above it (RTCP).
    #[must_use]
    pub fn new(port: u16, rtp: SocketId, rtcp: SocketId, signalled_from: Option<IpAddr>) -> Self {
        Self { port, rtp, rtcp, signalled_from, latch: None }
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

    /// Judges an RTP packet by its source.
    ///
    /// # Errors
    /// [`DropReason::WrongSource`], or [`DropReason::NotReady`] before the peer is described.
    pub fn accept(
        &mut self,
        packet: &RtpPacket<'_>,
        from: SocketAddr,
        now: Instant,
    ) -> Result<(), DropReason> {
        self.latch.as_mut().ok_or(DropReason::NotReady)?.accept(packet, from, now)
    }

    /// Judges an RTCP packet by its source.
    ///
    /// # Errors
    /// As [`Self::accept`].
    pub fn accept_rtcp(&mut self, from: SocketAddr) -> Result<(), DropReason> {
        self.latch.as_mut().ok_or(DropReason::NotReady)?.accept_rtcp(from)
    }

    /// Sends one RTP packet to where the peer is.
    pub fn send_rtp(&self, header: &RtpHeader, payload: &[u8], outbox: &mut Outbox) {
        let Some(latch) = &self.latch else { return };
        let length = RtpHeader::LEN + payload.len();
        let Some(slot) = outbox.slot().filter(|slot| length <= slot.len()) else { return };
        header.write_to(&mut slot[..]);
        slot[RtpHeader::LEN..length].copy_from_slice(payload);
        outbox.commit(length, self.rtp, latch.destination());
    }

    /// Sends one compound RTCP packet to where the peer takes it.
    pub fn send_rtcp(&self, compound: &[u8], outbox: &mut Outbox) {
        if let Some(to) = self.latch.as_ref().and_then(Latch::rtcp_destination) {
            outbox.push(compound, self.rtcp, to);
        }
    }
}
