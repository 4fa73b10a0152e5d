//! The calls that speak, so that how good it sounds can be scored.

use crate::agent::Voice;

/// What both ends of one call in so many say over and over, where the others hum.
#[derive(Debug, Clone)]
pub struct Speech {
    /// What they say.
    pub voice: Voice,
    /// Of so many calls the first speaks, 1 and up.
    pub every: usize,
}

impl Speech {
    /// Whether the call of this number speaks.
    #[must_use]
    pub const fn is_of(&self, call: usize) -> bool {
        call.is_multiple_of(self.every)
    }
}
