//! A call, as it is told.

use serde::Serialize;
use utoipa::ToSchema;
use webtrunk_signalling::cdr::{By, CallRecord, Happening, LegRecord, OriginRecord, Stage, Stamp, Way};

use super::belonging::{Share, talked_from_ms};
use crate::rest::keys::ApiKey;
use crate::rest::recordings::name_of;

/// A call that is under way or over; to a customer whose users only talked in another's, their part in it as if it was the call.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Call {
    /// Names it for ever: that of its record (a UUID of version 7, by which calls sort by their begin).
    pub id: String,
    /// What goes on.
    pub state: CallState,
    /// By whose rights it was made.
    pub origin: Party,
    /// The API key by which it was made, where a back end asked for it; keys of customers are told of their own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub originated_by: Option<String>,
    /// Who called, as shown.
    pub caller: String,
    /// The display name with it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub caller_name: String,
    /// What was dialled.
    pub destination: String,
    /// The rule that decided; keys of customers are not told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// When it began (RFC 3339, UTC).
    pub began_at: String,
    /// When the caller was answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answered_at: Option<String>,
    /// When all was over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<String>,
    /// How long it was, in ms, or is by now.
    pub duration_ms: u64,
    /// How long of it was after the answer, in ms, once it is over.
    pub talked_ms: u64,
    /// Everybody who took part.
    pub legs: Vec<Leg>,
    /// The recordings of it, by name.
    pub recordings: Vec<String>,
    /// How it ended; absent while it lasts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end: Option<End>,
}

/// What goes on in a call or with a party of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CallState {
    /// Nothing is heard of who is called.
    Trying,
    /// A phone rings.
    Ringing,
    /// Something is heard before the answer.
    Early,
    /// It was answered.
    Talking,
    /// Somebody holds it.
    OnHold,
    /// It is being hung up.
    Ending,
    /// It is over.
    Ended,
}

/// A user, or whoever is at a trunk.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Party {
    /// The user's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The trunk's name; keys of customers are told "trunk".
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trunk: Option<String>,
}

/// One party's part in it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Leg {
    /// Names it within the life of the gateway's process.
    pub id: String,
    /// Whether it came in.
    pub is_incoming: bool,
    /// Who is there.
    pub party: Party,
    /// Its number or name.
    pub number: String,
    /// What goes on.
    pub state: CallState,
    /// What became of the last transfer that it asked for, or somebody for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transfer: Option<TransferOutcome>,
    /// Why it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
}

/// What became of a transfer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct TransferOutcome {
    /// How far it is.
    pub state: TransferState,
    /// Why nobody took the leg's place, in the words of docs/CDR.md.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
}

/// How far a transfer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TransferState {
    /// Another is called.
    Asked,
    /// Another has taken the leg's place.
    Done,
    /// The call goes on as it was.
    Failed,
}

/// How a call ended.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct End {
    /// Why, in the words of docs/CDR.md: `hangup`, `busy`, `no_answer` and others.
    pub cause: String,
    /// Who ended it: `caller`, `callee`, `gateway` or `crash`.
    pub by: String,
    /// The final response of SIP that says the cause, where it was never answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sip_status: Option<u16>,
    /// The cause in the telephone network (ITU-T Q.850).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub q850: Option<u16>,
}

impl Call {
    /// What a key is told of a record, of which it has this share.
    #[must_use]
    pub fn new(record: &CallRecord, key: &ApiKey, share: Share, now: Stamp) -> Self {
        match share {
            Share::Common | Share::Sole => Self::whole(record, key, now),
            Share::Part => Self::part(record, key, now),
        }
    }

