//! Transfers: a party wants another party in its place.
//!
//! ```text
//!  TransferAsked --- not allowed -----------------------------------------> Failed, the call goes on
//!       |
//!       v  the dial plan, asked by the rights of who asks; or who asks talks with another, whom the tie calls
//!  others ring --- one answers: who stays talks to it ----> Done, who asked is hung up
//!       |  |
//!       |  +------ nobody answers --------------------------> Failed, the call goes on
//!       +--- who asked hangs up: an ordinary call of who stays, which calls those who ring
//! ```
//!
//! Until another has answered the old call is as it was. Whoever stays keeps its leg, and is told nothing:
//! what it hears changes inside. So a party whose side knows of no transfers can be transferred like any other.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use tracing::info;
use webtrunk_engine::call::{CallCommand, HearSource, KeyMode};
use webtrunk_engine::media::PlaybackId;
use webtrunk_engine::sdp::{SessionDescription, SrtpPolicy};
use webtrunk_engine::{EndCause, LegId};

use super::call::{B2bua, Doing};
use super::effect::{Directory, Effect, Place};
use super::party::{Dialling, Party, PartyState};
use crate::adapter::{self, Command, MediaProfile, Origin, Target, TransferProgress};
use crate::routing::{Decision, Record, Step};
use crate::tie;

/// A transfer that is under way.
#[derive(Debug)]
pub(super) struct Transfer {
    /// Who asked for it.
    by: LegId,
    /// The party that stays.
    stays: LegId,
    /// Whether who asked stays too, and all hear each other.
    is_merge: bool,
    /// What the dial plan says, as far as it was not tried.
    steps: VecDeque<Step>,
    /// How the call is recorded from then on, where the plan says so.
    record: Option<Record>,
    /// The most telling cause of those who failed so far.
    pub(super) failure: Option<EndCause>,
}

impl Transfer {
    const fn new(by: LegId, stays: LegId, is_merge: bool) -> Self {
        Self { by, stays, is_merge, steps: VecDeque::new(), record: None, failure: None }
    }

    pub(super) fn is_asked_by(&self, leg: LegId) -> bool {
        self.by == leg
    }

    pub(super) const fn by(&self) -> LegId {
        self.by
    }

    pub(super) const fn steps_mut(&mut self) -> &mut VecDeque<Step> {
        &mut self.steps
    }

    fn is_old(&self, leg: LegId) -> bool {
        leg == self.by || leg == self.stays
    }
}

impl B2bua {
    /// A party wants another in its place.
    pub(super) fn on_transfer_asked(
        &mut self,
        by: LegId,
        destination: String,
        replaces: Option<LegId>,
        directory: &dyn Directory,
    ) {
        match self.ask_for_transfer(by, destination, replaces, directory) {
            Ok(()) => {
                self.party_mut(by).into_iter().for_each(|party| party.is_transferred_from_outside = false);
            }
            Err(cause) => self.refuse_transfer(by, cause),
        }
    }

    /// Begins a transfer, whoever asked for it.
    pub(super) fn ask_for_transfer(
        &mut self,
        by: LegId,
        destination: String,
        replaces: Option<LegId>,
        directory: &dyn Directory,
    ) -> Result<(), EndCause> {
        let Some(party) = self.party(by) else { return Ok(()) };
        // Whoever meets others would hand on but one of them.
        let meets = self.meeting.is_some().then_some(EndCause::NotAcceptable);
        let stays = meets.map_or_else(|| self.check_transfer(party, replaces, directory), Err);
        info!(destination, ?replaces, refusal = ?stays.err(), "party asks for a transfer");
        let (origin, caller) = (party.origin.clone(), party.identity.clone());
        self.transfer = Some(Transfer::new(by, stays?, false));
        match replaces {
            Some(leg) => {
                self.call_party(by, Target::Party { leg, origin, user: destination }, directory);
            }
            None => self.effect(Effect::Route { origin, caller, destination }),
        }
        Ok(())
    }

