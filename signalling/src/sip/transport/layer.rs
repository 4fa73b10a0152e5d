//! All sockets of the SIP adapter behind one handle.
//!
//! ```text
//!  datagram ---- udp ------+                         +--- udp ---- datagram
//!  stream --- stream ------+--> Inbound --> adapter -+--- queue -- stream
//!  WebSocket --- ws -------+     (bounded)     send  +--- queue -- WebSocket
//! ```
//!
//! [`TransportLayer::send`] never waits. A stream whose peer does not read fills its queue and is cut.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Instant, SystemTime};

use bytes::Bytes;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, watch};

use super::address::{Addresses, ListenerAddress};
use super::config::{Binding, ListenerConfig, TlsConfig, TransportConfig};
use super::connections::{Admission, Called, Connections, Control, DialKey, QueueError, Refusal};
use super::guard::{Guard, GuardConfig};
use super::inbound::{Inbound, InboundReceiver};
use super::limits::TransportLimits;
use super::pings::Pings;
use super::stats::TransportCounters;
use super::traffic::Traffic;
use super::udp::UdpEndpoint;
use super::ws::WsEndpoint;
use super::{Network, tcp, udp, ws_listener};
use crate::log_lines::LogLines;
use crate::sip::flow::{ConnectionId, Flow, ListenerId, TransportKind};
use crate::sip::hop::Hop;
use crate::sip::trace::{Direction, Tap};

/// The transports of one SIP adapter; cheap to clone.
#[derive(Debug, Clone)]
pub struct TransportLayer {
    shared: Arc<Shared>,
}

/// A listener cannot be opened.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {kind} {bind}: {source}", kind = .kind.via_name())]
pub struct ListenError {
    /// The listener's transport.
    pub kind: TransportKind,
    /// The configured address.
    pub bind: SocketAddr,
    /// What the system said.
    pub source: std::io::Error,
}

/// A message was not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// The stream is closed.
    #[error("the connection is closed")]
    Closed,
    /// The peer does not read what it is sent; its stream was cut.
    #[error("the peer does not read")]
    NotRead,
    /// The flow names a listener that is not open.
    #[error("no such listener")]
    NoListener,
}

/// A stream cannot be dialled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DialError {
    /// Nobody is to be dialled by this transport: it is WebSocket, or no listener of it is open.
    #[error("no listener of transport {transport} is open to send from", transport = .0.via_name())]
    NoListener(TransportKind),
    /// TLS without the settings of a client.
    #[error("no certificate authorities to verify the server by")]
    NoAuthorities,
}

/// What the layer's handle and its tasks share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) listeners: Vec<ListenerConfig>,
    pub(super) limits: TransportLimits,
    pub(super) tls: TlsConfig,
    pub(super) counters: TransportCounters,
    pub(super) received: Traffic,
    sent: Traffic,
    pub(super) connections: Connections,
    tap: Option<Tap>,
    addresses: OnceLock<Addresses>,
    datagrams: Vec<OnceLock<UdpEndpoint>>,
    pub(super) guard: Guard,
    pub(super) pings: Pings,
    /// Handshakes of WebSockets and TLS that were refused.
    pub(super) refused: Mutex<LogLines>,
    pub(super) inbound: mpsc::Sender<Inbound>,
    /// Datagrams of strangers.
    pub(super) strangers: mpsc::Sender<Inbound>,
    stop: watch::Sender<bool>,
    runtime: OnceLock<Handle>,
}

/// A stream's place among the connections. Dropping it frees the place and reports [`Inbound::Closed`].
#[derive(Debug)]
pub(super) struct Ticket {
    pub(super) id: ConnectionId,
    pub(super) control: Arc<Control>,
    pub(super) outgoing: mpsc::Receiver<Bytes>,
    shared: Arc<Shared>,
}

