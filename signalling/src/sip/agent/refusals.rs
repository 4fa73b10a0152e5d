//! Calls that were refused a moment ago without a trace: whose refusal got lost sends the same INVITE again.

use std::collections::VecDeque;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;

use crate::sip::message::{HeaderName, Request};

/// So many are remembered: at a thousand refusals a second those of the last one, in which an INVITE comes again first (timer A,
/// RFC 3261 17.1.1.2).
const REMEMBERED: usize = 1024;

/// The last refusals.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    lately: VecDeque<u64>,
    hasher: RandomState,
}

impl Refusals {
    /// Notes that an INVITE is refused; whether it was not refused just now.
    pub(super) fn is_news(&mut self, invite: &Request) -> bool {
        let names = [HeaderName::CallId, HeaderName::CSeq, HeaderName::From];
        let hash = self.hasher.hash_one(names.map(|name| invite.headers.get(&name).map(str::to_owned)));
        if self.lately.contains(&hash) {
            return false;
        }
        if self.lately.len() == REMEMBERED {
            self.lately.pop_front();
        }
        self.lately.push_back(hash);
        true
    }
}
