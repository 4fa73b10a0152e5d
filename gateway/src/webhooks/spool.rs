//! What waits for a receiver, as it is kept over a restart.

use super::message::Message;

/// A message that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// Its place among all, of all hooks.
    pub seq: u64,
    /// The hook's name.
    pub hook: String,
    /// What is sent.
    pub message: Message,
    /// When it is given up, in ms since 1970.
    pub until_ms: i64,
}

/// What is to be kept, or kept no more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SpoolChange {
    /// It waits.
    Waits(Kept),
    /// It waits no more.
    Over(u64),
}

impl SpoolChange {
    /// What it is about.
    #[must_use]
    pub const fn seq(&self) -> u64 {
        match self {
            Self::Waits(kept) => kept.seq,
            Self::Over(seq) => *seq,
        }
    }
}

/// Keeps what waits, and never has anybody wait.
pub trait SpoolKeeper: Send + Sync {
    /// Notes a change.
    fn keep(&self, change: SpoolChange);
}
