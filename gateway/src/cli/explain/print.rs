//! The report as text.

use std::fmt::Write as _;

use super::report::{CallTold, Destination, Report, Tried};
use super::terms::LegTerms;

/// All of it.
pub(super) fn text(report: &Report) -> String {
    let mut text = String::new();
    // Writing to a string does not fail.
    let _ = write_all(report, &mut text);
    text
}

fn write_all(report: &Report, out: &mut String) -> std::fmt::Result {
    let file = &report.file;
    write_call(&report.call, out)?;
    if !report.looked_at.is_empty() {
        writeln!(out, "\nRules, in their order:")?;
        for Tried { rule, line, reason, .. } in &report.looked_at {
            writeln!(out, "  {file}:{line}: {rule:?}: {reason}")?;
        }
    }
    let decision = &report.decision;
    match (&decision.rule, decision.line) {
        (Some(rule), Some(line)) => writeln!(out, "\nDecided by {rule:?} ({file}:{line}):")?,
        (Some(rule), None) => writeln!(out, "\nDecided by {rule:?}:")?,
        (None, _) if report.call.origin.is_none() => {
            writeln!(out, "\nDecided at the door, before any rule:")?
        }
        (None, _) => writeln!(out, "\nDecided by no rule:")?,
    }
    for step in &decision.steps {
        writeln!(out, "  {step}")?;
    }
    if let (Some(status), Some(reason)) = (decision.status, &decision.reason) {
        writeln!(out, "  the caller is refused with {status}: {reason}")?;
    }
    if !report.destinations.is_empty() {
        writeln!(out, "\nCalled, in this order where each fails (users of one step ring together):")?;
        for (index, destination) in report.destinations.iter().enumerate() {
            write_destination(index + 1, destination, out)?;
        }
    }
    for leg in &report.legs {
        write_leg(leg, out)?;
    }
    if report.legs.len() > 1 && report.legs.iter().all(|leg| leg.codec.is_some()) {
        let way = if report.is_transcoded { "is transcoded" } else { "passes as it is" };
        writeln!(out, "\nVoice {way} between the two.")?;
    }
    Ok(())
}

fn write_call(call: &CallTold, out: &mut String) -> std::fmt::Result {
    let CallTold { origin, caller, destination, listener, is_listener_said, source, at } = call;
    match origin {
        Some(origin) => write!(out, "{origin} ({caller:?})")?,
        None => write!(out, "caller {caller:?}")?,
    }
    let taken = if *is_listener_said { "" } else { " (taken, since none is said)" };
    let source = source.as_deref().unwrap_or("an address that is not said");
    writeln!(out, " dials {destination:?}\n  to listener {listener:?}{taken}, from {source}, at {at}")
}

fn write_destination(place: usize, destination: &Destination, out: &mut String) -> std::fmt::Result {
    let Destination { user, trunk, request_uri, from, identity, headers, ring_timeout_s, codecs, .. } =
        destination;
    match (user, trunk, request_uri) {
        (Some(user), ..) => writeln!(out, "  {place}. user {user:?}, at each place where it is registered")?,
        (_, Some(trunk), Some(uri)) => writeln!(out, "  {place}. {uri} at trunk {trunk:?}")?,
        _ => {}
    }
    writeln!(out, "     From: {from}")?;
    for header in identity.iter().chain(headers) {
        writeln!(out, "     {header}")?;
    }
    writeln!(out, "     rings for {ring_timeout_s} s, offered {}", codecs.join(", "))
}

fn write_leg(leg: &LegTerms, out: &mut String) -> std::fmt::Result {
    let LegTerms { role, party, transport, codec, offer, answer, sentences } = leg;
    let transport = transport.map(|transport| format!(", over {transport}")).unwrap_or_default();
    let codec = codec.as_ref().map(|codec| format!(", {codec}")).unwrap_or_default();
    writeln!(out, "\nThe {role}, {party}{transport}{codec}:")?;
    for sentence in sentences {
        writeln!(out, "  - {sentence}")?;
    }
    let (ours, theirs) =
        if *role == "caller" { ("our answer", "its offer") } else { ("its answer", "our offer") };
    write_description(theirs, offer, out)?;
    match answer {
        Some(answer) => write_description(ours, answer, out),
        None => Ok(()),
    }
}

fn write_description(what: &str, description: &str, out: &mut String) -> std::fmt::Result {
    writeln!(out, "  {what}:")?;
    for line in description.lines() {
        writeln!(out, "    {line}")?;
    }
    Ok(())
}
