//! One call as it would go, without sockets and in no time (pure): by the plan, the B2BUA and the leg's negotiation of
//! real calls.
//!
//! ```text
//! Incoming, Plan --> B2bua -- Dial --> presumed callee: answers, or fails --.
//!                     |  ^  `-- CallCommand --> engine's Rehearsal --.      |
//!                     |  `--------------- CallEvent, Event <---------+------'
//!                     `-- Ring, Answer, Hangup of the caller --> Rehearsed
//! ```

use std::collections::VecDeque;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use webtrunk_engine::call::{CallEvent, Rehearsal};
use webtrunk_engine::sdp::SessionDescription;
use webtrunk_engine::{EndCause, LegId};

use crate::adapter::{Command, Dial, Event, Incoming};
use crate::b2bua::{B2bua, Directory, Effect, Input, Settings};
use crate::routing::Plan;

/// How long a call may take to come to rest: prompts and waits pass in no time. Chosen by us.
const REST: Duration = Duration::from_secs(60 * 60);

/// Steps after which a call is left as it is. Chosen by us: far more than any plan has.
const STEPS_MAX: usize = 10_000;

/// How callees answer.
pub trait Callees {
    /// What one says to the offer that it is called with.
    ///
    /// # Errors
    /// It fails, by this.
    fn answer(&self, dial: &Dial) -> Result<SessionDescription, EndCause>;

    /// Where its signalling would come from.
    fn address(&self) -> IpAddr;
}

/// What came of a call.
pub struct Rehearsed {
    /// The caller's leg.
    pub caller: LegId,
    /// Everybody who was called, in that order.
    pub dialled: Vec<Dialled>,
    /// The callee that the caller talks with.
    pub partner: Option<LegId>,
    /// What the caller is answered.
    pub answer: Option<Box<SessionDescription>>,
    /// Descriptions that cannot be met, of these legs, and why.
    pub refused: Vec<(LegId, String)>,
    /// How the caller's leg ends by itself: refused, or hung up at the end of the plan.
    pub end: Option<EndCause>,
    /// The media of it all.
    pub media: Rehearsal,
}

/// A call that was placed.
pub struct Dialled {
    /// How, with the offer.
    pub dial: Dial,
    /// What the callee said to it, or how it failed.
    pub answer: Result<SessionDescription, EndCause>,
}

/// A call that is rehearsed.
struct Stage<'c> {
    directory: &'c dyn Directory,
    callees: &'c dyn Callees,
    rehearsed: Rehearsed,
    /// What parties do next.
    events: VecDeque<Event>,
}

/// Has a call run by its plan until it rests, or is over.
pub fn rehearse(
    incoming: Incoming,
    plan: Plan,
    settings: Settings,
    directory: &dyn Directory,
    callees: &dyn Callees,
    media: Rehearsal,
    now: Instant,
) -> Rehearsed {
    let caller = incoming.leg;
    let (dialled, refused) = (Vec::new(), Vec::new());
    let rehearsed = Rehearsed { caller, dialled, partner: None, answer: None, refused, end: None, media };
    let mut stage = Stage { directory, callees, rehearsed, events: VecDeque::new() };
    let call = B2bua::new(incoming, ADAPTER, plan, settings, directory, now);
    stage.run(call, now);
    stage.rehearsed
}

/// What the adapter is called by which the caller came; nobody is asked by this name.
const ADAPTER: &str = "rehearsal";

impl Stage<'_> {
    fn run(&mut self, mut call: B2bua, began_at: Instant) {
        let mut now = began_at;
        for _ in 0..STEPS_MAX {
            while let Some(effect) = call.poll_effect() {
                self.carry_out(effect, now);
            }
            if let Some(event) = self.rehearsed.media.poll_event() {
                if let CallEvent::DescriptionRefused { leg, error } = &event {
                    self.rehearsed.refused.push((*leg, error.to_string()));
                }
                call.handle_input(Input::Media(event), self.directory, now);
            } else if let Some(event) = self.events.pop_front() {
                call.handle_input(Input::Signal(event), self.directory, now);
            } else if call.is_over() {
                return;
            } else {
                match call.poll_timeout().filter(|at| *at <= began_at + REST) {
                    Some(at) => {
                        now = now.max(at);
                        call.handle_timeout(self.directory, now);
                    }
                    None => return,
                }
            }
        }
    }

    fn carry_out(&mut self, effect: Effect, now: Instant) {
        match effect {
            Effect::Media(command) => self.rehearsed.media.obey(command, now),
            Effect::Signal { command, .. } => self.signal(command),
            // Nobody asks for a transfer, nor for another's place.
            Effect::Refuse { .. }
            | Effect::TransferTold { .. }
            | Effect::Joined { .. }
            | Effect::Route { .. } => {}
        }
    }

    fn signal(&mut self, command: Command) {
        match command {
            Command::Dial(dial) => self.dial(*dial),
            Command::Answer { leg, description } if leg == self.rehearsed.caller => {
                self.rehearsed.answer = Some(description);
            }
            Command::Hangup { leg, cause } => {
                if leg == self.rehearsed.caller {
                    self.rehearsed.end = Some(cause);
                }
                if self.rehearsed.partner == Some(leg) {
                    self.rehearsed.partner = None;
                }
                self.events.push_back(Event::Ended { leg, cause });
            }
            // What else is told to parties changes nothing in who talks with whom, and by what.
            Command::Ring { .. }
            | Command::Answer { .. }
            | Command::Reoffer { .. }
            | Command::AnswerReoffer { .. }
            | Command::RefuseReoffer { .. }
            | Command::SendDigit { .. }
            | Command::AnswerCandidates { .. }
            | Command::AnswerRecord { .. }
            | Command::TransferProgress { .. }
            | Command::Tell { .. }
            | Command::PassContent { .. }
            | Command::AnswerContent { .. }
            | Command::SendText(_)
            | Command::AnswerText { .. }
            | Command::Redirect { .. }
            | Command::RefuseCalls
            | Command::Drain => {}
        }
    }

    fn dial(&mut self, dial: Dial) {
        let leg = dial.leg;
        let answer = self.callees.answer(&dial);
        self.events.push_back(match &answer {
            Ok(answer) => {
                self.rehearsed.partner.get_or_insert(leg);
                let description = Some(Box::new(answer.clone()));
                Event::Answered { leg, description, signalled_from: self.callees.address() }
            }
            Err(cause) => Event::Ended { leg, cause: *cause },
        });
        self.rehearsed.dialled.push(Dialled { dial, answer });
    }
}
