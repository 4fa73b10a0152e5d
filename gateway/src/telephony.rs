//! Everything that carries calls, made of the configuration: engine, adapters, switchboard.

mod adapters;
mod back_ends;
mod changing;
mod error;
mod supervisor;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tracing::{info, warn};
use webtrunk_engine::config::EngineConfig;
use webtrunk_engine::engine::Engine;
use webtrunk_signalling::adapter::Command;
use webtrunk_signalling::calendar;
use webtrunk_signalling::cdr::CdrKeeper;
use webtrunk_signalling::http::{ChangingOrigins, MediaStream, MediaStreams};
use webtrunk_signalling::json::adapter::JsonEndpoint;
use webtrunk_signalling::room::RefusedCalls;
use webtrunk_signalling::sip::adapter::SipAdapter;
use webtrunk_signalling::sip::config::SipConfig;
use webtrunk_signalling::sip::transport::{TransportConfig, WsEndpoint};
use webtrunk_signalling::switchboard::{Switchboard, Witness};

use crate::admin::{Calls, Traces};
use crate::certificates::Certificates;
use crate::config::Config;
use crate::descriptors::Shares;
use crate::entry::EntryDesk;
use crate::health::Health;
use crate::http::BoundHttp;
use crate::jwks::JwksFetcher;
use crate::media_load::EngineLoad;
use crate::memory::Tidier;
use crate::metrics::Instruments;
use crate::people::People;
use crate::roster::Roster;
use crate::sight::Sight;
use crate::status::StatusReader;
use crate::store::Store;
use crate::supervision::Mishaps;
use crate::telemetry::Exporter;
use crate::wiring;
pub use adapters::Restarts;
use adapters::{Started, Told};
use back_ends::{BackEnds, places_of};
pub use changing::Changing;
use changing::{Live, legs_max};
pub use error::{Collapse, TelephonyError};

/// Media streams that may wait for somebody to look at them; past it they are closed.
const STREAMS: usize = 256;

/// How long calls may take to end when the process stops, and how long after that their peers may take
/// to confirm it. Chosen by us: a lost BYE is repeated three times in it.
const FAREWELL: Duration = Duration::from_secs(5);

/// How long the record of a call that broke may wait for its last figures: as long as that waits itself, and a little more.
const LAST_FIGURES: Duration = Duration::from_millis(2500);

/// What carries calls, while it runs.
pub struct Telephony {
    engine: Engine,
    media_load: Arc<EngineLoad>,
    _tidier: Tidier,
    /// Media streams for which there was no room to wait.
    streams_refused: Arc<AtomicU64>,
    refused: Arc<RefusedCalls>,
    entry: EntryDesk,
    live: Live,
    board: Arc<Switchboard>,
    roster: Roster,
    back_ends: Option<BackEnds>,
    health: Health,
    exporter: Option<Exporter>,
    started_at: Instant,
    status: StatusReader,
    websocket: Option<WsEndpoint>,
    phones: Option<SocketAddr>,
    adapters: Told,
    restarts: Restarts,
    pages: Option<JsonEndpoint>,
    store: Option<Store>,
    sight: Option<Sight>,
    stop: watch::Sender<bool>,
    served: JoinHandle<Result<(), Collapse>>,
}

/// What SIP is told: it has `connections` streams at most, and goes on with what the store has kept of it.
fn configured(
    config: &Config,
    transport: TransportConfig,
    connections: usize,
    store: Option<&mut Store>,
) -> SipConfig {
    let mut sip = SipConfig::new(config.sip.realm.as_str(), wiring::users(config));
    sip.transport = transport;
    sip.transport.limits.connections = connections;
    sip.registrar.expires_min = config.sip.expires_min;
    sip.registrar.expires_max = config.sip.expires_max;
    sip.registrar.contacts_max = config.sip.contacts_max;
    sip.agent.session_timer = config.sip.session_timer;
    sip.agent.calls_max = legs_max(config);
    sip.agent.silence_max = config.sip.host_silence;
    sip.agent.max_cps = config.defence.max_cps;
    sip.agent.emergency_numbers = config.defence.emergency_numbers.clone();
    sip.agent.texts = config.messages.clone();
    sip.agent.user_passing = config.sip.passing.clone();
    sip.agent.subscriptions = config.subscriptions.clone();
    sip.digest = wiring::digest(config);
    if let Some(store) = store {
        sip.kept = store.take_kept();
        sip.keeper = Some(store.keeper());
        sip.kept_calls = store.take_kept_calls();
        sip.call_keeper = Some(store.call_keeper());
        sip.agent.keeps_calls = true;
    }
    sip.nameservers.clone_from(&config.sip.nameservers);
    sip.trunks = config.trunks.iter().map(|trunk| trunk.sip.clone()).collect();
    sip
}