impl TransportLayer {
    /// Prepares the transports; nothing is opened before [`Self::listen`]. What comes in comes out of the receiver.
    #[must_use]
    pub fn new(config: TransportConfig) -> (Self, InboundReceiver) {
        let (inbound, known) = mpsc::channel(config.limits.inbound_queue);
        let (strangers, of_strangers) = mpsc::channel(config.limits.strangers_queue);
        let shared = Shared {
            datagrams: config.listeners.iter().map(|_| OnceLock::new()).collect(),
            connections: Connections::new(&config.limits),
            listeners: config.listeners,
            limits: config.limits,
            tls: config.tls,
            tap: config.tap,
            counters: TransportCounters::default(),
            received: Traffic::default(),
            sent: Traffic::default(),
            addresses: OnceLock::new(),
            guard: Guard::new(config.guard),
            pings: Pings::default(),
            refused: Mutex::default(),
            inbound,
            strangers,
            stop: watch::Sender::new(false),
            runtime: OnceLock::new(),
        };
        (Self { shared: Arc::new(shared) }, InboundReceiver { known, strangers: of_strangers })
    }

    /// Opens all listeners, each on tasks of the current tokio runtime.
    ///
    /// # Errors
    /// [`ListenError`] for the first one that cannot be opened; then none stays open.
    pub fn listen(&self) -> Result<(), ListenError> {
        // A second start keeps the first runtime: the tasks of one layer live on one.
        let _ = self.shared.runtime.set(Handle::current());
        let mut addresses = Vec::with_capacity(self.shared.listeners.len());
        for (id, listener) in (0..).map(ListenerId).zip(&self.shared.listeners) {
            match self.open(id, listener) {
                Ok(bound) => addresses.push(ListenerAddress {
                    name: Arc::clone(&listener.name),
                    kind: listener.kind,
                    bound,
                    external_address: listener.external_address,
                    local_networks: listener.local_networks.clone(),
                }),
                Err(source) => {
                    self.stop();
                    return Err(ListenError {
                        kind: listener.kind,
                        bind: listener.binding.address(),
                        source,
                    });
                }
            }
        }
        let _ = self.shared.addresses.set(Addresses::new(addresses));
        Ok(())
    }

    /// Where the listeners are reached; empty before [`Self::listen`].
    #[must_use]
    pub fn addresses(&self) -> Addresses {
        self.shared.addresses.get().cloned().unwrap_or_else(|| Addresses::new(Vec::new()))
    }

    /// Sends a printed message to the flow's peer, or queues it.
    ///
    /// # Errors
    /// [`SendError`] where it will surely not arrive. A datagram may be lost without one.
    pub fn send(&self, flow: &Flow, bytes: Bytes) -> Result<(), SendError> {
        self.shared.show(flow, Direction::Out, &bytes);
        let message = bytes.clone();
        let sent = match flow.connection {
            Some(connection) => {
                self.shared.connections.queue(connection, bytes).map_err(|error| match error {
                    QueueError::Gone => SendError::Closed,
                    QueueError::Full => {
                        self.shared.counters.outgoing_overflows.add_one();
                        SendError::NotRead
                    }
                })
            }
            None => {
                // Whom we ask something may answer.
                if !bytes.starts_with(b"SIP/2.0 ") {
                    self.shared.guard.know(flow.remote);
                }
                let endpoint =
                    self.shared.datagrams.get(usize::from(flow.listener.0)).and_then(OnceLock::get);
                endpoint.ok_or(SendError::NoListener).map(|endpoint| {
                    if endpoint.send(flow.remote, bytes).is_err() {
                        self.shared.counters.datagrams_unsent.add_one();
                    }
                })
            }
        };
        if sent.is_ok() {
            self.shared.counters.messages_sent.add_one();
            self.shared.sent.count(&message);
        }
        sent
    }

    /// Asks the peer of a flow for a sign of life (RFC 5626 3.5): by an empty line pair on a stream, by STUN over UDP.
    /// [`Inbound::Ponged`] tells that it came.
    pub(in crate::sip) fn ping(&self, flow: &Flow) {
        if let Some(connection) = flow.connection {
            return self.shared.connections.ping(connection);
        }
        if let Some(endpoint) =
            self.shared.datagrams.get(usize::from(flow.listener.0)).and_then(OnceLock::get)
        {
            // Lost, it is sent again.
            let _ = endpoint.send(flow.remote, self.shared.pings.ask(flow.remote).into());
        }
    }

