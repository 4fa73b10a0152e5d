//! What a page is told for whoever looks for a fault.

use schemars::JsonSchema;
use serde::Serialize;

use super::event::CallState;
use super::statistics::Statistics;

/// A session, as it stands. It holds no token, no password, and no keys of media.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// The gateway's version.
    pub version: String,
    /// The session's name, for logs.
    pub session: String,
    /// Who the page is to others.
    pub user: String,
    /// The address that the page comes from.
    pub address: String,
    /// For how long it has been connected, in ms.
    pub connected_ms: u64,
    /// The number of the last event.
    pub last_event: u64,
    /// Its calls.
    pub calls: Vec<ReportedCall>,
    /// What was said lately, the oldest first.
    pub ladder: Vec<Rung>,
}

/// A call of a report.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReportedCall {
    /// The call.
    pub call_id: String,
    /// Its leg, by which the gateway's log tells of it, and by that of its call.
    pub leg: String,
    /// Whom it is with: who calls, or what was dialled.
    pub peer: String,
    /// How far it is.
    pub state: CallState,
    /// What was measured of it last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub statistics: Option<Statistics>,
}

/// One message of the page's or of the gateway's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Rung {
    /// When it was said, in ms since the session began.
    pub at_ms: u64,
    /// Whether the page said it.
    pub is_from_page: bool,
    /// The method, or the event.
    pub said: String,
    /// The call that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub call_id: Option<String>,
}
