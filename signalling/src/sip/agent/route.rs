//! The way to a party: resolved by the shell, before the core dials.

use crate::adapter::Origin;
use crate::sip::flow::Flow;
use crate::sip::hop::Hop;
use crate::sip::identity::CallerId;
use crate::sip::message::{Host, NameAddr, Uri};

/// The way to a party.
#[derive(Debug, Clone)]
pub struct Route {
    /// The Request-URI: a registered contact, or the number at the trunk.
    pub request_uri: Uri,
    /// To, without tag: whom the caller means.
    pub to: Uri,
    /// The host of our From: the domain that the peer knows us by.
    pub from_host: Host,
    /// How the peer is shown who calls.
    pub caller_id: CallerId,
    /// Routes to take first: an outbound proxy, the Path of a registration.
    pub route_set: Vec<NameAddr>,
    /// Where the INVITE goes.
    pub flow: Flow,
    /// Where it goes next, in this order, when it gets no answer there (RFC 3263 4.3).
    pub alternatives: Vec<Hop>,
    /// How later requests find the peer.
    pub reach: Reach,
    /// Whether the peer is known again where it comes back after its stream closed (RFC 5626).
    pub may_return: bool,
    /// Who is there.
    pub peer: Origin,
    /// The account by which challenges are answered; none are where there is none.
    pub account: Option<String>,
}

/// How the requests of a dialog find the peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Along the flow that the dialog uses: a browser's WebSocket, a phone behind NAT (RFC 5626).
    Flow,
    /// By its route set and remote target, as RFC 3261 12.2.1.1 says, where these are addresses; names
    /// would have to be looked up, so the dialog's flow is used for them too.
    Target,
}
