//! What becomes of a response, and of an ACK: a call's goes to its call, and what makes a dialog that nobody waits for ends it.

use std::time::Instant;

use webtrunk_engine::LegId;

use super::core::Agent;
use super::surroundings::Doorkeeper;
use crate::sip::call::{Call, refuse_answer};
use crate::sip::flow::Flow;
use crate::sip::message::{Request, Response};
use crate::sip::transaction::TransactionKey;

impl<D: Doorkeeper> Agent<D> {
    /// How many answers to INVITEs of ours were ignored since the last time that this was asked: of too many forks.
    pub const fn take_strays_ignored(&mut self) -> u64 {
        self.layer.take_strays_ignored()
    }

    pub(super) fn handle_ack(&mut self, ack: &Request, flow: Flow, now: Instant) {
        // The ACK of a stateless refusal comes here too, and belongs to nothing.
        let Ok(Some(leg)) = self.leg_of(ack) else {
            tracing::trace!(%flow, "ACK of nothing");
            return;
        };
        if !(ack.is_direct() && self.is_anothers(leg, &flow, now)) {
            self.follow_answer(leg, flow, now);
        } else if !ack.body.is_empty() || self.awaits_description(leg) {
            return;
        }
        // Where no description is due it says no more than that our answer has come, whoever says it.
        self.with_call(leg, now, |call, context| call.handle_ack(ack, context));
    }

    fn awaits_description(&self, leg: LegId) -> bool {
        self.calls.get(&leg).and_then(|slot| slot.call.as_ref()).is_some_and(Call::awaits_description)
    }

    /// Whether a response in a user's dialog comes by another user's phone, from an address to which the request did not go: a
    /// telephone of two users answers by the stream by which either has registered.
    pub(super) fn is_anothers_response(&mut self, response: &Response, flow: &Flow, now: Instant) -> bool {
        match self.layer.request_of(response) {
            Some((Some(leg), asked)) if asked.remote.ip() != flow.remote.ip() => {
                self.is_anothers(leg, flow, now)
            }
            Some(_) | None => false,
        }
    }

    pub(super) fn handle_response(
        &mut self,
        key: TransactionKey,
        owner: Option<LegId>,
        response: &Response,
        flow: Flow,
        now: Instant,
    ) {
        if let Some(leg) = owner.filter(|leg| self.calls.contains_key(leg)) {
            self.follow_answer(leg, flow, now);
            self.with_call(leg, now, |call, context| call.handle_response(key, response, context));
        } else if self.errands.has(key) {
            self.errand_answered(key, response, now);
        } else if response.status.is_success()
            && let Some(asked) = self.layer.flow(key)
        {
            // By a stream it comes from where its sender is now.
            let flow = if flow.kind.is_reliable() && flow.kind == asked.kind { flow } else { asked };
            refuse_answer(key, response, flow, &mut self.layer, &*self.names, now);
        }
    }
}
