//! Transactions whose peer leaves the flow while they are under way: a browser that changes networks opens another
//! WebSocket, and the one before looks open for long.

use super::layer::{Path, TransactionLayer};
use super::machine::Machine;
use super::outcome::TransactionKey;
use super::step::Step;
use crate::sip::flow::Flow;

impl<O: Copy + PartialEq> TransactionLayer<O> {
    /// The peer of this owner has left these flows for another of their kind. What it has not answered is sent there again,
    /// as the same transaction, so that who has heard it already takes it for a retransmission. What it has asked is answered
    /// there.
    pub fn move_requests(&mut self, owner: O, left: &[Flow], flow: Flow) {
        let is_meant = |key: &TransactionKey| {
            let transaction = &self.transactions[key];
            transaction.owner == Some(owner)
                && transaction.flow.kind == flow.kind
                && left.contains(&transaction.flow)
        };
        let keys: Vec<_> =
            left.iter().flat_map(|left| self.keys_on(Path::of(left))).filter(is_meant).collect();
        for key in keys {
            let Some(transaction) = self.transactions.get_mut(&key) else { continue };
            let before = std::mem::replace(&mut transaction.flow, flow);
            let step = match &mut transaction.machine {
                Machine::InviteClient { machine, .. } => machine.handle_flow_moved(),
                Machine::Client(machine) => machine.handle_flow_moved(),
                Machine::InviteServer { left, .. } => {
                    left.get_or_insert(before);
                    Step::NOTHING
                }
                Machine::Server(_) => Step::NOTHING,
            };
            self.by_path.remove(&(Path::of(&before), key));
            self.by_path.insert((Path::of(&flow), key));
            self.carry_out(key, step);
        }
    }
}
