//! Whether the process lives, and whether it takes new calls: for who supervises it, and who shares calls out.
//!
//! A process that does not live is started anew; one that is not ready is left alone until it is. So a disk that is full, which
//! a new start would not empty, and calls that are as many as may be, leave it alive.

use std::sync::{Arc, Mutex, OnceLock};
use std::time::Instant;

use webtrunk_engine::engine::Engine;
use webtrunk_signalling::lock::lock;
use webtrunk_signalling::room::{Crowded, MediaLoad};

use crate::store::StoreHealth;
use crate::supervision::{Fault, Faults};

/// How the gateway is; cheap to clone.
#[derive(Clone)]
pub struct Health(Arc<Inner>);

struct Inner {
    engine: Engine,
    room: Arc<dyn MediaLoad + Send + Sync>,
    store: Option<StoreHealth>,
    faults: OnceLock<Faults>,
    draining: Mutex<Option<Instant>>,
}

/// Why it had better be started anew.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Illness {
    /// Its watchdog says so: what stood still for so long does not come back.
    #[error("{0}")]
    Fault(#[from] Fault),
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
    /// There is no room for one more call.
    #[error("overloaded: {}", in_words(*.0))]
    NoRoom(Crowded),
}

const fn in_words(crowded: Crowded) -> &'static str {
    match crowded {
        Crowded::Rate => "as many calls began in the last second as may",
        Crowded::Calls => "the engine has as many calls as it may have",
        Crowded::Late => "the media threads are late",
        Crowded::Memory => "the process has as much memory as it may have",
        Crowded::Legs | Crowded::Trunk | Crowded::Backlog => "signalling has no room",
        Crowded::Drain => "it goes down",
    }
}

impl Health {
    /// Of a gateway with this engine, what says whether it takes a call, and this store.
    #[must_use]
    pub fn new(engine: Engine, room: Arc<dyn MediaLoad + Send + Sync>, store: Option<StoreHealth>) -> Self {
        let (faults, draining) = (OnceLock::new(), Mutex::default());
        Self(Arc::new(Inner { engine, room, store, faults, draining }))
    }

    /// What a watchdog finds is heeded from now on.
    pub fn heed(&self, faults: Faults) {
        // There is one watchdog in a process.
        let _ = self.0.faults.set(faults);
    }

    /// It goes down, and calls that are left are hung up then.
    pub fn set_draining(&self, until: Instant) {
        *lock(&self.0.draining) = Some(until);
    }

    /// Whether the process is of any use.
    ///
    /// # Errors
    /// [`Illness`]: why it is not.
    pub fn life(&self) -> Result<(), Illness> {
        if self.0.store.as_ref().is_some_and(StoreHealth::is_gone) {
            return Err(Illness::StoreGone);
        }
        self.0.faults.get().and_then(Faults::found).map_or(Ok(()), |fault| Err(fault.into()))
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
        self.0.room.has_room().map_err(Unready::NoRoom)
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::watch;
    use webtrunk_engine::config::EngineConfig;

    use super::*;

    struct Says(Result<(), Crowded>);

    impl MediaLoad for Says {
        fn has_room(&self) -> Result<(), Crowded> {
            self.0
        }
    }

    fn health(room: Result<(), Crowded>) -> Health {
        let engine =
            Engine::start(EngineConfig { shards: 1, ..EngineConfig::default() }).expect("free ports");
        Health::new(engine, Arc::new(Says(room)), None)
    }

    #[test]
    fn it_is_ready_as_long_as_calls_are_taken() {
        actix::System::new().block_on(async {
            assert_eq!(health(Ok(())).readiness(Instant::now()), Ok(()));
            for crowded in [Crowded::Calls, Crowded::Late] {
                let outcome = health(Err(crowded)).readiness(Instant::now());
                assert_eq!(outcome, Err(Unready::NoRoom(crowded)));
            }
        });
    }

    #[test]
    fn it_lives_until_its_watchdog_gives_somebody_up() {
        actix::System::new().block_on(async {
            let health = health(Ok(()));
            assert_eq!(health.life(), Ok(()), "nobody watches yet");
            let (found, faults) = watch::channel(None);
            health.heed(faults.into());
            assert_eq!(health.life(), Ok(()));
            let fault = Fault::Stall { who: "media shard 0".to_owned() };
            found.send_replace(Some(fault.clone()));
            assert_eq!(health.life(), Err(Illness::Fault(fault)));
        });
    }
}
