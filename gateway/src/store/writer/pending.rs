//! What waits for the next batch: of most the latest change alone.

use std::collections::HashMap;
use std::time::SystemTime;

use webtrunk_signalling::auth::token::UsedToken;
use webtrunk_signalling::sip::CallChange;
use webtrunk_signalling::sip::registrar::Change;
use webtrunk_signalling::spending::{Payer, Spent};

use crate::store::database::Connection;
use crate::store::hook_changes::HookChanges;
use crate::store::queue::Noted;
use crate::store::{registrations, sip_calls, spent, used_tokens, webhook_events};
use crate::webhooks::SpoolChange;

/// Bindings, calls and tokens whose changes may wait for a disk. Past it the queue fills, and what finds no room there is lost.
pub(super) const PENDING_MAX: usize = 16_384;

/// What is not written.
#[derive(Default)]
pub(super) struct Pending {
    /// The latest change of each binding.
    bindings: HashMap<u64, Change>,
    /// The same of each answered call.
    calls: HashMap<String, CallChange>,
    /// What everybody has spent by now.
    spent: HashMap<Payer, Spent>,
    /// Of what waits for webhooks: a room of its own.
    hooks: HookChanges,
    /// Tokens that were used.
    used: Vec<UsedToken>,
}

impl Pending {
    pub(super) fn note(&mut self, noted: Noted) {
        match noted {
            Noted::Binding(change) => drop(self.bindings.insert(change.key(), change)),
            Noted::Call(change) => drop(self.calls.insert(change.key(), change)),
            Noted::Used(used) => self.used.push(used),
            Noted::Spent(spent) => drop(self.spent.insert(spent.payer.clone(), spent)),
        }
    }

    /// Notes what became of an event of a webhook; tells whether the oldest was dropped for it.
    pub(super) fn note_hook(&mut self, change: SpoolChange) -> bool {
        self.hooks.take(change)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.bindings.is_empty()
            && self.calls.is_empty()
            && self.spent.is_empty()
            && self.hooks.is_empty()
            && self.used.is_empty()
    }

    /// Whether more may be noted, but of webhooks.
    pub(super) fn has_room(&self) -> bool {
        self.bindings.len() + self.calls.len() + self.used.len() < PENDING_MAX
    }

    /// Rows that a batch takes, of that of which there may be many.
    pub(super) fn rows(&self) -> usize {
        self.bindings.len() + self.calls.len() + self.hooks.len()
    }

    /// Writes all but what is of webhooks. It waits still, until it is cleared.
    pub(super) async fn write(&self, connection: &mut Connection) -> Result<(), sqlx::Error> {
        if !self.bindings.is_empty() {
            registrations::write(connection, &self.bindings).await?;
        }
        if !self.calls.is_empty() {
            sip_calls::write(connection, &self.calls, SystemTime::now()).await?;
        }
        if !self.spent.is_empty() {
            spent::write(connection, &self.spent).await?;
        }
        if !self.used.is_empty() {
            used_tokens::write(connection, &self.used).await?;
        }
        Ok(())
    }

    /// Writes what is of webhooks.
    pub(super) async fn write_hooks(&mut self, connection: &mut Connection) -> Result<(), sqlx::Error> {
        if !self.hooks.is_empty() {
            self.hooks.set_tried();
            webhook_events::write(connection, &self.hooks).await?;
        }
        Ok(())
    }

    /// All of it is written.
    pub(super) fn clear(&mut self) {
        self.bindings.clear();
        self.calls.clear();
        self.spent.clear();
        self.hooks.clear();
        self.used.clear();
    }
}
