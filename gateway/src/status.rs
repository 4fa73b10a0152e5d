//! What the gateway holds now: by these counts a leak shows. And where its trunks stand.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use serde::Serialize;
use webtrunk_engine::engine::Engine;
use webtrunk_signalling::locations::Locations;
use webtrunk_signalling::sip::flow::TransportKind;
use webtrunk_signalling::sip::trunk_board::{TrunkBoard, TrunkStanding};
use webtrunk_signalling::sip::upstream::RegistrationState;
use webtrunk_signalling::switchboard::Switchboard;

use crate::store::StoreHealth;

/// What the gateway holds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Status {
    /// Calls in the media engine.
    pub calls: usize,
    /// Their legs in the media engine.
    pub media_legs: usize,
    /// Legs of calls in signalling.
    pub signalling_legs: usize,
    /// RTP/RTCP port pairs in use.
    pub rtp_ports_in_use: usize,
    /// Timers of media that wait, as counted within the last second.
    pub media_timers: usize,
    /// Datagrams of media that could not be sent, since too many waited, since the start.
    pub datagrams_unsent: u64,
    /// Users with a registered contact.
    pub registered_users: usize,
    /// Times that the store could not be written; 0 without one.
    pub store_failures: u64,
    /// Changes that the store had no room for; 0 without one.
    pub store_lost: u64,
    /// Records of calls that the store had no room for; 0 without one.
    pub cdr_lost: u64,
    /// Records of calls that tell how these ended alone, for want of room.
    pub cdr_cut: u64,
    /// The trunks that are registered at or probed.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub trunks: BTreeMap<String, TrunkStatus>,
}

/// Where a trunk stands.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct TrunkStatus {
    /// Our registrations there.
    pub registrations: Vec<RegistrationStatus>,
    /// Its hosts, as they were found last.
    pub hosts: Vec<HostStatus>,
    /// Calls now, where it is limited.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub calls: Option<usize>,
    /// Calls that were one too many since the start, where it is limited.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused: Option<u64>,
}

/// Where a registration of ours stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RegistrationStatus {
    /// Whose it is.
    pub user: String,
    /// `registered`, `registering`, `failing`, `refused` or `left`.
    pub state: &'static str,
    /// How long the registrar keeps it, if nothing is refreshed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_in_s: Option<u64>,
}

/// Where a host of a trunk stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HostStatus {
    /// How it is reached.
    pub transport: &'static str,
    /// Where it is.
    pub address: SocketAddr,
    /// `up`, `suspected`, `resting` or `down`.
    pub state: &'static str,
}

/// Reads the [`Status`] at any time, from any thread.
#[derive(Clone)]
pub struct StatusReader {
    engine: Engine,
    board: Arc<Switchboard>,
    locations: Locations,
    store: Option<StoreHealth>,
    trunks: TrunkBoard,
}

impl StatusReader {
    pub(crate) const fn new(
        engine: Engine,
        board: Arc<Switchboard>,
        locations: Locations,
        store: Option<StoreHealth>,
        trunks: TrunkBoard,
    ) -> Self {
        Self { engine, board, locations, store, trunks }
    }

    /// What is held now.
    #[must_use]
    pub fn read(&self) -> Status {
        let ledger = self.engine.ledger();
        let now = Instant::now();
        let standings = self.trunks.read().into_iter();
        let mut trunks: BTreeMap<_, _> =
            standings.map(|(name, standing)| (name, TrunkStatus::of(standing, now))).collect();
        for (name, gauge) in self.trunks.gauges() {
            let trunk = trunks.entry(name).or_default();
            (trunk.calls, trunk.refused) = (Some(gauge.calls()), Some(gauge.refused()));
        }
        Status {
            calls: ledger.calls,
            media_legs: ledger.legs,
            signalling_legs: self.board.legs(),
            rtp_ports_in_use: ledger.ports_in_use,
            media_timers: ledger.timers,
            datagrams_unsent: ledger.datagrams_unsent,
            registered_users: self.locations.reachable_users(),
            store_failures: self.store.as_ref().map_or(0, StoreHealth::failures),
            store_lost: self.store.as_ref().map_or(0, StoreHealth::lost),
            cdr_lost: self.store.as_ref().map_or(0, StoreHealth::lost_records),
            cdr_cut: self.store.as_ref().map_or(0, StoreHealth::cut_records),
            trunks,
        }
    }

    /// Whether a user has a registered contact.
    #[must_use]
    pub fn is_registered(&self, user: &str) -> bool {
        !self.locations.contacts(user).is_empty()
    }
}

impl TrunkStatus {
    /// Whether we hear from it without a call: we are registered there, or probe it.
    #[must_use]
    pub fn is_watched(&self) -> bool {
        !(self.registrations.is_empty() && self.hosts.is_empty())
    }

    /// Whether it can be called, as far as is known: all our registrations there hold, and a host answers.
    #[must_use]
    pub fn is_up(&self) -> bool {
        let is_registered = self.registrations.iter().all(|one| one.state == "registered");
        let answers = |host: &HostStatus| matches!(host.state, "up" | "suspected");
        is_registered && (self.hosts.is_empty() || self.hosts.iter().any(answers))
    }

    fn of(standing: TrunkStanding, now: Instant) -> Self {
        let registration = |(user, state)| {
            let (state, until) = match state {
                RegistrationState::Registered { until } if until > now => ("registered", Some(until)),
                RegistrationState::Registered { .. } | RegistrationState::Failing => ("failing", None),
                RegistrationState::Registering => ("registering", None),
                RegistrationState::Refused => ("refused", None),
                RegistrationState::Left => ("left", None),
            };
            let expires_in_s = until.map(|until| until.saturating_duration_since(now).as_secs());
            RegistrationStatus { user, state, expires_in_s }
        };
        let host = |(kind, address, state): (TransportKind, _, _)| HostStatus {
            transport: kind.via_name(),
            address,
            state,
        };
        Self {
            registrations: standing.registrations.into_iter().map(registration).collect(),
            hosts: standing.hops.into_iter().map(host).collect(),
            calls: None,
            refused: None,
        }
    }
}
