//! The events of a session, by their numbers: kept for a page that comes back, within bounds.

use std::collections::VecDeque;

use crate::json::protocol::{Event, notification};

/// Events that are kept of one session, and their octets. Chosen by us: minutes of a busy telephone.
pub(in crate::json) const EVENTS_MAX: usize = 256;
pub(in crate::json) const OCTETS_MAX: usize = 256 * 1024;

/// The latest events.
#[derive(Debug, Default)]
pub(super) struct EventLog {
    last: u64,
    kept: VecDeque<(u64, String)>,
    octets: usize,
}

/// What a page missed.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Missed {
    /// In their order, as they are sent.
    pub(super) events: Vec<String>,
    /// Whether some before these are gone.
    pub(super) is_incomplete: bool,
}

impl EventLog {
    /// Numbers an event and keeps it; as it is sent.
    pub(super) fn push(&mut self, event: &Event) -> &str {
        self.last += 1;
        let text = notification(self.last, event);
        self.octets += text.len();
        self.kept.push_back((self.last, text));
        while self.kept.len() > EVENTS_MAX || self.octets > OCTETS_MAX && self.kept.len() > 1 {
            self.forget_first();
        }
        self.kept.back().map_or("", |(_, text)| text)
    }

    /// The page has seen all up to this one.
    pub(super) fn seen(&mut self, last_seen: u64) {
        while self.kept.front().is_some_and(|(seq, _)| *seq <= last_seen) {
            self.forget_first();
        }
    }

    /// What came after the event that the page saw last. Who claims to have seen what is to come has missed all.
    pub(super) fn missed(&self, last_seen: u64) -> Missed {
        let last_seen = if last_seen > self.last { 0 } else { last_seen };
        let first = self.kept.front().map_or(self.last + 1, |(seq, _)| *seq);
        let events =
            self.kept.iter().filter(|(seq, _)| *seq > last_seen).map(|(_, text)| text.clone()).collect();
        Missed { events, is_incomplete: last_seen + 1 < first }
    }

    fn forget_first(&mut self) {
        if let Some((_, text)) = self.kept.pop_front() {
            self.octets -= text.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::json::protocol::{CallEvent, Message};

    fn ringing() -> Event {
        Event::Ringing(CallEvent { call_id: "5f".to_owned() })
    }

    fn numbers(missed: &Missed) -> Vec<u64> {
        let number = |text: &String| {
            let value: serde_json::Value = serde_json::from_str(text).expect("JSON");
            value["params"]["seq"].as_u64().expect("a number")
        };
        missed.events.iter().map(number).collect()
    }

    #[test]
    fn what_came_after_the_last_seen_is_told_in_its_order() {
        let mut log = EventLog::default();
        assert_eq!(log.missed(0), Missed { events: Vec::new(), is_incomplete: false });
        let first = log.push(&ringing()).to_owned();
        assert_eq!(first, r#"{"jsonrpc":"2.0","method":"ringing","params":{"callId":"5f","seq":1}}"#);
        (0..4).for_each(|_| drop(log.push(&ringing()).to_owned()));
        assert_eq!(numbers(&log.missed(2)), [3, 4, 5]);
        assert_eq!(numbers(&log.missed(5)), Vec::<u64>::new());
        assert_eq!(numbers(&log.missed(9)), [1, 2, 3, 4, 5], "it cannot have seen that");
        log.seen(3);
        assert!(!log.missed(3).is_incomplete && log.missed(2).is_incomplete);
    }

    proptest! {
        #[test]
        fn what_is_kept_is_bounded_and_the_latest(
            sizes in prop::collection::vec(0usize..20_000, 1..600),
            seen in 0u64..600,
        ) {
            let mut log = EventLog::default();
            for size in &sizes {
                let text = "x".repeat(*size);
                let message = Message { from: String::new(), display_name: String::new(), text };
                log.push(&Event::Message(message));
                prop_assert!(log.kept.len() <= EVENTS_MAX && log.octets <= OCTETS_MAX);
                prop_assert_eq!(log.octets, log.kept.iter().map(|(_, text)| text.len()).sum::<usize>());
            }
            let missed = log.missed(seen);
            let last = sizes.len() as u64;
            let seen = if seen > last { 0 } else { seen };
            let told = numbers(&missed);
            prop_assert!(told.windows(2).all(|pair| pair[0] + 1 == pair[1]));
            prop_assert_eq!(missed.is_incomplete, told.len() as u64 != last - seen);
            prop_assert!(told.last().is_none_or(|told| *told == last));
        }
    }
}
