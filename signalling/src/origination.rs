//! Calls that nobody makes by a phone: somebody asks the gateway to bring two parties together.

use std::net::{IpAddr, Ipv4Addr};
use std::time::SystemTime;

use webtrunk_engine::LegId;

use crate::adapter::{HOPS_MAX, Incoming, MediaProfile, Origin, Party, Passage, RecordingPolicy, leg_span};
use crate::cdr::RecordId;

/// A call to be made: the first party is called, and when it has answered the second.
#[derive(Debug, Clone)]
pub struct Origination {
    /// The name that its record gets.
    pub id: RecordId,
    /// Stands for who asked until the first party has answered. No adapter has it.
    pub leg: LegId,
    /// Who asked, for records.
    pub asked_by: String,
    /// By whose rights and at whose cost both are called.
    pub origin: Origin,
    /// Who is called first: what the origin would dial; its own name calls its own phones and pages.
    pub first: String,
    /// As whom the first party is called.
    pub shown_to_first: Party,
    /// Who is called then: what the origin would dial.
    pub second: String,
    /// As whom the second party is called.
    pub shown_to_second: Party,
}

/// What stands for the listener to which it came, in records.
pub const LISTENER: &str = "rest";

/// What stands for the adapter of [`Origination::leg`].
pub(crate) const NAME: &str = "origination";

impl Origination {
    /// One with names of its own, asked for at `now`.
    #[must_use]
    pub fn new(
        asked_by: &str,
        origin: Origin,
        [first, second]: [(String, Party); 2],
        now: SystemTime,
    ) -> Self {
        Self {
            id: RecordId::new(now, rand::random()),
            leg: LegId::next(),
            asked_by: asked_by.to_owned(),
            origin,
            first: first.0,
            shown_to_first: first.1,
            second: second.0,
            shown_to_second: second.1,
        }
    }

    /// The call as if its origin made it, to the first party.
    pub(crate) fn incoming(&self) -> Incoming {
        Incoming {
            leg: self.leg,
            origin: self.origin.clone(),
            caller: self.shown_to_first.clone(),
            destination: self.first.clone(),
            device: None,
            profile: MediaProfile::Rtp,
            offer: None,
            signalled_from: IpAddr::V4(Ipv4Addr::LOCALHOST),
            listener: LISTENER.into(),
            headers: Vec::new(),
            recording: RecordingPolicy::ByRule,
            hops: HOPS_MAX,
            passed: Passage::default(),
            replaces: None,
            span: leg_span(self.leg),
        }
    }
}
