//! The end of a party, and of the call with the last of them.

use std::time::{Duration, Instant};

use tracing::info;
use webtrunk_engine::call::CallCommand;
use webtrunk_engine::{EndCause, LegId};

use super::call::{B2bua, Doing};
use super::effect::Directory;
use super::party::{Party, PartyState, Purpose};
use crate::adapter::Command;

/// How long a party that closed its media may take to say so in signalling too. Chosen by us.
const FAREWELL: Duration = Duration::from_secs(2);

/// How long one that is back may take to bring media in place of those it closed: as long as one that is silent has in all
/// (RFC 7675 5.1). The leg of those it closed is never heard again, nor found silent.
const RETURN: Duration = Duration::from_secs(30);

impl B2bua {
    /// Ends the call, whatever it does: the process goes down, or the media engine lost it.
    pub fn hang_up(&mut self, cause: EndCause) {
        self.fail_transfer(cause);
        self.replacement = None;
        self.doing = Doing::Ending;
        for leg in self.callees.iter().map(|callee| callee.leg).collect::<Vec<_>>() {
            self.leave(leg, cause);
        }
        if !self.caller.is_leaving() {
            self.caller.state = PartyState::Leaving;
            let leg = self.caller.leg;
            self.signal_caller(Command::Hangup { leg, cause });
        }
    }

    /// A party closed its media: its BYE comes behind, or not at all where its page is gone, or a leg with new media in its place
    /// where that is reloaded.
    pub(super) fn on_media_closed(&mut self, leg: LegId, now: Instant) {
        if self.meets(leg) {
            return;
        }
        if let Some(party) = self.party_mut(leg) {
            party.missed_at.get_or_insert(now + FAREWELL);
        }
    }

    /// A party whose signalling was lost is back: what it closed went with a page that is no more.
    pub(super) fn on_return(&mut self, leg: LegId, now: Instant) {
        if let Some(party) = self.party_mut(leg) {
            party.missed_at = party.missed_at.map(|_| now + RETURN);
        }
    }

    /// When a call is over since a party closed its media and says no more. A page whose signalling is lost as well may come
    /// back: how long it is waited for its session knows.
    pub(super) fn farewell_at(&self) -> Option<Instant> {
        let is_awaited = |party: &&Party| !party.is_leaving() && !party.is_away;
        let missed = self.parties().filter(is_awaited).filter_map(|party| party.missed_at).min();
        missed.filter(|_| self.doing != Doing::Ending)
    }

    pub(super) fn on_leg_failed(
        &mut self,
        leg: LegId,
        cause: EndCause,
        directory: &dyn Directory,
        now: Instant,
    ) {
        // A fork that lost the call may fail while it is being hung up.
        if !self.stays(leg) {
            return;
        }
        // Its consent expired before its session has: it may come back with other media, as one that closed its media may.
        if cause == EndCause::MediaTimeout
            && self.party(leg).is_some_and(|party| party.is_away)
            && !self.meets(leg)
        {
            return self.on_media_closed(leg, now);
        }
        if self.is_replacing(leg) {
            return self.leave(leg, cause);
        }
        if self.leave_meeting(leg, cause) {
            return;
        }
        let is_only_ringing =
            self.is_rung_for_transfer(leg) || (self.doing == Doing::Calling && leg != self.caller.leg);
        if !is_only_ringing {
            return self.hang_up(cause);
        }
        self.note_failure(cause);
        self.leave(leg, cause);
        self.give_up_calling(directory, now);
    }

    pub(super) fn on_ended(&mut self, leg: LegId, cause: EndCause, directory: &dyn Directory, now: Instant) {
        self.media(CallCommand::RemoveLeg { leg });
        if self.on_end_in_replacement(leg, now) {
            return;
        }
        if self.on_end_in_meeting(leg) {
            return;
        }
        if self.transfer.as_ref().is_some_and(|transfer| transfer.is_asked_by(leg)) {
            return self.on_transferor_gone();
        }
        if leg == self.caller.leg {
            // Whom we refused or hung up has not gone by itself.
            if !self.caller.is_leaving() {
                info!(?cause, "caller is gone");
            }
            self.caller.state = PartyState::Gone;
            let is_said = self.answered_at.is_some() || cause == EndCause::AnsweredElsewhere;
            let cause = if is_said { cause } else { EndCause::Cancelled };
            return self.hang_up(cause);
        }
        // Why one ends that was given up is known already.
        let was_left = self.party(leg).is_some_and(Party::is_leaving);
        let was_rung = self.is_rung_for_transfer(leg);
        self.callees.retain(|callee| callee.leg != leg);
        match self.doing {
            _ if was_rung => {
                self.note_failure(cause);
                self.give_up_calling(directory, now);
            }
            Doing::Calling if !was_left => {
                self.note_failure(cause);
                self.give_up_calling(directory, now);
            }
            Doing::Talking if self.partner == Some(leg) => {
                info!(?cause, "callee is gone");
                self.hang_up(cause);
            }
            _ => {}
        }
    }

    /// Hangs a callee up; it stays until its leg has ended.
    pub(super) fn leave(&mut self, leg: LegId, cause: EndCause) {
        let Some(callee) = self.callees.iter_mut().find(|callee| callee.leg == leg) else { return };
        match std::mem::replace(&mut callee.state, PartyState::Leaving) {
            PartyState::Leaving => {}
            // An offer that was not dialled yet reached nobody, so nobody has to be told.
            PartyState::Describing(Purpose::Dial(_)) => {
                self.callees.retain(|callee| callee.leg != leg);
                self.media(CallCommand::RemoveLeg { leg });
            }
            _ => {
                let effect = callee.signal(Command::Hangup { leg, cause });
                self.effect(effect);
            }
        }
    }

    /// Whether a party is part of the call, and not on its way out.
    pub(super) fn stays(&self, leg: LegId) -> bool {
        self.party(leg).is_some_and(|party| !party.is_leaving())
    }
}
