//! The WebSockets of pages, as a service of actix-web that the gateway mounts.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use actix_web::{HttpRequest, HttpResponse, web};
use bytes::Bytes;
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::time::{Instant, sleep_until};
use tracing::{debug, info};

use super::outbox::{Outbox, Outgoing, ToPage};
use crate::http::OriginPolicy;
use crate::http::websocket::{self, End, Kinds, WebSocket};
use crate::http::{Arrival, Gate, Pass};
use crate::json::door::Entry;
use crate::json::protocol::{FRAME_MAX, SUBPROTOCOL};
use crate::json::session::{Closing, Flow};
use crate::lock::lock;
use crate::log_lines::LogLines;

/// What one connection and one address may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JsonLimits {
    /// Connections in all.
    pub connections: usize,
    /// Connections from one address whose pages have not proven who they are.
    pub strangers_per_address: usize,
    /// How often a page is pinged; one that is silent for two and a half times as long is gone.
    pub ping_interval: Duration,
    /// How long a page may take to prove who it is.
    pub connect_deadline: Duration,
    /// How long a write may be stuck.
    pub write_deadline: Duration,
}

impl Default for JsonLimits {
    /// Those of SIP over WebSocket.
    fn default() -> Self {
        Self {
            connections: 10_000,
            strangers_per_address: 50,
            ping_interval: Duration::from_secs(20),
            connect_deadline: Duration::from_secs(30),
            write_deadline: Duration::from_secs(10),
        }
    }
}

/// What comes of WebSockets.
#[derive(Debug)]
pub(super) enum Arrived {
    /// One is open.
    Open { flow: Flow, entry: Entry, outbox: Outbox },
    /// A page sent something.
    Message { flow: Flow, message: Bytes },
    /// It is gone.
    Closed { flow: Flow },
}

/// What the service needs; give it to actix-web as `web::Data<JsonEndpoint>`.
#[derive(Debug, Clone)]
pub struct JsonEndpoint {
    /// The task of now.
    to_task: Arc<Mutex<Option<Sender<Arrived>>>>,
    origins: Arc<OriginPolicy>,
    limits: JsonLimits,
    all: Gate,
    strangers: Gate,
    last_flow: Arc<AtomicU64>,
    /// Pages that did not read what waited for them.
    overflows: Arc<AtomicU64>,
    /// Sessions that began by tokens that anybody may forge who has one.
    pub(super) forgeable_logins: Arc<AtomicU64>,
    /// Handshakes that were refused.
    refused: Arc<Mutex<LogLines>>,
}

impl JsonEndpoint {
    pub(super) fn new(origins: OriginPolicy, limits: JsonLimits) -> Self {
        Self {
            to_task: Arc::default(),
            origins: Arc::new(origins),
            limits,
            all: Gate::new(limits.connections, limits.connections),
            strangers: Gate::new(limits.strangers_per_address, limits.connections),
            last_flow: Arc::default(),
            overflows: Arc::default(),
            forgeable_logins: Arc::default(),
            refused: Arc::default(),
        }
    }

    /// How many pages were let go, since they did not read what waited for them.
    #[must_use]
    pub fn overflows(&self) -> u64 {
        self.overflows.load(Ordering::Relaxed)
    }

    /// How many sessions began by tokens without a MAC, which anybody may forge who has one.
    #[must_use]
    pub fn forgeable_logins(&self) -> u64 {
        self.forgeable_logins.load(Ordering::Relaxed)
    }

    /// From now on what comes of WebSockets that open comes there, where so much may wait. Those of a task before end.
    pub(super) fn connect(&self, queue: usize) -> Receiver<Arrived> {
        let (to_task, arrived) = mpsc::channel(queue);
        *lock(&self.to_task) = Some(to_task);
        arrived
    }
}

