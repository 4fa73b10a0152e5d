//! A WebSocket of a stranger's (RFC 6455), whatever it carries: who may open one, how long its messages may be, and how it
//! ends.

use std::time::Duration;

use actix_http::StatusCode;
use actix_web::dev::Payload;
use actix_web::error::PayloadError;
use actix_web::http::header::{self, HeaderMap, HeaderName};
use actix_web::{FromRequest, HttpRequest, HttpResponse, web};
use actix_ws::{AggregatedMessage, AggregatedMessageStream, CloseCode, Closed, ProtocolError, Session};
use bytes::Bytes;
use futures_util::StreamExt;
use tokio::time::error::Elapsed;
use tokio::time::{Instant, timeout};

use super::{BadFrame, FrameGuard, OriginPolicy};
use crate::auth::bucket::{Bucket, Rate};

/// Pings of a peer that are answered in a second in the mean, and at once. Chosen by us: programs send one in half a minute, and
/// pages none.
const PINGS_PER_S: f64 = 10.0;
const PINGS_AT_ONCE: u32 = 100;

/// Why a WebSocket ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The peer closed it.
    Closed,
    /// The peer is gone.
    ByPeer,
    /// We ended it: evicted, or stopping.
    Cut,
    /// What we send is not read in time: try again later.
    Slow,
    /// A message larger than the limit.
    TooLarge,
    /// Frames that are none.
    NotWebSocket,
    /// Text that is no UTF-8.
    NotText,
    /// A message of a kind that is not taken here.
    NotTaken,
    /// Nothing said, not authenticated; or what was said is wrong too often, or pings without end.
    Idle,
    /// Pings stay unanswered, or writes get stuck.
    Silent,
    /// A fault of ours.
    Broken,
}

impl End {
    /// The status code of RFC 6455 7.4.1, where there is still somebody to tell.
    const fn close_code(self) -> Option<CloseCode> {
        match self {
            Self::ByPeer | Self::Silent => None,
            // RFC 6455 5.5.1: without this the page is told that its connection broke.
            Self::Closed => Some(CloseCode::Normal),
            Self::Cut => Some(CloseCode::Away),
            Self::Slow => Some(CloseCode::Again),
            Self::TooLarge => Some(CloseCode::Size),
            Self::NotWebSocket => Some(CloseCode::Protocol),
            Self::NotText => Some(CloseCode::Invalid),
            Self::NotTaken => Some(CloseCode::Unsupported),
            Self::Idle => Some(CloseCode::Policy),
            Self::Broken => Some(CloseCode::Error),
        }
    }
}

/// The kinds of messages that a WebSocket carries (RFC 6455 5.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kinds {
    /// Text alone.
    Text,
    /// Text and octets.
    Both,
}

/// A frame, or the end of the connection, as it came.
pub type Came = Option<Result<AggregatedMessage, ProtocolError>>;

/// Why a handshake is refused, if it is: 403 for a foreign page, 400 without the subprotocol.
#[must_use]
pub fn refusal(
    headers: &HeaderMap,
    origins: &OriginPolicy,
    subprotocol: &str,
    missing: &'static str,
) -> Option<(StatusCode, &'static str)> {
    if !origins.admits(origin(headers)) {
        return Some((StatusCode::FORBIDDEN, "this page may not connect here"));
    }
    let is_asked = tokens(headers, &header::SEC_WEBSOCKET_PROTOCOL).any(|token| token == subprotocol);
    (!is_asked).then_some((StatusCode::BAD_REQUEST, missing))
}

/// The page that opens it, as its browser says; two of them are as good as `null`.
#[must_use]
pub fn origin(headers: &HeaderMap) -> Option<&str> {
    let mut origins = headers.get_all(header::ORIGIN);
    match (origins.next(), origins.next()) {
        (None, _) => None,
        (Some(origin), None) => Some(origin.to_str().unwrap_or("null")),
        (Some(_), Some(_)) => Some("null"),
    }
}

/// The values of a header that is a list.
fn tokens<'h>(headers: &'h HeaderMap, name: &'h HeaderName) -> impl Iterator<Item = &'h str> {
    headers
        .get_all(name)
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(',').map(str::trim))
}

/// A WebSocket that is open.
pub struct WebSocket {
    session: Session,
    stream: AggregatedMessageStream,
    kinds: Kinds,
    write_deadline: Duration,
    heard_at: Instant,
    pings: Bucket,
}

impl WebSocket {
    /// Opens one whose messages are of these kinds and have at most `message_max` octets, and whose writes may be stuck for
    /// `write_deadline`.
    ///
    /// # Errors
    /// Those of a handshake that is none (RFC 6455 4.2).
    pub async fn open(
        request: &HttpRequest,
        body: web::Payload,
        subprotocol: &str,
        (kinds, message_max): (Kinds, usize),
        write_deadline: Duration,
    ) -> actix_web::Result<(HttpResponse, Self)> {
        let body = guarded(request, body, message_max).await?;
        let (response, session, stream) = actix_ws::handle_with_protocols(request, body, &[subprotocol])?;
        let stream =
            stream.max_frame_size(message_max).aggregate_continuations().max_continuation_size(message_max);
        let (heard_at, pings) = (Instant::now(), Bucket::full(pings()));
        Ok((response, Self { session, stream, kinds, write_deadline, heard_at, pings }))
    }

