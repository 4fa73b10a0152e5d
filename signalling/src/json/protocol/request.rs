//! What a page asks for: one variant a method. What is written to a variant here is what the documents say of it.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::auth::secret::SecretText;

/// A request, without its envelope.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(tag = "method", content = "params", rename_all = "camelCase")]
pub enum Request {
    /// Proves who the page is, and begins a session. The first request of a connection, where `resume` is not.
    Connect(Connect),
    /// Goes on with a session whose connection was lost. What was missed follows the answer, in its order.
    Resume(Resume),
    /// Ends the session: its calls are hung up, and the connection is closed.
    Disconnect(Nothing),
    /// Calls somebody. The answer comes at once; how it goes is told by events.
    Call(Call),
    /// Takes a call that came in.
    Answer(Answer),
    /// Refuses a call that came in.
    Reject(Reject),
    /// Ends a call, whatever its state.
    Hangup(Named),
    /// Holds a call: the offer says `sendonly` or `inactive`. Answered when the gateway has answered the offer.
    Hold(WithSdp),
    /// Ends a hold: the offer says `sendrecv`.
    ResumeMedia(WithSdp),
    /// Changes a call's media: ICE is restarted, a device was changed.
    Update(WithSdp),
    /// After a reload: a new connection for the media of a call that the session still has. Answered when the gateway
    /// has answered the offer, by `sdp`; no `connected` comes.
    Rejoin(WithSdp),
    /// Tells candidates that were found after the description.
    Candidate(Candidate),
    /// Has the page not be heard, whatever it sends, or be heard again: in a conference too. After `rejoin` it is heard.
    Mute(Mute),
    /// Presses keys.
    SendDtmf(SendDtmf),
    /// Has another party take the page's place: one that is called, or the one of another call of the session.
    Transfer(Transfer),
    /// Has the other parties of two calls of the session and the page all hear each other. Answered when they do: then
    /// `withCall` ends, and its party is in `callId`.
    Merge(Merge),
    /// Is in the call that a user talks in, as its supervisor, where the configuration lets the page's user. Answered and told
    /// of as `call` is.
    Supervise(Supervise),
    /// Changes what a supervisor is to the two that talk.
    SetMode(SetMode),
    /// Starts, ends, pauses or resumes the recording, where the dial plan lets the page.
    Record(Record),
    /// Tells what is measured of a call's media now.
    Statistics(Named),
    /// Tells what may be of use to whoever looks for a fault: of the session, its calls, and what was said lately, without secrets.
    Report(Nothing),
    /// Tells what these users do from now on, and no others: each by `presence` at once, and whenever that changes.
    Watch(Watch),
    /// Writes to somebody, out of any call.
    Message(Message),
    /// Answered at once. With `lastSeen` the gateway forgets the events up to there.
    Ping(Ping),
}

/// No parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Nothing {}

/// Parameters of `connect`.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Connect {
    /// What proves it.
    pub proof: Proof,
    /// The name that is shown with the page's calls, where its proof says none.
    pub display_name: Option<String>,
}

/// What proves who a page is.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "camelCase", deny_unknown_fields)]
pub enum Proof {
    /// A token, as the page's server gave it (docs/TOKENS.md).
    Token {
        /// The token.
        #[schemars(with = "String")]
        token: SecretText,
    },
    /// A name that lasts for a while, `EXPIRY:USER`, and its password.
    Ephemeral {
        /// The name.
        name: String,
        /// Its password.
        #[schemars(with = "String")]
        password: SecretText,
    },
    /// A user and its password, where the gateway is configured to take them.
    Password {
        /// The user.
        user: String,
        /// Its password.
        #[schemars(with = "String")]
        password: SecretText,
    },
}

/// Parameters of `resume`.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Resume {
    /// The resume token of the last answer to `connect` or `resume`. It is good once.
    #[schemars(with = "String")]
    pub token: SecretText,
    /// The number of the last event that the page saw; 0 for none.
    pub last_seen: u64,
}

