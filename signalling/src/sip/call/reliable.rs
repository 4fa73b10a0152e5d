//! Provisional responses that the caller acknowledges: the UAS of RFC 3262.
//!
//! ```text
//!             Ring: 18x with RSeq                 PRACK: 200
//!  Settled ------------------------> Unacked -------------------> Settled, or the next that waited
//!                                     |   ^ |
//!                                     `---' `--- 64 * T1 ---> (504)
//!                            T1, 2 T1, 4 T1 ..
//! ```
//!
//! Each is sent by itself: the next waits for the PRACK of the one before, and so does a 2xx while a
//! description is not acknowledged.

use std::time::Instant;

use super::Context;
use crate::sip::message::{HeaderName, Headers, Method, RAck, Request, Response};
use crate::sip::transaction::TransactionKey;
use crate::sip::transaction::timers::Resend;

/// The option tag.
pub(super) const RELIABLE: &str = "100rel";

/// The provisional responses of one INVITE.
#[derive(Debug)]
pub(super) struct Reliable {
    wish: Wish,
    cseq: u32,
    last_rseq: u32,
    unacked: Option<Box<Unacked>>,
    waiting: Option<Response>,
    /// A description of ours was acknowledged: the 2xx holds none.
    has_agreed: bool,
}

/// How the caller wants them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wish {
    /// It knows nothing of it.
    None,
    /// It can: what holds a description goes reliably, since that would be missed.
    Can,
    /// It requires it.
    Must,
}

/// A PRACK that is awaited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Awaited {
    rseq: u32,
    cseq: u32,
}

impl Awaited {
    /// Whether this is it.
    pub(super) fn is_of(self, prack: &Request) -> bool {
        let Ok(Some(RAck { rseq, cseq })) = prack.headers.rack() else { return false };
        rseq == self.rseq && cseq.number == self.cseq && cseq.method == Method::Invite
    }
}

#[derive(Debug)]
struct Unacked {
    response: Response,
    resend: Resend,
    give_up_at: Instant,
}

impl Reliable {
    /// By what the INVITE says.
    pub(super) fn new(invite: &Request, context: &mut Context<'_>) -> Self {
        let headers = &invite.headers;
        let wish = if lists(headers.require()) {
            Wish::Must
        } else if lists(headers.supported()) {
            Wish::Can
        } else {
            Wish::None
        };
        Self {
            wish,
            cseq: headers.cseq().map(|cseq| cseq.number).unwrap_or_default(),
            last_rseq: context.layer.identifiers().rseq(),
            unacked: None,
            waiting: None,
            has_agreed: false,
        }
    }

    /// Sends a provisional response, reliably where that is wanted.
    pub(super) fn send(&mut self, key: TransactionKey, response: Response, context: &mut Context<'_>) {
        let is_reliable = match self.wish {
            Wish::None => false,
            Wish::Can => !response.body.is_empty(),
            Wish::Must => true,
        };
        if !is_reliable {
            // It would say less than what is under way.
            if self.unacked.is_none() {
                context.respond(key, response);
            }
        } else if self.unacked.is_some() {
            self.waiting = Some(response);
        } else {
            self.send_reliably(key, response, context);
        }
    }

    /// Takes a PRACK; whether it is for what we sent.
    pub(super) fn acknowledge(
        &mut self,
        key: TransactionKey,
        prack: &Request,
        context: &mut Context<'_>,
    ) -> bool {
        let awaited = self.awaited();
        let Some(unacked) = self.unacked.take_if(|_| awaited.is_some_and(|awaited| awaited.is_of(prack)))
        else {
            return false;
        };
        self.has_agreed |= !unacked.response.body.is_empty();
        if let Some(next) = self.waiting.take() {
            self.send_reliably(key, next, context);
        }
        true
    }

    /// The PRACK that is awaited: it may come behind a 2xx that waits for none.
    pub(super) fn awaited(&self) -> Option<Awaited> {
        self.unacked.as_ref().map(|_| Awaited { rseq: self.last_rseq, cseq: self.cseq })
    }

    /// Whether a 2xx has to wait (RFC 3262 3).
    pub(super) fn holds_back_answer(&self) -> bool {
        self.unacked.as_ref().is_some_and(|unacked| !unacked.response.body.is_empty())
    }

    /// Whether the caller has our description for good.
    pub(super) const fn has_agreed(&self) -> bool {
        self.has_agreed
    }

    /// Sends again what is due; `true` where the PRACK is given up.
    pub(super) fn handle_timeout(&mut self, key: TransactionKey, context: &mut Context<'_>) -> bool {
        let Some(unacked) = &mut self.unacked else { return false };
        if unacked.give_up_at <= context.now {
            return true;
        }
        if unacked.resend.is_due(context.now) {
            unacked.resend.advance(context.now);
            context.respond(key, unacked.response.clone());
        }
        false
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.unacked.as_ref().map(|unacked| unacked.resend.at().min(unacked.give_up_at))
    }

    fn send_reliably(&mut self, key: TransactionKey, mut response: Response, context: &mut Context<'_>) {
        self.last_rseq += 1;
        response.headers.set(HeaderName::Require, RELIABLE);
        response.headers.set(HeaderName::RSeq, self.last_rseq.to_string());
        context.respond(key, response.clone());
        let timers = &context.config.transactions.timers;
        let resend = Resend::unbounded(timers, context.now);
        let give_up_at = context.now + timers.give_up;
        self.unacked = Some(Box::new(Unacked { response, resend, give_up_at }));
    }
}

/// The RSeq of a response that wants a PRACK.
pub(super) fn rseq_of(response: &Response) -> Option<u32> {
    let headers: &Headers = &response.headers;
    if lists(headers.require()) { headers.rseq().ok().flatten() } else { None }
}

fn lists<'a>(mut tags: impl Iterator<Item = &'a str>) -> bool {
    tags.any(|tag| tag.eq_ignore_ascii_case(RELIABLE))
}
