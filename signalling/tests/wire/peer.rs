//! A peer on a socket: bytes out, SIP messages in.

use std::net::SocketAddr;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::timeout;

use super::PATIENCE;

/// A datagram peer.
pub(crate) struct UdpPeer(UdpSocket);

impl UdpPeer {
    pub(crate) async fn new(server: SocketAddr) -> Self {
        let any = if server.is_ipv4() { "127.0.0.1:0" } else { "[::1]:0" };
        let socket = UdpSocket::bind(any).await.expect("a port");
        socket.connect(server).await.expect("a route to loopback");
        Self(socket)
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.0.local_addr().expect("bound")
    }

    pub(crate) async fn send(&self, bytes: &[u8]) {
        self.0.send(bytes).await.expect("loopback takes it");
    }

    pub(crate) async fn receive(&self) -> String {
        self.receive_within(PATIENCE).await.expect("an answer")
    }

    pub(crate) async fn receive_octets(&self) -> Vec<u8> {
        let mut buffer = vec![0; 65_535];
        let received = timeout(PATIENCE, self.0.recv(&mut buffer)).await.expect("an answer");
        buffer.truncate(received.expect("the socket is open"));
        buffer
    }

    pub(crate) async fn receive_within(&self, patience: std::time::Duration) -> Option<String> {
        let mut buffer = vec![0; 65_535];
        let length = timeout(patience, self.0.recv(&mut buffer)).await.ok()?.expect("the socket is open");
        Some(String::from_utf8_lossy(&buffer[..length]).into_owned())
    }
}

/// A stream peer, in the clear or inside TLS.
pub(crate) struct StreamPeer<S> {
    stream: S,
    buffer: Vec<u8>,
}

impl StreamPeer<TcpStream> {
    pub(crate) async fn connect(server: SocketAddr) -> Self {
        let stream = TcpStream::connect(server).await.expect("the listener is open");
        stream.set_nodelay(true).expect("an option of TCP");
        Self::over(stream)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> StreamPeer<S> {
    pub(crate) const fn over(stream: S) -> Self {
        Self { stream, buffer: Vec::new() }
    }

    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.expect("the stream is open");
        self.stream.flush().await.expect("the stream is open");
    }

    /// Sends as far as the server lets us; it may have closed already.
    pub(crate) async fn try_send(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes).await;
    }

    /// The next message, told apart by its Content-Length; `None` when the server closed the stream.
    pub(crate) async fn receive(&mut self) -> Option<String> {
        loop {
            if let Some(length) = message_length(&self.buffer) {
                let message = self.buffer.drain(..length).collect();
                return Some(String::from_utf8(message).expect("we write UTF-8"));
            }
            if self.fill().await == 0 {
                return None;
            }
        }
    }

    /// The next message or the end, where one of them comes in time.
    pub(crate) async fn receive_within(&mut self, patience: std::time::Duration) -> Option<Option<String>> {
        timeout(patience, self.receive()).await.ok()
    }

    /// All bytes that come until the server closes.
    pub(crate) async fn receive_to_end(&mut self) -> String {
        while self.fill().await > 0 {}
        String::from_utf8(std::mem::take(&mut self.buffer)).expect("we write UTF-8")
    }

    /// Exactly so many bytes.
    pub(crate) async fn receive_exactly(&mut self, length: usize) -> Vec<u8> {
        while self.buffer.len() < length {
            assert_ne!(self.fill().await, 0, "closed early");
        }
        self.buffer.drain(..length).collect()
    }

    /// Reads more; 0 when the stream is over. A reset is an end as well.
    async fn fill(&mut self) -> usize {
        let read = self.stream.read_buf(&mut self.buffer);
        timeout(PATIENCE, read).await.expect("an answer or the end").unwrap_or(0)
    }
}

fn message_length(buffer: &[u8]) -> Option<usize> {
    let text = String::from_utf8_lossy(buffer);
    let head = text.find("\r\n\r\n")?;
    let length = text[..head]
        .lines()
        .find_map(|line| line.strip_prefix("Content-Length: "))
        .map_or(0, |length| length.parse().expect("we write a number"));
    (buffer.len() >= head + 4 + length).then_some(head + 4 + length)
}