    /// Ends the stream of a flow, on which nothing is heard any more; [`Inbound::Closed`] follows.
    pub(in crate::sip) fn cut(&self, flow: &Flow) {
        if let Some(connection) = flow.connection {
            self.shared.connections.cut(connection);
        }
    }

    /// The flow to `remote`. A stream is dialled in the background unless one by the same name is open;
    /// what is sent meanwhile waits, and a failure is reported as [`Inbound::Closed`]. `server_name` is the
    /// name that a TLS certificate has to show; without one it has to show the address.
    ///
    /// # Errors
    /// [`DialError`] when the configuration has no way there.
    pub fn flow_to(
        &self,
        kind: TransportKind,
        remote: SocketAddr,
        server_name: Option<&str>,
    ) -> Result<Flow, DialError> {
        self.open_flow(&Hop { server_name: server_name.map(str::to_owned), ..Hop::new(kind, remote) })
    }

    /// The flow to a trunk's hop, in the same way; over TLS one that sees us as this trunk's alone.
    ///
    /// # Errors
    /// [`DialError`] when the configuration has no way there.
    pub fn flow_to_hop(&self, hop: &Hop) -> Result<Flow, DialError> {
        self.shared.guard.add_host(hop.address.ip());
        self.open_flow(hop)
    }

    /// The flow to where a stream of ours led before it closed, by the same name and identity; `None` where we did not open
    /// it, or too many have closed since.
    #[must_use]
    pub fn flow_again(&self, lost: &Flow) -> Option<Flow> {
        let key = self.shared.connections.dialled_as(lost.connection?)?;
        let DialKey { kind, remote, server_name, identity, .. } = key;
        self.open_flow(&Hop { kind, address: remote, server_name, identity }).ok()
    }

    /// Whether we opened the stream of a flow, which may have closed not long ago.
    #[must_use]
    pub fn has_dialled(&self, flow: &Flow) -> bool {
        flow.connection.is_some_and(|connection| self.shared.connections.dialled_as(connection).is_some())
    }

    /// The flow to another address of whom this one leads to: by the same name and identity where we opened this one, and by
    /// those of `trunk` where that has authenticated on it.
    ///
    /// # Errors
    /// [`DialError`] when the configuration has no way there.
    pub fn flow_beside(
        &self,
        flow: &Flow,
        trunk: Option<&str>,
        kind: TransportKind,
        remote: SocketAddr,
    ) -> Result<Flow, DialError> {
        let called = flow.connection.map(|connection| self.shared.connections.called(connection, trunk));
        let Called { server_name, identity } = called.unwrap_or_default();
        self.open_flow(&Hop { kind, address: remote, server_name, identity })
    }

    fn open_flow(&self, hop: &Hop) -> Result<Flow, DialError> {
        let (kind, remote) = (hop.kind, hop.address);
        let addresses = self.addresses();
        let missing = DialError::NoListener(kind);
        let listener = addresses.listener_for(kind, remote.ip()).ok_or(missing)?;
        let local = addresses.listener(listener).ok_or(missing)?.bound;
        let flow = Flow { kind, listener, local, remote, connection: None };
        match kind {
            TransportKind::Udp => return Ok(flow),
            TransportKind::Ws | TransportKind::Wss => return Err(missing),
            TransportKind::Tls if self.shared.tls.client.is_none() => return Err(DialError::NoAuthorities),
            TransportKind::Tcp | TransportKind::Tls => {}
        }
        let server_name =
            hop.server_name.as_deref().filter(|_| kind.is_secure()).map(str::to_ascii_lowercase);
        let identity = hop.identity.clone().filter(|_| kind.is_secure());
        let key = DialKey { kind, listener, remote, server_name, identity };
        let connection = match self.shared.connections.dial(&key, Instant::now()) {
            Ok(connection) => connection,
            Err(admission) => {
                let ticket = Ticket::new(admission, &self.shared);
                let connection = ticket.id;
                let flow = Flow { connection: Some(connection), ..flow };
                self.shared.spawn(tcp::dial(self.shared.clone(), ticket, flow, key));
                connection
            }
        };
        Ok(Flow { connection: Some(connection), ..flow })
    }