/// Parameters of `call`.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Call {
    /// A number or user, as it would be dialled.
    pub to: String,
    /// The page's offer.
    pub sdp: String,
    /// What the callee is told besides: headers that `json.headers_allow` names, 16 at most, each a name of 64 octets and a
    /// line of 512. They reach whom the other side's list lets them reach, and the dial plan looks at them.
    pub headers: Option<BTreeMap<String, String>>,
}

/// Parameters of `answer`.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Answer {
    /// The call.
    pub call_id: String,
    /// The page's answer to the offer that `incoming` brought.
    pub sdp: String,
}

/// Parameters of `reject`.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Reject {
    /// The call.
    pub call_id: String,
    /// Why; `declined` where nothing is said.
    #[serde(default)]
    pub cause: Rejection,
}

/// Why a call is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Rejection {
    /// The person does not want it: no other of its phones rings on.
    #[default]
    Declined,
    /// The person is in another call.
    Busy,
}

/// Parameters of methods that name a call.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Named {
    /// The call.
    pub call_id: String,
}

/// Parameters of methods that make an offer.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct WithSdp {
    /// The call.
    pub call_id: String,
    /// The page's offer.
    pub sdp: String,
}

/// Parameters of `candidate`.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Candidate {
    /// The call.
    pub call_id: String,
    /// The candidates found so far, with the description's `ice-ufrag`, `ice-pwd` and `mid` (RFC 8840 9).
    pub fragment: String,
}

/// Parameters of `mute`.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Mute {
    /// The call.
    pub call_id: String,
    /// Whether the page is muted from now on.
    pub muted: bool,
}

/// Parameters of `sendDtmf`.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct SendDtmf {
    /// The call.
    pub call_id: String,
    /// 1 to 32 of `0-9*#A-D`.
    pub digits: String,
    /// How long each is held, in ms: 40 to 6000.
    #[serde(default = "usual_duration_ms")]
    pub duration_ms: u32,
}

/// As browsers have it (W3C WebRTC 7.2).
const fn usual_duration_ms() -> u32 {
    100
}

/// Parameters of `transfer`: `to` or `withCall`.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Transfer {
    /// The call whose other party is handed on.
    pub call_id: String,
    /// Who is called to take the page's place.
    pub to: Option<String>,
    /// The call whose other party takes the page's place.
    pub with_call: Option<String>,
}

/// Parameters of `merge`.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Merge {
    /// The call that all are in then.
    pub call_id: String,
    /// The call whose other party comes to it.
    pub with_call: String,
}

/// Parameters of `supervise`.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Supervise {
    /// The user whose call it is.
    pub user: String,
    /// What the page is to the two that talk.
    pub mode: Mode,
    /// The page's offer.
    pub sdp: String,
}

/// Parameters of `setMode`.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct SetMode {
    /// The supervisor's call.
    pub call_id: String,
    /// What the page is from now on.
    pub mode: Mode,
}

/// What a supervisor is to the two that talk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Mode {
    /// Hears both, and nobody hears it.
    Listen,
    /// Hears both, and the supervised user alone hears it.
    Whisper,
    /// Takes part.
    Barge,
}

/// Parameters of `watch`.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Watch {
    /// The users, 200 at most; none ends it.
    pub users: Vec<String>,
}

/// Parameters of `record`.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Record {
    /// The call.
    pub call_id: String,
    /// What is wanted.
    pub wish: Wish,
}

/// What a page wants of the recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Wish {
    /// It begins, or goes on.
    On,
    /// It ends.
    Off,
    /// Silence stands for what is said.
    Pause,
    /// What is said is recorded again.
    Resume,
}

/// Parameters of `message`.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Message {
    /// A number or user, as it would be dialled.
    pub to: String,
    /// What is written.
    pub text: String,
}

/// Parameters of `ping`.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Ping {
    /// The number of the last event that the page saw.
    pub last_seen: Option<u64>,
}
