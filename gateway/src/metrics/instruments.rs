//! Where the figures come from, and all of them at one moment.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use webtrunk_engine::engine::Engine;
use webtrunk_engine::net::{Ledger, VitalSigns};
use webtrunk_signalling::cdr::Stage;
use webtrunk_signalling::json::adapter::JsonEndpoint;
use webtrunk_signalling::room::RefusedCalls;
use webtrunk_signalling::sip::transport::{TransportLayer, TransportStats};
use webtrunk_signalling::source_networks::SourceNetworks;
use webtrunk_signalling::switchboard::{Forbidden, Switchboard};

use super::process::Process;
use crate::certificates::{CertificateFacts, Certificates};
use crate::entry::EntryDesk;
use crate::health::Health;
use crate::jwks::JwksFetcher;
use crate::people::People;
use crate::rest::door::Door;
use crate::rest::events::Streams;
use crate::roster::Roster;
use crate::sight::{Sight, SightCounts};
use crate::status::{Status, StatusReader};
use crate::supervision::Mishaps;
use crate::tally::Tally;
use crate::telemetry::Exporter;
use crate::telephony::Restarts;
use crate::webhooks::{Counts, WebhookControl};

/// Who knows the figures.
#[derive(Clone)]
pub struct Instruments {
    /// When the gateway started.
    pub started_at: Instant,
    /// The media engine.
    pub engine: Engine,
    /// Whether new calls are taken.
    pub health: Health,
    /// What is held.
    pub status: StatusReader,
    /// SIP's sockets.
    pub transport: TransportLayer,
    /// The calls, and what became of them.
    pub roster: Roster,
    /// Calls for which there was no room.
    pub no_room: Arc<RefusedCalls>,
    /// Numbers that may not be called.
    pub forbidden: Arc<Forbidden>,
    /// Who came from where it may not.
    pub networks: SourceNetworks,
    /// Who got credentials of the edge, and who did not.
    pub entry: EntryDesk,
    /// Where keys of tokens are fetched.
    pub jwks: JwksFetcher,
    /// What back ends are told, where they are.
    pub event_streams: Option<Streams>,
    /// Who of them is let in.
    pub back_end_door: Option<Door>,
    /// What becomes of what is sent to webhooks.
    pub webhooks: Option<WebhookControl>,
    /// Media streams for which there was none.
    pub streams_refused: Arc<AtomicU64>,
    /// Where pages connect, where they may.
    pub pages: Option<JsonEndpoint>,
    /// What one call wants of another that it is joined to.
    pub board: Arc<Switchboard>,
    /// Panics, and threads that stood still.
    pub mishaps: Mishaps,
    /// How often adapters were started again.
    pub adapter_restarts: Restarts,
    /// Whom the store knows.
    pub people: People,
    /// What keeps the messages of calls.
    pub sight: Option<Sight>,
    /// Where traces go.
    pub exporter: Option<Exporter>,
    /// The certificates that are shown.
    pub certificates: Certificates,
}

