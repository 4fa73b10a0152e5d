//! What waits for a receiver, as it is kept over a restart.

use super::message::Message;

/// A message that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// Its place among all, of all hooks.
    pub seq: u64,
    /// The hook's name.
    pub hook: String,
    /// Whose the hook was when it was made; `None` is the operator's.
    pub customer: Option<String>,
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
    /// All of a hook's from the one to the other wait no more: one change, however many they are.
    OverRun {
        /// The hook's name.
        hook: String,
        /// The first.
        from: u64,
        /// The last.
        to: u64,
    },
}

impl SpoolChange {
    /// That these, between which no other of the hook waits, wait no more.
    pub(super) fn over(hook: &str, run: &[u64]) -> Option<Self> {
        match run {
            [] => None,
            [one] => Some(Self::Over(*one)),
            [from, .., to] => Some(Self::OverRun { hook: hook.to_owned(), from: *from, to: *to }),
        }
    }
}

/// Keeps what waits, and never has anybody wait.
pub trait SpoolKeeper: Send + Sync {
    /// Notes a change.
    fn keep(&self, change: SpoolChange);
}
