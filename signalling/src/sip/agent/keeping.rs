//! Answered calls, kept for the case that the process is killed; and those of a process that was.

use std::time::Instant;

use tracing::info;
use webtrunk_engine::LegId;

use super::core::Agent;
use super::surroundings::Doorkeeper;
use crate::adapter::leg_span;
use crate::sip::call::{Call, CallChange, KeptCall, Leaving, Standing};
use crate::sip::flow::Flow;

/// What was kept of an answered call last: for a process after this one, and for the case that nothing else is left of it.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) record: Box<KeptCall>,
    standing: Standing,
}

impl Kept {
    /// The flow that the call had.
    pub(super) const fn flow(&self) -> Flow {
        self.standing.1
    }
}

impl<D: Doorkeeper> Agent<D> {
    /// What is to be kept of calls from now on, where the configuration wants that.
    pub fn poll_call_change(&mut self) -> Option<CallChange> {
        self.call_changes.pop_front()
    }

    /// Ends a call of a process before, whose flow was this: tells its peer, at once or when it comes back.
    pub fn end_orphan(&mut self, kept: &KeptCall, flow: Flow, now: Instant) {
        let leg = LegId::next();
        let opened = self.open_call(leg, leg_span(leg), now, |context| {
            info!(call_id = kept.dialog.call_id, peer = %kept.peer, %flow, "call of the process before is ended");
            Leaving::orphan(kept, flow, context).ok_or(())
        });
        match opened {
            Ok(()) => {
                self.orphans.insert(leg);
                if let Some(slot) = self.calls.get_mut(&leg) {
                    let standing = slot.call.as_ref().and_then(Call::standing);
                    let record = Box::new(kept.clone());
                    slot.kept = standing.map(|standing| Box::new(Kept { record, standing }));
                }
                if kept.awaits_peer() {
                    self.stranded.insert(leg);
                }
            }
            Err(()) => self.call_changes.push_back(CallChange::Removed(kept.key())),
        }
    }

    /// A call of a process before cannot be ended: nobody there is can be told.
    pub fn forget_orphan(&mut self, kept: &KeptCall) {
        info!(call_id = kept.dialog.call_id, peer = %kept.peer, "call of the process before is forgotten");
        self.call_changes.push_back(CallChange::Removed(kept.key()));
    }

    /// Notes what changed of what is kept of a call; gives what is kept of it from now on.
    pub(super) fn keep_call(&mut self, call: Option<&Call>, kept: Option<Box<Kept>>) -> Option<Box<Kept>> {
        let standing = call.and_then(Call::standing);
        match (standing, kept) {
            (None, Some(kept)) => {
                self.note_removed(&kept);
                None
            }
            (Some(standing), Some(kept)) if kept.standing == standing => Some(kept),
            (Some(standing), kept) => match call.and_then(Call::kept) {
                Some(record) => {
                    let record = Box::new(record);
                    if self.config.keeps_calls {
                        self.call_changes.push_back(CallChange::Set(record.clone()));
                    }
                    Some(Box::new(Kept { record, standing }))
                }
                // It is ending: where it goes meanwhile is of no matter.
                None => kept,
            },
            (None, None) => None,
        }
    }

    /// A call is over of which the store knows.
    pub(super) fn note_removed(&mut self, kept: &Kept) {
        if self.config.keeps_calls {
            self.call_changes.push_back(CallChange::Removed(kept.record.key()));
        }
    }
}
