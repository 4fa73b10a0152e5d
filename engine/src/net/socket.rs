//! A UDP socket of a shard: many datagrams by one system call, in both directions.

use std::io::{self, IoSlice, IoSliceMut};
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::os::fd::{AsRawFd, RawFd};

use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, MultiHeaders, SockaddrStorage, recvmmsg, sendmmsg};
use tokio::io::Interest;

use super::outbox::{BATCH, Run};

/// Largest datagram that we read. 1500 is Ethernet; the rest is for peers behind jumbo frames.
/// Longer ones come cut short and fail their own length checks.
pub(crate) const DATAGRAM_MAX: usize = 2048;

/// A bound socket, registered with the thread's reactor.
pub(crate) struct Socket {
    inner: tokio::net::UdpSocket,
    local: SocketAddr,
}

/// The buffers into which datagrams are read; one a shard.
pub(crate) struct Inbox {
    bytes: Box<[[u8; DATAGRAM_MAX]; BATCH]>,
    headers: MultiHeaders<SockaddrStorage>,
    arrived: [Option<(usize, SocketAddr)>; BATCH],
}

/// The headers with which datagrams are sent; one a shard.
pub(crate) struct SendHeaders(MultiHeaders<SockaddrStorage>);

impl Socket {
    /// Registers a bound socket; must be called on the shard's thread.
    pub(crate) fn register(socket: UdpSocket) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        let local = socket.local_addr()?;
        Ok(Self { inner: tokio::net::UdpSocket::from_std(socket)?, local })
    }

    pub(crate) fn local(&self) -> SocketAddr {
        self.local
    }

    /// Waits until there is something to read.
    pub(crate) async fn readable(&self) -> io::Result<()> {
        self.inner.readable().await
    }

    /// Reads up to a batch without waiting; returns how many datagrams came.
    pub(crate) fn receive(&self, inbox: &mut Inbox) -> io::Result<usize> {
        let mut count = 0;
        let outcome = self.inner.try_io(Interest::READABLE, || {
            count = inbox.fill(self.inner.as_raw_fd())?;
            // Less than a batch means that the socket is empty: no second call is needed to see it.
            if count < BATCH { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(()) }
        });
        match outcome {
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => Err(error),
            Ok(()) | Err(_) => Ok(count),
        }
    }

    /// Sends up to a batch without waiting; what the kernel has no room for is lost, as on any link.
    ///
    /// # Errors
    /// Of the first that cannot be sent; it costs the others nothing.
    pub(crate) fn send(&self, headers: &mut SendHeaders, run: Run<'_>) -> io::Result<()> {
        let mut slices = [[IoSlice::new(&[])]; BATCH];
        let mut addresses = [None; BATCH];
        let count = run.count();
        for ((slice, address), (to, datagram)) in slices.iter_mut().zip(&mut addresses).zip(run.iter()) {
            *slice = [IoSlice::new(datagram)];
            *address = Some(SockaddrStorage::from(self.as_written(to)));
        }
        let mut outcome = Ok(());
        let mut next = 0;
        while next < count {
            let (slices, addresses) = (&slices[next..count], &addresses[next..count]);
            let socket = self.inner.as_raw_fd();
            match sendmmsg(socket, &mut headers.0, slices, addresses, [], MsgFlags::MSG_DONTWAIT) {
                // The kernel stops at what it cannot send: the next call begins there and says why.
                Ok(sent) => next += sent.count().max(1),
                Err(Errno::EAGAIN) => break,
                Err(error) => {
                    next += 1;
                    outcome = outcome.and(Err(error.into()));
                }
            }
        }
        outcome
    }

    /// An address as the kernel takes it: on a socket of IPv6 that has IPv4 too, the latter is mapped (RFC 3493 3.7).
    fn as_written(&self, to: SocketAddr) -> SocketAddr {
        match to {
            SocketAddr::V4(v4) if self.local.is_ipv6() => (v4.ip().to_ipv6_mapped(), v4.port()).into(),
            _ => to,
        }
    }
}

impl Default for Inbox {
    fn default() -> Self {
        Self {
            bytes: Box::new([[0; DATAGRAM_MAX]; BATCH]),
            headers: MultiHeaders::preallocate(BATCH, None),
            arrived: [None; BATCH],
        }
    }
}

