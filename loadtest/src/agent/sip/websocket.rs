//! SIP over WebSocket, RFC 7118: one message in each WebSocket message, over a connection that can be cut and made anew.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::{Connector, MaybeTlsStream, WebSocketStream, connect_async_tls_with_config};

use super::tls::Trust;
use super::wire::Arrivals;

/// The way to one server, by one connection after the other.
#[derive(Debug)]
pub(super) struct Link {
    url: String,
    trust: Trust,
    /// Where messages go that arrive; as long as a connection is there.
    arrivals: mpsc::WeakUnboundedSender<(SocketAddr, Bytes)>,
    line: Mutex<Line>,
}

/// The connection that there is.
#[derive(Debug)]
struct Line {
    sender: mpsc::UnboundedSender<Bytes>,
    task: AbortHandle,
}

struct Connection {
    line: Line,
    local: SocketAddr,
    remote: SocketAddr,
}

impl Link {
    /// Connects; our address, and the server's.
    ///
    /// # Errors
    /// The server cannot be reached, is not trusted, or does not speak SIP here.
    pub(super) async fn connect(
        url: &str,
        trust: &Trust,
        arrivals: Arrivals,
    ) -> io::Result<(Self, SocketAddr, SocketAddr)> {
        let later = arrivals.downgrade();
        let Connection { line, local, remote } = connect(url, trust, arrivals).await?;
        let (url, trust) = (url.to_owned(), trust.clone());
        Ok((Self { url, trust, arrivals: later, line: Mutex::new(line) }, local, remote))
    }

    pub(super) fn is_secure(&self) -> bool {
        is_secure(&self.url)
    }

    pub(super) fn send(&self, message: Bytes) {
        let _ = self.line().sender.send(message);
    }

    /// Cuts the connection without a word, and makes another after so long. What is sent meanwhile is lost.
    ///
    /// # Errors
    /// There was none any more, or there is none again: all calls are over then.
    pub(super) async fn reconnect(&self, away: Duration) -> io::Result<()> {
        // Held while there is no connection: that nobody has it would be the end of all calls.
        let arrivals = self.arrivals.upgrade().ok_or(io::ErrorKind::NotConnected)?;
        self.line().task.abort();
        tokio::time::sleep(away).await;
        let connection = connect(&self.url, &self.trust, arrivals).await?;
        *self.line() = connection.line;
        Ok(())
    }

    fn line(&self) -> MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_secure(url: &str) -> bool {
    url.starts_with("wss:")
}

async fn connect(url: &str, trust: &Trust, arrivals: Arrivals) -> io::Result<Connection> {
    let mut request = url.into_client_request().map_err(io::Error::other)?;
    request.headers_mut().insert("Sec-WebSocket-Protocol", HeaderValue::from_static("sip"));
    let connector =
        if is_secure(url) { Connector::Rustls(Arc::new(trust.client_config()?)) } else { Connector::Plain };
    // Nagle's algorithm would hold back small messages.
    let disable_nagle = true;
    let (stream, response) = connect_async_tls_with_config(request, None, disable_nagle, Some(connector))
        .await
        .map_err(io::Error::other)?;
    if response.headers().get("Sec-WebSocket-Protocol").is_none_or(|it| it != "sip") {
        return Err(io::Error::other("the server did not agree to the WebSocket subprotocol sip"));
    }
    let tcp = tcp_of(&stream)?;
    let (local, remote) = (tcp.local_addr()?, tcp.peer_addr()?);
    let (sender, messages) = mpsc::unbounded_channel();
    let task = tokio::spawn(exchange(stream, remote, messages, arrivals)).abort_handle();
    Ok(Connection { line: Line { sender, task }, local, remote })
}

/// Ends with the connection, or when nobody sends or reads any more.
async fn exchange(
    mut stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
    remote: SocketAddr,
    mut messages: mpsc::UnboundedReceiver<Bytes>,
    arrivals: Arrivals,
) {
    loop {
        tokio::select! {
            received = stream.next() => match received {
                Some(Ok(Message::Text(text))) => {
                    let _ = arrivals.send((remote, Bytes::from(text)));
                }
                Some(Ok(Message::Binary(octets))) => {
                    let _ = arrivals.send((remote, octets));
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return,
            },
            message = messages.recv() => {
                let Some(message) = message else { break };
                let text = String::from_utf8_lossy(&message).into_owned();
                if stream.send(Message::text(text)).await.is_err() {
                    return;
                }
            }
            () = arrivals.closed() => break,
        }
    }
    let _ = stream.close(None).await;
}

fn tcp_of(stream: &WebSocketStream<MaybeTlsStream<TcpStream>>) -> io::Result<&TcpStream> {
    match stream.get_ref() {
        MaybeTlsStream::Plain(tcp) => Ok(tcp),
        MaybeTlsStream::Rustls(tls) => Ok(tls.get_ref().0),
        _ => Err(io::Error::other("a kind of stream that we did not ask for")),
    }
}
