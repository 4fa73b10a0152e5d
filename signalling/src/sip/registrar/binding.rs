//! One place where a user can be reached.

use std::time::Instant;

use crate::adapter::MediaProfile;
use crate::sip::flow::Flow;
use crate::sip::message::{ByteString, NameAddr, Params, SipUri};

/// One place where a user can be reached, until it expires.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binding {
    /// Names the binding for the life of the process; a refresh keeps it.
    pub key: u64,
    /// Whose it is.
    pub user: String,
    /// The address as registered; the target of a call is its [`SipUri::as_request_uri`].
    pub uri: SipUri,
    /// The contact's parameters but `expires`.
    pub params: Params,
    /// The path by which it was registered and by which calls go: the host of the contact may be
    /// behind NAT, or no host at all.
    pub flow: Flow,
    /// Whether it was registered through no proxy that shows itself: the flow is that of the user's own phone.
    pub(super) is_direct: bool,
    /// The proxies on the way there, the first to be passed first (RFC 3327).
    pub path: Vec<NameAddr>,
    /// What the User-Agent field said; empty where it said nothing.
    pub user_agent: String,
    /// How its media is carried.
    pub profile: MediaProfile,
    /// When it ends unless refreshed.
    pub expires_at: Instant,
    /// When it was set, refreshed, or restored.
    pub(super) set_at: Instant,
    /// The registration's Call-ID: within one, a later request has a higher number.
    pub(super) call_id: ByteString,
    /// The number of the last request that set it.
    pub(super) cseq: u32,
}

impl Binding {
    /// As a response lists it.
    pub(super) fn to_contact(&self, now: Instant) -> NameAddr {
        let mut contact = NameAddr::new(self.uri.clone());
        contact.params = self.params.clone().with("expires", Some(&self.remaining_seconds(now).to_string()));
        contact
    }

    /// The instance that it is of, as it stands in the contact: a URN in angle brackets and quotes (RFC 5626 4.1).
    pub(super) fn instance(&self) -> Option<&str> {
        self.params.get("+sip.instance")
    }

    /// The greatest, of several flows of one instance, is that of the one refreshed last, however long each is to last; of those
    /// restored at once, of the one that ends last.
    pub(super) const fn freshness(&self) -> (Instant, Instant) {
        (self.set_at, self.expires_at)
    }

    /// Whether its client is known again where it comes back after its stream closed: by instance and reg-id (RFC 5626 4.2).
    #[must_use]
    pub fn has_outbound_id(&self) -> bool {
        outbound_id(&self.params).is_some()
    }

    /// Whether a contact of a request means this binding: the same instance's same flow (RFC 5626
    /// 6), or where that is not said the same URI.
    pub(super) fn is_for(&self, contact: &NameAddr) -> bool {
        match outbound_id(&contact.params) {
            Some(id) => outbound_id(&self.params) == Some(id),
            None => contact.uri.as_sip().is_some_and(|uri| self.uri.matches(uri)),
        }
    }

    /// How long it has left, in seconds begun: a client that refreshes at the last must not come late.
    fn remaining_seconds(&self, now: Instant) -> u64 {
        let left = self.expires_at.saturating_duration_since(now);
        left.as_secs() + u64::from(left.subsec_nanos() > 0)
    }
}

/// Instance and reg-id, where the contact has both (RFC 5626 4.2).
pub(super) fn outbound_id(params: &Params) -> Option<(&str, u32)> {
    let instance = params.get("+sip.instance")?;
    let reg_id = params.get("reg-id")?.parse().ok().filter(|id| *id > 0)?;
    Some((instance, reg_id))
}
