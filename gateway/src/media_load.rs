//! What is asked of the media engine before a call is taken: by signalling, and by who asks whether the gateway is ready.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use webtrunk_engine::engine::{Engine, Refused};
use webtrunk_signalling::room::{Crowded, MediaLoad};

use crate::memory::MemoryBudget;

/// The engine, as far as calls are refused for what it says.
pub(crate) struct EngineLoad {
    engine: Engine,
    memory: Arc<MemoryBudget>,
    refuses_when_late: AtomicBool,
}

impl EngineLoad {
    pub(crate) fn new(engine: Engine, refuses_when_late: bool) -> Self {
        let memory = Arc::default();
        Self { engine, memory, refuses_when_late: AtomicBool::new(refuses_when_late) }
    }

    /// The process may have so many octets of memory from now on, before calls are refused.
    pub(crate) fn limit_memory(&self, max: Option<u64>) {
        self.memory.limit(max);
    }

    /// What memory there may be.
    pub(crate) fn memory(&self) -> Arc<MemoryBudget> {
        Arc::clone(&self.memory)
    }

    /// Whether calls are refused while media threads are late, from now on.
    pub(crate) fn refuse_when_late(&self, refuses: bool) {
        self.refuses_when_late.store(refuses, Ordering::Relaxed);
    }
}

impl MediaLoad for EngineLoad {
    fn has_room(&self) -> Result<(), Crowded> {
        if self.memory.is_used_up(Instant::now()) {
            return Err(Crowded::Memory);
        }
        judged(self.engine.has_room(), self.refuses_when_late.load(Ordering::Relaxed))
    }
}

const fn judged(room: Result<(), Refused>, refuses_when_late: bool) -> Result<(), Crowded> {
    match room {
        Err(Refused::Full | Refused::Draining) => Err(Crowded::Calls),
        Err(Refused::Late) if refuses_when_late => Err(Crowded::Late),
        Err(Refused::Late) | Ok(()) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn media_threads_that_are_late_refuse_calls_only_where_they_may() {
        assert_eq!(judged(Err(Refused::Late), true), Err(Crowded::Late));
        assert_eq!(judged(Err(Refused::Late), false), Ok(()));
        for refuses_when_late in [true, false] {
            assert_eq!(judged(Err(Refused::Full), refuses_when_late), Err(Crowded::Calls));
            assert_eq!(judged(Ok(()), refuses_when_late), Ok(()));
        }
    }
}
