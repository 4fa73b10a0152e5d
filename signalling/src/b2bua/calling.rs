//! Calling others: everyone at once, the first to answer gets the call.

use std::net::IpAddr;
use std::time::Instant;

use tracing::info;
use webtrunk_engine::call::{CallCommand, HearSource, LegSpec, TransportSpec};
use webtrunk_engine::sdp::{Direction, SessionDescription};
use webtrunk_engine::{EndCause, LegId};

use super::call::{B2bua, Doing};
use super::effect::{Directory, Effect, Place};
use super::nowhere;
use super::party::{Dialling, Party, PartyState, Purpose};
use super::recording_policy::recording_of;
use super::round::Round;
use crate::adapter::{self, Command, Dial, MediaProfile, Origin, Target};
use crate::routing::Bridge;
use crate::tie;

impl B2bua {
    /// Makes a leg and an offer for every place of every target.
    pub(super) fn call_all(&mut self, bridge: &Bridge, directory: &dyn Directory, now: Instant) {
        self.round = Round::of(bridge, now);
        let mut shown = self.party(self.anchor()).map(|party| party.identity.clone()).unwrap_or_default();
        if let Some(number) = &bridge.shown_number {
            shown.user.clone_from(number);
        }
        // RFC 7332 4: a call that we pass on has one hop less.
        let Some(hops) = self.hops.checked_sub(1) else {
            self.note_failure(EndCause::TooManyHops);
            return self.give_up_calling(directory, now);
        };
        let passed = self.pass_to(bridge);
        let mut is_nowhere = true;
        for callee in &bridge.callees {
            for place in nowhere::places(&callee.target, directory) {
                // A transfer is for whom it names.
                let device = self.device.as_ref().filter(|_| self.transfer.is_none());
                if !place.is_meant(device) {
                    continue;
                }
                is_nowhere = false;
                let dialling = Dialling {
                    target: place.target.clone(),
                    caller: shown.clone(),
                    headers: bridge.headers.clone(),
                    ring_timeout: callee.ring_timeout,
                    has_successor: bridge.progress_timeout.is_some(),
                    on_behalf_of: self.payer(),
                    transferred_by: self.transferor(),
                    hops,
                    passed: passed.clone(),
                };
                self.call_one(place, dialling, directory);
            }
        }
        if is_nowhere {
            self.note_failure(nowhere::cause(bridge, directory));
        }
        self.give_up_calling(directory, now);
    }

    pub(super) fn call_one(&mut self, place: Place, dialling: Dialling, directory: &dyn Directory) {
        let leg = LegId::next();
        let transport = match place.profile {
            MediaProfile::Webrtc => TransportSpec::Webrtc,
            MediaProfile::Rtp => TransportSpec::Rtp {
                advertised: directory.media_address(place.address),
                signalled_from: place.address,
                srtp: place.srtp,
            },
        };
        let opposite = Some(self.anchor());
        let spec = LegSpec { leg, transport, codecs: place.codecs, keys: place.keys, opposite };
        self.media(CallCommand::AddLeg(Box::new(spec)));
        let who = match &place.target {
            Target::Contact { user, .. } => (Origin::User(user.clone()), user.clone()),
            Target::Trunk { trunk, number } => (Origin::Trunk(trunk.clone()), number.clone()),
            Target::Party { origin, user, .. } => (origin.clone(), user.clone()),
        };
        let who = (who.0, adapter::Party { user: who.1, display_name: String::new() });
        let state = PartyState::Describing(Purpose::Dial(Box::new(dialling)));
        let makes_offer = self.leaves_offer_to(&who.0, directory);
        let recording = recording_of(place.adapter, &who.0, directory);
        let callee = Party::new(leg, who, place.adapter, place.profile, state, &self.span);
        // Nearly always there is one.
        self.callees.reserve_exact(1);
        self.callees.push(Party { keys: place.keys, recording, ..callee });
        if makes_offer {
            self.dial(leg, None);
        } else {
            self.media(CallCommand::CreateOffer { leg, direction: Direction::SendRecv });
        }
    }

