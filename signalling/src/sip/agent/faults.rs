//! A broken promise of ours costs the leg that it was met in, and its call: not the core, in which all legs are.
//!
//! ```text
//!  step of a leg --- panics ---> nothing is left of it but what the core kept beside it
//!                                   |-- INVITE of the peer: 500; of ours: CANCEL, or ACK and BYE
//!                                   |-- answered: BYE
//!                                   `-- Ended (internal error): its call hangs up the others
//! ```

use std::time::Instant;

use tracing::{Span, error};
use webtrunk_engine::{EndCause, LegId};

use super::core::Agent;
use super::surroundings::Doorkeeper;
use crate::adapter::{Event, leg_span};
use crate::sip::call::Leaving;

impl<D: Doorkeeper> Agent<D> {
    /// Gives up legs of which a panic has left nothing: to be called after one that came from anywhere in the core.
    pub fn give_up_broken(&mut self, now: Instant) {
        let broken = self.calls.iter().filter(|(_, slot)| slot.call.is_none());
        let broken: Vec<_> = broken.map(|(leg, slot)| (*leg, slot.span.clone())).collect();
        for (leg, span) in broken {
            self.break_off(leg, span, now);
        }
    }

    /// Gives up a leg whose call was lost in a panic.
    pub(super) fn break_off(&mut self, leg: LegId, span: Span, now: Instant) {
        span.in_scope(|| error!("a fault of ours ends the leg"));
        let kept = self.calls.get_mut(&leg).and_then(|slot| slot.kept.take());
        self.layer.break_off(leg, now);
        self.keep(leg, None, span, now);
        self.tell(Event::Ended { leg, cause: EndCause::InternalError });
        let Some(kept) = kept else { return };
        self.note_removed(&kept);
        let (of_bye, flow) = (LegId::next(), kept.flow());
        // Where not even that can be done, its session timer ends the call.
        let _ = self.open_call(of_bye, leg_span(of_bye), now, |context| {
            Leaving::broken(&kept.record, flow, context).ok_or(())
        });
    }
}
