//! What is passed on with a call, and what the gateway itself adds: whom it rang before.

use webtrunk_engine::EndCause;

use super::call::B2bua;
use crate::adapter::{Diversion, DiversionReason, Passage};
use crate::routing::{Bridge, BridgeTarget};

impl B2bua {
    /// What goes along to those whom a bridge calls. From then on they are those who were called before.
    pub(super) fn pass_to(&mut self, bridge: &Bridge) -> Passage {
        let transferor = self.transferor();
        let before = self.rang_last.take();
        let reason = self.reason_to_go_on();
        self.rang_last = bridge.callees.first().map(|callee| match &callee.target {
            BridgeTarget::User(name) => name.clone(),
            BridgeTarget::Trunk { number, .. } => number.clone(),
        });
        // The same number by another trunk is not somebody else.
        let last = before.filter(|before| self.rang_last.as_ref() != Some(before)).map(|user| Diversion {
            user,
            reason,
            counter: 1,
        });
        match transferor {
            // Who stays was not called by way of others: who transfers sends it on.
            Some(party) => {
                let first = Diversion { user: party.user, reason: DiversionReason::Deflection, counter: 1 };
                let diversions = std::iter::once(first).chain(last).collect();
                Passage { headers: Vec::new(), diversions }
            }
            None => {
                self.passed.diversions.extend(last);
                self.passed.clone()
            }
        }
    }

    fn reason_to_go_on(&self) -> DiversionReason {
        if self.redirection.is_followed() {
            return DiversionReason::Deflection;
        }
        let failure = self.transfer.as_ref().map_or(self.failure, |transfer| transfer.failure);
        match failure {
            Some(EndCause::Busy) => DiversionReason::Busy,
            Some(EndCause::NoAnswer) => DiversionReason::NoAnswer,
            Some(EndCause::Unavailable | EndCause::GatewayFailure) => DiversionReason::Unavailable,
            Some(EndCause::Declined) => DiversionReason::Deflection,
            Some(_) | None => DiversionReason::Unknown,
        }
    }
}