    /// Whether a callee makes the offer: where the caller has made none, and the callee is known to.
    fn leaves_offer_to(&self, callee: &Origin, directory: &dyn Directory) -> bool {
        self.transfer.is_none()
            && matches!(self.caller.state, PartyState::Waiting { has_offered: false })
            && directory.makes_late_offers(callee)
    }

    /// The offer for a callee is ready, or is its own to make: it is called.
    pub(super) fn dial(&mut self, leg: LegId, offer: Option<Box<SessionDescription>>) {
        let Some(callee) = self.callees.iter_mut().find(|callee| callee.leg == leg) else { return };
        match std::mem::replace(&mut callee.state, PartyState::Dialled { has_offer: offer.is_some() }) {
            PartyState::Describing(Purpose::Dial(dialling)) => {
                let Dialling {
                    target,
                    caller,
                    headers,
                    ring_timeout,
                    has_successor,
                    on_behalf_of,
                    transferred_by,
                    hops,
                    passed,
                } = *dialling;
                let dial = Dial {
                    leg,
                    target,
                    caller,
                    on_behalf_of,
                    transferred_by,
                    offer,
                    headers,
                    ring_timeout,
                    has_successor,
                    hops,
                    passed,
                    span: callee.span.clone(),
                };
                let effect = callee.signal(Command::Dial(Box::new(dial)));
                self.effect(effect);
            }
            state => callee.state = state,
        }
    }

    /// A callee's phone rings, or it sends early media: the first to do so is heard.
    pub(super) fn on_progress(
        &mut self,
        leg: LegId,
        is_ringing: bool,
        description: Option<Box<SessionDescription>>,
        signalled_from: IpAddr,
    ) {
        // It was given up, and is being told so.
        if self.party(leg).is_none_or(Party::is_leaving) {
            return;
        }
        self.round.heard();
        if self.is_rung_for_transfer(leg) {
            return self.on_transfer_progress(leg, is_ringing, description, signalled_from);
        }
        if self.doing != Doing::Calling {
            return;
        }
        let is_first_early = description.is_some() && self.partner.is_none();
        let Some(callee) = self.callees.iter_mut().find(|callee| callee.leg == leg) else { return };
        match description {
            Some(description) if is_first_early && matches!(callee.state, PartyState::Dialled { .. }) => {
                callee.state = PartyState::EarlyMedia;
                self.partner = Some(leg);
                let signalled_from = Some(signalled_from);
                self.media(CallCommand::ReceiveAnswer { leg, description, signalled_from });
                self.connect(leg);
            }
            _ => {}
        }
        if is_ringing {
            self.tell_ringing();
        }
        let can_say = matches!(self.caller.state, PartyState::Waiting { .. } | PartyState::Early { .. });
        if is_ringing && can_say {
            let leg = self.caller.leg;
            self.signal_caller(Command::Ring { leg, description: None });
        }
    }

    /// A callee lifted: it gets the call, the others stop ringing.
    pub(super) fn on_answered(
        &mut self,
        leg: LegId,
        description: Option<Box<SessionDescription>>,
        signalled_from: IpAddr,
        directory: &dyn Directory,
        now: Instant,
    ) {
        // It was given up, and is being told so.
        if self.party(leg).is_none_or(Party::is_leaving) {
            return;
        }
        let is_for_transfer = self.is_rung_for_transfer(leg);
        if self.doing != Doing::Calling && !is_for_transfer {
            return self.leave(leg, EndCause::Cancelled);
        }
        let Some(callee) = self.callees.iter_mut().find(|callee| callee.leg == leg) else { return };
        match (&callee.state, description) {
            // The answer repeats the early one (RFC 3261 13.2.1).
            (PartyState::EarlyMedia, None) => callee.state = PartyState::Talking,
            (PartyState::Dialled { has_offer: false }, Some(description)) => {
                callee.state = PartyState::Accepting;
                let (opposite, signalled_from) = (Some(self.caller.leg), Some(signalled_from));
                self.media(CallCommand::ReceiveOffer { leg, description, signalled_from });
                self.media(CallCommand::CreateAnswer { leg, opposite });
            }
            // Where early media was heard, another device than that one answered: the call is with it.
            (_, Some(description)) => {
                callee.state = PartyState::Settling;
                let signalled_from = Some(signalled_from);
                self.media(CallCommand::ReceiveAnswer { leg, description, signalled_from });
            }
            (_, None) => {
                self.note_failure(EndCause::NotAcceptable);
                self.leave(leg, EndCause::NotAcceptable);
                return self.give_up_calling(directory, now);
            }
        }
        if is_for_transfer {
            self.leave_others(leg);
            return self.on_transfer_answered(leg);
        }
        self.pick_up(leg, now);
    }

