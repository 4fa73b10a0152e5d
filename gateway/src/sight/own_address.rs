//! Which of our addresses a message left from or came to, where its socket is bound to all of them.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};

use webtrunk_signalling::sip::flow::Flow;
use webtrunk_signalling::sip::transport::specific;

/// Peers whose route is remembered. Chosen by us: asking anew costs three system calls.
const KNOWN_MAX: usize = 1000;

/// Our addresses by the routes to peers.
#[derive(Debug, Default)]
pub(super) struct OwnAddresses {
    known: HashMap<(IpAddr, IpAddr), IpAddr>,
}

impl OwnAddresses {
    /// Our address on a flow.
    pub(super) fn of(&mut self, flow: &Flow) -> SocketAddr {
        let (local, peer) = (flow.local.ip(), flow.remote.ip());
        if !local.is_unspecified() {
            return flow.local;
        }
        if self.known.len() >= KNOWN_MAX {
            self.known.clear();
        }
        let own = *self.known.entry((local, peer)).or_insert_with(|| specific(local, peer));
        SocketAddr::new(own, flow.local.port())
    }
}
