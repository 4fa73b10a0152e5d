//! Answering: parties that came in, and what comes of the descriptions that the engine makes.

use std::time::Instant;

use tracing::warn;
use webtrunk_engine::call::{CallCommand, KeyMode, LegSpec, TransportSpec};
use webtrunk_engine::sdp::{Direction, SessionDescription, SrtpPolicy};
use webtrunk_engine::{EndCause, LegId};

use super::call::{B2bua, Doing};
use super::effect::Directory;
use super::party::{Change, Party, PartyState, Purpose};
use crate::adapter::{Command, Incoming, MediaProfile};
use crate::tie;

impl B2bua {
    /// Adds the leg of a party that came in, with its offer; how its keys travel.
    pub(super) fn add_incoming(
        &mut self,
        adapter: &'static str,
        incoming: Incoming,
        opposite: Option<LegId>,
        directory: &dyn Directory,
    ) -> KeyMode {
        let Incoming { leg, origin, profile, offer, signalled_from, .. } = incoming;
        let is_tied = adapter == tie::NAME;
        let (codecs, srtp, keys) = if is_tied {
            (tie::CODECS.to_vec(), SrtpPolicy::Forbid, KeyMode::Events)
        } else {
            let codecs = directory.caller_codecs(&origin, profile);
            (codecs, directory.caller_srtp(&origin), directory.caller_keys(&origin))
        };
        let transport = match profile {
            MediaProfile::Webrtc => TransportSpec::Webrtc,
            MediaProfile::Rtp => TransportSpec::Rtp {
                advertised: directory.media_address(Some(signalled_from)),
                signalled_from: Some(signalled_from),
                srtp,
            },
        };
        self.media(CallCommand::AddLeg(Box::new(LegSpec { leg, transport, codecs, keys, opposite })));
        if let Some(description) = offer {
            self.media(CallCommand::ReceiveOffer { leg, description, signalled_from: None });
        }
        keys
    }

    /// The caller is answered: the call counts, and is recorded where that is wanted.
    pub(super) fn begin_talking(&mut self, now: Instant) {
        self.answered_at = Some(now);
        self.follow_recording();
    }

    /// Makes the description with which the caller is answered.
    pub(super) fn answer_caller(&mut self, now: Instant) {
        if let Some(first) = self.partner.filter(|_| self.is_originating()) {
            return self.call_second(first, now);
        }
        let leg = self.caller.leg;
        match std::mem::replace(&mut self.caller.state, PartyState::Describing(Purpose::Answer)) {
            PartyState::Early { description } => {
                self.caller.state = PartyState::Talking;
                self.begin_talking(now);
                self.signal_caller(Command::Answer { leg, description });
            }
            PartyState::Waiting { has_offered: false } => {
                self.media(CallCommand::CreateOffer { leg, direction: Direction::SendRecv });
            }
            PartyState::Describing(_) => {}
            _ => self.media(CallCommand::CreateAnswer { leg, opposite: self.partner }),
        }
    }

    pub(super) fn on_offer_ready(&mut self, leg: LegId, description: Box<SessionDescription>, now: Instant) {
        if leg == self.caller.leg && matches!(self.caller.state, PartyState::Describing(_)) {
            self.caller.state = PartyState::Confirming;
            return self.signal_caller(Command::Answer { leg, description });
        }
        if self.party(leg).is_some_and(Party::is_talking) {
            return self.send_offer_in_answer(leg, description);
        }
        if self.is_replacing(leg) {
            return self.answer_replacing(leg, description, true, now);
        }
        self.dial(leg, Some(description));
    }

    pub(super) fn on_answer_ready(
        &mut self,
        leg: LegId,
        description: Box<SessionDescription>,
        directory: &dyn Directory,
        now: Instant,
    ) {
        if self.is_replacing(leg) {
            return self.answer_replacing(leg, description, false, now);
        }
        let is_accepting =
            |callee: &&mut Party| callee.leg == leg && matches!(callee.state, PartyState::Accepting);
        if let Some(callee) = self.callees.iter_mut().find(is_accepting) {
            callee.state = PartyState::Settling;
            let effect = callee.signal(Command::Answer { leg, description });
            return self.effect(effect);
        }
        if leg != self.caller.leg || self.caller.is_talking() || self.caller.change == Change::Answering {
            return self.send_reoffer_answer(leg, description);
        }
        match std::mem::replace(&mut self.caller.state, PartyState::Talking) {
            PartyState::Describing(Purpose::Ring) => {
                self.caller.state = PartyState::Early { description: description.clone() };
                self.signal_caller(Command::Ring { leg, description: Some(description) });
                // Somebody lifted while the early answer was being made.
                if self.doing == Doing::Talking {
                    self.answer_caller(now);
                }
            }
            PartyState::Describing(Purpose::Answer) => {
                self.begin_talking(now);
                self.signal_caller(Command::Answer { leg, description });
                if self.doing == Doing::Answering {
                    self.next_step(directory, now);
                }
            }
            state => self.caller.state = state,
        }
    }

    pub(super) fn on_acknowledged(
        &mut self,
        leg: LegId,
        description: Option<Box<SessionDescription>>,
        directory: &dyn Directory,
        now: Instant,
    ) {
        if leg != self.caller.leg || !matches!(self.caller.state, PartyState::Confirming) {
            if self.party(leg).is_some_and(|party| matches!(party.state, PartyState::Confirming)) {
                return self.on_replacing_acknowledged(leg, description);
            }
            return self.on_reoffer_acknowledged(leg, description);
        }
        let Some(description) = description else {
            warn!("the confirmation of our offer holds no answer");
            return self.hang_up(EndCause::NotAcceptable);
        };
        self.caller.state = PartyState::Talking;
        self.begin_talking(now);
        self.media(CallCommand::ReceiveAnswer { leg, description, signalled_from: None });
        if self.doing == Doing::Answering {
            self.next_step(directory, now);
        }
    }

    pub(super) fn on_description_refused(&mut self, leg: LegId, directory: &dyn Directory, now: Instant) {
        if self.refuse_reoffer(leg) {
            return;
        }
        if leg == self.caller.leg {
            return self.hang_up(EndCause::NotAcceptable);
        }
        self.on_leg_failed(leg, EndCause::NotAcceptable, directory, now);
    }

    pub(super) fn on_agreed(&mut self, leg: LegId, direction: Direction, takes_digits: bool, now: Instant) {
        let Some(party) = self.party_mut(leg) else { return };
        party.direction = Some(direction);
        party.takes_digits = takes_digits;
        self.on_restart_agreed(leg);
        if self.is_replacing(leg) {
            return;
        }
        if self.is_rung_for_transfer(leg) {
            return self.on_transfer_agreed(leg);
        }
        self.follow_hold(leg);
        self.on_callee_agreed(leg, now);
        self.tell_hold(leg);
    }
}
