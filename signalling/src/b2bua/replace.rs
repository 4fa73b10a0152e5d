//! Replacement: a leg that comes in takes the place of one that is in the call (RFC 3891), by the rights of who has it.
//!
//! ```text
//!  Incoming --- no right, nobody to be replaced ------------------> refused, the call goes on
//!    |
//!    +--- for a caller that waits: is the caller at once; who it was is refused
//!    |
//!    v    for a party that talks, or is called
//!  described --- cannot be met, is given up ----------------------> ended, the call goes on
//!    |
//!    +--- for a party that talks: answered, the other talks to it; who it was is hung up
//!    +--- for one in a conference: answered, it joins; who it was is hung up
//!    +--- for one that is called: answered, has the call; all that ring are cancelled
//! ```
//!
//! Until the new leg is answered the call is as it was.

use std::time::Instant;

use tracing::info;
use webtrunk_engine::call::{CallCommand, HearSource};
use webtrunk_engine::sdp::{Direction, SessionDescription};
use webtrunk_engine::{EndCause, LegId};

use super::call::{B2bua, Doing};
use super::effect::{Directory, Effect};
use super::party::{Party, PartyState, Purpose};
use super::recording_policy::recording_of_incoming;
use crate::adapter::{Command, Incoming, Supervising, SupervisorMode};

/// A replacement that is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Replacement {
    /// The leg that came in.
    leg: LegId,
    /// Whose place it takes, or whom it supervises.
    of: LegId,
    /// How it supervises that one; `None` takes its place.
    supervises: Option<SupervisorMode>,
}

/// How a party stands whose place another wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// Both parties talk.
    Talks,
    /// It is in a conference.
    Meets,
    /// A callee that has not lifted.
    IsCalled,
    /// A caller that nobody has answered.
    Waits,
}

impl B2bua {
    /// A leg came in that wants the place of one of ours.
    pub(super) fn on_replacing(
        &mut self,
        adapter: &'static str,
        incoming: Incoming,
        directory: &dyn Directory,
    ) {
        let leg = incoming.leg;
        let (of, standing) = match self.check_replacing(&incoming, directory) {
            Ok(replaced) => replaced,
            Err(cause) => {
                info!(%leg, ?cause, "a leg that wants another's place is refused");
                return self.effect(Effect::Refuse { adapter, leg, cause });
            }
        };
        info!(%leg, %of, "a leg wants another's place");
        self.take_in(adapter, incoming, of, None, standing, directory);
    }

    /// A leg came in that wants to supervise one of ours.
    pub(super) fn on_supervising(
        &mut self,
        adapter: &'static str,
        Supervising { incoming, mode, .. }: Supervising,
        of: LegId,
        directory: &dyn Directory,
    ) {
        let leg = incoming.leg;
        if let Err(cause) = self.check_supervising(&incoming.origin, of, directory) {
            info!(%leg, ?cause, "a leg that wants to supervise another is refused");
            return self.effect(Effect::Refuse { adapter, leg, cause });
        }
        info!(%leg, %of, ?mode, "a leg wants to supervise another");
        self.take_in(adapter, incoming, of, Some(mode), Standing::Talks, directory);
    }

    fn take_in(
        &mut self,
        adapter: &'static str,
        incoming: Incoming,
        of: LegId,
        supervises: Option<SupervisorMode>,
        standing: Standing,
        directory: &dyn Directory,
    ) {
        let leg = incoming.leg;
        let state = PartyState::Waiting { has_offered: incoming.offer.is_some() };
        let who = (incoming.origin.clone(), incoming.caller.clone());
        let recording = recording_of_incoming(adapter, &incoming, directory);
        let party = Party::new(leg, who, adapter, incoming.profile, state, &self.span);
        let party = Party { recording, ..party };
        if standing == Standing::Waits {
            return self.become_caller(party, incoming, directory);
        }
        self.replacement = Some(Replacement { leg, of, supervises });
        let has_offered = incoming.offer.is_some();
        let opposite =
            self.opposite(of).or(Some(&self.caller)).map(|party| party.leg).filter(|leg| *leg != of);
        let keys = self.add_incoming(adapter, incoming, opposite, directory);
        let state = PartyState::Describing(Purpose::Replace);
        self.callees.push(Party { keys, state, ..party });
        self.media(if has_offered {
            CallCommand::CreateAnswer { leg, opposite }
        } else {
            CallCommand::CreateOffer { leg, direction: Direction::SendRecv }
        });
    }

    /// The description with which the new leg is answered is ready: our answer, or our offer, whose answer the
    /// confirmation brings.
    pub(super) fn answer_replacing(
        &mut self,
        leg: LegId,
        description: Box<SessionDescription>,
        is_offer: bool,
        now: Instant,
    ) {
        if self.replacement.is_some_and(|it| self.standing(it.of).is_none()) {
            // The party went another way meanwhile.
            self.replacement = None;
            return self.leave(leg, EndCause::Declined);
        }
        let Some(party) = self.party_mut(leg).filter(|party| !party.is_leaving()) else { return };
        party.state = if is_offer { PartyState::Confirming } else { PartyState::Talking };
        let effect = party.signal(Command::Answer { leg, description });
        self.effect(effect);
        self.take_place(now);
    }

