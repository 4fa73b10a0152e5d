//! What of an adapter's is open, by what it told and was told: what has to end when it breaks.

use std::collections::BTreeMap;

use webtrunk_engine::{EndCause, LegId};
use webtrunk_signalling::adapter::{Command, Delivery, Event};

/// The legs of calls, and the messages that were sent, of which no end was told.
#[derive(Debug, Default)]
pub(super) struct OpenLegs(BTreeMap<LegId, Kind>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Call,
    Message,
}

impl OpenLegs {
    /// Notes what the adapter tells.
    pub(super) fn note_event(&mut self, event: &Event) {
        let leg = event.leg();
        match event {
            Event::Incoming(_) | Event::Supervising(_) => _ = self.0.insert(leg, Kind::Call),
            Event::Ended { .. } | Event::TextSent { .. } => _ = self.0.remove(&leg),
            _ => {}
        }
    }

    /// Notes what the adapter is told.
    pub(super) fn note_command(&mut self, command: &Command) {
        match command {
            Command::Dial(dial) => _ = self.0.insert(dial.leg, Kind::Call),
            Command::SendText(text) => _ = self.0.insert(text.leg, Kind::Message),
            _ => {}
        }
    }

    /// The adapter broke: what it would have told of each of them, and now cannot.
    pub(super) fn end_all(&mut self) -> impl Iterator<Item = Event> + use<> {
        std::mem::take(&mut self.0).into_iter().map(|(leg, kind)| kind.end(leg, EndCause::InternalError))
    }
}

/// What comes of a command for an adapter that is not there for the moment; `None` where that needs no answer.
pub(super) fn refuse(command: &Command) -> Option<Event> {
    match command {
        Command::Dial(dial) => Some(Kind::Call.end(dial.leg, EndCause::Unavailable)),
        Command::SendText(text) => Some(Kind::Message.end(text.leg, EndCause::Unavailable)),
        _ => None,
    }
}

impl Kind {
    fn end(self, leg: LegId, cause: EndCause) -> Event {
        match self {
            Self::Call => Event::Ended { leg, cause },
            Self::Message => Event::TextSent { leg, delivery: Delivery::Failed(cause) },
        }
    }
}
