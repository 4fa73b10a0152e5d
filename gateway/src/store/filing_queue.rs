//! Where what is filed of calls waits for the writer.

use tokio::sync::mpsc;
use tracing::error;
use webtrunk_signalling::cdr::{CdrKeeper, Filing};

use super::StoreHealth;

/// The way into the store. Full, it drops what comes: no call waits for a disk. A call whose end is dropped is found open
/// at the next start.
pub(super) struct FilingQueue {
    filings: mpsc::Sender<Filing>,
    health: StoreHealth,
}

impl FilingQueue {
    pub(super) const fn new(filings: mpsc::Sender<Filing>, health: StoreHealth) -> Self {
        Self { filings, health }
    }
}

impl CdrKeeper for FilingQueue {
    fn file(&self, filing: Filing) {
        let is_closed = filing.is_closed();
        // How far a call is will be filed again; that it is over will not.
        if self.filings.try_send(filing).is_err() && is_closed && self.health.add_lost_record() {
            error!("the store is behind, and records of calls are lost; this is told once");
        }
    }
}
