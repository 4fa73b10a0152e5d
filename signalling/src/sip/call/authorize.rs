//! Trying again with credentials, RFC 3261 22.2.

use super::Context;
use super::session::Session;
use crate::auth::digest::Attempts;
use crate::sip::message::{CSeq, HeaderName, Request, Response, StatusCode};

/// A request of ours that may be challenged.
#[derive(Debug)]
pub(super) struct Challenged {
    /// As it was sent, but for the Via.
    pub(super) request: Box<Request>,
    attempts: Attempts,
}

impl Challenged {
    pub(super) fn new(request: Request) -> Self {
        Self { request: Box::new(request), attempts: Attempts::default() }
    }

    /// The same request with credentials and the CSeq that `next_cseq` gives; `None` where the response
    /// is no challenge, comes from no trunk that we called, or has no answer.
    pub(super) fn authorize(
        &mut self,
        response: &Response,
        trunk: Option<&str>,
        next_cseq: impl FnOnce() -> u32,
        context: &mut Context<'_>,
    ) -> Option<Request> {
        let is_challenge = response.status == StatusCode::UNAUTHORIZED
            || response.status == StatusCode::PROXY_AUTHENTICATION_REQUIRED;
        if !is_challenge {
            return None;
        }
        let (name, value) = context.keyring.answer(trunk?, response, &self.request, &mut self.attempts)?;
        self.request.headers.set(name, value);
        Some(self.again(next_cseq()))
    }

    /// The same request with another CSeq, as it is to be sent once more.
    pub(super) fn again(&mut self, cseq: u32) -> Request {
        let cseq = CSeq { number: cseq, method: self.request.method.clone() };
        self.request.headers.set(HeaderName::CSeq, cseq.to_string());
        Request::clone(&self.request)
    }
}

impl Session {
    /// A request of ours in this dialog, once more, as [`Challenged::authorize`] says.
    pub(super) fn authorize(
        &mut self,
        sent: &mut Challenged,
        response: &Response,
        context: &mut Context<'_>,
    ) -> Option<Request> {
        let Self { dialog, account, .. } = self;
        sent.authorize(response, account.as_deref(), || dialog.next_cseq(), context)
    }
}

/// Copies an INVITE's credentials into its ACK, which cannot be challenged (RFC 3261 22.1).
pub(super) fn copy_credentials(invite: &Request, ack: &mut Request) {
    for name in [HeaderName::Authorization, HeaderName::ProxyAuthorization] {
        for value in invite.headers.get_all(&name) {
            ack.headers.push(name.clone(), value);
        }
    }
}
