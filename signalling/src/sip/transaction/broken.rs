//! Transactions whose owner is gone without a word, by a fault of ours: no peer waits for what nobody will say.

use std::time::Instant;

use super::layer::TransactionLayer;
use super::machine::Machine;
use super::outcome::TransactionKey;
use crate::sip::message::{HeaderName, Message, Response, StatusCode};

impl<O: Copy + PartialEq> TransactionLayer<O> {
    /// An INVITE of the owner's peer that waits for its answer gets 500, ours are cancelled, and other requests of its peer are
    /// forgotten. What comes of them is told without an owner.
    pub fn break_off(&mut self, owner: O, now: Instant) {
        let is_its = |key: &TransactionKey| self.transactions[key].owner == Some(owner);
        let keys: Vec<_> = self.transactions.keys().copied().filter(is_its).collect();
        for key in keys {
            let Some(transaction) = self.transactions.get_mut(&key) else { continue };
            transaction.owner = None;
            match &transaction.machine {
                Machine::InviteServer { machine, .. } => {
                    let refusal = machine.provisional().cloned().and_then(|bytes| {
                        let Ok(Message::Response(told)) = Message::parse(bytes) else { return None };
                        Some(self.refusal_after(told))
                    });
                    if let Some(refusal) = refusal {
                        self.respond(key, &refusal, now);
                    }
                }
                Machine::InviteClient { .. } => self.abandon(key, None, now),
                Machine::Server(machine) if machine.is_waiting() => self.forget(key),
                Machine::Server(_) | Machine::Client(_) => {}
            }
        }
    }

    /// The refusal of a request of which nothing is left but the provisional response that was told last.
    fn refusal_after(&mut self, told: Response) -> Response {
        let mut refusal = Response::new(StatusCode::SERVER_INTERNAL_ERROR);
        for name in [HeaderName::From, HeaderName::To, HeaderName::CallId, HeaderName::CSeq] {
            if let Some(value) = told.headers.get(&name) {
                refusal.headers.push(name, value.to_owned());
            }
        }
        for via in told.headers.get_all(&HeaderName::Via) {
            refusal.headers.push(HeaderName::Via, via.to_owned());
        }
        if let Ok(to) = told.headers.to()
            && to.tag().is_none()
        {
            let tag = self.identifiers.tag();
            refusal.headers.set(HeaderName::To, to.with_tag(&tag).to_string());
        }
        refusal
    }
}
