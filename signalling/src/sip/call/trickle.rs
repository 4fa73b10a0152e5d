//! Candidates that a peer tells after its description: INFO with the package `trickle-ice` (RFC 8840). All of
//! ours stand in our descriptions.

use webtrunk_engine::sdp::{CandidateFragment, FRAGMENT_TYPE, FragmentError, SessionDescription};

use super::Context;
use super::record::Asked;
use super::session::Session;
use crate::adapter::Event;
use crate::sip::message::{HeaderName, Headers, Request, StatusCode};
use crate::sip::transaction::TransactionKey;

/// The package, and the option tag (RFC 8840 10).
const TRICKLE_ICE: &str = "trickle-ice";

/// The package of an INFO; `None` where it is of none (RFC 6086).
pub(super) fn package(info: &Request) -> Option<&str> {
    info.headers.get(&HeaderName::from("Info-Package"))
}

/// Says what we take in a call whose media is so described: no package and no option but with ICE (RFC 6086 5.2,
/// RFC 8840 5.1).
pub(super) fn advertise(headers: &mut Headers, description: &SessionDescription) {
    let has_ice = description.media.iter().any(|media| description.ice_credentials_of(media).is_some());
    if has_ice {
        headers.set(HeaderName::from("Recv-Info"), TRICKLE_ICE);
        headers.push(HeaderName::Supported, TRICKLE_ICE);
    }
}

impl Session {
    /// Takes an INFO of a package.
    pub(super) fn handle_package(&mut self, key: TransactionKey, info: Request, context: &mut Context<'_>) {
        let name = package(&info).and_then(|package| package.split(';').next()).unwrap_or_default();
        if !name.trim().eq_ignore_ascii_case(TRICKLE_ICE) {
            // RFC 6086 4.2.1: with what we do take.
            let mut response = info.response(StatusCode::BAD_INFO_PACKAGE, None);
            response.headers.set(HeaderName::from("Recv-Info"), TRICKLE_ICE);
            return context.respond(key, response);
        }
        if !info.headers.is_content_type(FRAGMENT_TYPE) {
            let mut response = info.response(StatusCode::UNSUPPORTED_MEDIA_TYPE, None);
            response.headers.push(HeaderName::Accept, FRAGMENT_TYPE);
            return context.respond(key, response);
        }
        if self.asked.is_some() {
            return context.answer_later(key, &info);
        }
        match CandidateFragment::parse(&info.body) {
            Ok(fragment) => {
                self.asked = Some(Asked { key, info: Box::new(info) });
                context.tell(Event::CandidatesTold { leg: context.leg, fragment: Box::new(fragment) });
            }
            Err(error) => refuse(key, &info, error, context),
        }
    }

    /// The gateway's answer.
    pub(super) fn answer_candidates(&mut self, refused: Option<FragmentError>, context: &mut Context<'_>) {
        let Some(Asked { key, info }) = self.asked.take() else { return };
        match refused {
            None => context.answer(key, &info, StatusCode::OK),
            Some(error) => refuse(key, &info, error, context),
        }
    }
}

fn refuse(key: TransactionKey, info: &Request, error: FragmentError, context: &mut Context<'_>) {
    let mut response = info.response(StatusCode::BAD_REQUEST, None);
    response.reason = error.to_string().into();
    context.respond(key, response);
}
