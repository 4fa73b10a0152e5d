//! The sockets at which browsers find the shards, first and as the machine's addresses come and go.

use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::atomic::Ordering;

use socket2::{Domain, Socket, Type};
use tracing::info;

use super::{Engine, StartError};
use crate::config::EngineConfig;
use crate::net::{AddressChange, Readdress};

/// Receive buffer of the shared WebRTC ports: a second of 500 calls.
const RECEIVE_BUFFER: usize = 4 << 20;

/// An address at which every shard has a socket, and nobody is told of it yet.
#[derive(Debug)]
pub struct BoundAddress {
    address: IpAddr,
    sockets: Vec<UdpSocket>,
}

impl Engine {
    /// Binds what [`Self::add_address`] takes for an address of the machine, which is none of those that there are already.
    ///
    /// # Errors
    /// [`StartError::Bind`]; nothing has changed.
    pub fn bind_address(&self, address: IpAddr) -> Result<BoundAddress, StartError> {
        let shards = &self.inner.shards;
        let mut sockets = Vec::with_capacity(shards.len());
        for shard in shards {
            let address = SocketAddr::new(address, shard.webrtc_port.load(Ordering::Relaxed));
            sockets.push(bind_one(address).map_err(|source| StartError::Bind { address, source })?);
        }
        Ok(BoundAddress { address, sockets })
    }

    /// Browsers find every shard at this address too, in calls that are there and in others. Peers that have a description
    /// of us are told ([`CallEvent::CandidatesFound`]).
    ///
    /// [`CallEvent::CandidatesFound`]: crate::call::CallEvent::CandidatesFound
    pub fn add_address(&self, BoundAddress { address, sockets }: BoundAddress) {
        for (shard, socket) in self.inner.shards.iter().zip(sockets) {
            let port = socket.local_addr().map_or(0, |local| local.port());
            shard.webrtc_port.store(port, Ordering::Relaxed);
            shard.actor.do_send(Readdress(AddressChange::Come(socket)));
        }
        info!(%address, "browsers are told of another address");
    }

    /// Browsers are not told of this address any more, and no shard is found there. Calls whose media went by it go by
    /// another on which their peers are heard.
    pub fn remove_address(&self, address: IpAddr) {
        for shard in &self.inner.shards {
            shard.actor.do_send(Readdress(AddressChange::Gone(address)));
        }
        info!(%address, "browsers are not told of an address any more");
    }

    /// Somebody takes TCP streams for us at these addresses ([`Self::take_stream`]), and no others.
    pub fn set_stream_addresses(&self, addresses: &[SocketAddr]) {
        for shard in &self.inner.shards {
            shard.actor.do_send(Readdress(AddressChange::Streams(addresses.to_vec())));
        }
    }
}

/// One socket an address, all of a shard on the same port.
pub(super) fn bind_webrtc(config: &EngineConfig, shard: usize) -> Result<Vec<UdpSocket>, StartError> {
    let mut port = webrtc_port(config, shard, &[]);
    let mut sockets = Vec::with_capacity(config.webrtc_addresses.len());
    for ip in &config.webrtc_addresses {
        let address = SocketAddr::new(*ip, port);
        sockets.push(bind_one(address).map_err(|source| StartError::Bind { address, source })?);
        port = webrtc_port(config, shard, &sockets);
    }
    Ok(sockets)
}

fn bind_one(address: SocketAddr) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, None)?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    // The system may grant less; that is its limit, not an error.
    let _ = socket.set_recv_buffer_size(RECEIVE_BUFFER);
    socket.bind(&address.into())?;
    Ok(socket.into())
}

/// The port of a shard's sockets: the one that it has, or the one that is configured; 0 where any will do.
pub(super) fn webrtc_port(config: &EngineConfig, shard: usize, bound: &[UdpSocket]) -> u16 {
    let bound = bound.first().and_then(|socket| socket.local_addr().ok()).map(|local| local.port());
    bound.unwrap_or(match config.webrtc_port {
        0 => 0,
        base => base.saturating_add(u16::try_from(shard).unwrap_or(u16::MAX)),
    })
}
