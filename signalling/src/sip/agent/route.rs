//! The way to a party: resolved by the shell, before the core dials.

use super::surroundings::LocalNames;
use crate::adapter::Origin;
use crate::sip::dialog;
use crate::sip::flow::{Flow, TransportKind};
use crate::sip::hop::Hop;
use crate::sip::identity::CallerId;
use crate::sip::message::{Host, NameAddr, Request, Uri};

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
    /// Where it goes next, in this order, when it gets no answer there.
    pub alternatives: Vec<Alternative>,
    /// How later requests find the peer.
    pub reach: Reach,
    /// Whether the peer is known again where it comes back after its stream closed (RFC 5626).
    pub may_return: bool,
    /// Who is there.
    pub peer: Origin,
    /// The account by which challenges are answered; none are where there is none.
    pub account: Option<String>,
}

/// Where a request goes that came to nothing elsewhere.
#[derive(Debug, Clone)]
pub enum Alternative {
    /// Another host of the trunk (RFC 3263 4.3).
    Hop(Hop),
    /// Another flow by which the same phone has registered (RFC 5626 5.3).
    Flow(Box<OtherFlow>),
}

/// A flow of a phone, and how a request goes along it.
#[derive(Debug, Clone)]
pub struct OtherFlow {
    /// The contact that was registered by it.
    pub request_uri: Uri,
    /// The Path of that registration.
    pub route_set: Vec<NameAddr>,
    /// The flow.
    pub flow: Flow,
}

impl Alternative {
    /// How it is reached.
    pub(in crate::sip) const fn kind(&self) -> TransportKind {
        match self {
            Self::Hop(hop) => hop.kind,
            Self::Flow(other) => other.flow.kind,
        }
    }

    /// The flow there, where there is a way.
    pub(in crate::sip) fn flow(&self, names: &dyn LocalNames) -> Option<Flow> {
        match self {
            Self::Hop(hop) => names.flow_to_hop(hop),
            Self::Flow(other) => Some(other.flow),
        }
    }

    /// Has a request that was for somewhere else go there: hosts of a trunk are asked for the same, a flow of a phone is that of a
    /// contact of its own.
    pub(in crate::sip) fn lead(self, request: &mut Request) {
        match self {
            Self::Hop(_) => {}
            Self::Flow(other) => {
                let OtherFlow { request_uri, route_set, .. } = *other;
                let target = dialog::target(request_uri.clone()).unwrap_or(request_uri);
                dialog::reroute(request, target, route_set);
            }
        }
    }
}

impl From<Hop> for Alternative {
    fn from(hop: Hop) -> Self {
        Self::Hop(hop)
    }
}

/// How the requests of a dialog find the peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Along the flow that the dialog uses: a browser's WebSocket, a phone behind NAT (RFC 5626).
    Flow,
    /// By its route set and remote target, as RFC 3261 12.2.1.1 says, where these are addresses; names
    /// would have to be looked up, so the dialog's flow is used for them too, as long as there is one.
    Target,
}
