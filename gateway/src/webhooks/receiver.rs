//! One hook: what it may know, what waits for it, and what became of that.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use tracing::{info, warn};
use webtrunk_signalling::auth::validity::Validity;

use super::desk::Outcome;
use super::schedule::{Schedule, Waiting};
use super::thread::Counts;
use crate::config::Webhook;
use crate::rest::events::Numbered;
use crate::rest::keys::ApiKey;

/// A hook that is served.
pub(super) struct Receiver {
    pub(super) hook: Arc<Webhook>,
    /// Whoever knows as much: a customer's key, or the operator's.
    pub(super) key: ApiKey,
    pub(super) schedule: Schedule,
    /// Which of those it is that reloads made of it: how a try ended that began with an earlier one says nothing of this one.
    pub(super) generation: u64,
    counts: Counts,
}

/// What has become of a message that was sent.
pub(super) enum Told {
    /// It waits no more.
    Over(u64),
    /// It is sent again one day.
    Waits,
}

impl Receiver {
    pub(super) fn new(hook: &Webhook, now: Instant) -> Self {
        tell(hook);
        let (key, hook) = (key_of(hook), Arc::new(hook.clone()));
        Self { hook, key, schedule: Schedule::new(now), generation: 0, counts: Counts::default() }
    }

    /// Takes up what it is by now; what waits goes on to wait, and another receiver is tried at once.
    pub(super) fn take_up(&mut self, hook: &Webhook, now: Instant) {
        if *self.hook != *hook {
            tell(hook);
            (self.key, self.hook) = (key_of(hook), Arc::new(hook.clone()));
            self.reopen(now);
        }
    }

    /// It is tried again at once, or once more where it is being tried.
    pub(super) fn reopen(&mut self, now: Instant) {
        self.generation += 1;
        self.schedule.reopen(now);
    }

    pub(super) fn wants(&self, event: &Numbered) -> bool {
        self.hook.kinds.contains(&event.happening.kind())
    }

    /// Adds one that waits; those that made room for it are returned.
    pub(super) fn add(&mut self, waiting: Waiting) -> Vec<u64> {
        let dropped = self.schedule.add(waiting);
        if !dropped.is_empty() && self.counts.dropped == 0 {
            let hook = &self.hook.name;
            warn!(hook, "more waits for a webhook than may, and the oldest is dropped; this is told once");
        }
        self.counts.dropped += dropped.len() as u64;
        dropped
    }

    /// Gives up what has waited too long, which is returned.
    pub(super) fn give_up(&mut self, now: Instant) -> Vec<u64> {
        let given_up = self.schedule.give_up(now);
        if !given_up.is_empty() {
            let (hook, events) = (&self.hook.name, given_up.len());
            warn!(hook, events, "events are given up that a webhook did not take in time");
        }
        self.counts.given_up += given_up.len() as u64;
        given_up
    }

    /// Takes in how a try ended.
    pub(super) fn on_ended(&mut self, outcome: Outcome, now: Instant, chance: f64) -> Told {
        let hook = &self.hook.name;
        match outcome {
            Outcome::Taken => {
                if self.schedule.is_failing() {
                    info!(hook, "a webhook takes events again");
                }
                self.counts.delivered += 1;
                return self.schedule.on_taken(now).map_or(Told::Waits, Told::Over);
            }
            Outcome::Gone => {
                warn!(
                    hook,
                    "a webhook says that it is gone: nothing is sent to it until a reload, and what happens waits"
                );
                self.schedule.on_gone();
            }
            Outcome::Failed(why) => {
                if !self.schedule.is_failing() {
                    warn!(
                        hook,
                        why, "a webhook takes nothing: what happens waits for it, and it is tried again"
                    );
                }
                self.schedule.on_failed(now, chance);
            }
        }
        self.counts.failures += 1;
        Told::Waits
    }

    pub(super) fn counts(&self) -> Counts {
        let is_down = self.schedule.is_gone() || self.schedule.is_failing();
        Counts { waiting: self.schedule.len(), is_down, ..self.counts }
    }
}

fn tell(hook: &Webhook) {
    let keys: Vec<_> = hook.keys.iter().map(|key| key.id.as_str()).collect();
    let (name, receiver, customer) = (&hook.name, &hook.target.authority, &hook.customer);
    info!(hook = name, receiver, customer, ?keys, "a webhook is told what happens");
}

fn key_of(hook: &Webhook) -> ApiKey {
    ApiKey {
        // No key has a space in its id, so that no call is told to be made by this one.
        id: format!("webhook {}", hook.name),
        hash: [0; 32],
        scopes: BTreeSet::new(),
        customer: hook.customer.clone(),
        validity: Validity::default(),
    }
}