    /// The peer of this flow has authenticated: a stream may stay idle and no longer counts against its address, and
    /// it may send more than a stranger.
    pub fn mark_authenticated(&self, flow: &Flow) {
        match flow.connection {
            Some(connection) => self.shared.connections.mark_known(connection),
            None => self.shared.guard.know(flow.remote),
        }
    }

    /// The peer of a stream over TLS has authenticated as a trunk: where it has closed that, it is called by the name of its host,
    /// and is shown the certificate of ours that is for this trunk, where it has one. Several trunks may share a stream.
    pub fn note_trunk(&self, flow: &Flow, trunk: &str, host: &str, identity: Option<&str>) {
        if let (Some(connection), TransportKind::Tls) = (flow.connection, flow.kind) {
            let called = Called { server_name: Some(host.to_owned()), identity: identity.map(str::to_owned) };
            self.shared.connections.note_called(connection, trunk, called);
        }
    }

    /// A stream over TLS that a process before had with a trunk: it is closed, and what is due on it goes as of
    /// [`Self::note_trunk`].
    #[must_use]
    pub fn stream_of_before(&self, trunk: &str, host: &str, identity: Option<&str>) -> ConnectionId {
        let called = Called { server_name: Some(host.to_owned()), identity: identity.map(str::to_owned) };
        self.shared.connections.parted_before(trunk, called)
    }

    /// Trunks call from these: they may send as much as they like.
    pub fn trust_trunks(&self, networks: Vec<Network>) {
        self.shared.guard.trust_trunks(networks);
    }

    /// A trunk calls from there.
    pub fn trust_host(&self, ip: IpAddr) {
        self.shared.guard.add_host(ip);
    }

    /// Strangers may send this from now on.
    pub fn take_up(&self, guard: GuardConfig) {
        self.shared.guard.take_up(guard);
    }

    /// Whether the peer of a stream that it has opened has shown a certificate that is for this name.
    #[must_use]
    pub fn shows(&self, flow: &Flow, name: &str) -> bool {
        flow.connection.is_some_and(|connection| self.shared.connections.shows(connection, name))
    }

    /// Whether we opened the stream of a flow over TLS to this host, whose name its certificate is for; as the trunk `identity`,
    /// where the host is shown a certificate of ours that is for that trunk.
    #[must_use]
    pub fn has_dialled_host(&self, flow: &Flow, host: &str, identity: Option<&str>) -> bool {
        flow.connection.is_some_and(|connection| self.shared.connections.is_to(connection, host, identity))
    }

    /// Whether a flow can still carry a message.
    #[must_use]
    pub fn is_open(&self, flow: &Flow) -> bool {
        flow.connection.is_none_or(|connection| self.shared.connections.is_open(connection))
    }

    /// What the WebSocket service of the listener needs that has no socket of its own; the gateway mounts it
    /// on its HTTP server.
    #[must_use]
    pub fn ws_endpoint(&self) -> Option<WsEndpoint> {
        let mut listeners = (0..).map(ListenerId).zip(&self.shared.listeners);
        let is_mounted = |config: &ListenerConfig| {
            config.kind.is_websocket() && matches!(config.binding, Binding::Mounted(_))
        };
        let (id, _) = listeners.find(|(_, config)| is_mounted(config))?;
        Some(WsEndpoint::new(self.shared.clone(), id))
    }

    /// Who is shown every message.
    pub(in crate::sip) fn tap(&self) -> Option<&Tap> {
        self.shared.tap.as_ref()
    }

    /// Notes that so many answers to calls of ours were ignored.
    pub fn count_strays(&self, count: u64) {
        self.shared.counters.strays_ignored.add(count);
    }

    /// What was counted so far.
    #[must_use]
    pub fn counters(&self) -> &TransportCounters {
        &self.shared.counters
    }

    /// What came in, well formed, by its kinds.
    #[must_use]
    pub fn received(&self) -> &Traffic {
        &self.shared.received
    }

    /// What was sent, by its kinds.
    #[must_use]
    pub fn sent(&self) -> &Traffic {
        &self.shared.sent
    }