    fn whole(record: &CallRecord, key: &ApiKey, now: Stamp) -> Self {
        let is_operators = key.customer.is_none();
        let duration_ms = match record.end {
            Some(_) => record.duration_ms,
            None => ms_between(record.began_at, now),
        };
        Self {
            id: record.id.to_string(),
            state: CallState::of(record.timeline.stage().filter(|_| record.end.is_none())),
            origin: Party::of(Some(&record.origin), is_operators),
            originated_by: record.originated_by.clone().filter(|by| is_operators || *by == key.id),
            caller: record.caller.clone(),
            caller_name: record.caller_name.clone(),
            destination: record.destination.clone(),
            rule: record.rule.clone().filter(|_| is_operators),
            began_at: record.began_at.into(),
            answered_at: record.answered_at.map(String::from),
            ended_at: record.ended_at.map(String::from),
            duration_ms,
            talked_ms: record.talked_ms,
            legs: record.legs.iter().map(|leg| Leg::new(leg, is_operators)).collect(),
            recordings: record.recordings.iter().map(|path| name_of(path)).collect(),
            end: record.end.as_ref().map(|end| End::new(&end.cause, end.by, end.sip_status, end.q850)),
        }
    }

    /// The legs of its own users that talked, as if they were the call.
    fn part(record: &CallRecord, key: &ApiKey, now: Stamp) -> Self {
        let own: Vec<_> = own_legs(record, key).collect();
        let at = |ms| record.began_at.plus_ms(ms);
        let began_at = at(own.iter().map(|leg| leg.timeline.begin_ms()).min().unwrap_or_default());
        let under_way = own.iter().find(|leg| is_under_way(record, leg));
        let end_ms = own.iter().map(|leg| leg.timeline.begin_ms() + leg.timeline.duration_ms()).max();
        let ended_at = end_ms.filter(|_| under_way.is_none()).map(at);
        let last = own.iter().max_by_key(|leg| leg.timeline.begin_ms()).filter(|_| under_way.is_none());
        Self {
            id: record.id.to_string(),
            state: CallState::of(under_way.and_then(|leg| leg.timeline.stage())),
            origin: Party::default(),
            originated_by: None,
            caller: record.caller.clone(),
            caller_name: record.caller_name.clone(),
            destination: own.first().map(|leg| leg.number.clone()).unwrap_or_default(),
            rule: None,
            began_at: began_at.into(),
            answered_at: own.iter().filter_map(|leg| talked_from_ms(leg)).min().map(|ms| at(ms).into()),
            ended_at: ended_at.map(String::from),
            duration_ms: ms_between(began_at, ended_at.unwrap_or(now)),
            talked_ms: own.iter().map(|leg| leg.talked_ms()).sum(),
            legs: own.iter().map(|leg| Leg::new(leg, false)).collect(),
            recordings: Vec::new(),
            end: last
                .and_then(|leg| leg.end.as_ref())
                .map(|end| End::new(&end.cause, end.by, end.sip_status, end.q850)),
        }
    }
}

/// Whether what a key may know of a call is over.
#[must_use]
pub fn is_over(record: &CallRecord, key: &ApiKey, share: Share) -> bool {
    let is_there = || own_legs(record, key).any(|leg| is_under_way(record, leg));
    record.end.is_some() || share == Share::Part && !is_there()
}

/// The legs of a customer's own users that talked.
fn own_legs<'r>(record: &'r CallRecord, key: &ApiKey) -> impl Iterator<Item = &'r LegRecord> {
    let is_own = |leg: &&LegRecord| matches!(&leg.party, Some(OriginRecord::User(user)) if key.sees(user));
    record.legs.iter().filter(is_own).filter(|leg| talked_from_ms(leg).is_some())
}

fn is_under_way(record: &CallRecord, leg: &LegRecord) -> bool {
    record.end.is_none() && leg.end.is_none() && leg.timeline.stage().is_some()
}

fn ms_between(from: Stamp, until: Stamp) -> u64 {
    u64::try_from(until.ms().saturating_sub(from.ms())).unwrap_or_default()
}

impl End {
    fn new(cause: &str, by: By, sip_status: Option<u16>, q850: Option<u16>) -> Self {
        Self { cause: cause.to_owned(), by: by.name().to_owned(), sip_status, q850 }
    }
}

