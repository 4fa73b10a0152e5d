//! The addresses at which browsers find the shard, as they come and go: legs that are there follow.

use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::time::Instant;

use super::{Owner, Reading, Shard};
use crate::net::outbox::SocketId;
use crate::net::socket::Socket;
use crate::{CallId, LegId};

/// A change of the addresses at which browsers find a shard.
#[derive(Debug)]
pub(crate) enum AddressChange {
    /// Another, at which this socket is bound.
    Come(UdpSocket),
    /// One less of those of UDP.
    Gone(IpAddr),
    /// TCP streams come to these, and no others.
    Streams(Vec<SocketAddr>),
}

impl Shard {
    /// The shard's WebRTC sockets by their local address, and those of its streams.
    pub(crate) fn webrtc_sockets(&self) -> &[(SocketAddr, SocketId)] {
        &self.webrtc
    }

    /// Takes in one of the shard's WebRTC sockets.
    pub(crate) fn add_webrtc_socket(&mut self, socket: UdpSocket) -> io::Result<Reading> {
        let socket = Socket::register(socket)?;
        let local = socket.local();
        let reading = self.insert(socket, Owner::Webrtc);
        self.webrtc.push((local, reading.id));
        Ok(reading)
    }

    /// Is found elsewhere from now on, and so are all its calls. Gives what is to be read.
    pub(crate) fn readdress(&mut self, change: AddressChange, now: Instant) -> io::Result<Option<Reading>> {
        let reading = match change {
            AddressChange::Come(socket) => Some(self.add_webrtc_socket(socket)?),
            AddressChange::Gone(ip) => {
                self.close_at(ip);
                None
            }
            AddressChange::Streams(streams) => {
                self.webrtc.retain(|(_, id)| *id != SocketId::STREAMS);
                self.webrtc.extend(streams.into_iter().map(|address| (address, SocketId::STREAMS)));
                None
            }
        };
        let sockets = self.webrtc.clone();
        let calls: Vec<_> = self.calls.keys().copied().collect();
        for id in calls {
            self.with_call(id, now, |call, outbox, now| call.readdress(&sockets, now, outbox));
        }
        self.request_flush();
        Ok(reading)
    }

    /// The address by which a leg knows the streams of a peer's family.
    pub(in crate::net) fn stream_address(
        &self,
        (call, leg): (CallId, LegId),
        from: SocketAddr,
    ) -> Option<SocketAddr> {
        let link = self.calls.get(&call)?.call.leg(leg)?.webrtc()?;
        let is_known = |(address, socket): &&(SocketAddr, SocketId)| {
            *socket == SocketId::STREAMS && address.is_ipv4() == from.is_ipv4()
        };
        link.sockets.iter().find(is_known).map(|(address, _)| *address)
    }

    /// Closes the WebRTC sockets at an address.
    fn close_at(&mut self, ip: IpAddr) {
        // What waits must not leave by whoever has their place next.
        self.flush();
        let is_gone = |(address, id): &(SocketAddr, SocketId)| *id != SocketId::STREAMS && address.ip() == ip;
        for (_, id) in self.webrtc.extract_if(.., |socket| is_gone(socket)) {
            if let Some(bound) = self.sockets.get_mut(id.0).and_then(Option::take) {
                bound.closed.notify_one();
            }
        }
    }
}
