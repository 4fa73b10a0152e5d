//! ICE restarts of our own accord: who is heard no more, and may have changed networks, is asked once in a silence
//! to check anew. Where its signalling is lost too, it is asked when it is back.
//!
//! The restart concerns its own leg alone; the other party hears nothing of it but the gap.

use std::time::{Duration, Instant};

use tracing::{debug, info};
use webtrunk_engine::call::CallCommand;
use webtrunk_engine::sdp::{Direction, SessionDescription};
use webtrunk_engine::{EndCause, LegId};

use super::call::B2bua;
use super::party::{Change, Party};
use crate::adapter::Command;

/// How long a silent leg lasts after it was told (RFC 7675 5.1: 30 s in all, of which the engine waits 8 s).
const SILENCE_LEFT: Duration = Duration::from_secs(22);

impl B2bua {
    /// A party is silent.
    pub(super) fn on_silence(&mut self, leg: LegId, now: Instant) {
        if let Some(party) = self.party_mut(leg) {
            party.restart_until = Some(now + SILENCE_LEFT);
            party.restarts = 0;
        }
        self.restart_ice(leg, now);
    }

    /// Asks the engine for an offer that restarts ICE. While the party changes its media it is there, and may restart
    /// by itself; if not, we do a moment later.
    fn restart_ice(&mut self, leg: LegId, now: Instant) {
        let Some(party) = self.party_mut(leg).filter(|party| party.is_talking()) else { return };
        if party.change != Change::None {
            return self.restart_later(leg, now);
        }
        party.change = Change::Restarting;
        party.restarts += 1;
        // Whoever is gone for good is asked many times in its last silence, which is told once.
        match party.restarts {
            1 => info!("ICE is restarted"),
            _ => debug!("ICE is restarted again"),
        }
        self.media(CallCommand::RestartIce { leg, direction: Direction::SendRecv });
    }

    /// The offer is ready.
    pub(super) fn send_restart(&mut self, leg: LegId, offer: Box<SessionDescription>) {
        let Some(party) = self.party_mut(leg) else { return };
        party.change = Change::Reoffered;
        let effect = party.signal(Command::Reoffer { leg, offer });
        self.effect(effect);
    }

    /// The party takes part; the engine says whether its answer is any good.
    pub(super) fn on_restart_answered(&mut self, leg: LegId, description: Box<SessionDescription>) {
        if self.party(leg).is_some_and(|party| matches!(party.change, Change::Reoffered | Change::Told)) {
            self.media(CallCommand::ReceiveAnswer { leg, description, signalled_from: None });
        }
    }

    /// The answer is good.
    pub(super) fn on_restart_agreed(&mut self, leg: LegId) {
        self.end_change(leg, Change::Reoffered);
        self.end_change(leg, Change::Told);
    }

    /// The party does not take part: what was agreed before holds, until nothing was heard for so long that the
    /// leg fails.
    pub(super) fn on_restart_refused(&mut self, leg: LegId, cause: EndCause, now: Instant) {
        if self.on_told_hold_refused(leg, cause, now) || !self.take_back_offer(leg, Change::Reoffered) {
            return;
        }
        match self.party(leg).map(|party| party.restarts) {
            Some(2..) if cause == EndCause::SignallingLost => debug!("the party cannot be asked yet"),
            _ => info!(?cause, "the ICE restart was refused"),
        }
        if cause != EndCause::Glare {
            self.tell_hold(leg);
        }
        let is_of_use =
            self.party(leg).and_then(|party| party.restart_until).is_some_and(|until| now < until);
        match cause {
            EndCause::Glare => self.restart_later(leg, now),
            EndCause::SignallingLost if is_of_use => self.restart_later(leg, now),
            _ => {}
        }
    }

    /// The party makes an offer itself, which restarts ICE if that is of use: ours is not sent any more, or not by its adapter,
    /// to which it is on its way.
    pub(super) fn give_up_restart(&mut self, leg: LegId) {
        self.withdraw_offer(leg, Change::Restarting);
        self.take_back_offer(leg, Change::Reoffered);
        if let Some(party) = self.party_mut(leg) {
            party.restart_at = None;
        }
    }

    /// Restarts what was put off.
    pub(super) fn retry_restarts(&mut self, now: Instant) {
        let due = |party: &&mut Party| party.restart_at.is_some_and(|at| at <= now);
        let parties = std::iter::once(&mut self.caller).chain(&mut self.callees);
        let due: Vec<_> = parties.filter(due).map(|party| (party.restart_at.take(), party.leg)).collect();
        for (_, leg) in due {
            self.restart_ice(leg, now);
        }
    }

    /// When something that was put off is due, what is told of a hold too.
    pub(super) fn restart_due_at(&self) -> Option<Instant> {
        let parties = std::iter::once(&self.caller).chain(&self.callees);
        parties.flat_map(|party| [party.restart_at, party.tell_hold_at]).flatten().min()
    }

    fn restart_later(&mut self, leg: LegId, now: Instant) {
        if let Some(party) = self.party_mut(leg) {
            party.restart_at = Some(now + party.glare_wait());
        }
    }

    /// Takes back an offer that the engine is making for a change of this kind; false when there is none. It will be ready
    /// all the same.
    pub(super) fn withdraw_offer(&mut self, leg: LegId, change: Change) -> bool {
        let is_withdrawn = self.take_back_offer(leg, change);
        if is_withdrawn && let Some(party) = self.party_mut(leg) {
            party.offers_withdrawn += 1;
        }
        is_withdrawn
    }

    /// Takes back an offer that went out for a change of this kind; false when there is none. It was refused, or will be: an
    /// adapter that has let an offer of the party in sends none of ours.
    pub(super) fn take_back_offer(&mut self, leg: LegId, change: Change) -> bool {
        let is_taken_back = self.end_change(leg, change);
        if is_taken_back {
            self.media(CallCommand::RollBack { leg });
        }
        is_taken_back
    }

    /// Ends a change of this kind; false when there is none.
    pub(super) fn end_change(&mut self, leg: LegId, change: Change) -> bool {
        let party = self.party_mut(leg).filter(|party| party.change == change);
        party.map(|party| party.change = Change::None).is_some()
    }
}