impl Leg {
    fn new(leg: &LegRecord, is_whole: bool) -> Self {
        Self {
            id: leg.leg.clone(),
            is_incoming: leg.way == Way::In,
            party: Party::of(leg.party.as_ref(), is_whole),
            number: leg.number.clone(),
            state: CallState::of(leg.timeline.stage().filter(|_| leg.end.is_none())),
            transfer: leg.timeline.notes.iter().rev().find_map(|note| TransferOutcome::of(&note.what)),
            cause: leg.end.as_ref().map(|end| end.cause.clone()),
        }
    }
}

impl TransferOutcome {
    fn of(what: &Happening) -> Option<Self> {
        match what {
            Happening::TransferAsked { .. } => Some(Self { state: TransferState::Asked, cause: None }),
            Happening::Transferred => Some(Self { state: TransferState::Done, cause: None }),
            Happening::TransferFailed { cause } => {
                Some(Self { state: TransferState::Failed, cause: Some(cause.clone()) })
            }
            _ => None,
        }
    }
}

impl Party {
    fn of(origin: Option<&OriginRecord>, is_whole: bool) -> Self {
        match origin {
            None => Self::default(),
            Some(OriginRecord::User(user)) => Self { user: Some(user.clone()), trunk: None },
            Some(OriginRecord::Trunk(trunk)) => {
                let told = if is_whole { trunk.clone() } else { "trunk".to_owned() };
                Self { user: None, trunk: Some(told) }
            }
        }
    }
}

impl CallState {
    /// Nothing goes on in what is over.
    #[must_use]
    pub const fn of(stage: Option<Stage>) -> Self {
        match stage {
            Some(Stage::Trying) => Self::Trying,
            Some(Stage::Ringing) => Self::Ringing,
            Some(Stage::Early) => Self::Early,
            Some(Stage::Talking) => Self::Talking,
            Some(Stage::OnHold) => Self::OnHold,
            Some(Stage::Ending) => Self::Ending,
            None => Self::Ended,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::belonging::tests::{key, leg, record, user};
    use super::*;

    #[test]
    fn a_party_is_told_of_its_own_part_and_of_nobody_else() {
        let legs = [
            leg(&json!({"trunk": "carrier"}), "in", 0, &["talking"; 8]),
            leg(&user("acme+alice"), "out", 0, &["ringing", "talking"]),
            leg(&user("beta+bob"), "out", 2, &["ringing", "talking", "on_hold"]),
            leg(&user("beta+rang"), "out", 2, &["ringing"]),
        ];
        let record = record(&json!({"trunk": "carrier"}), "7", &legs);
        let (beta, now) = (key(Some("beta")), record.began_at.plus_ms(60_000));
        let told = Call::new(&record, &beta, Share::Part, now);
        assert_eq!(told.legs.len(), 1);
        assert_eq!(told.legs[0].party.user.as_deref(), Some("beta+bob"));
        assert_eq!((told.origin, told.destination.as_str()), (Party::default(), "n"));
        assert_eq!((told.began_at.as_str(), told.duration_ms), ("2026-11-28T09:00:02.000Z", 3000));
        assert_eq!(told.answered_at.as_deref(), Some("2026-11-28T09:00:03.000Z"));
        assert_eq!(told.ended_at.as_deref(), Some("2026-11-28T09:00:05.000Z"));
        assert_eq!((told.talked_ms, told.recordings.len()), (2000, 0));
        assert_eq!(told.end.map(|end| end.by).as_deref(), Some("callee"));
        let whole = Call::new(&record, &key(Some("acme")), Share::Sole, now);
        assert_eq!((whole.legs.len(), whole.recordings.as_slice()), (4, &["a.wav".to_owned()][..]));
        // It goes on without beta.
        let mut running = CallRecord { end: None, ..record };
        assert!(is_over(&running, &beta, Share::Part) && !is_over(&running, &beta, Share::Sole));
        running.legs[2].end = None;
        running.legs[2].timeline.segments[2].duration_ms = None;
        let told = Call::new(&running, &beta, Share::Part, now);
        assert_eq!((told.state, told.ended_at, told.duration_ms), (CallState::OnHold, None, 58_000));
        assert!(!is_over(&running, &beta, Share::Part));
    }
}
