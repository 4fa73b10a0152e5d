//! Sockets with the options that SIP wants.

use std::io;
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::time::Duration;

use socket2::{Domain, Protocol, SockRef, Socket, TcpKeepalive, Type};

/// Receive buffer of a datagram socket: a second of registrations after a power cut. The system may grant less.
const DATAGRAM_BUFFER: usize = 4 << 20;

/// Streams that wait to be accepted.
const BACKLOG: i32 = 1024;

/// When the system starts to probe a silent stream, and how often: a dead peer is found within two minutes.
const KEEPALIVE: TcpKeepalive =
    TcpKeepalive::new().with_time(Duration::from_secs(60)).with_interval(Duration::from_secs(15));

/// A datagram socket, not blocking.
pub(super) fn datagram(bind: SocketAddr) -> io::Result<UdpSocket> {
    let socket = own(bind, Type::DGRAM, Protocol::UDP)?;
    // The system's limit may be lower; then it grants that.
    let _ = socket.set_recv_buffer_size(DATAGRAM_BUFFER);
    socket.bind(&bind.into())?;
    Ok(socket.into())
}

/// A listening socket, not blocking.
pub(super) fn listening(bind: SocketAddr) -> io::Result<TcpListener> {
    let socket = own(bind, Type::STREAM, Protocol::TCP)?;
    // A restart must not wait for the last connections of the time before.
    socket.set_reuse_address(true)?;
    socket.bind(&bind.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// Sets what every stream wants: no waiting for more to send, and word when the peer is gone.
pub(super) fn tune(stream: &tokio::net::TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    SockRef::from(stream).set_tcp_keepalive(&KEEPALIVE)
}

/// IPv6 alone where the address is IPv6, so that no address has two spellings.
fn own(bind: SocketAddr, kind: Type, protocol: Protocol) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(bind), kind, Some(protocol))?;
    if bind.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_nonblocking(true)?;
    Ok(socket)
}
