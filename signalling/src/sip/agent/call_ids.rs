//! What the legs are called on the wire, for whoever puts a call's messages together.

use webtrunk_engine::LegId;

use super::core::Agent;

impl<D> Agent<D> {
    /// The Call-ID of a leg; `None` where it is not a leg of ours any more.
    #[must_use]
    pub fn call_id(&self, leg: LegId) -> Option<&str> {
        self.calls.get(&leg)?.call.as_ref()?.call_id()
    }
}
