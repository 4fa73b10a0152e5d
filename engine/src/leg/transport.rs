//! The two ways in which a leg's packets travel.

use std::net::SocketAddr;
use std::time::Instant;

use super::candidates::Preferences;
use super::leg::Leg;
use super::rtp::RtpTransport;
use super::webrtc::WebrtcTransport;
use crate::net::{Outbox, SocketId};
use crate::rtp::RtpHeader;

/// How a leg's packets travel.
pub(crate) enum LegTransport {
    /// One port of the shard's, ICE, DTLS-SRTP.
    Webrtc(Box<WebrtcLink>),
    /// A pair of ports of its own.
    Rtp(Box<RtpTransport>),
}

/// A WebRTC transport and the sockets that it lives on: the shard's, and its own where it was given some.
pub(crate) struct WebrtcLink {
    pub(crate) transport: WebrtcTransport,
    pub(crate) sockets: Vec<(SocketAddr, SocketId)>,
    pub(crate) own: Option<OwnSockets>,
    /// What further candidates of ours will have.
    pub(crate) preferences: Preferences,
}

/// Sockets that are one leg's alone, at a port of the shard's pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OwnSockets {
    /// As it was taken from the pool.
    pub(crate) port: u16,
    /// Each with its local address.
    pub(crate) sockets: Vec<(SocketAddr, SocketId)>,
}

impl Leg {
    /// The sockets that belong to this leg alone, and their port of the pool.
    pub(crate) fn own_sockets(&self) -> Option<(u16, Vec<SocketId>)> {
        match &self.transport {
            LegTransport::Rtp(transport) => Some((transport.port(), transport.sockets().to_vec())),
            LegTransport::Webrtc(link) => {
                let own = link.own.as_ref()?;
                Some((own.port, own.sockets.iter().map(|(_, socket)| *socket).collect()))
            }
        }
    }

    /// The WebRTC transport's local credential by which checks find this leg.
    pub(crate) fn webrtc(&self) -> Option<&WebrtcLink> {
        match &self.transport {
            LegTransport::Webrtc(link) => Some(link),
            LegTransport::Rtp(_) => None,
        }
    }
}

impl LegTransport {
    /// Whether what is sent goes anywhere: the transport is up.
    pub(crate) fn is_ready(&self) -> bool {
        match self {
            Self::Webrtc(link) => link.transport.is_ready(),
            Self::Rtp(transport) => transport.is_ready(),
        }
    }

    /// Sends one RTP packet; before the transport is up it goes nowhere.
    pub(crate) fn send_rtp(&mut self, header: &RtpHeader, payload: &[u8], outbox: &mut Outbox) {
        match self {
            Self::Webrtc(link) => link.send_rtp(header, payload, outbox),
            Self::Rtp(transport) => transport.send_rtp(header, payload, outbox),
        }
    }

    /// Sends one compound RTCP packet; before the transport is up it goes nowhere.
    pub(crate) fn send_rtcp(&mut self, compound: &[u8], outbox: &mut Outbox) {
        match self {
            Self::Webrtc(link) => link.send_rtcp(compound, outbox),
            Self::Rtp(transport) => transport.send_rtcp(compound, outbox),
        }
    }
}

impl WebrtcLink {
    /// Lives on sockets of its own too, from which the peer is checked; on none where none can be had.
    pub(crate) fn check_from(&mut self, own: Option<OwnSockets>, now: Instant) {
        let sockets = own.as_ref().map(|own| own.sockets.clone()).unwrap_or_default();
        let addresses: Vec<_> = sockets.iter().map(|(address, _)| *address).collect();
        self.sockets.extend(sockets);
        self.own = own;
        self.transport.check_from(&addresses, now);
    }

    fn send_rtp(&mut self, header: &RtpHeader, payload: &[u8], outbox: &mut Outbox) {
        let length = RtpHeader::LEN + payload.len();
        let Some(slot) = outbox.slot().filter(|slot| length <= slot.len()) else { return };
        header.write_to(&mut slot[..]);
        slot[RtpHeader::LEN..length].copy_from_slice(payload);
        let Ok((length, local, to)) = self.transport.protect_rtp(&mut slot[..], length) else { return };
        if let Some(socket) = self.socket_of(local) {
            outbox.commit(length, socket, to);
        }
    }

    fn send_rtcp(&mut self, compound: &[u8], outbox: &mut Outbox) {
        let Some(slot) = outbox.slot().filter(|slot| compound.len() <= slot.len()) else { return };
        slot[..compound.len()].copy_from_slice(compound);
        let Ok((length, local, to)) = self.transport.protect_rtcp(&mut slot[..], compound.len()) else {
            return;
        };
        if let Some(socket) = self.socket_of(local) {
            outbox.commit(length, socket, to);
        }
    }

    /// Hands over what ICE and DTLS want sent.
    pub(crate) fn flush(&mut self, outbox: &mut Outbox) {
        while let Some(transmit) = self.transport.poll_transmit() {
            if let Some(socket) = self.socket_of(transmit.local) {
                outbox.push(&transmit.payload, socket, transmit.to);
            }
        }
    }

    fn socket_of(&self, local: SocketAddr) -> Option<SocketId> {
        self.sockets.iter().find(|(address, _)| *address == local).map(|(_, socket)| *socket)
    }
}
