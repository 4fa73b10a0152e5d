//! SIP over TCP: messages framed by Content-Length (RFC 3261 18.3), one connection for each peer.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use webtrunk_signalling::sip::message::Framing;

use super::wire::Arrivals;

/// All connections, accepted and dialled, by the peer's address.
#[derive(Debug, Clone)]
pub(super) struct Streams {
    writers: Arc<Mutex<HashMap<SocketAddr, mpsc::UnboundedSender<Bytes>>>>,
    arrivals: Arrivals,
}

impl Streams {
    pub(super) async fn listen(bind: SocketAddr, arrivals: Arrivals) -> io::Result<(Self, SocketAddr)> {
        let listener = TcpListener::bind(bind).await?;
        let local = listener.local_addr()?;
        let streams = Self { writers: Arc::default(), arrivals };
        tokio::spawn(streams.clone().accept(listener));
        Ok((streams, local))
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
                    let (sender, receiver) = mpsc::unbounded_channel();
                    self.writers.lock().unwrap_or_else(PoisonError::into_inner).insert(from, sender);
                    tokio::spawn(self.clone().serve(stream, from, receiver));
                }
                () = self.arrivals.closed() => return,
            }
        }
    }

    async fn dial(self, to: SocketAddr, messages: mpsc::UnboundedReceiver<Bytes>) {
        match TcpStream::connect(to).await {
            Ok(stream) => self.serve(stream, to, messages).await,
            Err(error) => {
                tracing::warn!(%to, %error, "no TCP connection");
                self.forget(to);
            }
        }
    }

    async fn serve(self, stream: TcpStream, peer: SocketAddr, messages: mpsc::UnboundedReceiver<Bytes>) {
        if let Err(error) = self.exchange(stream, peer, messages).await {
            tracing::debug!(%peer, %error, "TCP connection ended");
        }
        self.forget(peer);
    }

    async fn exchange(
        &self,
        mut stream: TcpStream,
        peer: SocketAddr,
        mut messages: mpsc::UnboundedReceiver<Bytes>,
    ) -> io::Result<()> {
        stream.set_nodelay(true)?;
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
                    Some(message) => stream.write_all(&message).await?,
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
