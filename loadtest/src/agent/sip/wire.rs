//! How SIP messages leave and arrive: datagrams, streams, a WebSocket.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::net::UdpSocket;
use tokio::sync::mpsc;
use webtrunk_signalling::sip::flow::TransportKind;

use super::stream::Streams;
use super::tls::Trust;
use super::websocket::Link;

/// Octets of the largest datagram.
const DATAGRAM_MAX: usize = 65_535;

/// Whole messages as they arrive, and from whom.
pub(crate) type Inbox = mpsc::UnboundedReceiver<(SocketAddr, Bytes)>;
pub(super) type Arrivals = mpsc::UnboundedSender<(SocketAddr, Bytes)>;

/// The way out. What is sent when the other end is gone is lost, as on any network.
#[derive(Debug, Clone)]
pub(crate) struct Wire {
    kind: TransportKind,
    local: SocketAddr,
    exit: Exit,
}

#[derive(Debug, Clone)]
enum Exit {
    Udp(Arc<UdpSocket>),
    Streams(Streams),
    WebSocket(Arc<Link>),
}

impl Wire {
    pub(crate) async fn udp(bind: SocketAddr) -> io::Result<(Self, Inbox)> {
        let socket = Arc::new(UdpSocket::bind(bind).await?);
        let (arrivals, inbox) = mpsc::unbounded_channel();
        let local = socket.local_addr()?;
        tokio::spawn(read_datagrams(Arc::clone(&socket), arrivals));
        Ok((Self { kind: TransportKind::Udp, local, exit: Exit::Udp(socket) }, inbox))
    }

    /// Listens, and connects where there is no connection yet.
    pub(crate) async fn tcp(bind: SocketAddr) -> io::Result<(Self, Inbox)> {
        let (arrivals, inbox) = mpsc::unbounded_channel();
        let (streams, local) = Streams::listen(bind, arrivals).await?;
        Ok((Self { kind: TransportKind::Tcp, local, exit: Exit::Streams(streams) }, inbox))
    }

    /// Connects where there is no connection yet, from the address that it takes here, to servers of this name; to their addresses
    /// where there is none.
    pub(crate) fn tls(bind: SocketAddr, trust: &Trust, server: Option<&str>) -> io::Result<(Self, Inbox)> {
        let (arrivals, inbox) = mpsc::unbounded_channel();
        let (streams, local) = Streams::secure(bind, trust, server, arrivals)?;
        Ok((Self { kind: TransportKind::Tls, local, exit: Exit::Streams(streams) }, inbox))
    }

    /// Connects to `ws://host:port/path` or `wss://..`, RFC 7118.
    pub(crate) async fn websocket(url: &str, trust: &Trust) -> io::Result<(Self, SocketAddr, Inbox)> {
        let (arrivals, inbox) = mpsc::unbounded_channel();
        let (link, local, remote) = Link::connect(url, trust, arrivals).await?;
        let kind = if link.is_secure() { TransportKind::Wss } else { TransportKind::Ws };
        let wire = Self { kind, local, exit: Exit::WebSocket(Arc::new(link)) };
        Ok((wire, remote, inbox))
    }

    /// Cuts a WebSocket without a word, and connects again after so long.
    ///
    /// # Errors
    /// There is none, or the server cannot be reached any more.
    pub(crate) async fn reconnect(&self, away: Duration) -> io::Result<()> {
        match &self.exit {
            Exit::WebSocket(link) => link.reconnect(away).await,
            Exit::Udp(_) | Exit::Streams(_) => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    pub(crate) const fn kind(&self) -> TransportKind {
        self.kind
    }

    pub(crate) const fn local(&self) -> SocketAddr {
        self.local
    }

    pub(crate) fn send(&self, to: SocketAddr, message: Bytes) {
        tracing::debug!(%to, "sent\n{}", String::from_utf8_lossy(&message));
        match &self.exit {
            Exit::Udp(socket) => {
                let socket = Arc::clone(socket);
                // Signalling is rare; where the buffer has room the datagram goes at once.
                if socket.try_send_to(&message, to).is_err() {
                    tokio::spawn(async move { socket.send_to(&message, to).await });
                }
            }
            Exit::Streams(streams) => streams.send(to, message),
            Exit::WebSocket(link) => link.send(message),
        }
    }
}

/// Ends when nobody wants the messages any more.
async fn read_datagrams(socket: Arc<UdpSocket>, arrivals: Arrivals) {
    let mut buffer = vec![0; DATAGRAM_MAX];
    while !arrivals.is_closed() {
        tokio::select! {
            // An error is an ICMP message about somebody who is gone.
            received = socket.recv_from(&mut buffer) => {
                if let Ok((length, from)) = received {
                    let _ = arrivals.send((from, Bytes::copy_from_slice(&buffer[..length])));
                }
            }
            () = arrivals.closed() => {}
        }
    }
}
