//! What one REGISTER does to the bindings of its user, RFC 3261 10.3 steps 6 to 8: found out as a whole before any is changed.

use std::time::{Duration, Instant};

use super::{Binding, RegistrarConfig};
use crate::adapter::MediaProfile;
use crate::sip::flow::Flow;
use crate::sip::message::{ByteString, CSeq, HeaderName, NameAddr, Reject, Request, StatusCode, Uri};

/// What one request does to one binding.
pub(super) enum Change {
    Keep,
    Remove(u64),
    Set(Binding),
    /// Its key is yet to be given.
    Add(Binding),
}

/// What all contacts of a request share.
pub(super) struct Update<'a> {
    pub(super) config: RegistrarConfig,
    pub(super) call_id: ByteString,
    pub(super) cseq: CSeq,
    /// The Expires field; one that cannot be read is none (RFC 3261 10.3).
    pub(super) expires: Option<u32>,
    pub(super) user_agent: &'a str,
    pub(super) user: &'a str,
    pub(super) flow: Flow,
    pub(super) is_direct: bool,
    pub(super) path: Vec<NameAddr>,
    pub(super) now: Instant,
}

/// Longest contact that is kept, octets. Chosen by us: real ones have some 200.
pub(super) const CONTACT_MAX: usize = 2048;

/// How much of User-Agent is kept, characters. Chosen by us: it is shown in one line.
const USER_AGENT_MAX: usize = 128;

impl Update<'_> {
    /// `Contact: *`, which must come with `Expires: 0` (RFC 3261 10.2.2).
    pub(super) fn remove_all(&self, request: &Request, old: Vec<Binding>) -> Result<Vec<Change>, Reject> {
        if request.headers.expires()? != Some(0) {
            return Err(bad_request("Contact * Without Expires 0"));
        }
        old.into_iter()
            .map(|binding| self.check_order(&binding).map(|()| Change::Remove(binding.key)))
            .collect()
    }

    pub(super) fn apply(&self, contacts: Vec<NameAddr>, old: Vec<Binding>) -> Result<Vec<Change>, Reject> {
        // Each is compared with each.
        if contacts.len() > 2 * self.config.contacts_max {
            return Err(too_many_contacts());
        }
        let mut slots: Vec<(Option<Binding>, Change)> =
            old.into_iter().map(|binding| (Some(binding), Change::Keep)).collect();
        for contact in contacts {
            if contact.to_string().len() > CONTACT_MAX {
                return Err(bad_request("Contact Too Long"));
            }
            let expires = self.expires_of(&contact)?;
            let slot = slots.iter_mut().find(|(old, change)| match (old, change) {
                (_, Change::Set(binding) | Change::Add(binding)) => binding.is_for(&contact),
                (Some(binding), _) => binding.is_for(&contact),
                (None, _) => false,
            });
            match slot {
                Some((old, change)) => {
                    if let Some(old) = old {
                        self.check_order(old)?;
                    }
                    *change = match (old, expires.is_zero()) {
                        (Some(old), true) => Change::Remove(old.key),
                        (None, true) => Change::Keep,
                        (Some(old), false) => Change::Set(self.binding(old.key, contact, expires)?),
                        (None, false) => Change::Add(self.binding(0, contact, expires)?),
                    };
                }
                None if expires.is_zero() => {}
                None => slots.push((None, Change::Add(self.binding(0, contact, expires)?))),
            }
        }
        let is_left = |(old, change): &&(Option<Binding>, Change)| match change {
            Change::Keep => old.is_some(),
            Change::Remove(_) => false,
            Change::Set(_) | Change::Add(_) => true,
        };
        let is_growing = slots.iter().any(|(_, change)| matches!(change, Change::Add(_)));
        if is_growing && slots.iter().filter(is_left).count() > self.config.contacts_max {
            return Err(too_many_contacts());
        }
        Ok(slots.into_iter().map(|(_, change)| change).collect())
    }

    /// The contact's own parameter, else the field, else the longest. One that cannot be read counts
    /// as none, a big one as the biggest (RFC 3261 10.2.1.1, 20.10).
    fn expires_of(&self, contact: &NameAddr) -> Result<Duration, Reject> {
        let own = contact.params.get("expires").and_then(parse_seconds);
        let Some(asked) = own.or(self.expires).map(|seconds| Duration::from_secs(seconds.into())) else {
            return Ok(self.config.expires_max);
        };
        if !asked.is_zero() && asked < self.config.expires_min {
            let mut reject = Reject::new(StatusCode::INTERVAL_TOO_BRIEF);
            reject.headers.push(HeaderName::MinExpires, self.config.expires_min.as_secs().to_string());
            return Err(reject);
        }
        Ok(asked.min(self.config.expires_max))
    }

    /// Within one Call-ID, requests count upwards; one that comes late changes nothing (RFC 3261
    /// 10.3 steps 6 and 7).
    fn check_order(&self, old: &Binding) -> Result<(), Reject> {
        if old.call_id == self.call_id && self.cseq.number <= old.cseq {
            return Err(bad_request("CSeq Out Of Order"));
        }
        Ok(())
    }

    fn binding(&self, key: u64, contact: NameAddr, expires: Duration) -> Result<Binding, Reject> {
        let NameAddr { uri: Uri::Sip(uri), mut params, .. } = contact.detached() else {
            return Err(bad_request("Contact Is No SIP URI"));
        };
        params.remove("expires");
        Ok(Binding {
            key,
            user: self.user.into(),
            uri,
            params,
            path: self.path.clone(),
            flow: self.flow,
            is_direct: self.is_direct,
            user_agent: self.user_agent.chars().take(USER_AGENT_MAX).collect(),
            profile: if self.flow.kind.is_websocket() { MediaProfile::Webrtc } else { MediaProfile::Rtp },
            expires_at: self.now + expires,
            set_at: self.now,
            call_id: self.call_id.clone(),
            cseq: self.cseq.number,
        })
    }
}

fn parse_seconds(text: &str) -> Option<u32> {
    let is_number = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    is_number.then(|| text.parse().unwrap_or(u32::MAX))
}

fn too_many_contacts() -> Reject {
    Reject { reason: ByteString::from_static("Too Many Contacts"), ..Reject::new(StatusCode::FORBIDDEN) }
}

pub(super) fn bad_request(reason: &'static str) -> Reject {
    Reject { reason: ByteString::from_static(reason), ..Reject::new(StatusCode::BAD_REQUEST) }
}