impl Telephony {
    /// Starts the engine, the adapters and the switchboard. Needs an actix system around it. They have no more
    /// connections than their shares; `store` has what was kept of SIP, and keeps it from now on.
    ///
    /// # Errors
    /// [`TelephonyError`]; nothing is left running.
    pub fn start(
        config: &Config,
        certificates: &Certificates,
        http: Option<&BoundHttp>,
        connections: Shares,
        mut store: Option<Store>,
    ) -> Result<Self, TelephonyError> {
        // What ends from now on is not good again by a clock that is set back before anybody comes.
        calendar::now();
        let entry = EntryDesk::default();
        entry.take_up(&config.entry);
        let of_customers = ChangingOrigins::default();
        of_customers.set(wiring::pages_of_customers(config));
        let sight = Sight::start(&config.trace, config.hep.as_ref())?;
        let transport = wiring::transports(config, http, certificates, &of_customers)?;
        let mut sip = configured(config, transport, connections.sip, store.as_mut());
        sip.transport.tap = sight.as_ref().map(Sight::tap);
        let streams =
            http.map(|http| wiring::media_streams(&config.media, http.address())).unwrap_or_default();
        let engine = Engine::start(EngineConfig { webrtc_tcp: streams, ..wiring::engine(config) })?;
        let media_load = Arc::new(EngineLoad::new(engine.clone(), config.defence.refuses_when_late));
        media_load.limit_memory(config.defence.memory_max_octets);
        sip.media = Some(media_load.clone());
        let desk = sip.accounts.clone();
        let adapter = SipAdapter::new(sip);
        let transport = adapter.transport();
        let locations = adapter.locations();
        let (trunks, refused, commons) = (adapter.trunks(), adapter.refused_calls(), adapter.commons());
        let adapter_reloader = adapter.reloader();
        let presence = commons.presence.clone();
        presence.set_rights(config.subscriptions.rights.clone());
        let networks = commons.networks.clone();
        networks.set(wiring::networks_of_customers(config));
        let jwks = JwksFetcher::default();
        jwks.take_up(wiring::jwks_sources(config), config.external_addresses().into());
        let mut adapters = Started::default();
        adapters.start(Box::new(adapter)).inspect_err(|_| engine.stop())?;
        for listener in transport.addresses().iter() {
            info!(transport = listener.kind.via_name(), address = %listener.bound, "SIP listens");
        }
        let (mut pages, mut to_pages) = (None, None);
        if let Some((json, http)) = config.json.as_ref().zip(http) {
            let adapter =
                wiring::json(config, json, http, connections.pages, commons, &of_customers).with_desk(desk);
            let used = store.as_mut().map(|store| (store.take_used_tokens(), store.token_keeper()));
            let (used, of_used) = used.unzip();
            let adapter = adapter.remembering(used.unwrap_or_default(), of_used);
            (pages, to_pages) = (Some((adapter.locations(), adapter.reloader())), Some(adapter.endpoint()));
            adapters.start(Box::new(adapter)).inspect_err(|_| engine.stop())?;
        }
        let (told, restarts) = (adapters.told(), adapters.restarts());
        let live = Live {
            reloader: adapter_reloader,
            locations: locations.clone(),
            transport: transport.clone(),
            presence: presence.clone(),
            networks,
            jwks,
            of_customers,
            pages,
        };
        let witness = sight.as_ref().map(|sight| Arc::new(sight.tap()) as Arc<dyn Witness>);
        let exporter =
            config.telemetry.clone().map(|telemetry| Exporter::start(telemetry.otlp)).transpose()?;
        let of_traces = exporter.clone().map(|exporter| Arc::new(exporter) as Arc<dyn CdrKeeper>);
        let of_records = store.as_ref().and_then(Store::cdr_keeper);
        let back_ends = config.rest.as_ref().map(|_| BackEnds::new(config, store.as_mut()));
        let mut back_ends = back_ends.transpose().map_err(TelephonyError::Webhooks)?;
        if let Some(back_ends) = &back_ends {
            back_ends.watch(&places_of(&live));
        }
        let of_back_ends = back_ends.iter().flat_map(BackEnds::keepers);
        let next = of_back_ends.chain(of_records).chain(of_traces);
        let roster = Roster::new(next.collect());
        let board =
            Switchboard::new(engine.clone(), live.house(config), told.by_name()).with_witness(witness);
        let board = board.with_presence(presence);
        let spent = store.as_mut().map(|store| (store.take_spent(), store.spent_keeper()));
        let (spent, of_spent) = spent.unzip();
        let board = board.with_spent(spent.unwrap_or_default(), of_spent);
        let board = Arc::new(board.with_records(Arc::new(roster.clone())));
        let (stop, stopping) = watch::channel(false);
        let originations = back_ends.as_mut().and_then(BackEnds::take_originations);
        let served = tokio::spawn(adapters.serve(Arc::clone(&board), originations, stopping));
        let of_store = store.as_ref().map(Store::health);
        let health = Health::new(engine.clone(), media_load.clone(), of_store.clone());
        let status = StatusReader::new(engine.clone(), Arc::clone(&board), locations, of_store, trunks);
        let websocket = transport.ws_endpoint();
        let phones =
            transport.addresses().iter().find(|listener| !listener.kind.is_websocket()).map(|l| l.bound);
        let started_at = Instant::now();
        let places = (roster.clone(), engine.clone());
        let tidier = Tidier::start(media_load.memory(), move || calls_under_way(&places.0, &places.1));
        Ok(Self {
            engine,
            media_load,
            _tidier: tidier,
            streams_refused: Arc::default(),
            refused,
            entry,
            live,
            board,
            roster,
            back_ends,
            health,
            exporter,
            started_at,
            status,
            websocket,
            phones,
            adapters: told,
            restarts,
            pages: to_pages,
            store,
            sight,
            stop,
            served,
        })
    }

