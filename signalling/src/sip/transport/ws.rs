//! SIP over WebSocket (RFC 7118): one message per WebSocket message, subprotocol `sip`.
//!
//! [`serve`] is a service of actix-web. The gateway mounts it at a path of its HTTP server; a
//! listener of its own ([`super::ws_listener`]) mounts it at every path.

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, web};
use bytes::Bytes;
use tokio::time::{Instant, sleep_until};
use tracing::{debug, info};

use super::layer::{Shared, Ticket};
use crate::http::Arrival;
use crate::http::OriginPolicy;
use crate::http::websocket::{self, Came, End, Kinds, WebSocket};
use crate::lock::lock;
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
    let nobody = OriginPolicy::default();
    let origins = shared.listeners.get(usize::from(listener.0)).map_or(&nobody, |config| &config.origins);
    let missing = "subprotocol sip is missing (RFC 7118 4.1)";
    if let Some(refusal) = websocket::refusal(request.headers(), origins, SUBPROTOCOL, missing) {
        if let Some(repeated) = lock(&shared.refused).due(remote.ip(), refusal.1, std::time::Instant::now()) {
            info!(%remote, reason = refusal.1, repeated, "WebSocket refused");
        }
        shared.counters.handshakes_refused.add_one();
        return Ok(HttpResponse::build(refusal.0).body(refusal.1));
    }
    let Ok(ticket) = shared.admit(remote.ip()) else {
        return Ok(HttpResponse::ServiceUnavailable().body("too many connections"));
    };
    let deadline = shared.limits.write_deadline;
    let (response, socket) =
        WebSocket::open(&request, body, SUBPROTOCOL, (Kinds::Both, MESSAGE_MAX), deadline).await?;
    let kind = if is_secure { TransportKind::Wss } else { TransportKind::Ws };
    let flow = Flow { kind, listener: *listener, local, remote, connection: Some(ticket.id) };
    actix_web::rt::spawn(run(shared.clone(), ticket, flow, socket));
    Ok(response)
}

async fn run(shared: Arc<Shared>, mut ticket: Ticket, flow: Flow, socket: WebSocket) {
    debug!(%flow, "WebSocket open");
    let control = ticket.control.clone();
    let mut talk = Talk { shared: &shared, flow, socket };
    let end = tokio::select! {
        end = talk.run(&mut ticket) => end,
        () = control.cut.notified() => End::Cut,
    };
    if matches!(end, End::Idle | End::Silent) {
        shared.counters.deadlines.add_one();
    }
    debug!(%flow, ?end, "WebSocket closed");
    drop(ticket);
    talk.socket.close(end).await;
}

/// A WebSocket at work.
struct Talk<'s> {
    shared: &'s Shared,
    flow: Flow,
    socket: WebSocket,
}

impl Talk<'_> {
    async fn run(&mut self, ticket: &mut Ticket) -> End {
        let limits = &self.shared.limits;
        let mut ping_at = Instant::now() + limits.ping_interval;
        let mut idle_at = Instant::now() + limits.idle_unauthenticated;
        loop {
            let silent_at = self.socket.heard_at() + limits.pong_deadline;
            let idle_at_most = if ticket.control.is_known() { silent_at } else { idle_at };
            let step = tokio::select! {
                came = self.socket.recv() => self.take(came, &mut idle_at).await,
                message = ticket.outgoing.recv() => match message {
                    Some(message) => self.socket.write(message).await,
                    None => Err(End::Cut),
                },
                () = sleep_until(ping_at) => {
                    ping_at = Instant::now() + limits.ping_interval;
                    self.socket.ping().await
                }
                () = sleep_until(silent_at.min(idle_at_most)) => self.overdue(silent_at, ticket.control.is_known()),
            };
            if let Err(end) = step {
                return end;
            }
        }
    }

    async fn take(&mut self, came: Came, idle_at: &mut Instant) -> Result<(), End> {
        let Some(message) = self.socket.take(came).await? else { return Ok(()) };
        // The keep-alive of RFC 5626 4.4.1, which some clients use here too.
        if message.iter().all(|byte| matches!(byte, b'\r' | b'\n')) {
            return if message.as_ref() == b"\r\n\r\n" {
                self.socket.count_ping()?;
                self.socket.write(Bytes::from_static(b"\r\n")).await
            } else {
                Ok(())
            };
        }
        *idle_at = Instant::now() + self.shared.limits.idle_unauthenticated;
        match self.shared.receive(self.flow, message).await {
            Some(refusal) => self.socket.write(refusal).await,
            None => Ok(()),
        }
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
