//! What the gateway tells a page unasked: one variant an event. Each is numbered by its session (`seq`), so that
//! `resume` can say which was seen last.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::cause::Ended;
use super::diversion::Diversion;
use crate::accounts::AccountStanding;

/// An event, without envelope and number.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(tag = "method", content = "params", rename_all = "camelCase")]
pub enum Event {
    /// The page can be called, or no longer.
    Registration(Registration),
    /// Somebody calls: the page rings.
    Incoming(Incoming),
    /// A call of the page's is on its way.
    Trying(CallEvent),
    /// It rings at the other end.
    Ringing(CallEvent),
    /// Something can be heard before the answer: the gateway's answer to the page's offer.
    EarlyMedia(Media),
    /// The call is up. The description is the gateway's answer, where it was not told before.
    Connected(Media),
    /// The other end holds the call.
    Held(CallEvent),
    /// The other end holds it no more.
    Resumed(CallEvent),
    /// The other end pressed a key.
    Dtmf(Dtmf),
    /// How the page's `transfer` goes.
    TransferProgress(Progress),
    /// What is measured of a call's media, every five seconds. It is not told again after `resume`.
    Quality(Quality),
    /// Another speaks in the conference that the call is in, or nobody any more. It is not told again after `resume`.
    Speaker(Speaker),
    /// One of the two has been heard for ten seconds and seems not to be heard itself: a microphone without sound, a network that
    /// carries audio in one direction alone, or somebody who has only listened for twenty.
    /// It is not told again after `resume`.
    OneWay(OneWay),
    /// What a user does that the page watches. After `resume` it is told of all of them, as it is then.
    Presence(Presence),
    /// The gateway is found at further addresses, of which its description told nothing.
    Candidates(Candidates),
    /// Nothing is heard of the page's media: it should restart ICE by `update`.
    RestartNeeded(CallEvent),
    /// Somebody wrote.
    Message(Message),
    /// The call is over; nothing follows for it.
    Ended(Ended),
    /// The session goes on elsewhere, or another took its place: this connection is closed next.
    ReplacedSession(Replaced),
}

/// About a call, and no more to say.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CallEvent {
    /// The call.
    pub call_id: String,
}

/// Parameters of `registration`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Registration {
    /// Whether it can be called.
    pub state: RegistrationState,
    /// Where the account stands at its provider that the page's token brought; told again whenever that changes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<AccountState>,
}

/// Whether a page can be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum RegistrationState {
    /// Calls to its user come to the page.
    Registered,
}

/// Where an account stands at its provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum AccountState {
    /// The provider was asked for the first time, or is about to be.
    Registering,
    /// The provider has it: calls to it come to the page.
    Registered,
    /// The provider does not answer, or does not take the password; it is asked again later.
    Failing,
    /// The provider does not want it, or somebody else has it here; it is not asked again.
    Refused,
    /// The token does not want it registered: the page calls by it, and is not called.
    OutboundOnly,
}

impl From<AccountStanding> for AccountState {
    fn from(standing: AccountStanding) -> Self {
        match standing {
            AccountStanding::Registering => Self::Registering,
            AccountStanding::Registered => Self::Registered,
            AccountStanding::Failing => Self::Failing,
            AccountStanding::Refused => Self::Refused,
            AccountStanding::OutboundOnly => Self::OutboundOnly,
        }
    }
}

/// Parameters of `incoming`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Incoming {
    /// The call.
    pub call_id: String,
    /// Who calls: a number or user.
    pub from: String,
    /// The caller's display name; empty where there is none.
    pub display_name: String,
    /// The gateway's offer, for `answer` to answer.
    pub sdp: String,
    /// What the callee is told besides: by the dial plan (`headers` of its actions), and of the caller's headers those that the
    /// lists of both sides name (`json.headers_allow`). One that was said several times has its values behind commas.
    pub headers: BTreeMap<String, String>,
    /// Who was called before, the first one first: by what a trunk tells that is believed (`trunks[].diversion`), by the dial
    /// plan, and who transferred the caller.
    pub diversions: Vec<Diversion>,
    /// Who transfers the caller to the page, where that is how the call comes about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transferred_by: Option<String>,
}

/// Parameters of events that bring a description.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Media {
    /// The call.
    pub call_id: String,
    /// The gateway's answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sdp: Option<String>,
}

/// Parameters of `candidates`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Candidates {
    /// The call.
    pub call_id: String,
    /// All the gateway's candidates, with its description's `ice-ufrag`, `ice-pwd` and `mid` (RFC 8840 9).
    pub fragment: String,
}

/// Parameters of `dtmf`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Dtmf {
    /// The call.
    pub call_id: String,
    /// One of `0-9*#A-D`.
    pub digit: char,
    /// How long it was held, in ms.
    pub duration_ms: u64,
}

/// Parameters of `transferProgress`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Progress {
    /// The call.
    pub call_id: String,
    /// How far it is.
    pub step: TransferStep,
    /// Why it failed, in a word of `ended`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<&'static str>,
}

/// How far a transfer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum TransferStep {
    /// It is allowed, and others are being called.
    Began,
    /// A phone rings.
    Ringing,
    /// Another has the page's place: `ended` follows.
    Done,
    /// Nobody took it: the call goes on.
    Failed,
}

/// Parameters of `quality`: of `statistics` what changes the most.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Quality {
    /// The call.
    pub call_id: String,
    /// How what the page says is to talk with, lately: 1 to 4.5 (ITU-T G.107).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mos_received: Option<f64>,
    /// The same of what the page hears, by its reports.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mos_sent: Option<f64>,
    /// Packets of the page's that never came, in all.
    pub lost: u64,
    /// What the page lost, by its latest report, in percent.
    pub lost_sent_percent: u8,
    /// How unevenly the page's packets came, in ms.
    pub jitter_ms: f64,
    /// To the page and back, in ms.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub round_trip_ms: Option<f64>,
    /// How loud the page's speech is, in dBm0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub speech_dbm0: Option<f64>,
}

/// Parameters of `speaker`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Speaker {
    /// The call.
    pub call_id: String,
    /// Who speaks, as the others call it: a user, or the number that a caller shows. None where nobody does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Whether it is the page itself.
    pub is_self: bool,
}

/// Parameters of `oneWay`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OneWay {
    /// The call.
    pub call_id: String,
    /// Whether it is the page that the other end does not hear; else the page does not hear the other end.
    pub is_self_unheard: bool,
}

/// Parameters of `presence`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Presence {
    /// The user.
    pub user: String,
    /// What it does.
    pub state: PresenceState,
}

/// What a user does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum PresenceState {
    /// It has no call.
    Idle,
    /// It is called, or calls.
    Ringing,
    /// It talks.
    Talking,
}

/// Parameters of `message`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Message {
    /// Who wrote.
    pub from: String,
    /// The writer's display name; empty where there is none.
    pub display_name: String,
    /// What was written.
    pub text: String,
}

/// Parameters of `replacedSession`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Replaced {}

/// A call as `resume` tells of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct KnownCall {
    /// The call.
    pub call_id: String,
    /// Whom it is with: who calls, or what was dialled.
    pub peer: String,
    /// How far it is.
    pub state: CallState,
    /// The gateway's offer, of a call that came in and is not answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sdp: Option<String>,
}

/// How far a call is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum CallState {
    /// The page called, and nobody has lifted.
    Calling,
    /// Somebody calls, and the page has not answered.
    Incoming,
    /// Both talk.
    Connected,
}
