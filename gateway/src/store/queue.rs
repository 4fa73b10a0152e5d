//! Where changes wait for the writer.

use tokio::sync::mpsc;
use tracing::error;
use webtrunk_signalling::sip::registrar::{Change, Keeper};

use super::StoreHealth;

/// The way into the store. Full, it drops what comes: a registration that is not kept is made again by its
/// phone, a removal that is not kept ends when it expires.
pub(super) struct Queue {
    changes: mpsc::Sender<Change>,
    health: StoreHealth,
}

impl Queue {
    pub(super) const fn new(changes: mpsc::Sender<Change>, health: StoreHealth) -> Self {
        Self { changes, health }
    }
}

impl Keeper for Queue {
    fn keep(&self, change: Change) {
        // Once: who makes the disk full must not fill the log as well.
        if self.changes.try_send(change).is_err() && self.health.add_lost() {
            error!("the store is behind, and changes of registrations are not kept; this is told once");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_finds_no_room_is_counted_and_nobody_waits() {
        let health = StoreHealth::default();
        let (sender, mut changes) = mpsc::channel(2);
        let queue = Queue::new(sender, health.clone());
        (1..=5).for_each(|key| queue.keep(Change::Removed(key)));
        assert_eq!(health.lost(), 3);
        assert_eq!(changes.try_recv().ok(), Some(Change::Removed(1)), "what waits keeps its order");
    }
}
