//! Candidates that are told after a description, by either side: INFO with the package `trickle-ice` (RFC 8840). All that we
//! have stand in our descriptions; those that come later are told to a peer that takes the package.

use webtrunk_engine::EndCause;
use webtrunk_engine::sdp::{CandidateFragment, FRAGMENT_TYPE, FragmentError, SessionDescription};

use super::Context;
use super::authorize::Challenged;
use super::record::Asked;
use super::session::Session;
use super::stage::Call;
use crate::adapter::Event;
use crate::sip::message::{HeaderName, Headers, Method, Request, Response, StatusCode};
use crate::sip::transaction::TransactionKey;

/// The package, and the option tag (RFC 8840 10).
const TRICKLE_ICE: &str = "trickle-ice";

/// The candidates that a peer is told of. One INFO is under way at a time, since two may overtake each other; each has all
/// candidates, so that the newest alone waits. What comes to nothing waits until the peer is somewhere else: its signalling may
/// be gone with an address whose media goes on by another.
#[derive(Debug, Default)]
pub(super) struct Trickle {
    /// It takes the package (RFC 6086 5.2.2).
    is_taken: bool,
    waiting: Option<Box<CandidateFragment>>,
    sent: Option<Sent>,
}

/// The INFO that is under way.
#[derive(Debug)]
struct Sent {
    key: TransactionKey,
    info: Challenged,
    fragment: Box<CandidateFragment>,
}

impl Trickle {
    /// By what the peer said when the call was made up.
    pub(super) fn of(headers: &Headers) -> Self {
        let recv_info = HeaderName::from("Recv-Info");
        let is_taken = headers.get_all(&recv_info).flat_map(|packages| packages.split(',')).any(is_trickle);
        Self { is_taken, ..Self::default() }
    }

    /// Whether `key` is the INFO that is under way.
    pub(super) fn is_sent(&self, key: TransactionKey) -> bool {
        self.sent.as_ref().is_some_and(|sent| sent.key == key)
    }

    /// What is under way comes to nothing: it waits, unless something newer does. Whether that is so.
    pub(super) fn failed(&mut self) -> bool {
        let has_newer = self.waiting.is_some();
        if let Some(Sent { fragment, .. }) = self.sent.take() {
            self.waiting.get_or_insert(fragment);
        }
        has_newer
    }
}

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
        if !is_trickle(package(&info).unwrap_or_default()) {
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

    /// Tells the peer of ours, where it takes that.
    pub(super) fn tell_candidates(&mut self, fragment: Box<CandidateFragment>, context: &mut Context<'_>) {
        if self.trickle.is_taken {
            self.trickle.waiting = Some(fragment);
            self.send_candidates(context);
        } else {
            tracing::debug!("candidates came, and the peer takes none that come later");
        }
    }

    /// Takes the peer's response to what it was told.
    pub(super) fn handle_trickle_response(
        mut self: Box<Self>,
        response: &Response,
        context: &mut Context<'_>,
    ) -> Call {
        if response.status == StatusCode::CALL_DOES_NOT_EXIST {
            return self.end(EndCause::SignallingLost, "the peer does not know the dialog", context);
        }
        if response.status == StatusCode::REQUEST_TIMEOUT {
            // A proxy's word for the silence of who is behind it.
            self.candidates_unanswered(context);
            return Call::Session(self);
        }
        let Some(Sent { mut info, fragment, .. }) = self.trickle.sent.take() else {
            return Call::Session(self);
        };
        if let Some(request) = self.authorize(&mut info, response, context) {
            let key = self.send(request, context);
            self.trickle.sent = Some(Sent { key, info, fragment });
        } else {
            if !response.status.is_success() {
                tracing::debug!(status = %response.status, "candidates refused");
            }
            self.send_candidates(context);
        }
        Call::Session(self)
    }

    /// Nobody has answered: what is newer is tried once, before the peer has moved.
    pub(super) fn candidates_unanswered(&mut self, context: &mut Context<'_>) {
        if self.trickle.failed() {
            self.send_candidates(context);
        }
    }

    /// The peer is somewhere else: it is told what it may not have heard, where that belongs to what was agreed last.
    pub(super) fn tell_candidates_again(&mut self, context: &mut Context<'_>) {
        let Self { trickle, local, .. } = self;
        if let Some(local) = local {
            trickle.waiting.take_if(|fragment| !belongs_to(fragment, local));
        }
        self.send_candidates(context);
    }

    fn send_candidates(&mut self, context: &mut Context<'_>) {
        let Some(fragment) = self.trickle.waiting.take_if(|_| self.trickle.sent.is_none()) else { return };
        let mut info = self.dialog.request(Method::Info);
        info.headers.set(HeaderName::from("Info-Package"), TRICKLE_ICE);
        // RFC 8840 4.4.
        info.headers.push(HeaderName::ContentDisposition, "Info-Package");
        info.headers.push(HeaderName::ContentType, FRAGMENT_TYPE);
        info.body = fragment.to_string().into();
        let key = self.send(info.clone(), context);
        self.trickle.sent = Some(Sent { key, info: Challenged::new(info), fragment });
    }
}

/// Whether candidates are of the ICE session that a description begins or goes on with.
fn belongs_to(fragment: &CandidateFragment, description: &SessionDescription) -> bool {
    let credentials = description.media.iter().filter_map(|media| description.ice_credentials_of(media));
    let mut ufrags = credentials.map(|(ufrag, _)| ufrag);
    ufrags.any(|ufrag| ufrag == fragment.ufrag)
}

/// Whether this names the package, whatever its parameters.
fn is_trickle(package: &str) -> bool {
    package.split(';').next().is_some_and(|name| name.trim().eq_ignore_ascii_case(TRICKLE_ICE))
}

fn refuse(key: TransactionKey, info: &Request, error: FragmentError, context: &mut Context<'_>) {
    let mut response = info.response(StatusCode::BAD_REQUEST, None);
    response.reason = error.to_string().into();
    context.respond(key, response);
}