    /// How many streams are open.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.shared.connections.len()
    }

    /// Closes all streams as soon as what waits for them has been written: their peers come anew, if they like.
    pub(in crate::sip) fn cut_streams(&self) {
        self.shared.connections.finish_all();
    }

    /// Closes all listeners, and all streams as soon as what waits for them has been written.
    pub fn stop(&self) {
        self.shared.stop.send_replace(true);
        self.shared.connections.finish_all();
    }

    fn open(&self, id: ListenerId, config: &ListenerConfig) -> std::io::Result<SocketAddr> {
        let bind = match &config.binding {
            Binding::Own(bind) => *bind,
            Binding::Mounted(reached_at) => return Ok(*reached_at),
        };
        match config.kind {
            TransportKind::Udp => {
                let endpoint = udp::listen(&self.shared, id, bind)?;
                let bound = endpoint.bound();
                let _ = self.shared.datagrams[usize::from(id.0)].set(endpoint);
                Ok(bound)
            }
            TransportKind::Tcp | TransportKind::Tls => tcp::listen(&self.shared, id, config.kind, bind),
            TransportKind::Ws | TransportKind::Wss => ws_listener::listen(&self.shared, id, config, bind),
        }
    }
}

impl Shared {
    /// Serves a stream until it ends.
    pub(super) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.runtime.get().cloned().unwrap_or_else(Handle::current).spawn(task);
    }

    /// Serves a listener until it ends or the layer stops.
    pub(super) fn spawn_listener(&self, task: impl Future<Output = ()> + Send + 'static) {
        let mut stop = self.stop.subscribe();
        self.spawn(async move {
            tokio::select! {
                () = task => {}
                _ = stop.wait_for(|is_stopping| *is_stopping) => {}
            }
        });
    }

    /// Becomes ready when the layer stops.
    pub(super) async fn stopping(&self) {
        let mut stop = self.stop.subscribe();
        // The sender lives as long as `self`.
        let _ = stop.wait_for(|is_stopping| *is_stopping).await;
    }

    /// A place for a stream that `source` opened; refusals are counted.
    pub(super) fn admit(self: &Arc<Self>, source: IpAddr) -> Result<Ticket, Refusal> {
        let admission =
            self.connections.admit(source, Instant::now()).inspect_err(|refusal| match refusal {
                Refusal::TooManyFromAddress => self.counters.refused_per_address.add_one(),
                Refusal::Full => self.counters.refused_full.add_one(),
            })?;
        if admission.has_evicted {
            self.counters.evicted.add_one();
        }
        Ok(Ticket::new(admission, self))
    }

    /// Shows a message to whoever taps.
    pub(super) fn show(&self, flow: &Flow, direction: Direction, bytes: &Bytes) {
        if let Some(tap) = &self.tap {
            tap.passed(flow, direction, bytes, (SystemTime::now(), Instant::now()));
        }
    }

    /// Word of a refused datagram, which may be lost where the adapter is behind.
    pub(super) fn report_refused(&self, flow: Flow) {
        let _ = self.inbound.try_send(Inbound::Refused(flow));
    }

    /// Word of an answered ping over UDP, which may be lost where the adapter is behind: there is another ping then.
    pub(super) fn report_ponged(&self, flow: Flow) {
        let _ = self.inbound.try_send(Inbound::Ponged(flow));
    }

    fn report_closed(&self, connection: ConnectionId) {
        let Err(mpsc::error::TrySendError::Full(event)) = self.inbound.try_send(Inbound::Closed(connection))
        else {
            return;
        };
        // This must not be lost, and a drop cannot wait.
        let inbound = self.inbound.clone();
        if let Some(runtime) = self.runtime.get() {
            runtime.spawn(async move { inbound.send(event).await });
        }
    }
}

impl Ticket {
    fn new(admission: Admission, shared: &Arc<Shared>) -> Self {
        let Admission { id, control, outgoing, has_evicted: _ } = admission;
        Self { id, control, outgoing, shared: shared.clone() }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.shared.connections.leave(self.id);
        self.shared.report_closed(self.id);
    }
}
