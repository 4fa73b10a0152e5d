//! Calls that the gateway makes by itself: the first party is called, and is the caller once it has answered.
//!
//! ```text
//!  rings the first --- nobody answers ------------------------------------> over, with their cause
//!       |
//!       v  it answers: is the caller from now on, and hears silence
//!  the dial plan, asked for the second by the rights of who asked --- no --> over
//!       |
//!       v  its steps, as of a call that was answered; while the second rings the first hears that
//! ```
//!
//! Until then a leg that no adapter has stands for who asked, so that everything else is as in any call.

use std::sync::LazyLock;
use std::time::Instant;

use tracing::{Span, info};
use webtrunk_codecs::SampleRate;
use webtrunk_codecs::tone::{Tone, ToneGenerator};
use webtrunk_engine::call::HearSource;
use webtrunk_engine::media::{PlaybackId, Prompt};
use webtrunk_engine::{EndCause, LegId};

use super::call::{B2bua, Doing};
use super::effect::{Directory, Effect, Settings};
use super::party::{Party, PartyState};
use crate::adapter;
use crate::origination::{NAME, Origination};
use crate::routing::{Decision, Plan, Step};

/// What is left of such a call to be done.
#[derive(Debug)]
pub(super) struct Second {
    /// Who is to be called.
    destination: String,
    /// As whom.
    shown: adapter::Party,
    stage: Stage,
}

/// How far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// The first party is called.
    First,
    /// The dial plan is asked for the second.
    Asked,
    /// The plan goes on as of any call.
    Done,
}

/// One second of ringing tone in five, as it is heard again and again (ITU-T E.180).
static RINGBACK: LazyLock<Prompt> = LazyLock::new(|| {
    let rate = SampleRate::HZ_8000;
    let mut samples = vec![0; rate.samples_in_ms(5000)];
    ToneGenerator::new(Tone::ringback(), rate).fill(&mut samples);
    Prompt::new(&samples, rate)
});

impl B2bua {
    /// Takes a call that is to be made, and calls the first party by this plan.
    #[must_use]
    pub fn originate(
        asked: &Origination,
        plan: Plan,
        settings: Settings,
        directory: &dyn Directory,
        now: Instant,
    ) -> Self {
        let incoming = asked.incoming();
        let state = PartyState::Waiting { has_offered: true };
        let span = Span::current();
        let who = (incoming.origin.clone(), incoming.caller.clone());
        let caller = Party::new(incoming.leg, who, NAME, incoming.profile, state, &span);
        // What a caller would have heard before there is nobody to hear.
        let is_kept =
            |step: &Step| matches!(step, Step::Bridge(_) | Step::Reject(_) | Step::Hangup | Step::Record(_));
        let plan = Plan { steps: plan.steps.into_iter().filter(is_kept).collect(), ..plan };
        let mut call = Self::with_caller(caller, &incoming, plan, settings, span);
        call.payer = Some(asked.origin.clone());
        let (destination, shown) = (asked.second.clone(), asked.shown_to_second.clone());
        call.second = Some(Second { destination, shown, stage: Stage::First });
        call.next_step(directory, now);
        call
    }

    /// Whether the first party has not answered.
    pub(super) fn is_originating(&self) -> bool {
        self.second.as_ref().is_some_and(|second| second.stage == Stage::First)
    }

    /// The first party has answered: it is the caller, and the dial plan is asked for the second.
    pub(super) fn call_second(&mut self, first: LegId, now: Instant) {
        let asker = self.caller.leg;
        let Some(second) = &mut self.second else { return };
        second.stage = Stage::Asked;
        let (destination, caller) = (second.destination.clone(), second.shown.clone());
        info!(%first, destination, "the first party has answered");
        self.make_caller(first);
        self.caller.identity = caller.clone();
        self.leave(asker, EndCause::Hangup);
        (self.partner, self.failure, self.doing) = (None, None, Doing::Resting);
        self.steps.clear();
        self.begin_talking(now);
        self.hear(first, HearSource::Silence);
        let origin = self.payer.clone().unwrap_or_else(|| self.caller.origin.clone());
        self.effect(Effect::Route { origin, caller, destination });
    }

    /// What the dial plan says of the second party; `None` where it was asked for something else.
    pub(super) fn on_second_routed(
        &mut self,
        decision: Decision,
        directory: &dyn Directory,
        now: Instant,
    ) -> Option<Decision> {
        let Some(second) = self.second.as_mut().filter(|second| second.stage == Stage::Asked) else {
            return Some(decision);
        };
        second.stage = Stage::Done;
        match decision {
            Decision::Refuse { cause, reason } => {
                info!(%reason, "the second party may not be called");
                self.hang_up(cause);
            }
            // A room is met on its own media thread, and a call stays on the one where it began.
            Decision::Run(plan) if plan.room().is_some() => self.hang_up(EndCause::NotAcceptable),
            Decision::Run(plan) => {
                info!(rule = %plan.rule, "the second party is called");
                self.steps = plan.steps.into();
                self.next_step(directory, now);
            }
        }
        None
    }

    /// The second party's phone rings: the first hears so, unless it hears something of that one.
    pub(super) fn tell_ringing(&mut self) {
        let is_waiting = self.second.is_some() && self.partner.is_none() && self.caller.is_talking();
        if is_waiting && self.transfer.is_none() {
            let (prompts, playback) = (vec![RINGBACK.clone()], PlaybackId::ENDLESS);
            self.hear(self.caller.leg, HearSource::Prompts { prompts, is_looped: true, playback });
        }
    }
}
