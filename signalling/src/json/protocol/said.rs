//! What a message is called, and which call it is about: for whoever looks back.

use super::event::Event;
use super::request::Request;

impl Request {
    /// Its method, and its call.
    pub(in crate::json) fn said(&self) -> (&'static str, Option<&str>) {
        match self {
            Self::Connect(_) => ("connect", None),
            Self::Resume(_) => ("resume", None),
            Self::Disconnect(_) => ("disconnect", None),
            Self::Call(_) => ("call", None),
            Self::Answer(of) => ("answer", Some(&of.call_id)),
            Self::Reject(of) => ("reject", Some(&of.call_id)),
            Self::Hangup(of) => ("hangup", Some(&of.call_id)),
            Self::Hold(of) => ("hold", Some(&of.call_id)),
            Self::ResumeMedia(of) => ("resumeMedia", Some(&of.call_id)),
            Self::Update(of) => ("update", Some(&of.call_id)),
            Self::Rejoin(of) => ("rejoin", Some(&of.call_id)),
            Self::Candidate(of) => ("candidate", Some(&of.call_id)),
            Self::Mute(of) => ("mute", Some(&of.call_id)),
            Self::SendDtmf(of) => ("sendDtmf", Some(&of.call_id)),
            Self::Transfer(of) => ("transfer", Some(&of.call_id)),
            Self::Merge(of) => ("merge", Some(&of.call_id)),
            Self::Supervise(_) => ("supervise", None),
            Self::SetMode(of) => ("setMode", Some(&of.call_id)),
            Self::Record(of) => ("record", Some(&of.call_id)),
            Self::Statistics(of) => ("statistics", Some(&of.call_id)),
            Self::Report(_) => ("report", None),
            Self::Watch(_) => ("watch", None),
            Self::Message(_) => ("message", None),
            Self::Ping(_) => ("ping", None),
        }
    }
}

impl Event {
    /// Its method, and its call.
    pub(in crate::json) fn said(&self) -> (&'static str, Option<&str>) {
        match self {
            Self::Registration(_) => ("registration", None),
            Self::Incoming(of) => ("incoming", Some(&of.call_id)),
            Self::Trying(of) => ("trying", Some(&of.call_id)),
            Self::Ringing(of) => ("ringing", Some(&of.call_id)),
            Self::EarlyMedia(of) => ("earlyMedia", Some(&of.call_id)),
            Self::Connected(of) => ("connected", Some(&of.call_id)),
            Self::Held(of) => ("held", Some(&of.call_id)),
            Self::Resumed(of) => ("resumed", Some(&of.call_id)),
            Self::Dtmf(of) => ("dtmf", Some(&of.call_id)),
            Self::TransferProgress(of) => ("transferProgress", Some(&of.call_id)),
            Self::Quality(of) => ("quality", Some(&of.call_id)),
            Self::Speaker(of) => ("speaker", Some(&of.call_id)),
            Self::OneWay(of) => ("oneWay", Some(&of.call_id)),
            Self::Presence(_) => ("presence", None),
            Self::Candidates(of) => ("candidates", Some(&of.call_id)),
            Self::RestartNeeded(of) => ("restartNeeded", Some(&of.call_id)),
            Self::Message(_) => ("message", None),
            Self::Ended(of) => ("ended", Some(&of.call_id)),
            Self::ReplacedSession(_) => ("replacedSession", None),
        }
    }
}
