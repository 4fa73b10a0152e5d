//! Whoever is on hold is told so, and when that is over: in words, by an adapter that has them, and over SIP, where that is
//! configured, by a re-offer that only sends (RFC 3264 8.4), so that its phone shows it and need not send what nobody hears.

use std::time::Instant;

use webtrunk_engine::call::CallCommand;
use webtrunk_engine::sdp::{Direction, SessionDescription};
use webtrunk_engine::{EndCause, LegId};

use super::call::{B2bua, Doing};
use super::party::{Change, Party, PartyState};
use crate::adapter::{Command, News};

impl B2bua {
    /// Tells a party that the one at the other end holds it, with sound of its own or without, or does no more, where it
    /// has not been told. Where several meet nobody is held, and who has words is told nothing.
    pub(super) fn tell_hold(&mut self, leg: LegId) {
        let are_several = self.meeting.is_some();
        let is_held = !are_several && self.opposite(leg).is_some_and(|other| self.holds(other));
        let Some(party) = self.party(leg).filter(|party| party.is_talking()) else { return };
        let by_offer = self.is_told_by_offer(party);
        if party.knows_hold == is_held || are_several && !by_offer {
            return;
        }
        if by_offer {
            return self.offer_hold(leg, is_held);
        }
        let told = party.signal(Command::Tell { leg, news: News::Held(is_held) });
        self.note_told(leg, is_held);
        self.effect(told);
    }

    /// Asks the engine for the offer that tells it. What the party changes itself goes first: this is asked again when
    /// that is over.
    fn offer_hold(&mut self, leg: LegId, is_held: bool) {
        let Some(party) = self.party(leg) else { return };
        let is_free = matches!(party.state, PartyState::Talking) && party.change == Change::None;
        // Two that hold each other know it.
        if !is_free || self.doing != Doing::Talking || (is_held && self.holds(party)) {
            return;
        }
        self.note_told(leg, is_held);
        if let Some(party) = self.party_mut(leg) {
            party.change = Change::Telling;
        }
        let direction = if is_held { Direction::SendOnly } else { Direction::SendRecv };
        self.media(CallCommand::CreateOffer { leg, direction });
    }

    /// The offer that tells it is ready.
    pub(super) fn send_told_hold(&mut self, leg: LegId, offer: Box<SessionDescription>) {
        let Some(party) = self.party_mut(leg) else { return };
        party.change = Change::Told;
        let effect = party.signal(Command::Reoffer { leg, offer });
        self.effect(effect);
    }

    /// The party makes an offer itself: what is not said yet, or is on its way to its adapter, waits for what comes of that.
    pub(super) fn put_off_telling(&mut self, leg: LegId) {
        if self.withdraw_offer(leg, Change::Telling) || self.take_back_offer(leg, Change::Told) {
            self.untell(leg);
        }
    }

    /// The party does not take the offer: what was agreed before stays. Whether that was what it was told; where its own
    /// offer crossed ours, or it is not there, it is told again.
    pub(super) fn on_told_hold_refused(&mut self, leg: LegId, cause: EndCause, now: Instant) -> bool {
        let was_told = self.take_back_offer(leg, Change::Told);
        if was_told && matches!(cause, EndCause::Glare | EndCause::SignallingLost) {
            self.untell(leg);
            if let Some(party) = self.party_mut(leg) {
                party.tell_hold_at = Some(now + party.glare_wait());
            }
        }
        was_told
    }

    /// Tells what could not be told.
    pub(super) fn retry_telling(&mut self, now: Instant) {
        let parties = std::iter::once(&mut self.caller).chain(&mut self.callees);
        let due = parties.filter_map(|party| party.tell_hold_at.take_if(|at| *at <= now).map(|_| party.leg));
        for leg in due.collect::<Vec<_>>() {
            self.tell_hold(leg);
        }
    }

    fn untell(&mut self, leg: LegId) {
        if let Some(party) = self.party_mut(leg) {
            party.knows_hold = !party.knows_hold;
        }
    }

    fn note_told(&mut self, leg: LegId, is_held: bool) {
        if let Some(party) = self.party_mut(leg) {
            party.knows_hold = is_held;
        }
    }

    /// Whether a party holds the other, of its own accord or somebody's outside: it does not want to hear it. One that answered so when it was told
    /// that it is held does not, until it has answered that it is held no more.
    fn holds(&self, party: &Party) -> bool {
        let is_told = party.knows_hold || matches!(party.change, Change::Telling | Change::Told);
        let has_answered_so = is_told && self.is_told_by_offer(party);
        let holds_itself = !has_answered_so && party.direction.is_some_and(|direction| !direction.sends());
        party.is_holding_from_outside || holds_itself
    }

    fn is_told_by_offer(&self, party: &Party) -> bool {
        self.settings.tells_hold_by_offer == Some(party.adapter)
    }
}
