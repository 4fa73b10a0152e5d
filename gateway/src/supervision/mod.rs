//! Whether the process is sound, for whoever supervises it.
//!
//! ```text
//!  panics (any thread) ---> Panics: too many in a minute ----------.
//!  beats of the media threads and of signalling ---> Watchdog -----+--> Fault: the gateway ends, non-zero
//!                                                       |
//!  service manager <--- READY, STOPPING, WATCHDOG ------' as long as all beat
//! ```
//!
//! A panic ends one call, and the others go on. Many say that something is wrong which the next call meets too; and a
//! thread that stands still serves nobody. Then a process that is started anew serves more people than this one.

mod mishaps;
mod panics;
mod service_manager;
mod stalls;
mod watchdog;

pub use mishaps::Mishaps;
pub use panics::Panics;
pub use service_manager::ServiceManager;
pub use watchdog::{Faults, Watchdog};

/// How the process ends that had better be started anew (EX_SOFTWARE in sysexits(3)).
pub(crate) const EXIT_UNSOUND: u8 = 70;

/// Why the process had better be started anew.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Calls end by faults of ours, one after the other.
    #[error("{count} panics within a minute")]
    Panics {
        /// How many.
        count: usize,
    },
    /// A thread does nothing any more.
    #[error("{who} stands still")]
    Stall {
        /// Which.
        who: String,
    },
}
