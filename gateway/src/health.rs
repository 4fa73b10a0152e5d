//! Whether the process lives, and whether it takes new calls: for who supervises it, and who shares calls out.
//!
//! A process that does not live is started anew; one that is not ready is left alone until it is. So a disk that is full, which
//! a new start would not empty, and calls that are as many as may be, leave it alive.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use webtrunk_engine::engine::{Engine, Refused};

use crate::store::StoreHealth;

/// How the gateway is; cheap to clone.
#[derive(Clone)]
pub struct Health(Arc<Inner>);

struct Inner {
    engine: Engine,
    store: Option<StoreHealth>,
    beats: Mutex<Beats>,
    draining: Mutex<Option<Instant>>,
}

/// Why it had better be started anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Illness {
    /// A media thread does nothing any more.
    #[error("media thread {shard} stands still")]
    Stalled {
        /// Which, from 0.
        shard: usize,
    },
    /// Nobody writes to the store any more.
    #[error("nobody writes to the store any more")]
    StoreGone,
}

/// Why it takes no new calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unready {
    /// It goes down.
    #[error("draining: {calls} calls go on, and are hung up in {ends_in_s} s at the latest")]
    Draining {
        /// Calls that are left.
        calls: usize,
        /// In so many seconds they are hung up.
        ends_in_s: u64,
    },
    /// Media has no room.
    #[error("overloaded: {0}")]
    NoRoom(#[from] Refused),
}

impl Health {
    /// Of a gateway with this engine, and this store.
    #[must_use]
    pub fn new(engine: Engine, store: Option<StoreHealth>) -> Self {
        Self(Arc::new(Inner { engine, store, beats: Mutex::default(), draining: Mutex::default() }))
    }

    /// It goes down, and calls that are left are hung up then.
    pub fn set_draining(&self, until: Instant) {
        *lock(&self.0.draining) = Some(until);
    }

    /// Whether the process is of any use.
    ///
    /// # Errors
    /// [`Illness`]: why it is not.
    pub fn life(&self, now: Instant) -> Result<(), Illness> {
        if self.0.store.as_ref().is_some_and(StoreHealth::is_gone) {
            return Err(Illness::StoreGone);
        }
        let beats: Vec<_> = self.0.engine.vital_signs().iter().map(|signs| signs.beats).collect();
        match lock(&self.0.beats).look(&beats, now) {
            Some(shard) => Err(Illness::Stalled { shard }),
            None => Ok(()),
        }
    }

    /// Whether new calls are taken.
    ///
    /// # Errors
    /// [`Unready`]: why not.
    pub fn readiness(&self, now: Instant) -> Result<(), Unready> {
        if let Some(until) = *lock(&self.0.draining) {
            let ends_in_s = until.saturating_duration_since(now).as_secs();
            return Err(Unready::Draining { calls: self.0.engine.ledger().calls, ends_in_s });
        }
        Ok(self.0.engine.has_room()?)
    }
}

/// Nothing of ours leaves it half changed.
fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What media threads had beaten when somebody last asked, and since when. They beat ten times a second.
#[derive(Debug, Default)]
struct Beats(Vec<(u64, Instant)>);

/// Who has not beaten for so long stands still. Chosen by us: twenty beats.
const STILL: Duration = Duration::from_secs(2);

impl Beats {
    /// Looks at the beats of all; the first that stands still.
    fn look(&mut self, beats: &[u64], now: Instant) -> Option<usize> {
        self.0.resize(beats.len(), (0, now));
        let seen = self.0.iter_mut().zip(beats);
        let still = seen.map(|((before, since), beats)| {
            if before != beats {
                (*before, *since) = (*beats, now);
            }
            now.saturating_duration_since(*since) >= STILL
        });
        // All of them, so that all are seen.
        still.collect::<Vec<_>>().into_iter().position(|is_still| is_still)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_does_not_beat_stands_still_however_rarely_somebody_asks() {
        let (start, second) = (Instant::now(), Duration::from_secs(1));
        let mut beats = Beats::default();
        assert_eq!(beats.look(&[5, 5], start), None);
        assert_eq!(beats.look(&[5, 15], start + second), None);
        assert_eq!(beats.look(&[5, 25], start + 2 * second), Some(0));
        assert_eq!(beats.look(&[6, 35], start + 3 * second), None, "it goes on");
        assert_eq!(beats.look(&[9, 35], start + 3600 * second), Some(1));
    }
}