    /// A party wants whom it talks with elsewhere in this call too.
    pub(super) fn on_merge_asked(&mut self, by: LegId, with: LegId, peer: String, directory: &dyn Directory) {
        let Some(party) = self.party(by) else { return };
        let stays = self.check_transfer(party, Some(with), directory);
        info!(%with, refusal = ?stays.err(), "party asks to have both its calls in one");
        let stays = match stays {
            Ok(stays) => stays,
            Err(cause) => return self.refuse_transfer(by, cause),
        };
        let origin = party.origin.clone();
        self.transfer = Some(Transfer::new(by, stays, true));
        self.party_mut(by).into_iter().for_each(|party| party.is_transferred_from_outside = false);
        self.call_party(by, Target::Party { leg: with, origin, user: peer }, directory);
    }

    /// Who stays where a party asks for a transfer, or why it may not have one.
    fn check_transfer(
        &self,
        party: &Party,
        replaces: Option<LegId>,
        directory: &dyn Directory,
    ) -> Result<LegId, EndCause> {
        if self.transfer.is_some() || self.replacement.is_some() {
            return Err(EndCause::Glare);
        }
        // Both are in this call already.
        if replaces.is_some_and(|leg| self.party(leg).is_some()) {
            return Err(EndCause::NotAcceptable);
        }
        if !directory.may_transfer(&party.origin) {
            return Err(EndCause::Forbidden);
        }
        let stays = self.opposite(party.leg).filter(|_| self.doing == Doing::Talking);
        let talk = |party: &Party| matches!(party.state, PartyState::Talking);
        let stays = stays.filter(|stays| talk(party) && talk(stays) && !self.is_guest(party.leg));
        stays.map(|stays| stays.leg).ok_or(EndCause::NotAcceptable)
    }

    /// Who stays takes the place of who asks in another call of theirs. The dial plan let that one call both, and is not
    /// asked.
    fn call_party(&mut self, by: LegId, target: Target, directory: &dyn Directory) {
        let Some(hops) = self.hops.checked_sub(1) else {
            return self.fail_transfer(EndCause::TooManyHops);
        };
        self.hops = hops;
        self.tell_transferor(by, TransferProgress::Began);
        let dialling = Dialling {
            target: target.clone(),
            caller: self.party(self.anchor()).map(|party| party.identity.clone()).unwrap_or_default(),
            headers: Vec::new(),
            // It rings as long as the other call lets it.
            ring_timeout: Duration::MAX,
            has_successor: false,
            on_behalf_of: None,
            transferred_by: self.transferor(),
            hops,
            passed: adapter::Passage::default(),
        };
        let place = Place {
            adapter: tie::NAME,
            target,
            profile: MediaProfile::Rtp,
            codecs: tie::CODECS.to_vec(),
            keys: KeyMode::Events,
            srtp: SrtpPolicy::Forbid,
            address: Some(tie::ADDRESS),
        };
        self.call_one(place, dialling, directory);
    }

    /// What the dial plan says of it.
    pub(super) fn on_transfer_routed(&mut self, decision: Decision, directory: &dyn Directory, now: Instant) {
        let Some(transfer) = &mut self.transfer else { return };
        let cause = match (decision, self.hops.checked_sub(1)) {
            (Decision::Refuse { cause, reason }, _) => {
                info!(%reason, "transfer is not allowed");
                cause
            }
            (_, None) => EndCause::TooManyHops,
            // A room is met on its own media thread, and a call stays on the one where it began.
            (Decision::Run(plan), _) if plan.room().is_some() => EndCause::NotAcceptable,
            (Decision::Run(plan), Some(hops)) => {
                info!(rule = %plan.rule, "transfer begins");
                transfer.steps = plan.steps.into();
                let by = transfer.by;
                self.hops = hops;
                self.tell_transferor(by, TransferProgress::Began);
                return self.next_transfer_step(directory, now);
            }
        };
        self.fail_transfer(cause);
    }