    /// The new leg confirmed our offer.
    pub(super) fn on_replacing_acknowledged(
        &mut self,
        leg: LegId,
        description: Option<Box<SessionDescription>>,
    ) {
        let Some(party) = self.party_mut(leg) else { return };
        let Some(description) = description else { return self.leave(leg, EndCause::NotAcceptable) };
        party.state = PartyState::Talking;
        self.media(CallCommand::ReceiveAnswer { leg, description, signalled_from: None });
    }

    /// Whether a leg that wants another's place is not answered yet.
    pub(super) fn is_replacing(&self, leg: LegId) -> bool {
        self.replacement.is_some_and(|it| it.leg == leg)
            || self.party(leg).is_some_and(|it| matches!(it.state, PartyState::Describing(Purpose::Replace)))
    }

    /// A leg is over: where it was to be replaced, the new one has its place, and where it was the new one, the call is
    /// as it was. Whether that is all there is to do about it.
    pub(super) fn on_end_in_replacement(&mut self, leg: LegId, now: Instant) -> bool {
        match self.replacement {
            Some(it) if it.leg == leg => {
                self.replacement = None;
                self.callees.retain(|callee| callee.leg != leg);
                true
            }
            Some(it)
                if it.of == leg
                    && it.supervises.is_none()
                    && matches!(self.standing(leg), Some(Standing::Talks | Standing::Meets)) =>
            {
                self.take_place(now);
                self.callees.retain(|callee| callee.leg != leg);
                true
            }
            _ => false,
        }
    }

    fn check_replacing(
        &self,
        incoming: &Incoming,
        directory: &dyn Directory,
    ) -> Result<(LegId, Standing), EndCause> {
        let party = incoming.replaces.and_then(|of| self.party(of)).ok_or(EndCause::NotFound)?;
        let standing = self.standing(party.leg);
        let is_own = party.origin == incoming.origin && directory.may_transfer(&incoming.origin);
        let picks_up = || directory.may_pick_up(&incoming.origin, &party.origin);
        if !(is_own || standing == Some(Standing::IsCalled) && picks_up()) {
            return Err(EndCause::Forbidden);
        }
        if self.transfer.is_some() || self.replacement.is_some() {
            return Err(EndCause::Glare);
        }
        Ok((party.leg, standing.ok_or(EndCause::Declined)?))
    }

    fn standing(&self, leg: LegId) -> Option<Standing> {
        let party = self.party(leg)?;
        let talks = |party: &Party| matches!(party.state, PartyState::Talking);
        let is_caller = leg == self.caller.leg;
        match (self.doing, &party.state) {
            (Doing::Talking, PartyState::Talking) if is_caller || self.partner == Some(leg) => {
                self.opposite(leg).is_some_and(talks).then_some(Standing::Talks)
            }
            (Doing::Meeting, PartyState::Talking) if is_caller => Some(Standing::Meets),
            (Doing::Calling, PartyState::Dialled { .. } | PartyState::EarlyMedia) => Some(Standing::IsCalled),
            (Doing::Calling, PartyState::Waiting { .. } | PartyState::Early { .. }) if is_caller => {
                Some(Standing::Waits)
            }
            _ => None,
        }
    }

    /// The caller's place is taken before anybody lifted: whoever rings goes on to ring.
    fn become_caller(&mut self, party: Party, incoming: Incoming, directory: &dyn Directory) {
        let leg = party.leg;
        let replaced = std::mem::replace(&mut self.caller, party);
        let of = replaced.leg;
        self.callees.push(replaced);
        self.leave(of, EndCause::AnsweredElsewhere);
        let adapter = self.caller.adapter;
        let opposite = self.partner;
        self.caller.keys = self.add_incoming(adapter, incoming, opposite, directory);
        self.signal_caller(Command::Ring { leg, description: None });
        let Some(partner) = self.partner else { return };
        self.connect(partner);
        if self.party(partner).is_some_and(|it| matches!(it.state, PartyState::EarlyMedia)) {
            self.describe_early();
        }
    }

    /// The new leg is answered, or who had its place has left before: it has the place.
    fn take_place(&mut self, now: Instant) {
        let Some(Replacement { leg, of, supervises }) = self.replacement.take() else { return };
        if let Some(mode) = supervises {
            return self.add_guest(leg, Some((of, mode)));
        }
        info!(%leg, %of, "a leg has taken another's place");
        match self.standing(of) {
            Some(Standing::IsCalled) => return self.pick_up(leg, now),
            Some(Standing::Meets) => {
                self.make_caller(leg);
                // Or it would have its place until it has hung up, and a full room none for the new one.
                self.hear(of, HearSource::Nothing);
                self.leave(of, EndCause::Hangup);
                return self.attend_instead();
            }
            Some(Standing::Talks | Standing::Waits) | None => {}
        }
        let Some(stays) = self.opposite(of).map(|party| party.leg) else { return };
        self.make_caller(stays);
        self.leave(of, EndCause::Hangup);
        self.partner = Some(leg);
        self.connect(leg);
        self.follow_hold(stays);
        self.follow_hold(leg);
    }
}
