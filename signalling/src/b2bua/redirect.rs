//! Redirections: whom a call was placed to says that it is to be called elsewhere (RFC 3261 8.1.3.4).
//!
//! ```text
//!  Redirected, Ended --- not to be followed ------------------> one that is unavailable, like others
//!      |
//!      v   nobody else rings
//!  the dial plan, asked for one place after the other, by the rights of who placed the call
//!      |             `--- not allowed, or too often ----------> the next; behind the last the old plan goes on
//!      v
//!  its steps come before the next place and what is left of the old plan
//! ```
//!
//! Where it is to be told, the caller is, when the plan is over and nobody has answered.

use std::collections::VecDeque;
use std::time::Instant;

use tracing::info;
use webtrunk_engine::{EndCause, LegId};

use super::call::{B2bua, Doing};
use super::effect::{Directory, Effect, Redirects};
use super::party::PartyState;
use crate::adapter::Command;
use crate::routing::{Decision, Step};

/// How many places a call may be sent on to, one after the other. Chosen by us: whoever sends it on more often sends it
/// in a circle.
const PLACES_MAX: usize = 5;

/// Where a call is sent on to.
#[derive(Debug, Default)]
pub(super) struct Redirection {
    /// Places that were not asked for, the next first.
    places: VecDeque<Elsewhere>,
    /// How many there were so far.
    count: usize,
    /// The dial plan is asked for one.
    is_asked: bool,
    /// Places that the caller is to be told.
    told: Vec<String>,
}

/// A place that somebody who was called has named.
#[derive(Debug)]
struct Elsewhere {
    destination: String,
    /// Steps of the plan that come behind it: while more are left, they are another place's.
    behind: usize,
}

impl Redirection {
    /// Whether the call was sent on.
    pub(super) const fn is_followed(&self) -> bool {
        self.count > 0
    }
}

impl B2bua {
    /// A callee is to be called elsewhere; its leg ends next.
    pub(super) fn on_redirected(&mut self, leg: LegId, places: Vec<String>, directory: &dyn Directory) {
        // One that was given up is being told so.
        let callee = self.callees.iter().find(|callee| callee.leg == leg && !callee.is_leaving());
        let Some(party) = callee else { return };
        let redirects = directory.redirects(&party.origin);
        info!(?places, redirects = redirects.as_str(), "callee is to be called elsewhere");
        let behind = self.steps_left().len();
        let Redirection { places: known, count, told, .. } = &mut self.redirection;
        match redirects {
            Redirects::Refuse => {}
            Redirects::Follow => {
                let left = PLACES_MAX.saturating_sub(*count);
                *count += places.len().min(left);
                // Where a place sends the call on comes before the next place.
                for destination in places.into_iter().take(left).rev() {
                    known.push_front(Elsewhere { destination, behind });
                }
            }
            // Who asks for a transfer is told how it goes in other words.
            Redirects::Pass if self.transfer.is_some() => {}
            Redirects::Pass => {
                told.extend(places);
                told.truncate(PLACES_MAX);
            }
        }
    }

    /// Asks for the next place, where there is one and nothing is left to do for the one before: nobody rings any more, and
    /// the plan is about to go on. Whether it did.
    pub(super) fn follow_redirect(&mut self) -> bool {
        let left = self.steps_left().len();
        if self.redirection.places.front().is_none_or(|next| left > next.behind) {
            return false;
        }
        let Some(Elsewhere { destination, .. }) = self.redirection.places.pop_front() else { return false };
        let asker = self.transfer.as_ref().map_or(self.caller.leg, |transfer| transfer.by());
        let Some(party) = self.party(asker) else { return false };
        let (origin, caller) = (party.origin.clone(), party.identity.clone());
        self.redirection.is_asked = true;
        if self.transfer.is_none() {
            self.doing = Doing::Calling;
        }
        self.effect(Effect::Route { origin, caller, destination });
        true
    }

    /// What is left of the plan by which somebody is called: a transfer has its own.
    fn steps_left(&mut self) -> &mut VecDeque<Step> {
        self.transfer.as_mut().map_or(&mut self.steps, |transfer| transfer.steps_mut())
    }

    /// Somebody answered, or nobody is called any more.
    pub(super) fn forget_redirects(&mut self) {
        self.redirection = Redirection::default();
        self.rang_last = None;
    }

    /// The plan is over, and nobody has answered: the caller is refused, or told where to call instead, unless somebody
    /// declined (RFC 3261 16.7 puts a 3xx before all but a 6xx).
    pub(super) fn end_plan(&mut self) {
        let cause = self.failure.unwrap_or(EndCause::Hangup);
        let places = std::mem::take(&mut self.redirection.told);
        let may_be_told = self.answered_at.is_none() && !self.caller.is_leaving();
        if !places.is_empty() && may_be_told && cause != EndCause::Declined {
            info!(?places, "the caller is to call elsewhere");
            self.caller.state = PartyState::Leaving;
            let leg = self.caller.leg;
            self.signal_caller(Command::Redirect { leg, places });
        }
        self.hang_up(cause);
    }

    /// What the dial plan says of it; `false` where it was asked for something else.
    pub(super) fn on_redirect_routed(
        &mut self,
        decision: &Decision,
        directory: &dyn Directory,
        now: Instant,
    ) -> bool {
        if !std::mem::take(&mut self.redirection.is_asked) {
            return false;
        }
        match decision {
            // A room is met on its own media thread, and a call stays on the one where it began.
            Decision::Run(plan) if plan.room().is_none() => {
                info!(rule = %plan.rule, "call goes elsewhere");
                // Who was served there wants neither the next place nor the old plan, which are for those who reached nobody.
                let is_served = plan.steps.iter().any(serves);
                if is_served {
                    self.redirection.places.clear();
                }
                let end = is_served.then_some(Step::Hangup);
                let steps = self.steps_left();
                for step in plan.steps.iter().cloned().chain(end).rev() {
                    steps.push_front(step);
                }
            }
            Decision::Run(_) => self.note_failure(EndCause::NotAcceptable),
            Decision::Refuse { cause, reason } => {
                info!(%reason, "call may not go elsewhere");
                self.note_failure(*cause);
            }
        }
        self.give_up_calling(directory, now);
        true
    }
}

/// Whether the caller hears something of the gateway's own by this step.
const fn serves(step: &Step) -> bool {
    matches!(step, Step::Play(_) | Step::Echo | Step::Tone(_) | Step::Conference(_) | Step::Menu(_))
}
