//! What the records of calls and the registrations tell by their changes.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use webtrunk_signalling::cdr::{CallRecord, CdrKeeper, Filing, RecordId, Stage};
use webtrunk_signalling::lock::lock;

use super::event::{EventKind, Happening};
use super::hub::Hub;
use crate::rest::calls::{Numbers, OwnedCall};
use crate::rest::recordings::name_of;

/// Watches records on their way, and tells the hub what has changed.
pub struct Watcher {
    hub: Hub,
    numbers: Numbers,
    seen: Mutex<HashMap<RecordId, Seen>>,
}

/// What was told of a call.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Seen {
    is_ringing: bool,
    is_answered: bool,
    is_held: bool,
}

impl Watcher {
    /// One that tells this hub; whose calls are goes by these numbers.
    #[must_use]
    pub fn new(hub: Hub, numbers: Numbers) -> Self {
        Self { hub, numbers, seen: Mutex::default() }
    }

    /// Tells of the end of a call of which no more is to be told.
    pub fn tell_of_end(&self, record: Arc<CallRecord>) {
        self.tell(record, &[EventKind::CallEnded]);
    }

    fn tell(&self, record: Arc<CallRecord>, kinds: &[EventKind]) {
        let call = Arc::new(OwnedCall::new(Arc::clone(&record), &self.numbers));
        let is_over = record.end.is_some();
        for kind in kinds {
            self.publish(Happening::Call(*kind, Arc::clone(&call)));
        }
        for name in record.recordings.iter().filter(|_| is_over) {
            self.publish(Happening::Recording(name_of(name), Arc::clone(&call)));
        }
    }

    fn publish(&self, happening: Happening) {
        let customers = happening.customers();
        self.hub.publish(happening, customers);
    }
}

/// What has become of a call since `seen`.
fn changes(seen: Option<Seen>, record: &CallRecord) -> (Seen, Vec<EventKind>) {
    let mut kinds = Vec::new();
    if seen.is_none() {
        kinds.push(EventKind::CallStarted);
    }
    let before = seen.unwrap_or_default();
    let stage = record.timeline.stage();
    let now = Seen {
        is_ringing: before.is_ringing || matches!(stage, Some(Stage::Ringing | Stage::Early)),
        is_answered: record.answered_at.is_some(),
        is_held: stage == Some(Stage::OnHold),
    };
    let is_over = record.end.is_some();
    let changed = [
        (now.is_ringing && !before.is_ringing, EventKind::CallRinging),
        (now.is_answered && !before.is_answered, EventKind::CallAnswered),
        (now.is_held && !before.is_held, EventKind::CallHeld),
        (before.is_held && stage == Some(Stage::Talking), EventKind::CallResumed),
        (is_over, EventKind::CallEnded),
    ];
    kinds.extend(changed.into_iter().filter_map(|(is, kind)| is.then_some(kind)));
    (now, kinds)
}

impl CdrKeeper for Watcher {
    fn file(&self, filing: Filing) {
        let (Filing::Open(record) | Filing::Closed(record)) = filing;
        let record: Arc<CallRecord> = record.into();
        let mut all = lock(&self.seen);
        let (seen, kinds) = changes(all.get(&record.id).copied(), &record);
        match record.end {
            Some(_) => drop(all.remove(&record.id)),
            None => drop(all.insert(record.id.clone(), seen)),
        }
        drop(all);
        self.tell(record, &kinds);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn record(stage: &str, is_answered: bool, is_over: bool) -> CallRecord {
        let segments = match is_over {
            true => json!({"segments": []}),
            false => json!({"segments": [{"stage": stage, "begin_ms": 0, "end_ms": 0}]}),
        };
        let mut record = json!({"id": "x", "origin": {"user": "a"}, "caller": "a", "destination": "1", "listener": "udp",
            "began_at": "2026-11-28T09:00:00.000Z", "duration_ms": 5, "talked_ms": 2, "clock_step": false,
            "timeline": segments, "legs": []});
        if is_answered {
            record["answered_at"] = "2026-11-28T09:00:01.000Z".into();
        }
        if is_over {
            record["end"] = json!({"cause": "hangup", "by": "caller"});
        }
        serde_json::from_value(record).expect("a record")
    }

    #[test]
    fn each_change_is_told_once_and_in_its_order() {
        let mut seen = None;
        let mut told = Vec::new();
        for (stage, is_answered, is_over) in [
            ("trying", false, false),
            ("ringing", false, false),
            ("ringing", false, false),
            ("talking", true, false),
            ("on_hold", true, false),
            ("on_hold", true, false),
            ("talking", true, false),
            ("ending", true, false),
            ("", true, true),
        ] {
            let (now, kinds) = changes(seen, &record(stage, is_answered, is_over));
            seen = Some(now);
            told.extend(kinds.into_iter().map(EventKind::name));
        }
        let expected =
            ["started", "ringing", "answered", "held", "resumed", "ended"].map(|it| format!("call.{it}"));
        assert_eq!(told, expected);
        // A call that was refused at once.
        let (_, kinds) = changes(None, &record("", false, true));
        assert_eq!(kinds, [EventKind::CallStarted, EventKind::CallEnded]);
    }
}