    /// SIP over WebSocket, for the HTTP server to mount.
    #[must_use]
    pub fn websocket(&self) -> Option<WsEndpoint> {
        self.websocket.clone()
    }

    /// The JSON API, for the HTTP server to mount.
    #[must_use]
    pub fn pages(&self) -> Option<JsonEndpoint> {
        self.pages.clone()
    }

    /// Who gets credentials of the edge, for the HTTP server.
    #[must_use]
    pub fn entry(&self) -> EntryDesk {
        self.entry.clone()
    }

    /// Where the HTTP server puts the connections that carry media. Needs an actix system around it.
    #[must_use]
    pub fn media_streams(&self) -> MediaStreams {
        let (streams, mut incoming) = MediaStreams::channel(STREAMS, Arc::clone(&self.streams_refused));
        let engine = self.engine.clone();
        actix::spawn(async move {
            while let Some(MediaStream { stream, pass }) = incoming.recv().await {
                let engine = engine.clone();
                actix::spawn(async move { engine.take_stream(stream, Box::new(pass)).await });
            }
        });
        streams
    }

    /// Where phones are served, by the first listener for them.
    #[must_use]
    pub const fn phones(&self) -> Option<SocketAddr> {
        self.phones
    }

    /// The media engine.
    #[must_use]
    pub const fn engine(&self) -> &Engine {
        &self.engine
    }

    /// What is held, for the HTTP server to tell.
    #[must_use]
    pub fn status(&self) -> StatusReader {
        self.status.clone()
    }

    /// The messages of calls of late, for operators.
    #[must_use]
    pub fn traces(&self) -> Traces {
        Traces::new(self.sight.clone(), self.roster.clone(), Arc::clone(&self.board))
    }

    /// The calls that are under way, for operators.
    #[must_use]
    pub fn calls(&self) -> Calls {
        Calls::new(self.roster.clone(), Arc::clone(&self.board))
    }

    /// How the gateway is, for who supervises it.
    #[must_use]
    pub fn health(&self) -> Health {
        self.health.clone()
    }

    /// Where figures are read, those of these certificates, mishaps and people among them.
    #[must_use]
    pub fn instruments(&self, certificates: Certificates, mishaps: Mishaps, people: People) -> Instruments {
        Instruments {
            started_at: self.started_at,
            engine: self.engine.clone(),
            health: self.health.clone(),
            status: self.status.clone(),
            transport: self.live.transport.clone(),
            roster: self.roster.clone(),
            no_room: Arc::clone(&self.refused),
            forbidden: self.board.forbidden(),
            networks: self.live.networks.clone(),
            jwks: self.live.jwks.clone(),
            entry: self.entry.clone(),
            event_streams: self.back_ends.as_ref().map(|it| it.streams.clone()),
            back_end_door: self.back_ends.as_ref().map(|it| it.door.clone()),
            webhooks: self.back_ends.as_ref().map(BackEnds::webhooks),
            streams_refused: Arc::clone(&self.streams_refused),
            pages: self.pages.clone(),
            board: Arc::clone(&self.board),
            mishaps,
            adapter_restarts: self.restarts.clone(),
            people,
            sight: self.sight.clone(),
            exporter: self.exporter.clone(),
            certificates,
        }
    }

