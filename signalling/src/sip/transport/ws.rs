//! SIP over WebSocket (RFC 7118): one message per WebSocket message, subprotocol `sip`.
//!
//! [`serve`] is a service of actix-web. The gateway mounts it at a path of its HTTP server; a
//! listener of its own ([`super::ws_listener`]) mounts it at every path.

use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::error::PayloadError;
use actix_web::http::header::{self, HeaderMap, HeaderName};
use actix_web::{FromRequest, HttpRequest, HttpResponse, web};
use actix_ws::{AggregatedMessage, AggregatedMessageStream, CloseCode, ProtocolError, Session};
use bytes::Bytes;
use futures_util::StreamExt;
use tokio::time::{Instant, sleep_until, timeout};
use tracing::{debug, info};

use super::frame_guard::FrameGuard;
use super::layer::{Shared, Ticket};
use crate::http::Arrival;
use crate::sip::flow::{Flow, ListenerId, TransportKind};
use crate::sip::message::MESSAGE_MAX;

/// The subprotocol of RFC 7118 4.1.
const SUBPROTOCOL: &str = "sip";

/// What the service needs; give it to actix-web as `web::Data<WsEndpoint>`.
#[derive(Debug, Clone)]
pub struct WsEndpoint {
    shared: Arc<Shared>,
    listener: ListenerId,
}

impl WsEndpoint {
    pub(super) const fn new(shared: Arc<Shared>, listener: ListenerId) -> Self {
        Self { shared, listener }
    }
}

/// Opens a WebSocket that carries SIP, or refuses: 403 for a foreign page, 400 without subprotocol
/// `sip`, 503 where there is no place.
///
/// It is served by [`http::serve`](crate::http::serve), which tells whether it speaks TLS.
///
/// # Errors
/// Those of a handshake that is none (RFC 6455 4.2).
pub async fn serve(
    endpoint: web::Data<WsEndpoint>,
    request: HttpRequest,
    body: web::Payload,
) -> actix_web::Result<HttpResponse> {
    let WsEndpoint { shared, listener } = endpoint.get_ref();
    let Some(remote) = request.peer_addr() else { return Ok(HttpResponse::BadRequest().finish()) };
    let Arrival { local, is_secure } =
        *request.conn_data::<Arrival>().expect("`http::serve` notes it at each connection");
    if let Some(refusal) = refuse(shared, *listener, request.headers()) {
        info!(%remote, reason = refusal.1, "WebSocket refused");
        shared.counters.handshakes_refused.add_one();
        return Ok(HttpResponse::build(refusal.0).body(refusal.1));
    }
    let Ok(ticket) = shared.admit(remote.ip()) else {
        return Ok(HttpResponse::ServiceUnavailable().body("too many connections"));
    };
    let body = guarded(&request, body).await?;
    let (response, session, stream) = actix_ws::handle_with_protocols(&request, body, &[SUBPROTOCOL])?;
    let kind = if is_secure { TransportKind::Wss } else { TransportKind::Ws };
    let flow = Flow { kind, listener: *listener, local, remote, connection: Some(ticket.id) };
    let stream =
        stream.max_frame_size(MESSAGE_MAX).aggregate_continuations().max_continuation_size(MESSAGE_MAX);
    actix_web::rt::spawn(run(shared.clone(), ticket, flow, session, stream));
    Ok(response)
}

/// The same octets, until a frame announces more than a message may have.
async fn guarded(request: &HttpRequest, body: web::Payload) -> actix_web::Result<web::Payload> {
    let mut guard = FrameGuard::new(MESSAGE_MAX);
    let payload = body.map(move |octets| {
        let octets = octets?;
        guard.look(&octets).map_err(|_| PayloadError::Overflow)?;
        Ok(octets)
    });
    web::Payload::from_request(request, &mut Payload::Stream { payload: Box::pin(payload) }).await
}

/// Why a handshake is refused, if it is.
fn refuse(
    shared: &Shared,
    listener: ListenerId,
    headers: &HeaderMap,
) -> Option<(actix_web::http::StatusCode, &'static str)> {
    let mut origins = headers.get_all(header::ORIGIN);
    let origin = match (origins.next(), origins.next()) {
        (None, _) => None,
        (Some(origin), None) => Some(origin.to_str().unwrap_or("null")),
        (Some(_), Some(_)) => Some("null"),
    };
    let config = shared.listeners.get(usize::from(listener.0));
    if !config.is_some_and(|config| config.origins.admits(origin)) {
        return Some((actix_web::http::StatusCode::FORBIDDEN, "this page may not connect here"));
    }
    let is_sip = tokens(headers, &header::SEC_WEBSOCKET_PROTOCOL).any(|token| token == SUBPROTOCOL);
    (!is_sip)
        .then_some((actix_web::http::StatusCode::BAD_REQUEST, "subprotocol sip is missing (RFC 7118 4.1)"))
}

/// The values of a header that is a list.
fn tokens<'h>(headers: &'h HeaderMap, name: &'h HeaderName) -> impl Iterator<Item = &'h str> {
    headers
        .get_all(name)
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(',').map(str::trim))
}

/// Why a WebSocket ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// The peer closed it.
    Closed,
    /// The peer is gone.
    ByPeer,
    /// The layer ended it: evicted, not reading, or stopping.
    Cut,
    /// A message larger than the limit.
    TooLarge,
    /// Frames that are none.
    NotWebSocket,
    /// Text that is no UTF-8.
    NotText,
    /// Nothing said, not authenticated.
    Idle,
    /// Pings stay unanswered, or writes get stuck.
    Silent,
}

