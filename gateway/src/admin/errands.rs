//! What operators want done that only who serves can do: each waits for its turn between all else, and is answered.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, oneshot};

use crate::reload::{Refusal, ReloadReport};

/// Something to be done.
#[derive(Debug)]
pub enum Errand {
    /// Reads the configuration again and takes it up, or only says what it would change.
    Reload {
        /// Whether nothing is to be changed.
        is_dry: bool,
        /// How it went; nothing where there is no file to be read again.
        reply: oneshot::Sender<Result<ReloadReport, Refusal>>,
    },
    /// Stops, when all calls have ended or their time is over.
    Drain {
        /// Whether calls get no time.
        is_now: bool,
        /// How far that is.
        reply: oneshot::Sender<DrainReport>,
    },
}

/// How far the gateway is on its way down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct DrainReport {
    /// Calls that are left.
    pub calls: usize,
    /// In so many seconds they are hung up.
    pub ends_in_s: u64,
}

/// Where errands are left; cheap to clone.
#[derive(Debug, Clone)]
pub struct Errands(mpsc::Sender<Errand>);

/// Errands that may wait. Chosen by us: they are made by hand.
const WAITING: usize = 16;

impl Errands {
    /// Errands, and where they come out.
    #[must_use]
    pub fn channel() -> (Self, mpsc::Receiver<Errand>) {
        let (sender, errands) = mpsc::channel(WAITING);
        (Self(sender), errands)
    }

    /// Leaves an errand and waits for what comes of it; `None` where nobody does it.
    pub(super) async fn run<T>(&self, make: impl FnOnce(oneshot::Sender<T>) -> Errand) -> Option<T> {
        let (reply, answer) = oneshot::channel();
        self.0.send(make(reply)).await.ok()?;
        answer.await.ok()
    }
}

impl DrainReport {
    /// By how many calls are left and when they are hung up.
    #[must_use]
    pub fn new(calls: usize, until: Instant, now: Instant) -> Self {
        let left = until.saturating_duration_since(now);
        // A second that has begun counts.
        Self { calls, ends_in_s: (left + Duration::from_millis(999)).as_secs() }
    }
}
