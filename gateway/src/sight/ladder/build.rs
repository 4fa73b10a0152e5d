//! From the messages of a call to columns and rungs.

use std::collections::HashSet;
use std::time::SystemTime;

use webtrunk_signalling::sip::message::Message;
use webtrunk_signalling::sip::trace::{CallTrace, Direction, Seen};

use super::party::Party;
use super::step::{Step, What, description_of};

/// A call as columns and rungs.
#[derive(Debug, Clone)]
pub struct Ladder {
    /// What the call is called in the log; `None` for what belongs to no call.
    pub call: Option<String>,
    /// Its Call-IDs.
    pub call_ids: Vec<String>,
    /// When the first message went by; `None` where there is none.
    pub began_at: Option<SystemTime>,
    /// Whether the call is over.
    pub is_over: bool,
    /// How many messages of its middle were not kept.
    pub omitted: u64,
    /// The columns from left to right. Ourselves are the second, or the first where we began.
    pub parties: Vec<Party>,
    /// The rungs by time.
    pub steps: Vec<Step>,
}

impl Ladder {
    /// The ladder of a call.
    #[must_use]
    pub fn new(trace: &CallTrace) -> Self {
        let mut ladder = Self {
            call: trace.call.map(|call| call.to_string()),
            call_ids: trace.call_ids.iter().map(|call_id| call_id.to_string()).collect(),
            began_at: trace.messages.first().map(|first| first.at),
            is_over: trace.is_over,
            omitted: trace.omitted,
            parties: Vec::new(),
            steps: Vec::with_capacity(trace.messages.len()),
        };
        if trace.messages.first().is_some_and(|first| first.direction == Direction::Out) {
            ladder.parties.push(Party::gateway());
        }
        // What looks the same and went the same way is the same message, sent once more (RFC 3261 17).
        let mut earlier = HashSet::new();
        for seen in &trace.messages {
            let is_new = earlier.insert((seen.direction, seen.remote, &seen.octets));
            let first = &trace.messages[0];
            ladder.add(seen, first, !is_new);
        }
        ladder
    }

    /// The column of ourselves.
    #[must_use]
    pub fn gateway(&self) -> usize {
        self.parties.iter().position(|party| party.place.is_none()).unwrap_or_default()
    }

    fn add(&mut self, seen: &Seen, first: &Seen, is_repeated: bool) {
        let message = seen.parse();
        let peer = self.column_of(seen, message.as_ref());
        let own = self.gateway();
        let (from, to) = match seen.direction {
            Direction::In => (peer, own),
            Direction::Out => (own, peer),
        };
        let call_id = self.call_ids.iter().position(|call_id| **call_id == *seen.call_id);
        self.steps.push(Step {
            at: seen.at,
            offset: seen.now.saturating_duration_since(first.now),
            from,
            to,
            call_id: call_id.unwrap_or_default(),
            what: What::of(message.as_ref(), seen),
            sdp: description_of(message.as_ref()),
            is_repeated,
            text: String::from_utf8_lossy(&seen.octets).into_owned(),
        });
    }

    /// The column of a message's peer; made where it is the first of it.
    fn column_of(&mut self, seen: &Seen, message: Option<&Message>) -> usize {
        let place = Some((seen.kind, seen.remote));
        if let Some(column) = self.parties.iter().position(|party| party.place == place) {
            return column;
        }
        self.parties.push(Party::of(seen, message));
        let column = self.parties.len() - 1;
        if self.parties.len() == 1 {
            self.parties.push(Party::gateway());
        }
        column
    }
}
