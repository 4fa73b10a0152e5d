//! What a request comes to: the `result` of its answer.

use schemars::JsonSchema;
use serde::Serialize;

use super::event::KnownCall;
use super::report::Report;
use super::statistics::Statistics;
use crate::auth::ice_servers::IceServer;

/// The result of a request.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum Outcome {
    /// Of `connect`.
    Connected(Connected),
    /// Of `resume`.
    Resumed(Resumed),
    /// Of `call` and `supervise`.
    Placed(Placed),
    /// Of `hold`, `resumeMedia`, `update` and `rejoin`.
    Sdp(Sdp),
    /// Of `statistics`.
    Statistics(Box<Statistics>),
    /// Of `report`.
    Report(Box<Report>),
    /// Of all others: it is done, or under way.
    Done(Nothing),
}

/// Nothing more to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "Done")]
pub struct Nothing {}

/// A session has begun.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Connected {
    /// The session's name, for logs.
    pub session: String,
    /// Who the page is to others.
    pub user: String,
    /// What `resume` wants: good until a request comes by the connection that it opened.
    pub resume_token: String,
    /// How long the session waits for it after its connection is lost, in s.
    pub resume_s: u64,
    /// What `RTCPeerConnection` is to be given as its `iceServers`; none where browsers reach the gateway straight.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ice_servers: Vec<IceServer>,
}

/// A session goes on.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Resumed {
    /// The session's name, for logs.
    pub session: String,
    /// Who the page is to others.
    pub user: String,
    /// What the next `resume` wants; the one before it is good until the first request by this connection.
    pub resume_token: String,
    /// How long the session waits for it after its connection is lost, in s.
    pub resume_s: u64,
    /// Whether events are gone that the page did not see: then what `calls` says is all there is to know.
    pub events_lost: bool,
    /// The same as at first, with passwords that last anew.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ice_servers: Vec<IceServer>,
    /// The calls that there are.
    pub calls: Vec<KnownCall>,
}

/// A call is being placed.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Placed {
    /// Its name, by which events and requests name it.
    pub call_id: String,
}

/// The gateway's answer to the page's offer.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Sdp {
    /// The answer.
    pub sdp: String,
}
