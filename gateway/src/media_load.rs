//! What signalling asks of the media engine before it takes a call.

use std::sync::atomic::{AtomicBool, Ordering};

use webtrunk_engine::engine::{Engine, Refused};
use webtrunk_signalling::sip::agent::{Crowded, MediaLoad};

/// The engine, as signalling asks it.
pub(crate) struct EngineLoad {
    engine: Engine,
    refuses_when_late: AtomicBool,
}

impl EngineLoad {
    pub(crate) const fn new(engine: Engine, refuses_when_late: bool) -> Self {
        Self { engine, refuses_when_late: AtomicBool::new(refuses_when_late) }
    }

    /// Whether calls are refused while media threads are late, from now on.
    pub(crate) fn refuse_when_late(&self, refuses: bool) {
        self.refuses_when_late.store(refuses, Ordering::Relaxed);
    }
}

impl MediaLoad for EngineLoad {
    fn has_room(&self) -> Result<(), Crowded> {
        match self.engine.has_room() {
            Err(Refused::Full | Refused::Draining) => Err(Crowded::Calls),
            Err(Refused::Late) if self.refuses_when_late.load(Ordering::Relaxed) => Err(Crowded::Late),
            Err(Refused::Late) | Ok(()) => Ok(()),
        }
    }
}
