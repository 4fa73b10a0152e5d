//! How media reaches us, where that changes while the leg lives: our next description shows it.

use super::local::LocalTransport;
use super::offer_answer::Negotiator;
use crate::sdp::candidate::Candidate;

impl Negotiator {
    /// The ICE credentials that our next description shows, as it restarts ICE (RFC 8839 4.4.1.1.1).
    pub fn set_ice_credentials(&mut self, ufrag: &str, pwd: &str) {
        self.local.transport.set_ice_credentials(ufrag, pwd);
    }

    /// Our ICE candidates, best first, as our next description shows them.
    pub fn set_candidates(&mut self, candidates: Vec<Candidate>) {
        self.local.transport.set_candidates(candidates);
    }

    /// What our next description says of it.
    #[must_use]
    pub const fn local_transport(&self) -> &LocalTransport {
        &self.local.transport
    }
}
