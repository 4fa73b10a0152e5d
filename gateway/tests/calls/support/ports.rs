//! Ports for one gateway and its peers. A port that is asked of the system (bind to 0) and closed again
//! can go to somebody else before the gateway binds it, so every test process reserves a block below
//! the range that the system hands out.

use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::ops::RangeInclusive;

/// A block of ports that no other test on this machine uses.
pub(crate) struct Ports {
    first: u16,
    /// Bound as long as the block is taken, by which others see it.
    _marker: UdpSocket,
}

const BLOCKS: RangeInclusive<u16> = 0..=89;
const BLOCK: u16 = 200;
/// Chosen by us: above the ports of the usual servers and of a gateway with its default ports.
const FIRST: u16 = 13_000;

/// Offsets in a block.
const HTTP: u16 = 0;
const SIP: u16 = 2;
const PEERS: u16 = 10;
const RTP: u16 = 100;
const MARKER: u16 = BLOCK - 1;

impl Ports {
    /// Reserves a block.
    pub(crate) fn reserve() -> Self {
        let start = u16::try_from(std::process::id() % 89).expect("it is below 89");
        let blocks = BLOCKS.map(|block| FIRST + (block + start) % BLOCKS.end() * BLOCK);
        blocks.into_iter().find_map(Self::try_block).expect("a block of ports is free")
    }

    /// The page and SIP over WebSocket.
    pub(crate) const fn http(&self) -> u16 {
        self.first + HTTP
    }

    /// SIP over UDP and TCP.
    pub(crate) const fn sip(&self) -> u16 {
        self.first + SIP
    }

    /// The `index`-th port for the gateway's peers, each with three more after it.
    pub(crate) fn peer(&self, index: u16) -> u16 {
        assert!(index < 20, "a block has ports for 20 peers");
        self.first + PEERS + 4 * index
    }

    /// Plain RTP of the gateway.
    pub(crate) const fn rtp(&self) -> RangeInclusive<u16> {
        self.first + RTP..=self.first + MARKER - 1
    }

    fn try_block(first: u16) -> Option<Self> {
        let udp = |offset| UdpSocket::bind((Ipv4Addr::LOCALHOST, first + offset));
        let tcp = |offset| TcpListener::bind((Ipv4Addr::LOCALHOST, first + offset));
        let marker = udp(MARKER).ok()?;
        (tcp(HTTP).is_ok() && tcp(SIP).is_ok() && udp(SIP).is_ok()).then_some(Self { first, _marker: marker })
    }
}
