//! Who has proven to be whom by which stream: what others say there in somebody's dialog is not that one's.

use std::collections::HashMap;

use crate::sip::flow::{ConnectionId, Flow};
use crate::sip::message::Request;

/// The users who spoke by each open stream, as far as they did so themselves.
#[derive(Debug, Default)]
pub(super) struct Speakers(HashMap<ConnectionId, Speaker>);

#[derive(Debug)]
enum Speaker {
    One(String),
    /// A telephone of several, or a proxy that does not show itself: nobody in particular.
    Several,
}

impl Speakers {
    /// A user has proven to have sent this request. What came through proxies says nothing of whose their stream is.
    pub(super) fn note(&mut self, user: &str, request: &Request, flow: &Flow) {
        let Some(connection) = flow.connection.filter(|_| request.is_direct()) else { return };
        let speaker = self.0.entry(connection).or_insert_with(|| Speaker::One(user.to_owned()));
        if matches!(speaker, Speaker::One(known) if known != user) {
            *speaker = Speaker::Several;
        }
    }

    /// Whether a stream is another user's alone.
    pub(super) fn is_anothers(&self, flow: &Flow, user: &str) -> bool {
        let speaker = flow.connection.and_then(|connection| self.0.get(&connection));
        matches!(speaker, Some(Speaker::One(known)) if known != user)
    }

    /// A stream is closed.
    pub(super) fn forget(&mut self, connection: ConnectionId) {
        self.0.remove(&connection);
    }
}