    /// Runs the plan of a transfer on, until somebody is called: what a caller would have heard before is passed
    /// over, but where it is all that there is to hear, who stays hears it at once.
    pub(super) fn next_transfer_step(&mut self, directory: &dyn Directory, now: Instant) {
        while !self.follow_redirect()
            && let Some(step) = self.transfer.as_mut().map(|transfer| transfer.steps.pop_front())
        {
            let is_passed = matches!(&step, Some(Step::Bridge(bridge)) if !self.is_next(bridge));
            let Some(transfer) = self.transfer.as_mut().filter(|_| !is_passed) else { continue };
            match step {
                Some(Step::Answer | Step::Wait(_)) => {}
                Some(Step::Record(record)) => transfer.record = Some(record),
                Some(Step::StopRecording) => transfer.record = None,
                Some(Step::Bridge(bridge)) => return self.call_all(&bridge, directory, now),
                Some(Step::Reject(cause)) => return self.fail_transfer(cause),
                Some(Step::Hangup) | None => {
                    let cause = transfer.failure.unwrap_or(EndCause::Declined);
                    return self.fail_transfer(cause);
                }
                Some(
                    step @ (Step::Play(_) | Step::Echo | Step::Tone(_) | Step::Conference(_) | Step::Menu(_)),
                ) => {
                    transfer.steps.push_front(step);
                    return self.serve_who_stays(directory, now);
                }
            }
        }
    }

    /// A phone that a transfer calls rings. Nobody hears its early media: the old call goes on.
    pub(super) fn on_transfer_progress(
        &mut self,
        leg: LegId,
        is_ringing: bool,
        description: Option<Box<SessionDescription>>,
        signalled_from: IpAddr,
    ) {
        let Some(party) = self.party_mut(leg) else { return };
        if let Some(description) = description
            && matches!(party.state, PartyState::Dialled { .. })
        {
            // The answer may not repeat it.
            party.state = PartyState::EarlyMedia;
            let signalled_from = Some(signalled_from);
            self.media(CallCommand::ReceiveAnswer { leg, description, signalled_from });
        }
        if let Some(by) = self.transfer.as_ref().map(|transfer| transfer.by).filter(|_| is_ringing) {
            self.tell_transferor(by, TransferProgress::Ringing);
        }
    }

    /// One that a transfer calls lifted; what was agreed may still be to come.
    pub(super) fn on_transfer_answered(&mut self, leg: LegId) {
        if self.party(leg).is_some_and(Party::is_talking) {
            self.complete_transfer(leg);
        }
    }

    /// One that a transfer calls agreed to its media, early or with its answer.
    pub(super) fn on_transfer_agreed(&mut self, leg: LegId) {
        let Some(party) = self.party_mut(leg) else { return };
        if matches!(party.state, PartyState::Settling) {
            party.state = PartyState::Talking;
            self.complete_transfer(leg);
        }
    }

    /// Nobody takes the place of who asked: the old call goes on.
    pub(super) fn fail_transfer(&mut self, cause: EndCause) {
        let rung: Vec<_> = self.rung().collect();
        let Some(transfer) = self.transfer.take() else { return };
        self.forget_redirects();
        for leg in rung {
            self.leave(leg, EndCause::Cancelled);
        }
        info!(?cause, "transfer failed");
        self.tell_transferor(transfer.by, TransferProgress::Failed(cause));
    }

    /// Who asked is gone, as many are once others ring: who stays waits for them as a caller does.
    pub(super) fn on_transferor_gone(&mut self) {
        let Some(Transfer { by, stays, steps, record, failure, .. }) = self.transfer.take() else { return };
        info!("who asked for the transfer is gone");
        self.make_caller(stays);
        self.callees.retain(|callee| callee.leg != by);
        self.steps = steps;
        self.failure = failure;
        let settling = |callee: &&Party| matches!(callee.state, PartyState::Settling);
        self.partner = self.callees.iter().find(settling).map(|callee| callee.leg);
        self.doing = if self.partner.is_some() { Doing::Talking } else { Doing::Calling };
        record.into_iter().for_each(|record| self.plan_recording(record));
        let music = self.settings.music_on_hold.clone();
        let playback = PlaybackId::ENDLESS;
        match (self.partner, music) {
            (Some(partner), _) => {
                self.forget_redirects();
                self.connect(partner);
            }
            (None, None) => self.hear(stays, HearSource::Silence),
            (None, Some(music)) => {
                self.hear(stays, HearSource::Prompts { prompts: vec![music], is_looped: true, playback });
            }
        }
    }

