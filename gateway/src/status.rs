//! What the gateway holds now: by these counts a leak shows.

use std::sync::Arc;

use serde::Serialize;
use webtrunk_engine::engine::Engine;
use webtrunk_signalling::sip::locations::Locations;
use webtrunk_signalling::switchboard::Switchboard;

use crate::store::StoreHealth;

/// What the gateway holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Status {
    /// Calls in the media engine.
    pub calls: usize,
    /// Their legs in the media engine.
    pub media_legs: usize,
    /// Legs of calls in signalling.
    pub signalling_legs: usize,
    /// RTP/RTCP port pairs in use.
    pub rtp_ports_in_use: usize,
    /// Users with a registered contact.
    pub registered_users: usize,
    /// Times that the store could not be written; 0 without one.
    pub store_failures: u64,
    /// Changes that the store had no room for; 0 without one.
    pub store_lost: u64,
}

/// Reads the [`Status`] at any time, from any thread.
#[derive(Clone)]
pub struct StatusReader {
    engine: Engine,
    board: Arc<Switchboard>,
    locations: Locations,
    store: Option<StoreHealth>,
}

impl StatusReader {
    pub(crate) const fn new(
        engine: Engine,
        board: Arc<Switchboard>,
        locations: Locations,
        store: Option<StoreHealth>,
    ) -> Self {
        Self { engine, board, locations, store }
    }

    /// What is held now.
    #[must_use]
    pub fn read(&self) -> Status {
        let ledger = self.engine.ledger();
        Status {
            calls: ledger.calls,
            media_legs: ledger.legs,
            signalling_legs: self.board.legs(),
            rtp_ports_in_use: ledger.ports_in_use,
            registered_users: self.locations.reachable_users(),
            store_failures: self.store.as_ref().map_or(0, StoreHealth::failures),
            store_lost: self.store.as_ref().map_or(0, StoreHealth::lost),
        }
    }
    /// Whether a user has a registered contact.
    #[must_use]
    pub fn is_registered(&self, user: &str) -> bool {
        !self.locations.contacts(user).is_empty()
    }
}
