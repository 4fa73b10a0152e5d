//! Where changes wait for the writer.

use tokio::sync::mpsc;
use tracing::error;
use webtrunk_signalling::auth::token::{TokenKeeper, UsedToken};
use webtrunk_signalling::sip::registrar::{Change, Keeper};
use webtrunk_signalling::sip::{CallChange, CallKeeper};
use webtrunk_signalling::spending::Spent;
use webtrunk_signalling::switchboard::SpentKeeper;

use super::StoreHealth;
use crate::webhooks::{SpoolChange, SpoolKeeper};

/// What is to be kept.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Noted {
    /// Of registrations.
    Binding(Change),
    /// Of answered calls.
    Call(CallChange),
    /// Of a day's minutes.
    Spent(Spent),
    /// Of tokens that are good once.
    Used(UsedToken),
}

/// The way into the store. Full, it drops what comes: a registration that is not kept is made again by its
/// phone, a removal that is not kept ends when it expires, and a call of which nothing is known ends by its session timer.
pub(super) struct Queue {
    changes: mpsc::Sender<Noted>,
    /// Of their own: a hook for which much waits keeps no registration and no call out.
    hooks: mpsc::Sender<SpoolChange>,
    health: StoreHealth,
}

impl Queue {
    pub(super) const fn new(
        changes: mpsc::Sender<Noted>,
        hooks: mpsc::Sender<SpoolChange>,
        health: StoreHealth,
    ) -> Self {
        Self { changes, hooks, health }
    }

    fn note(&self, noted: Noted) {
        // Once: who makes the disk full must not fill the log as well.
        if self.changes.try_send(noted).is_err() && self.health.add_lost() {
            error!(
                "the store is behind, and changes of registrations and calls are not kept; this is told once"
            );
        }
    }
}

impl Keeper for Queue {
    fn keep(&self, change: Change) {
        self.note(Noted::Binding(change));
    }
}

impl CallKeeper for Queue {
    fn keep(&self, change: CallChange) {
        self.note(Noted::Call(change));
    }
}

impl TokenKeeper for Queue {
    fn keep(&self, used: UsedToken) {
        self.note(Noted::Used(used));
    }
}

impl SpoolKeeper for Queue {
    fn keep(&self, change: SpoolChange) {
        // What is lost is sent none the less, and once more by a next process, or not by it.
        if self.hooks.try_send(change).is_err() && self.health.add_lost() {
            error!(
                "the store is behind, and changes of what waits for webhooks are not kept; this is told once"
            );
        }
    }
}

impl SpentKeeper for Queue {
    fn keep(&self, spent: Spent) {
        self.note(Noted::Spent(spent));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_finds_no_room_is_counted_and_nobody_waits() {
        let health = StoreHealth::default();
        let (sender, mut changes) = mpsc::channel(2);
        let queue = Queue::new(sender, mpsc::channel(1).0, health.clone());
        (1..=5).for_each(|key| Keeper::keep(&queue, Change::Removed(key)));
        assert_eq!(health.lost(), 3);
        let first = Noted::Binding(Change::Removed(1));
        assert_eq!(changes.try_recv().ok(), Some(first), "what waits keeps its order");
    }

    #[test]
    fn however_much_webhooks_have_to_be_kept_registrations_find_room() {
        let health = StoreHealth::default();
        let (sender, mut changes) = mpsc::channel(1);
        let (hooks, mut of_hooks) = mpsc::channel(2);
        let queue = Queue::new(sender, hooks, health.clone());
        (1..=10).for_each(|seq| SpoolKeeper::keep(&queue, SpoolChange::Over(seq)));
        assert_eq!(health.lost(), 8);
        Keeper::keep(&queue, Change::Removed(1));
        assert_eq!(health.lost(), 8);
        assert_eq!(changes.try_recv().ok(), Some(Noted::Binding(Change::Removed(1))));
        assert_eq!(of_hooks.try_recv().ok(), Some(SpoolChange::Over(1)));
    }
}