    /// Whom a call in progress is placed for: who stays, in a transfer.
    pub(super) fn anchor(&self) -> LegId {
        self.transfer.as_ref().map_or(self.caller.leg, |transfer| transfer.stays)
    }

    /// Who asked for the transfer under way, as shown.
    pub(super) fn transferor(&self) -> Option<adapter::Party> {
        self.party(self.transfer.as_ref()?.by).map(|party| party.identity.clone())
    }

    /// The user at whose cost others are called: who calls or has it called, or who asked for the transfer under way.
    pub(super) fn payer(&self) -> Option<String> {
        let leg = self.transfer.as_ref().map_or(self.caller.leg, |transfer| transfer.by);
        let origin = self.payer.as_ref().filter(|_| self.transfer.is_none());
        match origin.or(self.party(leg).map(|party| &party.origin))? {
            Origin::User(user) => Some(user.clone()),
            Origin::Trunk(_) => None,
        }
    }

    /// The callees of the step under way: not those who talk while others are called, nor who wants another's place.
    pub(super) fn rung(&self) -> impl Iterator<Item = LegId> {
        let legs = self.callees.iter().map(|callee| callee.leg);
        let legs = legs.filter(|leg| !self.is_replacing(*leg) && !self.is_guest(*leg));
        legs.filter(|leg| self.transfer.as_ref().is_none_or(|transfer| !transfer.is_old(*leg)))
    }

    /// Whether a transfer calls this leg.
    pub(super) fn is_rung_for_transfer(&self, leg: LegId) -> bool {
        let is_callee = self.callees.iter().any(|callee| callee.leg == leg && !callee.is_leaving());
        is_callee
            && !self.is_guest(leg)
            && self.transfer.as_ref().is_some_and(|transfer| !transfer.is_old(leg))
    }

    fn complete_transfer(&mut self, leg: LegId) {
        let Some(Transfer { by, stays, record, is_merge, .. }) = self.transfer.take() else { return };
        self.forget_redirects();
        if is_merge {
            self.tell_transferor(by, TransferProgress::Done);
            return self.add_guest(leg, None);
        }
        info!(to = %leg, "transfer is done");
        self.hand_over(by, stays);
        self.partner = Some(leg);
        self.connect(leg);
        self.follow_hold(stays);
        self.tell_hold(stays);
        record.into_iter().for_each(|record| self.plan_recording(record));
    }

    /// The plan has something to be heard by who stays, and nobody to be called before.
    fn serve_who_stays(&mut self, directory: &dyn Directory, now: Instant) {
        let Some(Transfer { by, stays, steps, record, .. }) = self.transfer.take() else { return };
        info!("transfer is done: the plan goes on with who stays");
        self.hand_over(by, stays);
        self.partner = None;
        self.steps = steps;
        record.into_iter().for_each(|record| self.plan_recording(record));
        self.next_step(directory, now);
    }

    /// Who stays is the caller from now on, and who asked is told so and hung up.
    fn hand_over(&mut self, by: LegId, stays: LegId) {
        self.tell_transferor(by, TransferProgress::Done);
        self.make_caller(stays);
        self.leave(by, EndCause::Hangup);
    }

    pub(super) fn make_caller(&mut self, leg: LegId) {
        if let Some(index) = self.callees.iter().position(|callee| callee.leg == leg) {
            std::mem::swap(&mut self.caller, &mut self.callees[index]);
            self.follow_caller();
        }
        self.caller.hears_instead = None;
    }

    /// Who asked is told how it goes: the party, or nobody where somebody outside has asked.
    fn tell_transferor(&mut self, by: LegId, progress: TransferProgress) {
        let told = self.party(by).map(|party| match party.is_transferred_from_outside {
            true => Effect::TransferTold { leg: by, progress },
            false => party.signal(Command::TransferProgress { leg: by, progress }),
        });
        told.into_iter().for_each(|told| self.effect(told));
    }

    /// The party asked itself, and it is not done.
    fn refuse_transfer(&mut self, by: LegId, cause: EndCause) {
        let progress = TransferProgress::Failed(cause);
        let told = self.party(by).map(|party| party.signal(Command::TransferProgress { leg: by, progress }));
        told.into_iter().for_each(|told| self.effect(told));
    }
}