    /// When any frame came in last.
    #[must_use]
    pub const fn heard_at(&self) -> Instant {
        self.heard_at
    }

    /// Waits for what comes next; nothing is lost where it is not waited for to the end.
    pub async fn recv(&mut self) -> Came {
        self.stream.recv().await
    }

    /// Takes what came: a message, or `None` where there is none in it. Pings are answered.
    ///
    /// # Errors
    /// The connection is over.
    pub async fn take(&mut self, came: Came) -> Result<Option<Bytes>, End> {
        self.heard_at = Instant::now();
        match came {
            None => Err(End::ByPeer),
            Some(Err(error)) => Err(end_of(&error)),
            Some(Ok(AggregatedMessage::Text(text))) => Ok(Some(text.into_bytes())),
            Some(Ok(AggregatedMessage::Binary(bytes))) => match self.kinds {
                Kinds::Text => Err(End::NotTaken),
                Kinds::Both => Ok(Some(bytes)),
            },
            Some(Ok(AggregatedMessage::Ping(payload))) => {
                self.count_ping()?;
                written(timeout(self.write_deadline, self.session.pong(&payload)).await).map(|()| None)
            }
            Some(Ok(AggregatedMessage::Pong(_))) => Ok(None),
            Some(Ok(AggregatedMessage::Close(_))) => Err(End::Closed),
        }
    }

    /// Counts a ping that is to be answered: of this protocol, or of the one that it carries.
    ///
    /// # Errors
    /// It is one too many: the connection is over.
    pub fn count_ping(&mut self) -> Result<(), End> {
        self.pings.take(pings(), 0.0, self.heard_at.into_std()).map_err(|_| End::Idle)
    }

    /// Sends: text where it is text, which is what browsers' libraries expect.
    ///
    /// # Errors
    /// The connection is over.
    pub async fn write(&mut self, message: Bytes) -> Result<(), End> {
        let sent = match String::from_utf8(message.into()) {
            Ok(text) => timeout(self.write_deadline, self.session.text(text)).await,
            Err(error) => timeout(self.write_deadline, self.session.binary(error.into_bytes())).await,
        };
        written(sent)
    }

    /// Asks whether the peer is there.
    ///
    /// # Errors
    /// The connection is over.
    pub async fn ping(&mut self) -> Result<(), End> {
        written(timeout(self.write_deadline, self.session.ping(b"")).await)
    }

    /// Says goodbye, where there is still somebody to tell.
    pub async fn close(self, end: End) {
        if let Some(code) = end.close_code() {
            // Who does not read its close frame loses nothing else.
            let _ = timeout(Duration::from_secs(1), self.session.close(Some(code.into()))).await;
        }
    }
}

/// The same octets, until a frame is refused by its header.
async fn guarded(
    request: &HttpRequest,
    body: web::Payload,
    message_max: usize,
) -> actix_web::Result<web::Payload> {
    let mut guard = FrameGuard::new(message_max);
    let payload = body.map(move |octets| {
        let octets = octets?;
        guard.look(&octets).map_err(|bad| match bad {
            BadFrame::TooLong(_) => PayloadError::Overflow,
            BadFrame::Malformed => PayloadError::EncodingCorrupted,
        })?;
        Ok(octets)
    });
    web::Payload::from_request(request, &mut Payload::Stream { payload: Box::pin(payload) }).await
}

fn pings() -> Rate {
    Rate::new(PINGS_PER_S, PINGS_AT_ONCE)
}

fn written(result: Result<Result<(), Closed>, Elapsed>) -> Result<(), End> {
    match result {
        Ok(Ok(())) => Ok(()),
        Ok(Err(Closed)) => Err(End::ByPeer),
        Err(_) => Err(End::Silent),
    }
}

/// What a broken frame means (RFC 6455 7.4.1).
fn end_of(error: &ProtocolError) -> End {
    match error {
        ProtocolError::Overflow => End::TooLarge,
        ProtocolError::Io(error) if error.kind() == std::io::ErrorKind::InvalidData => End::NotText,
        ProtocolError::Io(error) => match error.get_ref().and_then(|inner| inner.downcast_ref()) {
            Some(PayloadError::Overflow) => End::TooLarge,
            Some(PayloadError::EncodingCorrupted) => End::NotWebSocket,
            // The connection broke in the middle of nothing: a page that was closed.
            Some(_) => End::ByPeer,
            None if error.kind() == std::io::ErrorKind::Other => End::TooLarge,
            None => End::ByPeer,
        },
        _ => End::NotWebSocket,
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[test]
    fn a_connection_that_breaks_is_told_from_a_message_that_is_too_large() {
        let broken = ProtocolError::Io(io::Error::other(PayloadError::Incomplete(None)));
        assert_eq!(end_of(&broken), End::ByPeer);
        // As `AggregatedMessageStream` says it.
        let large = ProtocolError::Io(io::Error::other("Exceeded maximum continuation size"));
        assert_eq!(end_of(&large), End::TooLarge);
        assert_eq!(end_of(&ProtocolError::Overflow), End::TooLarge);
        let announced = ProtocolError::Io(io::Error::other(PayloadError::Overflow));
        assert_eq!(end_of(&announced), End::TooLarge);
        let reserved = ProtocolError::Io(io::Error::other(PayloadError::EncodingCorrupted));
        assert_eq!(end_of(&reserved), End::NotWebSocket);
    }
}
