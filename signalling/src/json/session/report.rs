//! What a session tells whoever looks for a fault.

use std::time::Instant;

use super::call::Call;
use super::state::Session;
use super::trail::milliseconds;
use crate::json::protocol::{Outcome, Report, ReportedCall};

impl Session {
    /// The session as it stands.
    pub(super) fn tell_report(&self, now: Instant) -> Outcome {
        let call = |(call_id, call): (&String, &Call)| ReportedCall {
            call_id: call_id.clone(),
            leg: call.leg.to_string(),
            peer: call.peer.clone(),
            state: call.state(),
            statistics: call.measured.as_deref().cloned(),
        };
        Outcome::Report(Box::new(Report {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            session: self.name.clone(),
            user: self.user().to_owned(),
            address: self.remote.to_string(),
            connected_ms: milliseconds(self.trail.age(now)),
            last_event: self.log.last(),
            calls: self.calls.iter().map(call).collect(),
            ladder: self.trail.ladder(),
        }))
    }
}
