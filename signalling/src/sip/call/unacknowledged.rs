//! A 2xx of ours whose ACK is missing (RFC 3261 13.3.1.4).
//!
//! Sent again after T1, then at doubling intervals up to T2, on every transport: a proxy on the way may
//! have lost it. After 64 * T1 it is given up.

use std::time::Instant;

use super::Context;
use crate::sip::message::{Request, Response};
use crate::sip::transaction::TransactionKey;
use crate::sip::transaction::timers::Resend;

/// The 2xx and its timers.
#[derive(Debug)]
pub(super) struct Unacknowledged {
    key: TransactionKey,
    cseq: u32,
    response: Response,
    resend: Resend,
    give_up_at: Instant,
}

impl Unacknowledged {
    /// Sends the 2xx to `invite`.
    pub(super) fn send(
        key: TransactionKey,
        invite: &Request,
        response: Response,
        context: &mut Context<'_>,
    ) -> Self {
        let timers = &context.config.transactions.timers;
        let resend = Resend::up_to_t2(timers, context.now);
        let give_up_at = context.now + timers.give_up;
        context.respond(key, response.clone());
        let cseq = invite.headers.cseq().map(|cseq| cseq.number).unwrap_or_default();
        Self { key, cseq, response, resend, give_up_at }
    }

    /// Whether this ACK is the one.
    pub(super) fn is_acknowledged_by(&self, ack: &Request) -> bool {
        ack.headers.cseq().is_ok_and(|cseq| cseq.number == self.cseq)
    }

    /// Sends again what is due; `true` where the ACK is given up.
    pub(super) fn handle_timeout(&mut self, context: &mut Context<'_>) -> bool {
        if self.give_up_at <= context.now {
            return true;
        }
        if self.resend.is_due(context.now) {
            self.resend.advance(context.now);
            context.respond(self.key, self.response.clone());
        }
        false
    }

    /// When `handle_timeout` is next needed.
    pub(super) fn poll_timeout(&self) -> Instant {
        self.resend.at().min(self.give_up_at)
    }
}
