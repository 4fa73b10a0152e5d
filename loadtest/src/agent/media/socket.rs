//! A UDP socket that says when the kernel got each datagram.

use std::io::{self, IoSliceMut};
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsRawFd;
use std::time::{Duration, SystemTime};

use nix::cmsg_space;
use nix::sys::socket::{
    ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg, setsockopt, sockopt::ReceiveTimestampns,
};
use nix::sys::time::TimeSpec;
use tokio::io::Interest;
use tokio::net::UdpSocket;

/// A UDP socket that says when the kernel got each datagram, so that a busy machine does not make
/// packets late by reading them late.
#[derive(Debug)]
pub(crate) struct MediaSocket {
    socket: UdpSocket,
    local: SocketAddr,
}

/// One datagram: its length in the buffer, its source, its time.
pub(crate) struct Arrival {
    pub(crate) length: usize,
    pub(crate) from: SocketAddr,
    pub(crate) at: SystemTime,
}

/// Tries to find an even port whose odd neighbour is free, RFC 3550 11.
const PORT_TRIES: usize = 200;
/// Octets; enough for a second of audio while this process has no processor.
const RECEIVE_BUFFER: usize = 256 * 1024;

impl MediaSocket {
    /// Any free port.
    pub(crate) fn bind(ip: IpAddr) -> io::Result<Self> {
        Self::open(SocketAddr::new(ip, 0))
    }

    /// A free even port, and the odd one above it.
    pub(crate) fn bind_pair(ip: IpAddr) -> io::Result<(Self, Self)> {
        for _ in 0..PORT_TRIES {
            let first = Self::bind(ip)?;
            let port = first.local.port();
            if port.is_multiple_of(2)
                && let Ok(second) = Self::open(SocketAddr::new(ip, port + 1))
            {
                return Ok((first, second));
            }
        }
        Err(io::Error::new(io::ErrorKind::AddrInUse, "no pair of neighbouring UDP ports is free"))
    }

    fn open(address: SocketAddr) -> io::Result<Self> {
        let domain = if address.is_ipv4() { socket2::Domain::IPV4 } else { socket2::Domain::IPV6 };
        let socket = socket2::Socket::new(domain, socket2::Type::DGRAM, None)?;
        socket.set_nonblocking(true)?;
        // The kernel may give less; that is no reason to fail.
        let _ = socket.set_recv_buffer_size(RECEIVE_BUFFER);
        socket.bind(&address.into())?;
        let socket = UdpSocket::from_std(socket.into())?;
        setsockopt(&socket, ReceiveTimestampns, &true)?;
        let local = socket.local_addr()?;
        Ok(Self { socket, local })
    }

    pub(crate) const fn local(&self) -> SocketAddr {
        self.local
    }

    /// Waits for a datagram.
    pub(crate) async fn receive(&self, buffer: &mut [u8]) -> io::Result<Arrival> {
        self.socket.async_io(Interest::READABLE, || read(&self.socket, buffer)).await
    }

    /// The next datagram, if there is one.
    pub(crate) fn try_receive(&self, buffer: &mut [u8]) -> io::Result<Arrival> {
        self.socket.try_io(Interest::READABLE, || read(&self.socket, buffer))
    }

    /// Sends now; where the kernel has no room, the datagram is lost as on any network.
    pub(crate) fn send(&self, to: SocketAddr, datagram: &[u8]) {
        // Past tokio, which would not send before its first look at the socket.
        let _ = socket2::SockRef::from(&self.socket).send_to(datagram, &to.into());
    }
}

fn read(socket: &UdpSocket, buffer: &mut [u8]) -> io::Result<Arrival> {
    let mut control = cmsg_space!(TimeSpec);
    let mut parts = [IoSliceMut::new(buffer)];
    let message =
        recvmsg::<SockaddrStorage>(socket.as_raw_fd(), &mut parts, Some(&mut control), MsgFlags::empty())?;
    let stamp = message.cmsgs().ok().into_iter().flatten().find_map(|control| match control {
        ControlMessageOwned::ScmTimestampns(time) => Some(SystemTime::UNIX_EPOCH + Duration::from(time)),
        _ => None,
    });
    let from = message.address.as_ref().and_then(to_std).ok_or(io::ErrorKind::InvalidData)?;
    Ok(Arrival { length: message.bytes, from, at: stamp.unwrap_or_else(SystemTime::now) })
}

fn to_std(address: &SockaddrStorage) -> Option<SocketAddr> {
    let v4 = address.as_sockaddr_in().map(|it| SocketAddr::V4((*it).into()));
    v4.or_else(|| address.as_sockaddr_in6().map(|it| SocketAddr::V6((*it).into())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn arrivals_have_source_and_time() -> io::Result<()> {
        let (one, other) = MediaSocket::bind_pair([127, 0, 0, 1].into())?;
        assert_eq!((one.local().port() % 2, other.local().port()), (0, one.local().port() + 1));
        // The kernel begins to note times a moment after the first socket asked for it.
        tokio::time::sleep(Duration::from_millis(100)).await;
        let before = SystemTime::now();
        one.send(other.local(), b"hello");
        tokio::time::sleep(Duration::from_millis(30)).await;
        let mut buffer = [0; 100];
        let arrival = other.receive(&mut buffer).await?;
        assert_eq!((&buffer[..arrival.length], arrival.from), (&b"hello"[..], one.local()));
        let age = arrival.at.duration_since(before).expect("later");
        assert!(age < Duration::from_millis(25), "the time of reading, not of arrival: {age:?}");
        assert!(other.try_receive(&mut buffer).is_err());
        Ok(())
    }
}
