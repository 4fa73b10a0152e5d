//! The ladder for programs.

use jiff::Timestamp;
use serde::Serialize;

use super::build::Ladder;
use super::step::What;

#[derive(Serialize)]
struct Whole<'l> {
    call: Option<&'l str>,
    call_ids: &'l [String],
    is_over: bool,
    omitted: u64,
    parties: Vec<PartyBody<'l>>,
    messages: Vec<MessageBody<'l>>,
}

#[derive(Serialize)]
struct PartyBody<'l> {
    name: &'l str,
    /// Absent for ourselves.
    #[serde(skip_serializing_if = "Option::is_none")]
    transport: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<String>,
}

#[derive(Serialize)]
struct MessageBody<'l> {
    at: Option<String>,
    offset_ms: f64,
    /// Places in `parties`.
    from: usize,
    to: usize,
    /// A place in `call_ids`.
    call_id: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    method: Option<&'l str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<&'l str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'l str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sdp: Option<&'l str>,
    is_repeated: bool,
    text: &'l str,
}

/// One object, with every message in full.
#[must_use]
pub fn json(ladder: &Ladder) -> String {
    let whole = Whole {
        call: ladder.call.as_deref(),
        call_ids: &ladder.call_ids,
        is_over: ladder.is_over,
        omitted: ladder.omitted,
        parties: ladder.parties.iter().map(party).collect(),
        messages: ladder.steps.iter().map(message).collect(),
    };
    serde_json::to_string(&whole).expect("texts, numbers and lists make JSON")
}

fn party(party: &super::Party) -> PartyBody<'_> {
    PartyBody {
        name: &party.name,
        transport: party.place.map(|(kind, _)| kind.via_name()),
        address: party.place.map(|(_, address)| address.to_string()),
    }
}

fn message(step: &super::Step) -> MessageBody<'_> {
    let (mut method, mut target, mut status, mut reason) = (None, None, None, None);
    match &step.what {
        What::Request { method: own, target: of } => {
            (method, target) = (Some(own.as_str()), Some(of.as_str()))
        }
        What::Response { status: code, reason: why, method: own } => {
            (status, reason) = (Some(*code), Some(why.as_str()));
            method = Some(own.as_str()).filter(|own| !own.is_empty());
        }
        What::Unreadable(_) => {}
    }
    MessageBody {
        at: Timestamp::try_from(step.at).ok().map(|at| format!("{at:.6}")),
        offset_ms: step.offset.as_secs_f64() * 1000.0,
        from: step.from,
        to: step.to,
        call_id: step.call_id,
        method,
        target,
        status,
        reason,
        sdp: step.sdp.as_deref(),
        is_repeated: step.is_repeated,
        text: &step.text,
    }
}
