//! Calls that were refused a moment ago without a trace: whose refusal got lost sends the same INVITE again.

use std::collections::VecDeque;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::time::Instant;

use crate::auth::bucket::{Bucket, Rate};
use crate::sip::message::{HeaderName, Request};

/// So many are remembered: at a thousand refusals a second those of the last one, in which an INVITE comes again first (timer A,
/// RFC 3261 17.1.1.2).
const REMEMBERED: usize = 1024;

/// Records of refusals in a second, and at once. Chosen by us: 5 GB in a day by somebody who dials on and on (3 KB each).
const RECORDS_PER_S: f64 = 20.0;
const RECORDS_AT_ONCE: u32 = 100;

/// The last refusals.
#[derive(Debug)]
pub(super) struct Refusals {
    lately: VecDeque<u64>,
    hasher: RandomState,
    records: Bucket,
}

impl Default for Refusals {
    fn default() -> Self {
        Self { lately: VecDeque::new(), hasher: RandomState::new(), records: Bucket::full(records()) }
    }
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

    /// Whether there is room for the record of one more.
    pub(super) fn may_be_recorded(&mut self, now: Instant) -> bool {
        self.records.take(records(), 0.0, now).is_ok()
    }
}

fn records() -> Rate {
    Rate::new(RECORDS_PER_S, RECORDS_AT_ONCE)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn who_dials_on_and_on_fills_no_disk() {
        let mut refusals = Refusals::default();
        let begin = Instant::now();
        let recorded =
            (0..60_000).filter(|ms| refusals.may_be_recorded(begin + Duration::from_millis(*ms))).count();
        assert!((1299..=1300).contains(&recorded), "{recorded} in a minute");
    }
}