    /// How many calls are left.
    #[must_use]
    pub fn calls_left(&self) -> usize {
        calls_under_way(&self.roster, &self.engine)
    }

    /// Takes no new calls from now on; those that are there may go on until then.
    pub async fn refuse_calls(&self, until: Instant) {
        self.health.set_draining(until);
        self.adapters.tell(&Command::RefuseCalls).await;
    }

    /// Returns when no more calls can be carried, which should never be.
    pub async fn collapsed(&mut self) -> Collapse {
        let served = tokio::select! {
            gone = self.engine.ended() => return gone.into(),
            served = &mut self.served => served,
        };
        match served {
            Ok(Ok(())) => unreachable!("the switchboard ends in order only when `stop` says so"),
            Ok(Err(collapse)) => collapse,
            Err(failed) => failed.into(),
        }
    }

    /// What a changed configuration is taken up by.
    #[must_use]
    pub fn changing(&self) -> Changing {
        Changing {
            live: self.live.clone(),
            board: Arc::clone(&self.board),
            engine: self.engine.clone(),
            media_load: Arc::clone(&self.media_load),
            entry: self.entry.clone(),
            back_ends: self.back_ends.as_ref().map(BackEnds::taker),
        }
    }

    /// Hangs every call up, sees to it that the peers know, and stops listening.
    pub async fn stop(self) {
        self.stop.send_replace(true);
        if !self.served.is_finished() && tokio::time::timeout(FAREWELL, self.served).await.is_err() {
            warn!("calls are left that did not end in time");
        }
        // An adapter that is gone already has stopped listening.
        self.adapters.tell(&Command::Drain).await;
        if !self.adapters.closed(FAREWELL).await {
            warn!("peers are left that did not confirm the end of their calls");
        }
        if self.store.is_some() {
            self.roster.wait_for_records(LAST_FIGURES).await;
        }
        if let Some(back_ends) = self.back_ends {
            back_ends.finish().await;
        }
        if let Some(store) = self.store {
            store.finish().await;
        }
        self.engine.stop();
        if let Some(exporter) = self.exporter {
            // A panic there has nothing to tell us.
            let _ = tokio::task::spawn_blocking(move || exporter.finish()).await;
        }
    }
}

/// How many calls there are: in signalling, or still in the media engine.
fn calls_under_way(roster: &Roster, engine: &Engine) -> usize {
    roster.count().max(engine.ledger().calls)
}

#[cfg(test)]
mod broken;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::{Demo, DemoAddresses};

    const PATIENCE: Duration = Duration::from_secs(10);

    fn start() -> Telephony {
        let free = "127.0.0.1:0".parse().ok();
        let (config, _) = Demo::new(DemoAddresses { http: free, sip: free }, Vec::new());
        Telephony::start(&config, &Certificates::default(), None, Shares::of_tests(), None)
            .expect("free ports")
    }

    #[test]
    fn an_adapter_that_ends_unbidden_is_noticed() {
        actix::System::new().block_on(async {
            let mut telephony = start();
            // As good as a panic in its task: it ends, and nobody asked the telephony to stop.
            telephony.adapters.tell(&Command::Drain).await;
            let collapse = tokio::time::timeout(PATIENCE, telephony.collapsed()).await.expect("in time");
            assert_eq!(collapse.to_string(), "the adapter \"sip\" is gone");
            tokio::time::timeout(PATIENCE, telephony.stop()).await.expect("nothing is waited for");
        });
    }

    #[test]
    fn a_media_engine_that_ends_unbidden_is_noticed() {
        actix::System::new().block_on(async {
            let mut telephony = start();
            // As good as the end of its threads: nobody asked the telephony to stop.
            telephony.engine.stop();
            let collapse = tokio::time::timeout(PATIENCE, telephony.collapsed()).await.expect("in time");
            assert!(matches!(collapse, Collapse::Engine(_)), "{collapse}");
            tokio::time::timeout(PATIENCE, telephony.stop()).await.expect("nothing is waited for");
        });
    }
}
