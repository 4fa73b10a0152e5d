//! SIP over TCP and TLS: messages framed by Content-Length (RFC 3261 18.3), one connection for each peer.

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::{Buf, Bytes, BytesMut};
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::mpsc;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use webtrunk_signalling::sip::message::Framing;

use super::tls::Trust;
use super::wire::Arrivals;

/// All connections, accepted and dialled, by the peer's address.
#[derive(Debug, Clone)]
pub(super) struct Streams {
    writers: Arc<Mutex<HashMap<SocketAddr, mpsc::UnboundedSender<Bytes>>>>,
    /// How it dials over TLS; `None` for TCP.
    secure: Option<Secure>,
    arrivals: Arrivals,
}

/// Whom is dialled over TLS, and from where.
#[derive(Clone)]
struct Secure {
    connector: TlsConnector,
    from: SocketAddr,
    /// The name that the server's certificate has; its address where there is none.
    server: Option<ServerName<'static>>,
}

impl fmt::Debug for Secure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secure")
            .field("from", &self.from)
            .field("server", &self.server)
            .finish_non_exhaustive()
    }
}

impl Streams {
    pub(super) async fn listen(bind: SocketAddr, arrivals: Arrivals) -> io::Result<(Self, SocketAddr)> {
        let listener = TcpListener::bind(bind).await?;
        let local = listener.local_addr()?;
        let streams = Self { writers: Arc::default(), secure: None, arrivals };
        tokio::spawn(streams.clone().accept(listener));
        Ok((streams, local))
    }

    /// Dials over TLS, from this address, and takes no connections.
    pub(super) fn secure(
        bind: SocketAddr,
        trust: &Trust,
        server: Option<&str>,
        arrivals: Arrivals,
    ) -> io::Result<(Self, SocketAddr)> {
        let connector = TlsConnector::from(Arc::new(trust.client_config()?));
        // A port that is its own for all its connections.
        let from = socket_at(bind)?.local_addr()?;
        let server =
            server.map(|name| ServerName::try_from(name.to_owned())).transpose().map_err(io::Error::other)?;
        let secure = Some(Secure { connector, from, server });
        Ok((Self { writers: Arc::default(), secure, arrivals }, from))
    }

    pub(super) fn send(&self, to: SocketAddr, message: Bytes) {
        let mut writers = self.writers.lock().unwrap_or_else(PoisonError::into_inner);
        let writer = writers.entry(to).or_insert_with(|| {
            let (sender, receiver) = mpsc::unbounded_channel();
            tokio::spawn(self.clone().dial(to, receiver));
            sender
        });
        let _ = writer.send(message);
    }

    async fn accept(self, listener: TcpListener) {
        loop {
            tokio::select! {
                accepted = listener.accept() => {
                    let Ok((stream, from)) = accepted else { continue };
                    let _ = stream.set_nodelay(true);
                    let (sender, receiver) = mpsc::unbounded_channel();
                    self.writers.lock().unwrap_or_else(PoisonError::into_inner).insert(from, sender);
                    tokio::spawn(self.clone().serve(stream, from, receiver));
                }
                () = self.arrivals.closed() => return,
            }
        }
    }

    async fn dial(self, to: SocketAddr, messages: mpsc::UnboundedReceiver<Bytes>) {
        let failed = match &self.secure {
            None => match TcpStream::connect(to).await {
                Ok(stream) => {
                    let _ = stream.set_nodelay(true);
                    return self.serve(stream, to, messages).await;
                }
                Err(error) => error,
            },
            Some(secure) => match secure.connect(to).await {
                Ok(stream) => return self.serve(stream, to, messages).await,
                Err(error) => error,
            },
        };
        tracing::warn!(%to, error = %failed, "no connection");
        self.forget(to);
    }

    async fn serve(
        self,
        stream: impl AsyncRead + AsyncWrite + Unpin,
        peer: SocketAddr,
        messages: mpsc::UnboundedReceiver<Bytes>,
    ) {
        if let Err(error) = self.exchange(stream, peer, messages).await {
            tracing::debug!(%peer, %error, "connection ended");
        }
        self.forget(peer);
    }

    async fn exchange(
        &self,
        mut stream: impl AsyncRead + AsyncWrite + Unpin,
        peer: SocketAddr,
        mut messages: mpsc::UnboundedReceiver<Bytes>,
    ) -> io::Result<()> {
        let mut buffer = BytesMut::new();
        loop {
            tokio::select! {
                read = stream.read_buf(&mut buffer) => {
                    if read? == 0 {
                        return Ok(());
                    }
                    self.hand_over(&mut buffer, peer)?;
                }
                message = messages.recv() => match message {
                    Some(message) => {
                        stream.write_all(&message).await?;
                        stream.flush().await?;
                    }
                    None => return Ok(()),
                },
                () = self.arrivals.closed() => return Ok(()),
            }
        }
    }

    /// Takes every whole message out of the buffer.
    fn hand_over(&self, buffer: &mut BytesMut, peer: SocketAddr) -> io::Result<()> {
        loop {
            match Framing::find(buffer) {
                Framing::KeepAlive(len) => buffer.advance(len),
                Framing::Complete { len } => {
                    let _ = self.arrivals.send((peer, buffer.split_to(len).freeze()));
                }
                Framing::Incomplete { .. } => return Ok(()),
                Framing::Broken(error) => {
                    return Err(io::Error::new(io::ErrorKind::InvalidData, error));
                }
            }
        }
    }

    fn forget(&self, peer: SocketAddr) {
        self.writers.lock().unwrap_or_else(PoisonError::into_inner).remove(&peer);
    }
}

impl Secure {
    async fn connect(&self, to: SocketAddr) -> io::Result<TlsStream<TcpStream>> {
        let stream = socket_at(self.from)?.connect(to).await?;
        stream.set_nodelay(true)?;
        let name = self.server.clone().unwrap_or_else(|| to.ip().into());
        self.connector.connect(name, stream).await
    }
}

/// A socket to dial from, bound here.
fn socket_at(bind: SocketAddr) -> io::Result<TcpSocket> {
    let socket = if bind.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // The connection before may not have died yet.
    socket.set_reuseaddr(true)?;
    socket.bind(bind)?;
    Ok(socket)
}
