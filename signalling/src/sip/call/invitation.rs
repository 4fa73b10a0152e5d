//! The INVITE of a call that we place.

use super::session_timer::TIMER;
use super::{Context, body};
use crate::adapter::{Dial, HeaderChange, Origin};
use crate::sip::agent::Route;
use crate::sip::dialog;
use crate::sip::identity;
use crate::sip::message::{CSeq, HeaderName, Headers, Method, NameAddr, Request, SipUri};
use crate::sip::own_headers::is_own;

/// RFC 3261 8.1.1 and 13.2.1.
pub(super) fn invite(dial: &Dial, route: &Route, context: &mut Context<'_>) -> Request {
    let identifiers = context.layer.identifiers();
    let tag = identifiers.tag();
    let call_id = identifiers.call_id();
    let target = dialog::target(route.request_uri.clone()).unwrap_or_else(|_| route.request_uri.clone());
    let mut request = dialog::routed(Method::Invite, target, route.route_set.clone());
    let headers = &mut request.headers;
    headers.set(HeaderName::MaxForwards, dial.hops.to_string());
    let from = identity::present(&dial.caller, &route.from_host, route.caller_id, headers);
    headers.push(HeaderName::From, from.with_tag(&tag).to_string());
    headers.push(HeaderName::To, NameAddr::new(route.to.clone()).to_string());
    headers.push(HeaderName::CallId, call_id);
    headers.push(HeaderName::CSeq, CSeq { number: 1, method: Method::Invite }.to_string());
    if let Some(party) = &dial.transferred_by {
        // RFC 3892 2.1: whom we know to have asked, in our own words, since the party may have claimed another.
        let by = NameAddr::new(SipUri::new(&party.user, route.from_host.clone(), None));
        headers.push(HeaderName::ReferredBy, by.to_string());
    }
    let told = match &route.peer {
        Origin::User(user) => context.config.user_passing.outgoing(&dial.passed, user, &route.from_host),
        // Its own list was looked at where its way was found.
        Origin::Trunk(_) => dial.passed.headers.clone(),
    };
    for header in told {
        headers.push(HeaderName::from(header.name.as_str()), header.value);
    }
    context.introduce(headers, &route.flow);
    match &dial.offer {
        Some(offer) => body::put_into_request(&mut request, offer),
        // A reliable response would hold an offer, whose answer belongs into PRACK: it comes in the 2xx instead.
        None => request.headers.set(HeaderName::Supported, TIMER),
    }
    request
}

/// What the dial plan wants said besides; it changes nothing that is ours.
pub(super) fn change(headers: &mut Headers, changes: &[HeaderChange]) {
    for HeaderChange { name, value } in changes {
        let name = HeaderName::from(name.as_str());
        if is_own(&name) {
            continue;
        }
        match value {
            Some(value) => headers.set(name, value.as_str()),
            None => headers.remove(&name),
        }
    }
}
