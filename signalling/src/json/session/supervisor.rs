//! What a page does with the calls of others, and with several of its own: supervises, and merges.

use std::time::Instant;

use tracing::info;
use webtrunk_engine::LegId;

use super::call::{Call, Stage, Waiting};
use super::ledger::Ledger;
use super::requests::{Said, describe, new_name};
use super::state::Session;
use crate::adapter::{self, Origin, Supervising, SupervisorMode, TransferProgress, leg_span};
use crate::json::protocol::{
    CallEvent, Done, Ended, ErrorCode, Event, Fault, Id, Merge, Mode, Outcome, Placed, SetMode, Supervise,
};
use crate::room::Room;

impl Session {
    /// Asks for a place in the call that a user talks in.
    pub(super) fn supervise(
        &mut self,
        id: &Id,
        Supervise { user, mode, sdp }: &Supervise,
        room: &Room,
        ledger: &mut Ledger,
        now: Instant,
    ) -> Said {
        let offer = describe("sdp", sdp)?;
        self.begin_call("", room, ledger, now)?;
        let (leg, call_id) = (LegId::next(), new_name());
        let span = leg_span(leg);
        span.in_scope(|| info!(session = self.name, call_id, user, ?mode, "page supervises"));
        let incoming = self.incoming(leg, user, offer, None, span.clone());
        self.add_call(&call_id, Call::new(leg, Stage::Calling { early: None }, user, span));
        self.respond(Some(id.clone()), &Outcome::Placed(Placed { call_id: call_id.clone() }));
        self.tell(&Event::Trying(CallEvent { call_id }));
        let asked = Supervising { incoming, user: user.clone(), mode: mode_of(*mode) };
        self.report(adapter::Event::Supervising(Box::new(asked)));
        Ok(None)
    }

    /// Is another thing to the two that talk.
    pub(super) fn set_mode(&mut self, SetMode { call_id, mode }: &SetMode) -> Said {
        let leg = self.connected_call(call_id)?.leg;
        self.report(adapter::Event::ModeAsked { leg, mode: mode_of(*mode) });
        Ok(Some(Outcome::Done(Done {})))
    }

    /// Wants the other party of one call in another.
    pub(super) fn merge(&mut self, Merge { call_id, with_call }: &Merge, waiting: Waiting) -> Said {
        if call_id == with_call {
            return Err(Fault::of_field("withCall", "params.withCall: must be another call than callId"));
        }
        let other = self.named_call("withCall", with_call)?;
        let (with, peer) = (other.leg, other.peer.clone());
        let call = self.connected_call(call_id)?;
        if call.merge.is_some() || call.successor.is_some() {
            return Err(Fault::new(ErrorCode::Busy, "another change of this call is under way"));
        }
        call.merge = Some(waiting);
        let leg = call.leg;
        self.report(adapter::Event::MergeAsked { leg, with, peer });
        Ok(None)
    }

    /// How a transfer goes, or a merge: whether it is that.
    pub(super) fn merged(&mut self, call_id: &str, progress: TransferProgress) -> bool {
        let Some(call) = self.calls.get_mut(call_id).filter(|call| call.merge.is_some()) else {
            return false;
        };
        match progress {
            TransferProgress::Began | TransferProgress::Ringing => {}
            TransferProgress::Done => {
                let waiting = call.merge.take();
                self.respond(waiting.and_then(|it| it.0), &Outcome::Done(Done {}));
            }
            TransferProgress::Failed(cause) => {
                let waiting = call.merge.take();
                let fault = Fault::new(ErrorCode::NotDelivered, Ended::new("", cause).text);
                self.refuse(waiting.and_then(|it| it.0), &fault);
            }
        }
        true
    }

    /// Takes what a call of the page's own needs: room, and a call of its token's. `to` is empty where it dials nobody.
    pub(super) fn begin_call(
        &self,
        to: &str,
        room: &Room,
        ledger: &mut Ledger,
        now: Instant,
    ) -> Result<(), Fault> {
        if self.calls.len() >= super::requests::CALLS_MAX {
            return Err(Fault::new(ErrorCode::TooMany, "the session has 32 calls, and may have no more"));
        }
        room.admit(&Origin::User(self.user().to_owned()), to, now).map_err(|_| {
            Fault::new(ErrorCode::Overloaded, "there is no room for another call now; try again")
        })?;
        let Some(granted) = self.granted() else { return Ok(()) };
        ledger.begin(granted, true).map_err(|limit| Fault::new(ErrorCode::Forbidden, limit.to_string()))
    }
}

const fn mode_of(mode: Mode) -> SupervisorMode {
    match mode {
        Mode::Listen => SupervisorMode::Listen,
        Mode::Whisper => SupervisorMode::Whisper,
        Mode::Barge => SupervisorMode::Barge,
    }
}
