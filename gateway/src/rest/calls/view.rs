//! A call, as it is told.

use serde::Serialize;
use utoipa::ToSchema;
use webtrunk_signalling::cdr::{CallRecord, LegRecord, OriginRecord, Stage, Stamp, Way};

use crate::rest::keys::ApiKey;
use crate::rest::recordings::name_of;

/// A call that is under way or over.
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
    /// Why it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
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
    /// What a key is told of a record.
    #[must_use]
    pub fn new(record: &CallRecord, key: &ApiKey, now: Stamp) -> Self {
        let is_whole = key.customer.is_none();
        let duration_ms = match record.end {
            Some(_) => record.duration_ms,
            None => u64::try_from(now.ms().saturating_sub(record.began_at.ms())).unwrap_or_default(),
        };
        Self {
            id: record.id.to_string(),
            state: CallState::of(record.timeline.stage().filter(|_| record.end.is_none())),
            origin: Party::of(Some(&record.origin), is_whole),
            originated_by: record.originated_by.clone().filter(|by| is_whole || *by == key.id),
            caller: record.caller.clone(),
            caller_name: record.caller_name.clone(),
            destination: record.destination.clone(),
            rule: record.rule.clone().filter(|_| is_whole),
            began_at: record.began_at.into(),
            answered_at: record.answered_at.map(String::from),
            ended_at: record.ended_at.map(String::from),
            duration_ms,
            talked_ms: record.talked_ms,
            legs: record.legs.iter().map(|leg| Leg::new(leg, is_whole)).collect(),
            recordings: record.recordings.iter().map(|path| name_of(path)).collect(),
            end: record.end.as_ref().map(|end| End {
                cause: end.cause.clone(),
                by: end.by.name().to_owned(),
                sip_status: end.sip_status,
                q850: end.q850,
            }),
        }
    }
}

/// Whether a key may know of a call: of a customer's, that it is one of its users'.
#[must_use]
pub fn is_seen_by(record: &CallRecord, key: &ApiKey) -> bool {
    let parties = record.legs.iter().filter_map(|leg| leg.party.as_ref());
    let mut all = [&record.origin].into_iter().chain(parties);
    key.customer.is_none() || all.any(|party| matches!(party, OriginRecord::User(user) if key.sees(user)))
}

impl Leg {
    fn new(leg: &LegRecord, is_whole: bool) -> Self {
        Self {
            id: leg.leg.clone(),
            is_incoming: leg.way == Way::In,
            party: Party::of(leg.party.as_ref(), is_whole),
            number: leg.number.clone(),
            state: CallState::of(leg.timeline.stage().filter(|_| leg.end.is_none())),
            cause: leg.end.as_ref().map(|end| end.cause.clone()),
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
