//! A message out of any call: it goes where the dial plan would let its writer call, to every device there at
//! once unless it is for one, and is answered when the first has it.
//!
//! ```text
//!  Texted --- no rule, a rule without a bridge ----------------------> AnswerText: Failed
//!    |
//!    v  the next bridge of the plan
//!  SendText to each place --- one has it ----------------------------> AnswerText: Done, Deferred
//!    ^        |
//!    |        +-- all failed --- no bridge is left ------------------> AnswerText: the most telling failure
//!    +------------------+
//! ```

use std::collections::VecDeque;

use tracing::{Span, info};
use webtrunk_engine::{EndCause, LegId};

use super::effect::{Directory, Effect, Place};
use super::nowhere;
use crate::adapter::{Command, Delivery, Origin, SendText, Target, Text};
use crate::routing::{Bridge, Decision, Step};

/// One message on its way.
#[derive(Debug)]
pub struct Courier {
    text: Text,
    adapter: &'static str,
    steps: VecDeque<Step>,
    /// The sendings that have not ended.
    pending: Vec<LegId>,
    failure: Option<Delivery>,
    is_over: bool,
    effects: VecDeque<Effect>,
}

impl Courier {
    /// Takes a message and what the dial plan says of it.
    #[must_use]
    pub fn new(text: Text, adapter: &'static str, decision: Decision, directory: &dyn Directory) -> Self {
        let mut courier = Self {
            text,
            adapter,
            steps: VecDeque::new(),
            pending: Vec::new(),
            failure: None,
            is_over: false,
            effects: VecDeque::new(),
        };
        match decision {
            _ if !directory.may_text(&courier.text.origin) => courier.fail(EndCause::Forbidden),
            Decision::Refuse { cause, reason } => {
                info!(%reason, "message refused");
                courier.fail(cause);
            }
            Decision::Run(plan) => {
                info!(rule = %plan.rule, "message taken");
                courier.steps = plan.steps.into();
                courier.next_step(directory);
            }
        }
        courier
    }

    /// A sending ended.
    pub fn handle_sent(&mut self, leg: LegId, delivery: Delivery, directory: &dyn Directory) {
        let before = self.pending.len();
        self.pending.retain(|pending| *pending != leg);
        if self.is_over || self.pending.len() == before {
            return;
        }
        match delivery {
            Delivery::Done | Delivery::Deferred => self.end(delivery),
            failure => {
                self.note(failure);
                if self.pending.is_empty() {
                    self.next_step(directory);
                }
            }
        }
    }

    /// Gives it up: the process goes down.
    pub fn give_up(&mut self, cause: EndCause) {
        if !self.is_over {
            self.fail(cause);
        }
    }

    /// What is to be done; call until `None`.
    pub fn poll_effect(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }

    /// Whether its writer was answered. What still comes of it is of no use.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        self.is_over
    }

    /// Runs the plan on to the next bridge: what is heard or waited for means nothing to a message, but where it is
    /// all that there is, nobody is there to read.
    fn next_step(&mut self, directory: &dyn Directory) {
        loop {
            match self.steps.pop_front() {
                Some(Step::Bridge(bridge)) => {
                    self.send_all(&bridge, directory);
                    if self.is_over || !self.pending.is_empty() {
                        return;
                    }
                }
                Some(Step::Answer | Step::Wait(_) | Step::Record(_) | Step::StopRecording) => {}
                Some(Step::Reject(cause)) => return self.fail(cause),
                Some(Step::Play(_) | Step::Echo | Step::Tone(_) | Step::Conference(_) | Step::Menu(_)) => {
                    self.note(Delivery::Failed(EndCause::NotAcceptable));
                }
                Some(Step::Hangup) | None => {
                    return self.end(self.failure.unwrap_or(Delivery::Failed(EndCause::NotFound)));
                }
            }
        }
    }

    fn send_all(&mut self, bridge: &Bridge, directory: &dyn Directory) {
        // RFC 7332 4: what we pass on has one hop less.
        let Some(hops) = self.text.hops.checked_sub(1) else { return self.fail(EndCause::TooManyHops) };
        let callees = bridge.callees.iter();
        let device = self.text.device.as_ref();
        let places = callees.flat_map(|callee| nowhere::places(&callee.target, directory));
        let places: Vec<_> = places.filter(|place| place.is_meant(device)).collect();
        if places.is_empty() {
            self.note(Delivery::Failed(nowhere::cause(bridge, directory)));
        }
        for place in places {
            let who = match &place.target {
                Target::Contact { user, .. } => Origin::User(user.clone()),
                Target::Trunk { trunk, .. } => Origin::Trunk(trunk.clone()),
                // A place in a call is for calls.
                Target::Party { .. } => continue,
            };
            if directory.may_text(&who) {
                self.send(place, bridge, hops);
            } else {
                self.note(Delivery::Failed(EndCause::Forbidden));
            }
        }
    }

    fn send(&mut self, place: Place, bridge: &Bridge, hops: u8) {
        let leg = LegId::next();
        let mut sender = self.text.sender.clone();
        if let Some(number) = &bridge.shown_number {
            sender.user.clone_from(number);
        }
        let on_behalf_of = match &self.text.origin {
            Origin::User(user) => Some(user.clone()),
            Origin::Trunk(_) => None,
        };
        let text = SendText {
            leg,
            target: place.target,
            sender,
            on_behalf_of,
            content: self.text.content.clone(),
            hops,
            span: Span::current(),
        };
        self.pending.push(leg);
        let command = Command::SendText(Box::new(text));
        self.effects.push_back(Effect::Signal { adapter: place.adapter, command });
    }

    fn fail(&mut self, cause: EndCause) {
        self.end(Delivery::Failed(cause));
    }

    fn end(&mut self, delivery: Delivery) {
        self.is_over = true;
        info!(?delivery, "message answered");
        let command = Command::AnswerText { leg: self.text.leg, delivery };
        self.effects.push_back(Effect::Signal { adapter: self.adapter, command });
    }

    /// Keeps the failure that tells the writer most.
    fn note(&mut self, failure: Delivery) {
        let weight = |failure: Delivery| match failure {
            Delivery::TooLarge | Delivery::TypeNotTaken => 4,
            Delivery::Failed(EndCause::Forbidden | EndCause::Declined | EndCause::TooManyHops) => 3,
            Delivery::Failed(EndCause::Unavailable | EndCause::NoAnswer | EndCause::Busy) => 2,
            Delivery::Failed(_) | Delivery::Done | Delivery::Deferred => 1,
        };
        if self.failure.is_none_or(|known| weight(failure) > weight(known)) {
            self.failure = Some(failure);
        }
    }
}
