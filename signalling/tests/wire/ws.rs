//! A WebSocket peer.

use std::net::SocketAddr;

use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use super::PATIENCE;

/// A WebSocket client of the subprotocol `sip`.
pub(crate) struct WsPeer<S = MaybeTlsStream<TcpStream>>(WebSocketStream<S>);

impl WsPeer {
    pub(crate) async fn connect(server: SocketAddr) -> Self {
        Self::open(server, Some("sip"), None).await.expect("the service takes us")
    }

    /// Opens with these headers; the HTTP status where the service refuses.
    pub(crate) async fn open(
        server: SocketAddr,
        subprotocol: Option<&'static str>,
        origin: Option<&'static str>,
    ) -> Result<Self, u16> {
        let mut request = format!("ws://{server}/").into_client_request().expect("a URL");
        if let Some(subprotocol) = subprotocol {
            request.headers_mut().insert("Sec-WebSocket-Protocol", HeaderValue::from_static(subprotocol));
        }
        if let Some(origin) = origin {
            request.headers_mut().insert("Origin", HeaderValue::from_static(origin));
        }
        match timeout(PATIENCE, tokio_tungstenite::connect_async(request)).await.expect("an answer") {
            Ok((stream, _)) => Ok(Self(stream)),
            Err(Error::Http(response)) => Err(response.status().as_u16()),
            Err(error) => panic!("no WebSocket: {error}"),
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> WsPeer<S> {
    /// Opens this URL on a stream, inside TLS say.
    pub(crate) async fn over(stream: S, url: &str) -> Self {
        Self::try_over(stream, url).await.expect("the service takes us")
    }

    /// The same; the HTTP status where the service refuses.
    pub(crate) async fn try_over(stream: S, url: &str) -> Result<Self, u16> {
        Self::speaking("sip", stream, url).await
    }

    /// The same by another subprotocol.
    pub(crate) async fn speaking(subprotocol: &'static str, stream: S, url: &str) -> Result<Self, u16> {
        let mut request = url.into_client_request().expect("a URL");
        request.headers_mut().insert("Sec-WebSocket-Protocol", HeaderValue::from_static(subprotocol));
        match tokio_tungstenite::client_async(request, stream).await {
            Ok((stream, _)) => Ok(Self(stream)),
            Err(Error::Http(response)) => Err(response.status().as_u16()),
            Err(error) => panic!("no WebSocket: {error}"),
        }
    }

    pub(crate) async fn send(&mut self, message: Message) {
        self.0.send(message).await.expect("the WebSocket is open");
    }

    /// Octets as they are, beneath the frames.
    pub(crate) async fn send_raw(&mut self, octets: &[u8]) {
        self.0.get_mut().write_all(octets).await.expect("it is open");
    }

    pub(crate) async fn send_text(&mut self, text: &str) {
        self.send(Message::text(text)).await;
    }

    /// The next frame of any kind; `None` when the connection is over.
    pub(crate) async fn frame(&mut self) -> Option<Message> {
        self.frame_within(PATIENCE).await.expect("a frame or the end")
    }

    pub(crate) async fn frame_within(&mut self, patience: std::time::Duration) -> Option<Option<Message>> {
        timeout(patience, self.0.next()).await.ok().map(|frame| frame.and_then(Result::ok))
    }

    /// The next text message, pings passed over.
    pub(crate) async fn receive(&mut self) -> String {
        loop {
            match self.frame().await {
                Some(Message::Text(text)) => return text.as_str().to_owned(),
                Some(Message::Ping(_) | Message::Pong(_)) => {}
                other => panic!("no text: {other:?}"),
            }
        }
    }

    /// The code of the close frame that has to come now; `None` where the connection just ends.
    pub(crate) async fn close_code(&mut self) -> Option<u16> {
        loop {
            match self.frame().await {
                Some(Message::Close(frame)) => return frame.map(|frame| frame.code.into()),
                Some(Message::Ping(_) | Message::Pong(_)) => {}
                Some(other) => panic!("no close: {other:?}"),
                None => return None,
            }
        }
    }
}

/// The frames of one message sent in pieces.
pub(crate) fn fragments(message: &[u8], size: usize) -> Vec<Frame> {
    let last = message.len().div_ceil(size) - 1;
    let frame = |(index, part): (usize, &[u8])| {
        let opcode = OpCode::Data(if index == 0 { Data::Text } else { Data::Continue });
        Frame::message(part.to_vec(), opcode, index == last)
    };
    message.chunks(size).enumerate().map(frame).collect()
}
