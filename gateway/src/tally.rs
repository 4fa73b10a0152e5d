//! What all calls that are over come to, by their records.

use std::collections::BTreeMap;

use webtrunk_signalling::cdr::CallRecord;

/// Sums since the start.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// Calls that are over and had become calls, by whether they were answered and by the cause of their end.
    pub ended: BTreeMap<(bool, String), u64>,
    /// Calls that were refused before they became any, by cause.
    pub refused: BTreeMap<String, u64>,
    /// How long all were talked in.
    pub talked_ms: u64,
    /// The media of their legs.
    pub media: MediaTally,
}

/// Packets of voice of legs that are over.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MediaTally {
    /// They came and were of use.
    pub received: u64,
    /// They were sent.
    pub sent: u64,
    /// They never came.
    pub lost: u64,
    /// They came too late.
    pub late: u64,
    /// Of those that did not come in time, restored from redundancy.
    pub recovered: u64,
    /// Of those, invented.
    pub concealed: u64,
}

impl Tally {
    /// Counts a call that is over.
    pub fn count(&mut self, record: &CallRecord) {
        let cause = record.end.as_ref().map(|end| end.cause.clone()).unwrap_or_default();
        let counter = match record.call {
            Some(_) => self.ended.entry((record.answered_at.is_some(), cause)).or_default(),
            None => self.refused.entry(cause).or_default(),
        };
        *counter += 1;
        self.talked_ms += record.talked_ms;
        for quality in record.legs.iter().filter_map(|leg| leg.quality.as_deref()) {
            let media = &mut self.media;
            media.received += quality.packets_in;
            media.sent += quality.packets_out;
            media.lost += quality.lost_in;
            media.late += quality.late_in;
            media.recovered += quality.recovered_in;
            media.concealed += quality.concealed_in;
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn record(call: Option<&str>, answered_at: Option<&str>, cause: &str) -> CallRecord {
        let quality = json!({"transport": "rtp", "transcoded": false, "packets_in": 100, "packets_out": 90, "lost_in": 3,
            "late_in": 2, "recovered_in": 1, "concealed_in": 4, "lost_out_percent": 0, "jitter_in_ms": 1.0});
        let timeline = json!({"segments": []});
        let leg = json!({"leg": "leg-1", "way": "in", "number": "1", "timeline": timeline, "duration_ms": 1, "quality": quality});
        let mut record = json!({"id": "x", "origin": {"user": "a"}, "caller": "a", "destination": "1", "listener": "udp",
            "began_at": "2026-11-28T09:00:00.000Z", "duration_ms": 5, "talked_ms": 2, "clock_step": false, "timeline": timeline,
            "legs": [leg.clone(), leg], "end": {"cause": cause, "by": "caller"}});
        if let Some(call) = call {
            record["call"] = call.into();
        }
        if let Some(at) = answered_at {
            record["answered_at"] = at.into();
        }
        serde_json::from_value(record).expect("a record")
    }

    #[test]
    fn calls_are_told_apart_by_how_they_ended_and_refused_ones_from_them() {
        let mut tally = Tally::default();
        let at = Some("2026-11-28T09:00:01.000Z");
        for record in [
            record(Some("call-1"), at, "hangup"),
            record(Some("call-2"), at, "hangup"),
            record(Some("call-3"), None, "busy"),
            record(None, None, "not_found"),
        ] {
            tally.count(&record);
        }
        let key = |answered, cause: &str| (answered, cause.to_owned());
        assert_eq!(tally.ended, BTreeMap::from([(key(true, "hangup"), 2), (key(false, "busy"), 1)]));
        assert_eq!(tally.refused, BTreeMap::from([("not_found".to_owned(), 1)]));
        assert_eq!((tally.talked_ms, tally.media.received, tally.media.lost), (8, 800, 24));
        assert_eq!((tally.media.sent, tally.media.late), (720, 16));
        assert_eq!((tally.media.recovered, tally.media.concealed), (8, 32));
    }
}