/// All figures at one moment.
#[derive(Debug, Default)]
pub(super) struct Readings {
    pub(super) uptime_s: f64,
    pub(super) is_ready: bool,
    pub(super) process: Process,
    pub(super) status: Status,
    pub(super) ledger: Ledger,
    pub(super) shards: Vec<VitalSigns>,
    /// Calls by what goes on in them.
    pub(super) calls: BTreeMap<&'static str, u64>,
    pub(super) tally: Tally,
    pub(super) sip: TransportStats,
    pub(super) streams: usize,
    /// Numbers that were not called: for themselves, and for the minutes of the day.
    pub(super) forbidden: [u64; 2],
    /// Users from outside of their networks, by what they came for.
    pub(super) elsewhere: Vec<(&'static str, u64)>,
    /// Credentials of the edge that were issued, and those that were not.
    pub(super) credentials: [u64; 2],
    /// Pages that came by tokens without a MAC.
    pub(super) legacy_token_logins: u64,
    /// Sets of keys that were fetched, and those that were not.
    pub(super) jwks_fetches: [u64; 2],
    /// Logins that back ends asked for, by what became of them.
    pub(super) logins: Vec<(&'static str, u64)>,
    /// Streams of events, and those that were closed since they did not keep up.
    pub(super) event_streams: usize,
    pub(super) event_streams_slow: u64,
    /// Requests of back ends whose keys made too many.
    pub(super) requests_limited: u64,
    /// By the webhook's name.
    pub(super) webhooks: Vec<(String, Counts)>,
    /// Events of which no webhook was told.
    pub(super) webhook_events_missed: u64,
    pub(super) streams_refused: u64,
    /// Pages that did not read what waited for them.
    pub(super) pages_overflows: u64,
    pub(super) ties_overflows: u64,
    pub(super) panics: u64,
    /// By who stood still.
    pub(super) stalls: Vec<(String, u64)>,
    /// By the adapter that was started again.
    pub(super) adapter_restarts: Vec<(&'static str, u64)>,
    /// Calls for which there was no room, by why.
    pub(super) no_room: Vec<(&'static str, u64)>,
    /// What the store names in vain, by its kind.
    pub(super) left_out: Vec<(&'static str, usize)>,
    pub(super) sight: Option<SightCounts>,
    pub(super) traces_lost: u64,
    pub(super) received: Kinds,
    pub(super) sent: Kinds,
    /// To whom each is shown, and what it says.
    pub(super) certificates: Vec<(String, CertificateFacts)>,
}

/// Messages of SIP one way.
#[derive(Debug, Default)]
pub(super) struct Kinds {
    pub(super) requests: Vec<(&'static str, u64)>,
    pub(super) responses: Vec<(&'static str, u64)>,
}

impl Instruments {
    pub(super) fn read(&self) -> Readings {
        let mut calls: BTreeMap<_, _> = Stage::ALL.iter().map(|stage| (stage.name(), 0)).collect();
        for record in self.roster.calls() {
            if let Some(stage) = record.timeline.stage() {
                *calls.entry(stage.name()).or_default() += 1;
            }
        }
        let kinds = |traffic: &webtrunk_signalling::sip::transport::Traffic| Kinds {
            requests: traffic.requests().collect(),
            responses: traffic.responses().collect(),
        };
        Readings {
            uptime_s: self.started_at.elapsed().as_secs_f64(),
            is_ready: self.health.readiness(Instant::now()).is_ok(),
            process: Process::read(),
            status: self.status.read(),
            ledger: self.engine.ledger(),
            shards: self.engine.vital_signs(),
            calls,
            tally: self.roster.tally(),
            sip: self.transport.counters().snapshot(),
            streams: self.transport.connections(),
            forbidden: [self.forbidden.by_number(), self.forbidden.by_minutes()],
            elsewhere: self.networks.counts().collect(),
            credentials: self.entry.counts(),
            legacy_token_logins: self.pages.as_ref().map_or(0, JsonEndpoint::forgeable_logins),
            jwks_fetches: self.jwks.counts(),
            logins: self.entry.logins().into(),
            event_streams: self.event_streams.as_ref().map_or(0, Streams::count),
            event_streams_slow: self.event_streams.as_ref().map_or(0, |streams| streams.hub.slow()),
            requests_limited: self.back_end_door.as_ref().map_or(0, Door::limited),
            webhooks: self.webhooks.as_ref().map(WebhookControl::counts).unwrap_or_default(),
            webhook_events_missed: self.webhooks.as_ref().map_or(0, WebhookControl::missed),
            no_room: self.no_room.counts().collect(),
            streams_refused: self.streams_refused.load(Ordering::Relaxed),
            pages_overflows: self.pages.as_ref().map_or(0, JsonEndpoint::overflows),
            ties_overflows: self.board.tie_overflows(),
            panics: self.mishaps.panics(),
            stalls: self.mishaps.stalls(),
            adapter_restarts: self.adapter_restarts.counts().collect(),
            left_out: self.people.left_out(),
            sight: self.sight.as_ref().map(Sight::counts),
            traces_lost: self.exporter.as_ref().map_or(0, Exporter::lost),
            received: kinds(self.transport.received()),
            sent: kinds(self.transport.sent()),
            certificates: self.certificates.facts(),
        }
    }
}
