//! Whose a call is: which customers' back ends may know of it, and how much.
//!
//! ```text
//! who made it ------------------------------------------------------------------------> the whole
//! whose number or user was dialled; where that is nobody's, whose user answered first --> the whole
//! whose users talked in it besides: by a transfer, a pick-up, as a supervisor ----------> their own part
//! whose phones rang, and no more -----------------------------------------------------> nothing
//! ```

use webtrunk_signalling::auth::issuer::customer_of;
use webtrunk_signalling::cdr::{CallRecord, LegRecord, OriginRecord, Stage, Way};

use crate::rest::keys::ApiKey;

/// Whose a call is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Belonging {
    /// Who made it, and then whose it was to take.
    owners: Vec<String>,
    /// Whose users talked in it besides.
    parties: Vec<String>,
}

/// How much of a call a key may know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Share {
    /// The legs of its own users.
    Part,
    /// All of it, beside another customer.
    Common,
    /// All of it, and nobody besides but the operator.
    Sole,
}

impl Belonging {
    /// Of a call; `dialled` is whose number or user was dialled.
    #[must_use]
    pub fn new(record: &CallRecord, dialled: Option<String>) -> Self {
        let made = customer_of_party(&record.origin).map(str::to_owned);
        let taken = dialled.or_else(|| {
            let called = record.legs.iter().filter(|leg| leg.way == Way::Out);
            let answered = called
                .filter_map(|leg| Some((talked_from_ms(leg)?, customer_of_party(leg.party.as_ref()?)?)));
            answered.min_by_key(|(at_ms, _)| *at_ms).map(|(_, customer)| customer.to_owned())
        });
        let mut owners: Vec<_> = made.into_iter().chain(taken).collect();
        owners.dedup();
        let talked = record.legs.iter().filter(|leg| talked_from_ms(leg).is_some());
        let mut parties: Vec<_> =
            talked.filter_map(|leg| customer_of_party(leg.party.as_ref()?)).map(str::to_owned).collect();
        parties.sort_unstable();
        parties.dedup();
        parties.retain(|party| !owners.contains(party));
        Self { owners, parties }
    }

    /// Customers that may know all of it.
    #[must_use]
    pub fn owners(&self) -> &[String] {
        &self.owners
    }

    /// All customers that may know anything of it.
    pub fn customers(&self) -> impl Iterator<Item = &String> {
        self.owners.iter().chain(&self.parties)
    }

    /// How much of it a key may know; the operator's all.
    #[must_use]
    pub fn share(&self, key: &ApiKey) -> Option<Share> {
        let Some(customer) = &key.customer else { return Some(Share::Sole) };
        if self.owners.contains(customer) {
            return Some(if self.owners.len() == 1 { Share::Sole } else { Share::Common });
        }
        self.parties.contains(customer).then_some(Share::Part)
    }
}

impl Share {
    /// Whether it is all of the call.
    #[must_use]
    pub const fn is_whole(self) -> bool {
        !matches!(self, Self::Part)
    }
}

/// When a leg's party began to talk, in ms since the call began; `None` where nobody answered there.
#[must_use]
pub fn talked_from_ms(leg: &LegRecord) -> Option<u64> {
    let is_talk = |stage| matches!(stage, Stage::Talking | Stage::OnHold);
    leg.timeline.segments.iter().find(|segment| is_talk(segment.stage)).map(|segment| segment.begin_ms)
}

fn customer_of_party(party: &OriginRecord) -> Option<&str> {
    match party {
        OriginRecord::User(user) => customer_of(user),
        OriginRecord::Trunk(_) => None,
    }
}

#[cfg(test)]
pub(in crate::rest) mod tests {
    use std::collections::BTreeSet;

    use serde_json::{Value, json};
    use webtrunk_signalling::auth::validity::Validity;

    use super::*;
    use crate::rest::calls::Numbers;

    /// A leg: who is there, whether it came in, and in which stages it was, 1 s each from `begin` on.
    pub(in crate::rest) fn leg(party: &Value, way: &str, begin_s: u64, stages: &[&str]) -> Value {
        let segments: Vec<_> = (begin_s..)
            .zip(stages)
            .map(|(at, stage)| json!({"stage": stage, "begin_ms": at * 1000, "duration_ms": 1000}))
            .collect();
        json!({"leg": "leg", "way": way, "party": party, "number": "n", "timeline": {"segments": segments},
            "duration_ms": 1000 * stages.len(), "end": {"cause": "hangup", "by": "callee"}})
    }

