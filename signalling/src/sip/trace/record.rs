//! What is kept of one call: the messages of all its legs, from its begin and from its end.

use std::collections::VecDeque;
use std::sync::Arc;

use webtrunk_engine::{CallId, LegId};

use super::message::Seen;

/// What a message costs beside its octets, about.
const OVERHEAD: usize = 256;

/// A call, or what belongs to none: a registration, a request that was refused.
#[derive(Debug, Default)]
pub(super) struct Record {
    pub(super) call: Option<CallId>,
    pub(super) is_over: bool,
    pub(super) call_ids: Vec<Arc<str>>,
    pub(super) legs: Vec<LegId>,
    /// The first messages, in their order.
    begin: Vec<Arc<Seen>>,
    /// The last ones.
    end: VecDeque<Arc<Seen>>,
    omitted: u64,
    pub(super) octets: usize,
}

/// A record to be shown: a copy, but for the messages.
#[derive(Debug, Clone)]
pub struct CallTrace {
    /// The call; `None` for what belongs to none.
    pub call: Option<CallId>,
    /// The Call-IDs of its legs, as they came.
    pub call_ids: Vec<Arc<str>>,
    /// Whether nothing is expected any more, where it is a call.
    pub is_over: bool,
    /// Its messages by time.
    pub messages: Vec<Arc<Seen>>,
    /// How many messages of its middle were not kept.
    pub omitted: u64,
}

impl Record {
    /// An empty one of a call.
    pub(super) fn of_call(call: CallId) -> Self {
        Self { call: Some(call), ..Self::default() }
    }

    /// An empty one of what has this Call-ID.
    pub(super) fn of_call_id(call_id: Arc<str>) -> Self {
        Self { call_ids: vec![call_id], ..Self::default() }
    }

    /// Adds a message; `max` is how many are kept: the first half and the last.
    pub(super) fn push(&mut self, seen: Arc<Seen>, max: usize) {
        self.octets += cost(&seen);
        if self.begin.len() < max.div_ceil(2) {
            return self.begin.push(seen);
        }
        self.end.push_back(seen);
        if self.begin.len() + self.end.len() > max
            && let Some(omitted) = self.end.pop_front()
        {
            self.octets -= cost(&omitted);
            self.omitted += 1;
        }
    }

    /// Takes over all of another record.
    pub(super) fn absorb(&mut self, other: Self, max: usize) {
        self.call = self.call.or(other.call);
        self.is_over |= other.is_over;
        self.call_ids.extend(other.call_ids);
        self.legs.extend(other.legs);
        let mut messages: Vec<_> = self.begin.drain(..).chain(self.end.drain(..)).collect();
        messages.extend(other.begin.into_iter().chain(other.end));
        messages.sort_by_key(|seen| seen.now);
        (self.octets, self.omitted) = (0, self.omitted + other.omitted);
        for seen in messages {
            self.push(seen, max);
        }
    }

    /// Whether a call was asked for in it.
    pub(super) fn has_invite(&self) -> bool {
        self.call.is_some() || self.begin.iter().any(|seen| seen.octets.starts_with(b"INVITE "))
    }

    pub(super) fn len(&self) -> usize {
        self.begin.len() + self.end.len()
    }

    pub(super) fn show(&self) -> CallTrace {
        let mut messages: Vec<_> = self.begin.iter().chain(&self.end).cloned().collect();
        messages.sort_by_key(|seen| seen.now);
        CallTrace {
            call: self.call,
            call_ids: self.call_ids.clone(),
            is_over: self.is_over,
            messages,
            omitted: self.omitted,
        }
    }
}

/// About what a message costs in memory.
fn cost(seen: &Seen) -> usize {
    OVERHEAD + seen.octets.len()
}
