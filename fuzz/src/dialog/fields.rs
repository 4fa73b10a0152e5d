//! Header fields that a message need not have.

use arbitrary::Arbitrary;
use webtrunk_signalling::sip::message::{HeaderName, Headers};

/// A field more.
#[derive(Debug, Arbitrary)]
pub(super) struct Extra<'a> {
    pub(super) name: u8,
    pub(super) value: &'a str,
}

const EXTRAS: [HeaderName; 16] = [
    HeaderName::Subject,
    HeaderName::Require,
    HeaderName::Supported,
    HeaderName::SessionExpires,
    HeaderName::MinSe,
    HeaderName::RSeq,
    HeaderName::RAck,
    HeaderName::Contact,
    HeaderName::RecordRoute,
    HeaderName::Allow,
    HeaderName::RetryAfter,
    HeaderName::ReferTo,
    HeaderName::Replaces,
    HeaderName::Authorization,
    HeaderName::CSeq,
    HeaderName::Via,
];

impl Extra<'_> {
    pub(super) fn put(&self, headers: &mut Headers) {
        if !self.value.is_empty() {
            headers.set(EXTRAS[usize::from(self.name) % EXTRAS.len()].clone(), self.value);
        }
    }
}

/// What a peer says that it can, by bits: UPDATE, 100rel, and nothing without 100rel.
pub(super) fn put_abilities(headers: &mut Headers, bits: u8) {
    if bits & 1 != 0 {
        headers.set(HeaderName::Allow, "INVITE, ACK, BYE, CANCEL, UPDATE, PRACK");
    }
    if bits & 2 != 0 {
        headers.set(HeaderName::Supported, "100rel, timer");
    }
    if bits & 4 != 0 {
        headers.set(HeaderName::Require, "100rel");
    }
}
