//! `application/dialog-info+xml` (RFC 4235 4): the calls of a user, or what has changed of them.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use webtrunk_engine::LegId;

use super::watched::{Direction, Stage, WatchedDialog, WatchedId};
use super::xml::Escaped;

/// What a watcher was told last of each call.
pub(super) type Told = BTreeMap<LegId, WatchedDialog>;

/// The document that brings a watcher from `told` to `now`; `None` where there is nothing to tell. A full one says
/// all that there is.
pub(super) fn write(
    entity: &str,
    version: u32,
    told: Option<&Told>,
    now: &Told,
    shows_parties: bool,
) -> Option<String> {
    let nothing = Told::new();
    let known = told.unwrap_or(&nothing);
    let changed: Vec<_> = now.iter().filter(|(leg, dialog)| known.get(leg) != Some(dialog)).collect();
    let ended: Vec<_> = known.iter().filter(|(leg, _)| !now.contains_key(leg)).collect();
    if told.is_some() && changed.is_empty() && ended.is_empty() {
        return None;
    }
    let state = if told.is_some() { "partial" } else { "full" };
    let mut text = format!(
        "<?xml version=\"1.0\"?>\r\n<dialog-info xmlns=\"urn:ietf:params:xml:ns:dialog-info\" version=\"{version}\" \
         state=\"{state}\" entity=\"{}\">\r\n",
        Escaped(entity)
    );
    // Our users' addresses are at one host, whoever is at it.
    let host = entity.split_once('@').map_or(entity, |(_, rest)| rest);
    let host = shows_parties.then(|| host.split([';', '?']).next().unwrap_or_default());
    for (leg, dialog) in changed {
        let stage = match dialog.stage {
            Stage::Trying => "trying",
            Stage::Early => "early",
            Stage::Confirmed => "confirmed",
        };
        write_dialog(&mut text, *leg, dialog, stage, host);
    }
    for (leg, dialog) in ended {
        write_dialog(&mut text, *leg, dialog, "terminated", host);
    }
    text.push_str("</dialog-info>\r\n");
    Some(text)
}

fn write_dialog(text: &mut String, leg: LegId, dialog: &WatchedDialog, stage: &str, host: Option<&str>) {
    let direction = match dialog.direction {
        Direction::Initiator => "initiator",
        Direction::Recipient => "recipient",
    };
    let remote = if let Some(host) = host {
        format!("<remote><identity>sip:{}@{}</identity></remote>", Escaped(&dialog.remote), Escaped(host))
    } else {
        String::new()
    };
    write!(text, "<dialog id=\"{leg}\"").expect("writes to a String");
    if let Some(WatchedId { call_id, local_tag, remote_tag }) = &dialog.id {
        let [call_id, local_tag, remote_tag] = [call_id, local_tag, remote_tag].map(|text| Escaped(text));
        write!(text, " call-id=\"{call_id}\" local-tag=\"{local_tag}\" remote-tag=\"{remote_tag}\"")
            .expect("writes to a String");
    }
    write!(text, " direction=\"{direction}\"><state>{stage}</state>{remote}</dialog>\r\n")
        .expect("writes to a String");
}