    pub(in crate::rest) fn record(origin: &Value, destination: &str, legs: &[Value]) -> CallRecord {
        serde_json::from_value(json!({"id": "x", "call": "call-1", "origin": origin, "caller": "0301",
            "destination": destination, "listener": "udp", "began_at": "2026-11-28T09:00:00.000Z", "duration_ms": 9000,
            "talked_ms": 5000, "clock_step": false, "timeline": {"segments": []}, "legs": legs,
            "recordings": ["/r/a.wav"], "end": {"cause": "hangup", "by": "caller"}}))
        .expect("a record")
    }

    pub(in crate::rest) fn key(customer: Option<&str>) -> ApiKey {
        let customer = customer.map(str::to_owned);
        ApiKey {
            id: "crm".into(),
            hash: [0; 32],
            scopes: BTreeSet::new(),
            customer,
            validity: Validity::default(),
        }
    }

    pub(in crate::rest) fn user(name: &str) -> Value {
        json!({ "user": name })
    }

    /// What acme, beta and gamma may know of it.
    fn shares(record: &CallRecord) -> [Option<Share>; 3] {
        let numbers = Numbers::default();
        let own = |name: &str, numbers: &[&str]| {
            (name.to_owned(), numbers.iter().map(|number| (*number).to_owned()).collect())
        };
        numbers.take_up([own("acme", &["+49301"]), own("beta", &["4711"]), own("gamma", &[])]);
        let belonging = numbers.belonging(record);
        ["acme", "beta", "gamma"].map(|name| belonging.share(&key(Some(name))))
    }

    #[test]
    fn a_call_is_of_who_made_it_and_of_whose_it_was_to_take() {
        let trunk = json!({"trunk": "carrier"});
        let came = || leg(&trunk, "in", 0, &["ringing", "talking"]);
        let talks = |name: &str, begin| leg(&user(name), "out", begin, &["ringing", "talking"]);
        let rings = |name: &str| leg(&user(name), "out", 0, &["trying", "ringing"]);
        let (part, common, sole) = (Some(Share::Part), Some(Share::Common), Some(Share::Sole));
        let made = leg(&user("acme+alice"), "in", 0, &["trying", "talking"]);
        for (what, record, expected) in [
            ("its own", record(&user("acme+alice"), "0302", std::slice::from_ref(&made)), [sole, None, None]),
            (
                "to another's user",
                record(&user("acme+alice"), "beta+bob", &[made.clone(), rings("beta+bob")]),
                [common, common, None],
            ),
            (
                "a group, in which beta was first to answer",
                record(&trunk, "sales", &[came(), rings("acme+alice"), talks("beta+bob", 1)]),
                [None, sole, None],
            ),
            (
                "a group in which nobody answered",
                record(&trunk, "sales", &[came(), rings("acme+alice")]),
                [None; 3],
            ),
            (
                "a number that is acme's",
                record(&trunk, "49301", &[came(), rings("acme+alice")]),
                [sole, None, None],
            ),
            (
                "the same, passed on",
                record(
                    &trunk,
                    "+49301",
                    &[came(), talks("acme+alice", 0), talks("beta+bob", 3), rings("gamma+c")],
                ),
                [sole, part, None],
            ),
            (
                "nobody's number, passed on",
                record(
                    &trunk,
                    "7",
                    &[came(), talks("acme+alice", 0), talks("beta+bob", 3), talks("gamma+c", 6)],
                ),
                [sole, part, part],
            ),
            ("nobody's user", record(&user("alice"), "acme", &[]), [None; 3]),
        ] {
            assert_eq!(shares(&record), expected, "{what}");
            assert_eq!(Belonging::new(&record, None).share(&key(None)), Some(Share::Sole), "{what}");
        }
        // A name that somebody has invented, and what never became a call.
        assert_eq!(shares(&record(&user("alice"), "delta+bob", &[])), [None; 3]);
        let refused = CallRecord { call: None, ..record(&user("alice"), "beta+bob", &[]) };
        assert_eq!(shares(&refused), [None; 3]);
    }
}
