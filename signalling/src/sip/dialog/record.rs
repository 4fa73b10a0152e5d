//! A dialog as it is kept over a restart: plain text, as header fields have it.

use serde::{Deserialize, Serialize};

use super::{Dialog, DialogId, DialogState, detached, joined};
use crate::sip::message::{HeaderName, Headers, NameAddr};

/// How many requests of ours may have been sent of which the record does not know: it is not written for each. A gap in CSeq
/// is no fault of ours in the peer's eyes (RFC 3261 12.2.2). Chosen by us: ten a second for a day.
const CSEQ_GAP: u32 = 1_000_000;

/// The last CSeq that there is (RFC 3261 8.1.1.5).
const CSEQ_MAX: u32 = (1 << 31) - 1;

/// A dialog as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DialogRecord {
    /// Call-ID.
    pub call_id: String,
    /// What the peer calls us by, with our tag.
    pub local: String,
    /// What the peer is called, with its tag.
    pub remote: String,
    /// Where the peer can be reached.
    pub remote_target: String,
    /// The proxies on the way there, in our order; empty where there is none.
    pub route_set: String,
    /// Our last CSeq, when it was written.
    pub local_cseq: u32,
}

impl Dialog {
    /// It, to be kept.
    #[must_use]
    pub fn record(&self) -> DialogRecord {
        DialogRecord {
            call_id: self.id.call_id.clone(),
            local: self.local.to_string(),
            remote: self.remote.to_string(),
            remote_target: self.remote_target.to_string(),
            route_set: joined(&self.route_set),
            local_cseq: self.local_cseq,
        }
    }

    /// The confirmed dialog that was kept; `None` where it is none.
    #[must_use]
    pub fn of_record(record: &DialogRecord) -> Option<Self> {
        let address = |text: &str| text.parse::<NameAddr>().ok();
        let (local, remote) = (address(&record.local)?, address(&record.remote)?);
        let mut routes = Headers::new();
        if !record.route_set.is_empty() {
            routes.push(HeaderName::RecordRoute, record.route_set.as_str());
        }
        Some(Self {
            id: DialogId {
                call_id: record.call_id.clone(),
                local_tag: local.tag()?.to_owned(),
                remote_tag: remote.tag().unwrap_or_default().to_owned(),
            },
            state: DialogState::Confirmed,
            local: local.detached(),
            remote: remote.detached(),
            remote_target: super::target(record.remote_target.parse().ok()?).ok()?,
            route_set: detached(&routes.record_routes().ok()?),
            local_cseq: record.local_cseq.saturating_add(CSEQ_GAP).min(CSEQ_MAX - 1),
            remote_cseq: None,
            moves: 0,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sip::message::Method;

    #[test]
    fn a_dialog_that_was_kept_sends_what_it_would_have_sent_but_for_its_number() {
        let record = DialogRecord {
            call_id: "abc".to_owned(),
            local: "\"Ann\" <sip:ann@example.net>;tag=ann".to_owned(),
            remote: "<sip:bob@example.net>;tag=theirs".to_owned(),
            remote_target: "sip:bob@192.0.2.9".to_owned(),
            route_set: "<sip:p2.example.net;lr>, <sip:p1.example.net;lr>".to_owned(),
            local_cseq: 7,
        };
        let mut dialog = Dialog::of_record(&record).expect("it is whole");
        assert_eq!(dialog.record(), DialogRecord { local_cseq: 1_000_007, ..record.clone() });
        let bye = dialog.request(Method::Bye);
        assert_eq!(bye.headers.get(&HeaderName::CSeq), Some("1000008 BYE"));
        assert_eq!(bye.headers.get(&HeaderName::Route), Some(record.route_set.as_str()));
        assert_eq!((bye.uri.to_string(), dialog.id().remote_tag.as_str()), (record.remote_target, "theirs"));
    }

    #[test]
    fn what_is_no_dialog_makes_none() {
        let whole = DialogRecord {
            call_id: "abc".to_owned(),
            local: "<sip:ann@example.net>;tag=ann".to_owned(),
            remote: "<sip:bob@example.net>".to_owned(),
            remote_target: "sip:bob@192.0.2.9".to_owned(),
            route_set: String::new(),
            local_cseq: u32::MAX,
        };
        let bye = Dialog::of_record(&whole).map(|mut dialog| dialog.request(Method::Bye));
        let cseq = bye.and_then(|bye| bye.headers.get(&HeaderName::CSeq).map(str::to_owned));
        assert_eq!(cseq.as_deref(), Some("2147483647 BYE"), "the last that there is");
        for broken in [
            DialogRecord { local: "<sip:ann@example.net>".to_owned(), ..whole.clone() },
            DialogRecord { remote: "<".to_owned(), ..whole.clone() },
            DialogRecord { remote_target: "tel:+4930".to_owned(), ..whole.clone() },
        ] {
            assert!(Dialog::of_record(&broken).is_none(), "{broken:?}");
        }
    }
}
