//! What the core asks of the world around it: our names, and who may come in. All of it is pure: the
//! answers are given at once.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use crate::adapter::Origin;
use crate::sip::flow::{Flow, TransportKind};
use crate::sip::hop::Hop;
use crate::sip::identity::{self, Reading};
use crate::sip::message::Headers;
use crate::sip::message::{Host, Reject, Request, Response, SipUri};

/// Our addresses as peers see them, and the ways to theirs.
pub trait LocalNames {
    /// Host and port for our Via on this flow (RFC 3261 18.1.1).
    fn sent_by(&self, flow: &Flow) -> (Host, Option<u16>);

    /// Our Contact on this flow (RFC 3261 8.1.1.8); with `;transport=ws` for WebSocket (RFC 7118 5).
    fn contact(&self, flow: &Flow) -> SipUri;

    /// The name of the listener of this flow.
    fn listener(&self, flow: &Flow) -> Arc<str>;

    /// A flow to an address that a dialog names; `None` where we have no way there, and the dialog's
    /// old flow is used.
    fn flow_to(&self, kind: TransportKind, remote: SocketAddr) -> Option<Flow>;

    /// A flow to where a stream led that we opened and that has closed: by the same name and identity, which a certificate
    /// has to show and is shown. `None` where it was none of ours.
    fn flow_again(&self, _lost: &Flow) -> Option<Flow> {
        None
    }

    /// Whether a stream that has closed is one of ours, so that [`Self::flow_again`] leads to where it led.
    fn is_dialled(&self, _lost: &Flow) -> bool {
        false
    }

    /// A flow to another address that a dialog on this flow names, with this trunk where it is one: by the same name and identity
    /// where we opened this one, else by the trunk's. `None` as of [`Self::flow_to`].
    fn flow_beside(
        &self,
        _flow: &Flow,
        _trunk: Option<&str>,
        kind: TransportKind,
        remote: SocketAddr,
    ) -> Option<Flow> {
        self.flow_to(kind, remote)
    }

    /// A flow to a hop of a trunk, whose name its certificate has to show.
    fn flow_to_hop(&self, hop: &Hop) -> Option<Flow> {
        self.flow_to(hop.kind, hop.address)
    }
}

/// Decides who comes in, before anything is kept of a request.
pub trait Doorkeeper {
    /// Judges a request outside of any dialog. OPTIONS, ACK and CANCEL are not asked about.
    fn admit(&mut self, request: &Request, flow: &Flow, now: Instant) -> Verdict;

    /// The trunk that a request is of by where it comes from, before anybody is asked to prove anything.
    fn trunk_at(&self, _request: &Request, _flow: &Flow) -> Option<&str> {
        None
    }

    /// Reads what an INVITE that was admitted says of its call.
    ///
    /// # Errors
    /// It cannot be read, or is for a device that is not there.
    fn read(&self, invite: &Request, _origin: &Origin) -> Result<Reading, Reject> {
        Ok(identity::read(invite, None)?)
    }

    /// The contact that stands behind an address of one device (RFC 5627), where it is one that we gave out.
    fn contact_behind(&self, _gruu: &SipUri) -> Option<SipUri> {
        None
    }

    /// Judges a request in a dialog of this user that comes by another flow than the dialog's. Who proves nothing may be a phone
    /// that has moved, unless another user's phone is there.
    fn admit_in_dialog(&mut self, _: &Request, _: &Flow, user: &str, _: Instant) -> Verdict {
        Verdict::Accept { origin: Origin::User(user.to_owned()) }
    }

    /// Whether a user who was let in before still would be, and may be there.
    fn may_be_at(&self, _user: &str, _source: IpAddr) -> bool {
        true
    }

    /// Whether by a flow another user's phone speaks than this user's, so that what cannot be challenged is not taken.
    fn is_anothers(&mut self, _flow: &Flow, _user: &str, _now: Instant) -> bool {
        false
    }

    /// Answers a REGISTER that was admitted (RFC 3261 10.3).
    fn register(&mut self, request: &Request, origin: &Origin, flow: &Flow, now: Instant) -> Registered;

    /// The users whose registrations have changed since the last time, and whether they can be reached now.
    fn take_registrations(&mut self) -> Vec<(String, bool)> {
        Vec::new()
    }
}

/// What became of a REGISTER.
#[derive(Debug, Clone)]
pub struct Registered {
    /// The answer.
    pub response: Response,
    /// The flows in whose place this one is (RFC 5626 6): the client's calls on them go on here.
    pub left: Vec<Flow>,
}

/// What the doorkeeper says.
#[derive(Debug, Clone)]
pub enum Verdict {
    /// Come in.
    Accept {
        /// Who has proven to stand behind the request.
        origin: Origin,
    },
    /// Prove who you are: a 401 with these header fields, sent without keeping state.
    Challenge(Headers),
    /// Go away: sent without keeping state.
    Reject(Reject),
    /// No answer at all.
    Drop,
}