/// Opens a WebSocket of a page, or refuses: 403 for a foreign page, 400 without the subprotocol, 503 where there is no
/// place.
///
/// It is served by [`http::serve`](crate::http::serve), which tells whether it speaks TLS.
///
/// # Errors
/// Those of a handshake that is none (RFC 6455 4.2).
pub async fn serve(
    endpoint: web::Data<JsonEndpoint>,
    request: HttpRequest,
    body: web::Payload,
) -> actix_web::Result<HttpResponse> {
    let Some(remote) = request.peer_addr() else { return Ok(HttpResponse::BadRequest().finish()) };
    let Arrival { is_secure, .. } =
        *request.conn_data::<Arrival>().expect("`http::serve` notes it at each connection");
    let missing = "subprotocol webtrunk.v1.json is missing";
    if let Some(refusal) = websocket::refusal(request.headers(), &endpoint.origins, SUBPROTOCOL, missing) {
        if let Some(repeated) = lock(&endpoint.refused).due(remote.ip(), refusal.1, std::time::Instant::now())
        {
            info!(%remote, reason = refusal.1, repeated, "WebSocket refused");
        }
        return Ok(HttpResponse::build(refusal.0).body(refusal.1));
    }
    let Some(to_task) = lock(&endpoint.to_task).clone() else {
        return Ok(HttpResponse::ServiceUnavailable().body("not started"));
    };
    let places = (endpoint.all.admit(remote.ip()), endpoint.strangers.admit(remote.ip()));
    let (Some(place), Some(as_stranger)) = places else {
        return Ok(HttpResponse::ServiceUnavailable().body("too many connections"));
    };
    let origin = websocket::origin(request.headers()).map(str::to_owned);
    let entry = Entry { remote, is_encrypted: is_secure, origin };
    let deadline = endpoint.limits.write_deadline;
    let (response, socket) =
        WebSocket::open(&request, body, SUBPROTOCOL, (Kinds::Text, FRAME_MAX), deadline).await?;
    let flow = Flow(endpoint.last_flow.fetch_add(1, Ordering::Relaxed));
    let talk = Talk {
        flow,
        socket,
        to_task,
        overflows: Arc::clone(&endpoint.overflows),
        limits: endpoint.limits,
        stranger: Some(as_stranger),
        connect_by: Instant::now() + endpoint.limits.connect_deadline,
    };
    actix_web::rt::spawn(run(talk, entry, place));
    Ok(response)
}

/// Serves a connection, whose place is given back at its end.
async fn run(mut talk: Talk, entry: Entry, place: Pass) {
    let (flow, remote) = (talk.flow, entry.remote);
    debug!(?flow, %remote, "page is connected");
    let (outbox, outgoing) = Outbox::channel(&talk.overflows);
    let end = match talk.to_task.send(Arrived::Open { flow, entry, outbox }).await {
        Ok(()) => talk.run(outgoing).await,
        Err(_) => End::Cut,
    };
    debug!(?flow, ?end, "page is gone");
    // The task may be gone, and then nobody needs to know.
    let _ = talk.to_task.send(Arrived::Closed { flow }).await;
    talk.socket.close(end).await;
    drop(place);
}

/// A WebSocket at work.
struct Talk {
    flow: Flow,
    socket: WebSocket,
    to_task: Sender<Arrived>,
    overflows: Arc<AtomicU64>,
    limits: JsonLimits,
    /// Its place among the strangers of its address, until it has proven who it is.
    stranger: Option<Pass>,
    connect_by: Instant,
}

impl Talk {
    async fn run(&mut self, mut outgoing: Outgoing) -> End {
        let pong_deadline = self.limits.ping_interval.mul_f64(2.5);
        let mut ping_at = Instant::now() + self.limits.ping_interval;
        loop {
            let silent_at = self.socket.heard_at() + pong_deadline;
            let due = if self.stranger.is_some() { silent_at.min(self.connect_by) } else { silent_at };
            let step = tokio::select! {
                came = self.socket.recv() => match self.socket.take(came).await {
                    Ok(Some(message)) => self.hand_on(message).await,
                    Ok(None) => Ok(()),
                    Err(end) => Err(end),
                },
                message = outgoing.next() => self.obey(message).await,
                () = sleep_until(ping_at) => {
                    ping_at = Instant::now() + self.limits.ping_interval;
                    self.socket.ping().await
                }
                () = sleep_until(due) => {
                    Err(if Instant::now() >= silent_at { End::Silent } else { End::Idle })
                }
            };
            if let Err(end) = step {
                return end;
            }
        }
    }

    async fn hand_on(&self, message: Bytes) -> Result<(), End> {
        let flow = self.flow;
        self.to_task.send(Arrived::Message { flow, message }).await.map_err(|_| End::Cut)
    }

    async fn obey(&mut self, message: Option<ToPage>) -> Result<(), End> {
        match message {
            Some(ToPage::Text(text)) => self.socket.write(Bytes::from(text)).await,
            Some(ToPage::Known) => {
                self.stranger = None;
                Ok(())
            }
            Some(ToPage::Close(Closing::Done | Closing::Replaced)) => Err(End::Closed),
            Some(ToPage::Close(Closing::Misbehaves | Closing::Revoked)) => Err(End::Idle),
            Some(ToPage::Close(Closing::Broken)) => Err(End::Broken),
            // It was let go since it does not read.
            None => Err(End::Slow),
            Some(ToPage::Close(Closing::GoesDown)) => Err(End::Cut),
        }
    }
}
