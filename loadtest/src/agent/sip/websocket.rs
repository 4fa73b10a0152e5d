//! SIP over WebSocket, RFC 7118: one message in each WebSocket message.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::{Connector, MaybeTlsStream, WebSocketStream, connect_async_tls_with_config};

use super::tls::Trust;
use super::wire::Arrivals;

pub(super) struct Connection {
    pub(super) sender: mpsc::UnboundedSender<Bytes>,
    pub(super) local: SocketAddr,
    pub(super) remote: SocketAddr,
    pub(super) is_secure: bool,
}

/// # Errors
/// The server cannot be reached, is not trusted, or does not speak SIP here.
pub(super) async fn connect(url: &str, trust: &Trust, arrivals: Arrivals) -> io::Result<Connection> {
    let mut request = url.into_client_request().map_err(io::Error::other)?;
    request.headers_mut().insert("Sec-WebSocket-Protocol", HeaderValue::from_static("sip"));
    let is_secure = url.starts_with("wss:");
    let connector =
        if is_secure { Connector::Rustls(Arc::new(trust.client_config()?)) } else { Connector::Plain };
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
    tokio::spawn(exchange(stream, remote, messages, arrivals));
    Ok(Connection { sender, local, remote, is_secure })
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
