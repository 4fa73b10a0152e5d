//! Who is told which legs are one call.

use std::fmt::Debug;

use webtrunk_engine::{CallId, LegId};

use crate::sip::trace::Tap;

/// Hears of calls and their legs; must not wait.
pub trait Witness: Debug + Send + Sync {
    /// A leg belongs to a call: it began it, is called by it, or took a place in it.
    fn leg_joined(&self, leg: LegId, call: CallId);

    /// Nothing is left of a call.
    fn call_over(&self, call: CallId);
}

/// Puts the messages of a call's legs together.
impl Witness for Tap {
    fn leg_joined(&self, leg: LegId, call: CallId) {
        Self::leg_joined(self, leg, call);
    }

    fn call_over(&self, call: CallId) {
        Self::call_over(self, call);
    }
}
