//! What is wrong with a request, as the page is told.

use schemars::JsonSchema;
use serde::Serialize;

/// Why a request was refused: JSON-RPC's own codes, and ours from 1001 on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorCode {
    /// It is no JSON, nests too deep, or has a key twice.
    Parse,
    /// It is JSON and no request.
    InvalidRequest,
    /// There is no such method.
    UnknownMethod,
    /// A parameter is missing, unknown, or cannot be.
    InvalidParams,
    /// Our own fault.
    Internal,
    /// `connect` or `resume` must come first.
    NotConnected,
    /// Token, name or password are not accepted, whatever is wrong with them.
    NotAccepted,
    /// The token does not let the page do it, or its customer's policy does not.
    Forbidden,
    /// There is no such call in this session.
    NotFound,
    /// The call is not in a state for it: answered already, not answered yet.
    WrongState,
    /// Another change of the call's media is under way; ask again.
    Busy,
    /// As many calls, or messages, as there may be.
    TooMany,
    /// The description cannot be met.
    NotAcceptable,
    /// The session is over, or the resume token was used: connect anew.
    Gone,
    /// No room now, or the gateway goes down.
    Overloaded,
    /// The other end does not take it.
    NotDelivered,
}

/// What is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "Error")]
pub struct Fault {
    /// The code, by which programs go.
    #[schemars(with = "i32")]
    pub code: ErrorCode,
    /// For people who read logs.
    pub message: String,
    /// Where it is, where it is a fault of one member.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<ErrorData>,
}

/// Where a request is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ErrorData {
    /// The member that is wrong, by its path: a parameter from `params` on (`to`, `proof.token`, `users[3]`), else one of
    /// the message itself (`id`, `method`).
    pub field: String,
}

impl ErrorCode {
    /// All of them, in the order of the documents.
    pub const ALL: [Self; 16] = [
        Self::Parse,
        Self::InvalidRequest,
        Self::UnknownMethod,
        Self::InvalidParams,
        Self::Internal,
        Self::NotConnected,
        Self::NotAccepted,
        Self::Forbidden,
        Self::NotFound,
        Self::WrongState,
        Self::Busy,
        Self::TooMany,
        Self::NotAcceptable,
        Self::Gone,
        Self::Overloaded,
        Self::NotDelivered,
    ];

    /// The number.
    #[must_use]
    pub const fn number(self) -> i32 {
        match self {
            Self::Parse => -32700,
            Self::InvalidRequest => -32600,
            Self::UnknownMethod => -32601,
            Self::InvalidParams => -32602,
            Self::Internal => -32603,
            Self::NotConnected => 1001,
            Self::NotAccepted => 1002,
            Self::Forbidden => 1003,
            Self::NotFound => 1004,
            Self::WrongState => 1005,
            Self::Busy => 1006,
            Self::TooMany => 1007,
            Self::NotAcceptable => 1008,
            Self::Gone => 1009,
            Self::Overloaded => 1010,
            Self::NotDelivered => 1011,
        }
    }

    /// Its name and when it comes, for the documents.
    #[must_use]
    pub const fn told(self) -> (&'static str, &'static str) {
        match self {
            Self::Parse => ("parse", "no JSON, nested too deep, or a key twice"),
            Self::InvalidRequest => ("invalidRequest", "JSON, and no request"),
            Self::UnknownMethod => ("unknownMethod", "there is no such method"),
            Self::InvalidParams => ("invalidParams", "a parameter is missing, unknown or cannot be"),
            Self::Internal => ("internal", "the gateway's own fault"),
            Self::NotConnected => ("notConnected", "`connect` or `resume` must come first"),
            Self::NotAccepted => ("notAccepted", "token, name or password, whatever is wrong with them"),
            Self::Forbidden => {
                ("forbidden", "the token does not let the page do it, or its customer's policy does not")
            }
            Self::NotFound => ("notFound", "no such call in this session"),
            Self::WrongState => ("wrongState", "the call is answered already, or not yet"),
            Self::Busy => ("busy", "another change of the call's media is under way; ask again"),
            Self::TooMany => ("tooMany", "as many calls as there may be"),
            Self::NotAcceptable => ("notAcceptable", "the description cannot be met"),
            Self::Gone => ("gone", "the session is over, or the resume token was used: connect anew"),
            Self::Overloaded => ("overloaded", "no room now, or the gateway goes down"),
            Self::NotDelivered => ("notDelivered", "the other end did not take it"),
        }
    }
}

impl Serialize for ErrorCode {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_i32(self.number())
    }
}

impl Fault {
    /// A fault of the request as a whole.
    #[must_use]
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), data: None }
    }

    /// The same, which is a fault of one member.
    #[must_use]
    pub fn at(self, field: impl Into<String>) -> Self {
        Self { data: Some(ErrorData { field: field.into() }), ..self }
    }

    /// A fault of one parameter.
    #[must_use]
    pub fn of_field(field: &str, message: impl Into<String>) -> Self {
        Self::new(ErrorCode::InvalidParams, message).at(field)
    }
}