    /// Whoever else rings does so no more.
    fn leave_others(&mut self, leg: LegId) {
        for other in self.rung().filter(|other| *other != leg).collect::<Vec<_>>() {
            self.leave(other, EndCause::AnsweredElsewhere);
        }
    }

    /// The caller talks to this callee from now on; it is answered once what the callee agreed to is known.
    pub(super) fn pick_up(&mut self, leg: LegId, now: Instant) {
        self.leave_others(leg);
        self.forget_redirects();
        self.doing = Doing::Talking;
        self.partner = Some(leg);
        self.connect(leg);
        let is_settled = self.party(leg).is_some_and(Party::is_talking);
        if is_settled && !self.caller.is_talking() && !matches!(self.caller.state, PartyState::Describing(_))
        {
            self.answer_caller(now);
        }
    }

    /// What a callee agreed to decides what the caller is answered.
    pub(super) fn on_callee_agreed(&mut self, leg: LegId, now: Instant) {
        let Some(callee) = self.callees.iter_mut().find(|callee| callee.leg == leg) else { return };
        match callee.state {
            PartyState::Settling => {
                callee.state = PartyState::Talking;
                info!("callee answered");
                if !self.caller.is_talking() {
                    self.answer_caller(now);
                }
            }
            PartyState::EarlyMedia => self.describe_early(),
            _ => {}
        }
    }

    /// Early media is heard where the caller has offered; an offer of ours has to wait for the answer.
    pub(super) fn describe_early(&mut self) {
        if !self.is_originating() && matches!(self.caller.state, PartyState::Waiting { has_offered: true }) {
            self.caller.state = PartyState::Describing(Purpose::Ring);
            let leg = self.caller.leg;
            self.media(CallCommand::CreateAnswer { leg, opposite: self.partner });
        }
    }

    /// Both hear each other.
    pub(super) fn connect(&mut self, callee: LegId) {
        // Nobody is there yet who could hear the first party.
        if self.is_originating() {
            return;
        }
        if self.meeting.is_some() {
            return self.meet();
        }
        let caller = self.caller.leg;
        self.hear(caller, HearSource::Leg(callee));
        self.hear(callee, HearSource::Leg(caller));
        let ends = [caller, callee];
        if ends.iter().all(|leg| self.party(*leg).is_some_and(|party| party.adapter == tie::NAME)) {
            self.effect(Effect::Joined { ends });
        }
    }

    /// When nobody is left who may answer, the plan goes on.
    pub(super) fn give_up_calling(&mut self, directory: &dyn Directory, now: Instant) {
        let is_hopeless = self.rung().all(|leg| self.party(leg).is_none_or(Party::is_leaving));
        if !is_hopeless {
            return;
        }
        if self.transfer.is_some() {
            return self.next_transfer_step(directory, now);
        }
        if self.doing != Doing::Calling {
            return;
        }
        self.partner = None;
        self.next_step(directory, now);
    }

    /// Keeps the cause that tells the caller most.
    pub(super) fn note_failure(&mut self, cause: EndCause) {
        let weight = |cause: EndCause| match cause {
            EndCause::Busy => 6,
            EndCause::Declined => 5,
            EndCause::NoAnswer => 4,
            EndCause::NotFound | EndCause::Forbidden | EndCause::TooManyHops | EndCause::NotAcceptable => 3,
            EndCause::Unavailable => 2,
            _ => 1,
        };
        let failure = self.transfer.as_mut().map_or(&mut self.failure, |transfer| &mut transfer.failure);
        for failure in [failure, &mut self.round.failure] {
            if failure.is_none_or(|known| weight(cause) > weight(known)) {
                *failure = Some(cause);
            }
        }
    }
}
