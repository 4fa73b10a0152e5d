//! The call that is asked about, as one that a page makes by the JSON API: past another door, by the same rules.

use std::sync::Arc;

use webtrunk_engine::LegId;
use webtrunk_engine::sdp::SessionDescription;
use webtrunk_signalling::adapter::{
    HOPS_MAX, Header, Incoming, MediaProfile, Origin, Party, Passage, RecordingPolicy, leg_span,
};
use webtrunk_signalling::json;
use webtrunk_signalling::sip::passing;
use webtrunk_signalling::sip::transport::Addresses;

use super::asked::{self, Asked, SOMEWHERE};
use super::{ExplainArguments, Failure};
use crate::config::Config;

/// Whether the call comes to the JSON API: it is said so, or nothing else listens.
pub(super) fn is_meant(arguments: &ExplainArguments, config: &Config, addresses: &Addresses) -> bool {
    let is_named = |name: &str| name == json::LISTENER;
    let meant = match arguments.listener.as_deref() {
        Some(name) => is_named(name) && !addresses.iter().any(|known| is_named(&known.name)),
        None => addresses.iter().next().is_none(),
    };
    meant && config.json.is_some()
}

/// Has it come; its `offer` is as it was read, and `prover` the user that the page is.
pub(super) fn ask(
    arguments: &ExplainArguments,
    config: &Config,
    prover: Option<String>,
    offer: Option<SessionDescription>,
) -> Result<Asked, Failure> {
    if let Some(trunk) = &arguments.trunk {
        return Err(format!("--trunk {trunk}: no trunk calls by the JSON API; say another --listener").into());
    }
    let allowed = config.json.as_ref().map(|json| json.headers.as_slice()).unwrap_or_default();
    let is_left_out = |header: &&Header| !passing::allows(allowed, &header.name);
    if let Some(Header { name, .. }) = arguments.header.iter().find(is_left_out) {
        let cure = "add it to that list, or say another --listener";
        return Err(format!("--header {name}: json.headers_allow does not name it; {cure}").into());
    }
    let source = arguments.source.or_else(|| asked::home_of(prover.as_deref(), config)).unwrap_or(SOMEWHERE);
    let refused =
        |status, reason| Asked::Refused { status, reason, listener: json::LISTENER.to_owned(), source };
    let Some(user) = prover else { return Ok(refused(401, asked::unproven(arguments))) };
    if !asked::networks(config).admit(&user, source) {
        return Ok(refused(403, "users of this customer come from its networks alone".to_owned()));
    }
    let leg = LegId::next();
    Ok(Asked::Admitted(Box::new(Incoming {
        leg,
        origin: Origin::User(user),
        // A token may say which number is shown.
        caller: Party { user: arguments.from.clone(), display_name: String::new() },
        destination: arguments.to.clone(),
        device: None,
        profile: MediaProfile::Webrtc,
        offer: offer.map(Box::new),
        signalled_from: source,
        listener: Arc::from(json::LISTENER),
        headers: arguments.header.clone(),
        recording: RecordingPolicy::ByRule,
        hops: HOPS_MAX,
        passed: Passage { headers: arguments.header.clone(), diversions: Vec::new() },
        replaces: None,
        span: leg_span(leg),
    })))
}