impl End {
    /// The status code of RFC 6455 7.4.1, where there is still somebody to tell.
    const fn close_code(self) -> Option<CloseCode> {
        match self {
            Self::ByPeer | Self::Silent => None,
            // RFC 6455 5.5.1: without this the page is told that its connection broke.
            Self::Closed => Some(CloseCode::Normal),
            Self::Cut => Some(CloseCode::Away),
            Self::TooLarge => Some(CloseCode::Size),
            Self::NotWebSocket => Some(CloseCode::Protocol),
            Self::NotText => Some(CloseCode::Invalid),
            Self::Idle => Some(CloseCode::Policy),
        }
    }
}

async fn run(
    shared: Arc<Shared>,
    mut ticket: Ticket,
    flow: Flow,
    session: Session,
    stream: AggregatedMessageStream,
) {
    debug!(%flow, "WebSocket open");
    let control = ticket.control.clone();
    let mut talk = Talk { shared: &shared, flow, session: session.clone(), stream, heard_at: Instant::now() };
    let end = tokio::select! {
        end = talk.run(&mut ticket) => end,
        () = control.cut.notified() => End::Cut,
    };
    if matches!(end, End::Idle | End::Silent) {
        shared.counters.deadlines.add_one();
    }
    debug!(%flow, ?end, "WebSocket closed");
    drop(ticket);
    if let Some(code) = end.close_code() {
        // Who does not read its close frame loses nothing else.
        let _ = timeout(Duration::from_secs(1), session.close(Some(code.into()))).await;
    }
}

/// A WebSocket at work.
struct Talk<'s> {
    shared: &'s Shared,
    flow: Flow,
    session: Session,
    stream: AggregatedMessageStream,
    /// When any frame came in last.
    heard_at: Instant,
}

impl Talk<'_> {
    async fn run(&mut self, ticket: &mut Ticket) -> End {
        let limits = &self.shared.limits;
        let mut ping_at = Instant::now() + limits.ping_interval;
        let mut idle_at = Instant::now() + limits.idle_unauthenticated;
        loop {
            let silent_at = self.heard_at + limits.pong_deadline;
            let idle_at_most = if ticket.control.is_known() { silent_at } else { idle_at };
            let step = tokio::select! {
                frame = self.stream.recv() => {
                    self.heard_at = Instant::now();
                    self.take(frame, &mut idle_at).await
                }
                message = ticket.outgoing.recv() => match message {
                    Some(message) => self.write(message).await,
                    None => Err(End::Cut),
                },
                () = sleep_until(ping_at) => {
                    ping_at = Instant::now() + limits.ping_interval;
                    self.ping().await
                }
                () = sleep_until(silent_at.min(idle_at_most)) => self.overdue(silent_at, ticket.control.is_known()),
            };
            if let Err(end) = step {
                return end;
            }
        }
    }

    async fn take(
        &mut self,
        frame: Option<Result<AggregatedMessage, ProtocolError>>,
        idle_at: &mut Instant,
    ) -> Result<(), End> {
        let message = match frame {
            None => return Err(End::ByPeer),
            Some(Err(error)) => return Err(end_of(&error)),
            Some(Ok(AggregatedMessage::Text(text))) => text.into_bytes(),
            Some(Ok(AggregatedMessage::Binary(bytes))) => bytes,
            Some(Ok(AggregatedMessage::Ping(payload))) => {
                let answer = timeout(self.shared.limits.write_deadline, self.session.pong(&payload)).await;
                return written(answer);
            }
            Some(Ok(AggregatedMessage::Pong(_))) => return Ok(()),
            Some(Ok(AggregatedMessage::Close(_))) => return Err(End::Closed),
        };
        // The keep-alive of RFC 5626 4.4.1, which some clients use here too.
        if message.iter().all(|byte| matches!(byte, b'\r' | b'\n')) {
            return if message.as_ref() == b"\r\n\r\n" {
                self.write(Bytes::from_static(b"\r\n")).await
            } else {
                Ok(())
            };
        }
        *idle_at = Instant::now() + self.shared.limits.idle_unauthenticated;
        match self.shared.receive(self.flow, message).await {
            Some(refusal) => self.write(refusal).await,
            None => Ok(()),
        }
    }

    /// Text where it is text: that is what browsers' libraries expect.
    async fn write(&mut self, message: Bytes) -> Result<(), End> {
        let deadline = self.shared.limits.write_deadline;
        let sent = match String::from_utf8(message.into()) {
            Ok(text) => timeout(deadline, self.session.text(text)).await,
            Err(error) => timeout(deadline, self.session.binary(error.into_bytes())).await,
        };
        written(sent)
    }

    async fn ping(&mut self) -> Result<(), End> {
        written(timeout(self.shared.limits.write_deadline, self.session.ping(b"")).await)
    }

    fn overdue(&self, silent_at: Instant, is_known: bool) -> Result<(), End> {
        match (Instant::now() >= silent_at, is_known) {
            (true, _) => Err(End::Silent),
            (false, false) => Err(End::Idle),
            // It authenticated while the deadline of strangers ran.
            (false, true) => Ok(()),
        }
    }
}

fn written(result: Result<Result<(), actix_ws::Closed>, tokio::time::error::Elapsed>) -> Result<(), End> {
    match result {
        Ok(Ok(())) => Ok(()),
        Ok(Err(actix_ws::Closed)) => Err(End::ByPeer),
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
    }
}
