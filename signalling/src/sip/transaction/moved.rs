//! Transactions whose peer leaves the flow while they are under way: a browser that changes networks opens another
//! WebSocket, and the one before looks open for long.

use std::time::Instant;

use super::layer::{Lane, TransactionLayer};
use super::machine::Machine;
use super::outcome::TransactionKey;
use super::step::Step;
use crate::sip::flow::Flow;
use crate::sip::message::Request;

impl<O: Copy + PartialEq> TransactionLayer<O> {
    /// The peer of this owner has left these flows for another of their kind. What it has not answered is sent there again,
    /// as the same transaction, so that who has heard it already takes it for a retransmission. What it has asked is answered
    /// there.
    pub fn move_requests(&mut self, owner: O, left: &[Flow], flow: Flow, now: Instant) {
        for key in self.keys_of(Some(owner), left, flow) {
            let Some(transaction) = self.transactions.get_mut(&key) else { continue };
            let before = transaction.flow;
            let step = match &mut transaction.machine {
                Machine::InviteClient { machine, .. } => machine.handle_flow_moved(now),
                Machine::Client(machine) => machine.handle_flow_moved(now),
                Machine::InviteServer { left, .. } => {
                    left.get_or_insert(before);
                    Step::NOTHING
                }
                Machine::Server(_) => Step::NOTHING,
            };
            self.put_on(key, flow);
            self.carry_out(key, step);
        }
    }

    /// A user has left these flows for another of their kind: what rings there by INVITEs to it that nobody wants any more is
    /// cancelled where it is now, for a CANCEL that was sent before may not have been heard. Others may share those flows.
    pub fn cancel_abandoned(&mut self, user: &str, left: &[Flow], flow: Flow, now: Instant) {
        let is_to = |invite: &Request| {
            let to = invite.headers.to();
            to.is_ok_and(|to| to.uri.user_unescaped().is_some_and(|called| called == user))
        };
        for key in self.keys_of(None, left, flow) {
            let machine = self.transactions.get(&key).map(|transaction| &transaction.machine);
            if matches!(machine, Some(Machine::InviteClient { machine, invite, .. }) if machine.may_ring() && is_to(invite))
            {
                self.put_on(key, flow);
                self.send_cancel(key, None, now);
            }
        }
    }

    fn keys_of(&self, owner: Option<O>, left: &[Flow], flow: Flow) -> Vec<TransactionKey> {
        let is_meant = |key: &TransactionKey| {
            let transaction = &self.transactions[key];
            transaction.owner == owner
                && transaction.flow.kind == flow.kind
                && left.contains(&transaction.flow)
        };
        left.iter().flat_map(|left| self.keys_on(Lane::of(left))).filter(is_meant).collect()
    }
}

impl<O: Copy> TransactionLayer<O> {
    /// What a transaction sends goes by this flow from now on.
    pub(super) fn put_on(&mut self, key: TransactionKey, flow: Flow) {
        let Some(transaction) = self.transactions.get_mut(&key) else { return };
        let before = std::mem::replace(&mut transaction.flow, flow);
        self.by_path.remove(&(Lane::of(&before), key));
        self.by_path.insert((Lane::of(&flow), key));
    }
}