impl Inbox {
    fn fill(&mut self, socket: RawFd) -> io::Result<usize> {
        let Self { bytes, headers, arrived } = self;
        let mut buffers = bytes.each_mut().map(|buffer| [IoSliceMut::new(&mut buffer[..])]);
        let received = match recvmmsg(socket, headers, &mut buffers, MsgFlags::MSG_DONTWAIT, None) {
            Ok(received) => received,
            // Refused is an ICMP error of an earlier datagram: the next read goes on.
            Err(Errno::EAGAIN | Errno::ECONNREFUSED) => return Ok(0),
            Err(error) => return Err(error.into()),
        };
        let mut count = 0;
        for (slot, message) in arrived.iter_mut().zip(received) {
            // Nothing can be sent to port 0, so that whoever claims it could only disturb the sending.
            let from = message.address.as_ref().and_then(to_std).filter(|from| from.port() != 0);
            *slot = from.map(|from| (message.bytes, from));
            count += 1;
        }
        Ok(count)
    }

    /// The datagram in a slot and where it came from.
    pub(crate) fn datagram(&mut self, slot: usize) -> Option<(&mut [u8], SocketAddr)> {
        let (length, from) = self.arrived[slot]?;
        Some((&mut self.bytes[slot][..length], from))
    }
}

impl Default for SendHeaders {
    fn default() -> Self {
        Self(MultiHeaders::preallocate(BATCH, None))
    }
}

/// Where a datagram came from; IPv4 as such, on whatever socket.
fn to_std(address: &SockaddrStorage) -> Option<SocketAddr> {
    let v4 = address.as_sockaddr_in().map(|v4| SocketAddr::from((v4.ip(), v4.port())));
    v4.or_else(|| {
        address.as_sockaddr_in6().map(|v6| SocketAddr::new(IpAddr::V6(v6.ip()).to_canonical(), v6.port()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::outbox::{Outbox, SocketId};

    #[tokio::test]
    async fn a_peer_that_cannot_be_sent_to_costs_the_others_nothing() {
        let bind = || UdpSocket::bind("127.0.0.1:0").expect("a free port");
        let (socket, peer) = (Socket::register(bind()).expect("a reactor"), bind());
        peer.set_read_timeout(Some(std::time::Duration::from_secs(5))).expect("a time");
        let mut outbox = Outbox::default();
        let (here, nowhere) =
            (peer.local_addr().expect("it is bound"), "127.0.0.1:0".parse().expect("an address"));
        for (byte, to) in [(0, nowhere), (1, here), (2, nowhere), (3, nowhere), (4, here), (5, here)] {
            outbox.push(&[byte], SocketId(0), to);
        }
        let mut headers = SendHeaders::default();
        outbox.drain(|_, run| assert!(socket.send(&mut headers, run).is_err()));
        for byte in [1, 4, 5] {
            let mut heard = [0; 16];
            let (length, _) = peer.recv_from(&mut heard).expect("it comes");
            assert_eq!(heard[..length], [byte]);
        }
    }

    #[tokio::test]
    async fn a_socket_of_both_families_talks_with_peers_of_both() {
        let bind = |to: &str| UdpSocket::bind(to).expect("a free port");
        let socket = Socket::register(bind("[::]:0")).expect("a reactor");
        let mut inbox = Inbox::default();
        for ours in ["127.0.0.1", "::1"] {
            let peer = bind(&SocketAddr::new(ours.parse().expect("an address"), 0).to_string());
            peer.set_read_timeout(Some(std::time::Duration::from_secs(5))).expect("a time");
            let here = peer.local_addr().expect("it is bound");
            peer.send_to(b"hello", (here.ip(), socket.local().port())).expect("it is sent");
            socket.readable().await.expect("it is open");
            assert_eq!(socket.receive(&mut inbox).expect("it comes"), 1);
            assert_eq!(inbox.datagram(0).map(|(_, from)| from), Some(here));
            let mut outbox = Outbox::default();
            outbox.push(b"you too", SocketId(0), here);
            outbox.drain(|_, run| socket.send(&mut SendHeaders::default(), run).expect("it is sent"));
            let mut heard = [0; 16];
            let (length, _) = peer.recv_from(&mut heard).expect("it comes");
            assert_eq!(&heard[..length], b"you too");
        }
    }
}
