//! One thing that happened.

use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use webtrunk_signalling::auth::issuer::customer_of;
use webtrunk_signalling::cdr::Stamp;

use crate::rest::calls::OwnedCall;
use crate::rest::calls::view::{Call, is_over};
use crate::rest::keys::ApiKey;

/// What kind of thing happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
pub enum EventKind {
    /// A call began.
    #[serde(rename = "call.started")]
    CallStarted,
    /// A phone rings.
    #[serde(rename = "call.ringing")]
    CallRinging,
    /// It was answered.
    #[serde(rename = "call.answered")]
    CallAnswered,
    /// Somebody holds it.
    #[serde(rename = "call.held")]
    CallHeld,
    /// Nobody holds it any more.
    #[serde(rename = "call.resumed")]
    CallResumed,
    /// It is over.
    #[serde(rename = "call.ended")]
    CallEnded,
    /// A recording of a call that is over can be fetched.
    #[serde(rename = "recording.ready")]
    RecordingReady,
    /// A user can be reached in more or fewer places.
    #[serde(rename = "registration.changed")]
    RegistrationChanged,
}

impl EventKind {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::CallStarted,
        Self::CallRinging,
        Self::CallAnswered,
        Self::CallHeld,
        Self::CallResumed,
        Self::CallEnded,
        Self::RecordingReady,
        Self::RegistrationChanged,
    ];

    /// As it is written.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::CallStarted => "call.started",
            Self::CallRinging => "call.ringing",
            Self::CallAnswered => "call.answered",
            Self::CallHeld => "call.held",
            Self::CallResumed => "call.resumed",
            Self::CallEnded => "call.ended",
            Self::RecordingReady => "recording.ready",
            Self::RegistrationChanged => "registration.changed",
        }
    }
}

/// The text names no kind of event.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("is no event")]
pub struct UnknownEvent;

impl FromStr for EventKind {
    type Err = UnknownEvent;

    fn from_str(text: &str) -> Result<Self, UnknownEvent> {
        Self::ALL.into_iter().find(|kind| kind.name() == text).ok_or(UnknownEvent)
    }
}

/// What it happened to.
#[derive(Debug, Clone)]
pub enum Happening {
    /// A call, as it was then, and whose it was.
    Call(EventKind, Arc<OwnedCall>),
    /// A recording of a call.
    Recording(String, Arc<OwnedCall>),
    /// A user that can be reached in so many places.
    Registration(String, usize),
}

/// An event, as it is told.
#[derive(Debug, Serialize, ToSchema)]
pub struct Event {
    /// What kind of thing happened.
    #[serde(rename = "type")]
    pub kind: EventKind,
    /// When (RFC 3339, UTC).
    pub at: String,
    /// The call, as it was then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub call: Option<Call>,
    /// The recording's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recording: Option<String>,
    /// The user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// In how many places it can be reached now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contacts: Option<usize>,
}

impl Happening {
    /// What kind of thing it is.
    #[must_use]
    pub const fn kind(&self) -> EventKind {
        match self {
            Self::Call(kind, _) => *kind,
            Self::Recording(..) => EventKind::RecordingReady,
            Self::Registration(..) => EventKind::RegistrationChanged,
        }
    }

    /// The customers that may know of it, the one first whose it is.
    #[must_use]
    pub fn customers(&self) -> Vec<String> {
        match self {
            Self::Call(_, call) => call.belonging.customers().cloned().collect(),
            Self::Recording(_, call) => call.belonging.owners().to_vec(),
            Self::Registration(user, _) => customer_of(user).map(str::to_owned).into_iter().collect(),
        }
    }

    /// What a key is told of it; nothing, where it may not know of it.
    #[must_use]
    pub fn told_to(&self, key: &ApiKey, at: Stamp) -> Option<Event> {
        let mut event = Event {
            kind: self.kind(),
            at: at.into(),
            call: None,
            recording: None,
            user: None,
            contacts: None,
        };
        match self {
            Self::Call(kind, call) => {
                let (record, share) = (&call.record, call.belonging.share(key)?);
                // Who is in it no more is told of its end alone.
                let is_news =
                    share.is_whole() || *kind == EventKind::CallEnded || !is_over(record, key, share);
                event.call = is_news.then(|| Call::new(record, key, share, at));
                event.call.as_ref()?;
            }
            Self::Recording(name, call) => {
                let share = call.belonging.share(key).filter(|share| share.is_whole())?;
                event.call = Some(Call::new(&call.record, key, share, at));
                event.recording = Some(name.clone());
            }
            Self::Registration(user, contacts) => {
                if !key.sees(user) {
                    return None;
                }
                event.user = Some(user.clone());
                event.contacts = Some(*contacts);
            }
        }
        Some(event)
    }
}
