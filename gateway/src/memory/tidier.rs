//! The thread that gives memory back to the system: what it takes of time is taken from no call.

use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

use tracing::{debug, warn};

use super::MemoryBudget;
use super::heap;
use super::tidiness::{Seen, Tidiness};

/// How often it is looked at.
const LOOK: Duration = Duration::from_secs(2);

/// Gives back what calls have left, until it is dropped.
pub(crate) struct Tidier {
    /// Nobody sends anything; the thread ends when it is gone.
    _end: Sender<()>,
}

impl Tidier {
    /// Begins to look at how many calls there are, and at what this budget says.
    pub(crate) fn start(budget: Arc<MemoryBudget>, calls: impl Fn() -> usize + Send + 'static) -> Self {
        let (end, ended) = mpsc::channel();
        let work = move || tidy(&budget, calls, &ended);
        if let Err(error) = thread::Builder::new().name("tidy".to_owned()).spawn(work) {
            warn!(%error, "there is no thread to give memory back");
        }
        Self { _end: end }
    }
}

fn tidy(budget: &MemoryBudget, calls: impl Fn() -> usize, ended: &Receiver<()>) {
    let mut tidiness = Tidiness::default();
    while ended.recv_timeout(LOOK) == Err(RecvTimeoutError::Timeout) {
        let now = Instant::now();
        let Some(own) = heap::own() else { return };
        let seen = Seen { calls: calls(), own, is_used_up: budget.is_used_up(now) };
        if tidiness.look(seen, now) {
            heap::give_back();
            let (done, left) = (Instant::now(), heap::own().unwrap_or(own));
            debug!(calls = seen.calls, before = own, left, took = ?done.duration_since(now), "memory was given back");
            tidiness.given_back(own, Seen { calls: calls(), own: left, ..seen }, done);
        }
    }
}
