//! The events of a session, by their numbers: kept for a page that comes back, within bounds.

use std::collections::VecDeque;

use crate::json::protocol::{Event, notification};

/// Events that are kept of one session, and their octets. Chosen by us: minutes of a busy telephone.
pub(in crate::json) const EVENTS_MAX: usize = 256;
pub(in crate::json) const OCTETS_MAX: usize = 256 * 1024;

/// What messages of people leave to all else that a page is told: a quarter.
const EVENTS_FOR_CALLS: usize = EVENTS_MAX / 4;
const OCTETS_FOR_CALLS: usize = OCTETS_MAX / 4;

/// The latest events.
#[derive(Debug, Default)]
pub(super) struct EventLog {
    last: u64,
    kept: VecDeque<(u64, String)>,
    octets: usize,
    /// What the page has seen, where it says so.
    acknowledged: Option<u64>,
    /// The first that came while the page is away.
    away_from: Option<u64>,
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

    /// The page is away.
    pub(super) const fn leave(&mut self) {
        self.away_from = Some(self.last + 1);
    }

    /// It is back.
    pub(super) const fn come_back(&mut self) {
        self.away_from = None;
    }

    /// Whether a message of somebody can be kept without that one is forgotten that the page has not seen: by what it says,
    /// or else, while it is away, by what came since.
    pub(super) fn has_room_for(&self, message: &Event) -> bool {
        let unseen_from = match (self.acknowledged, self.away_from) {
            (Some(acknowledged), _) => acknowledged + 1,
            (None, Some(away_from)) => away_from,
            (None, None) => return true,
        };
        let unseen = self.kept.iter().filter(|(seq, _)| *seq >= unseen_from).map(|(_, text)| text.len());
        let (count, octets) = unseen.fold((0, 0), |(count, octets), length| (count + 1, octets + length));
        let length = notification(self.last + 1, message).len();
        count < EVENTS_MAX - EVENTS_FOR_CALLS && octets + length <= OCTETS_MAX - OCTETS_FOR_CALLS
    }

    /// The number of the last one.
    pub(super) const fn last(&self) -> u64 {
        self.last
    }

    /// The page has seen all up to this one.
    pub(super) fn seen(&mut self, last_seen: u64) {
        self.acknowledged = Some(last_seen.min(self.last));
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

    fn message(octets: usize) -> Event {
        Event::Message(Message { from: String::new(), display_name: String::new(), text: "x".repeat(octets) })
    }

    #[test]
    fn a_message_has_room_as_long_as_it_pushes_out_nothing_that_was_not_seen() {
        // Who says nothing of what it sees, and is there, reads.
        let mut silent = EventLog::default();
        (0..500).for_each(|_| drop(silent.push(&ringing()).to_owned()));
        assert!(silent.has_room_for(&message(10)));
        silent.leave();
        let mut told = 0;
        while silent.has_room_for(&message(10)) {
            silent.push(&message(10));
            told += 1;
        }
        assert_eq!(told, EVENTS_MAX - EVENTS_FOR_CALLS);
        (0..EVENTS_FOR_CALLS).for_each(|_| drop(silent.push(&ringing()).to_owned()));
        assert!(!silent.missed(500).is_incomplete, "all that came while it was away is there");
        silent.come_back();
        assert!(silent.has_room_for(&message(10)));

        // Who says what it sees is known to be behind while it is there, too.
        let mut behind = EventLog::default();
        behind.seen(0);
        let mut told = 0;
        while behind.has_room_for(&message(8000)) {
            behind.push(&message(8000));
            told += 1;
        }
        assert_eq!(told, 24, "by their octets");
        behind.seen(told);
        assert!(behind.has_room_for(&message(8000)));
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
