//! Whether a client wants its flow kept (RFC 5626), and who keeps it.

use super::binding::outbound_id;
use crate::sip::flow::TransportKind;
use crate::sip::message::{Contacts, Request};

/// Whether the client's flow is kept as RFC 5626 6 says, and whose it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outbound {
    /// Not asked for.
    Unused,
    /// It is ours. Keep-alives are answered on every transport.
    Direct,
    /// It is that of a proxy, which can.
    ByProxy,
    /// It would be that of a proxy, which cannot.
    FirstHopLacksIt,
}

pub(super) fn outbound_of(request: &Request) -> Outbound {
    let Ok(Contacts::List(contacts)) = request.headers.contacts() else { return Outbound::Unused };
    let is_asked_for = contacts.iter().any(|contact| outbound_id(&contact.params).is_some());
    if !is_asked_for || !supports(request, "outbound") {
        return Outbound::Unused;
    }
    if request.is_direct() {
        return Outbound::Direct;
    }
    // Each proxy puts itself before those that it has passed: the client's own first hop stands last.
    let paths = request.headers.paths().unwrap_or_default();
    let can = paths.last().and_then(|hop| hop.uri.as_sip()).is_some_and(|uri| uri.params.has("ob"));
    if can { Outbound::ByProxy } else { Outbound::FirstHopLacksIt }
}

pub(super) fn supports(request: &Request, extension: &str) -> bool {
    request.headers.supported().any(|tag| tag.eq_ignore_ascii_case(extension))
}

/// How often a client is to keep its flow alive (RFC 5626 4.4), in seconds: over UDP before NATs forget it,
/// which some do after 30 s. We ping WebSockets ourselves.
pub(super) const fn keep_alive_s(kind: TransportKind) -> Option<u32> {
    match kind {
        TransportKind::Udp => Some(25),
        TransportKind::Tcp | TransportKind::Tls => Some(120),
        TransportKind::Ws | TransportKind::Wss => None,
    }
}
