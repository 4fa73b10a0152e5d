//! One rung: a message, in short and in full.

use std::time::{Duration, SystemTime};

use webtrunk_signalling::sip::message::{Message, Method};
use webtrunk_signalling::sip::trace::Seen;

use super::sdp;

/// A message on its way from one column to another.
#[derive(Debug, Clone)]
pub struct Step {
    /// By the wall clock.
    pub at: SystemTime,
    /// Since the first message, by the clock that only goes forward.
    pub offset: Duration,
    /// The column that it leaves.
    pub from: usize,
    /// The column that it comes to.
    pub to: usize,
    /// Which of the Call-IDs it has.
    pub call_id: usize,
    /// What it says.
    pub what: What,
    /// What its description says in short, where it has one.
    pub sdp: Option<String>,
    /// The same message was there before.
    pub is_repeated: bool,
    /// All of it, as text.
    pub text: String,
}

/// What a message says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// It asks.
    Request {
        /// For what.
        method: String,
        /// Of whom.
        target: String,
    },
    /// It answers.
    Response {
        /// The status code.
        status: u16,
        /// What it says beside it.
        reason: String,
        /// What was asked; empty where that cannot be read.
        method: String,
    },
    /// No parser takes it: its first line.
    Unreadable(String),
}

impl What {
    pub(super) fn of(message: Option<&Message>, seen: &Seen) -> Self {
        match message {
            Some(Message::Request(request)) => {
                Self::Request { method: request.method.as_str().to_owned(), target: request.uri.to_string() }
            }
            Some(Message::Response(response)) => Self::Response {
                status: response.status.code(),
                reason: response.reason.to_string(),
                method: response
                    .headers
                    .cseq()
                    .map_or_else(|_| String::new(), |cseq| cseq.method.as_str().to_owned()),
            },
            None => {
                let line = seen.octets.split(|byte| *byte == b'\n').next().unwrap_or_default();
                Self::Unreadable(String::from_utf8_lossy(line.trim_ascii()).into_owned())
            }
        }
    }

    /// The method of a request, the status of a response.
    fn in_short(&self) -> String {
        match self {
            Self::Request { method, .. } => method.clone(),
            Self::Response { status, reason, method } => {
                let asked =
                    Some(method).filter(|method| !method.is_empty() && *method != Method::Invite.as_str());
                let of = asked.map_or_else(String::new, |method| format!(" ({method})"));
                format!("{status} {reason}{of}")
            }
            Self::Unreadable(line) => format!("unreadable: {line}"),
        }
    }
}

impl Step {
    /// What stands at the arrow.
    #[must_use]
    pub fn label(&self) -> String {
        let again = if self.is_repeated { "again: " } else { "" };
        let sdp = self.sdp.as_deref().map_or_else(String::new, |sdp| format!(" [{sdp}]"));
        printable(&format!("{again}{}{sdp}", self.what.in_short()))
    }
}

/// What a message says of media, in short.
pub(super) fn description_of(message: Option<&Message>) -> Option<String> {
    let body = match message? {
        Message::Request(request) => &request.body,
        Message::Response(response) => &response.body,
    };
    sdp::in_short(&String::from_utf8_lossy(body))
}

/// The text without what could move a terminal's cursor or change its colours.
pub(super) fn printable(text: &str) -> String {
    text.chars().map(|char| if is_harmless(char) { char } else { '\u{b7}' }).collect()
}

/// Neither a control character, nor one that turns the direction of writing or takes no room (Unicode TR 9, TR 36).
fn is_harmless(char: char) -> bool {
    !char.is_control()
        && !matches!(char, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}
