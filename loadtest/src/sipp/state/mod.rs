//! How far a walk through a scenario is, and what the call is by then.
//!
//! ```text
//!          sends INVITE                gets 2xx              BYE, REFER
//! Before ----------------> Calling --------------> Up ------------------> Over
//!    |                                             ^
//!    +---- gets INVITE --> Ringing -- sends 2xx ---+
//! ```

mod received;
mod sent;

use std::collections::{BTreeSet, HashMap};

use super::action::Action;
use super::element::{Deed, Doing, Element};
use super::fault::Remark;
use super::message::Message;
use super::pause::Elapsed;
use super::plan::{Course, Identity, Manner, Plan, Step, StepDeed};
use super::variables::{Value, Variables};
use super::words::Words;
use crate::scenario::Length;

/// How far a walk is.
#[derive(Debug, Clone)]
pub(super) struct State {
    /// The element that is next.
    pub(super) at: usize,
    pub(super) variables: Variables,
    /// How often each fork was passed on this way, by its element.
    forks: HashMap<usize, u32>,
    /// What is done otherwise than it stands there.
    pub(super) remarks: BTreeSet<Remark>,
    stage: Stage,
    /// Since the INVITE came, or since the call is up.
    clock: Elapsed,
    /// Since when the other end is on hold.
    held_since: Option<f64>,
    /// The pause that is as long as whoever imports says, in seconds.
    usual: f64,
    identity: Identity,
    manner: Manner,
    steps: Vec<Step>,
    hangs_up: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Before,
    Calling,
    Ringing,
    Up,
    Over,
}

/// A call that is shorter cannot be judged: the first beep that tells of delay comes after two seconds.
const HEARD_SECONDS: f64 = 3.0;
/// What such a call lasts instead.
const SHORT_SECONDS: f64 = 5.0;
/// An hour: what is longer is no call of a load test.
const SECONDS_MAX: f64 = 3600.0;
/// Shorter calls and holds are none.
const SECONDS_MIN: f64 = 0.1;
/// From the last step to the end, at least.
const TAIL_SECONDS: f64 = 1.0;

impl State {
    pub(super) fn new(usual: f64) -> Self {
        Self {
            at: 0,
            variables: Variables::default(),
            forks: HashMap::new(),
            remarks: BTreeSet::new(),
            stage: Stage::Before,
            clock: Elapsed::default(),
            held_since: None,
            usual,
            identity: Identity::default(),
            manner: Manner::default(),
            steps: Vec::new(),
            hangs_up: false,
        }
    }

    /// Does what an element says.
    ///
    /// # Errors
    /// There is no word for it.
    pub(super) fn pass(&mut self, element: &Element, words: &Words<'_>) -> Result<(), Remark> {
        self.at += 1;
        self.remarks.extend(element.otherwise());
        match &element.doing {
            Doing::Send(text) => {
                let text = words.put_in(text, &self.variables);
                let message = Message::parse(&text);
                let message =
                    message.ok_or_else(|| element.remark("begins neither a request nor a response"))?;
                self.send(element, &message, words)?;
            }
            Doing::Receive { awaited, .. } => self.receive(element, awaited)?,
            // Nobody hears how long the end of a call is waited for.
            Doing::Pause(_) if self.stage == Stage::Over => {}
            Doing::Pause(pause) => {
                let waited = self.clock.wait(pause, self.usual, &self.variables);
                let otherwise = waited.map_err(|why| element.remark(why))?;
                self.remarks.extend(otherwise.map(|text| element.remark(text)));
            }
            Doing::Label(_) | Doing::Nothing => {}
            Doing::Impossible(why) => return Err(element.remark(*why)),
        }
        element.actions.iter().try_for_each(|deed| self.act(deed))
    }

    /// The same at another element.
    pub(super) fn jumped(&self, to: usize) -> Self {
        Self { at: to, ..self.clone() }
    }

    /// Counts that a fork is come to; whether it was not more often so far.
    pub(super) fn comes_to(&mut self, fork: usize, most: u32) -> bool {
        let count = self.forks.entry(fork).or_default();
        *count += 1;
        *count <= most
    }

    /// What may come, and makes no difference, comes or not.
    pub(super) fn pass_by(&mut self, element: &Element) {
        self.at += 1;
        self.remarks.extend(element.otherwise());
        for deed in &element.actions {
            match &deed.action {
                Action::Learn(names) => self.forget(names),
                Action::Assign(into, _) | Action::Compute(into, ..) | Action::Compare { into, .. } => {
                    self.variables.set(into, Value::Unknown);
                }
                Action::Nothing => {}
                Action::PassedOver(text) => {
                    self.remarks.insert(deed.remark(*text));
                }
                Action::Press(_) | Action::Impossible(_) => {
                    self.remarks.insert(deed.remark("is passed over: its message comes or not"));
                }
            }
        }
    }

    /// The call that it came to.
    ///
    /// # Errors
    /// It came to none.
    pub(super) fn finish(mut self) -> Result<(Plan, BTreeSet<Remark>), Remark> {
        match self.stage {
            Stage::Before => {
                let text = "has no INVITE: registrations, OPTIONS and messages alone are no calls";
                return Err(Remark::of_file(text));
            }
            Stage::Calling | Stage::Ringing => {
                return Err(Remark::of_file(
                    "ends before its call is answered, which counts as a failure here",
                ));
            }
            Stage::Up => {
                self.remarks.insert(Remark::of_file("ends without a BYE: it hangs up then"));
                self.end(true);
            }
            Stage::Over => {}
        }
        self.steps.sort_by(|one, other| one.after.total_cmp(&other.after));
        let length = self.length()?;
        let course = Course { length, steps: self.steps, hangs_up: self.hangs_up };
        Ok((Plan { identity: self.identity, manner: self.manner, course }, self.remarks))
    }

    fn length(&mut self) -> Result<Length, Remark> {
        let (length, is_exact) = self.clock.length();
        let longest = length.longest().as_secs_f64();
        if longest > SECONDS_MAX {
            let text = format!("has calls of {longest} s; an hour is the longest here");
            return Err(Remark::of_file(text));
        }
        if longest < HEARD_SECONDS {
            let text = format!(
                "has calls of {longest} s, of which too little is heard: they last {SHORT_SECONDS} s"
            );
            self.remarks.insert(Remark::of_file(text));
            return Ok(Length::Fixed(SHORT_SECONDS));
        }
        if !is_exact {
            self.remarks
                .insert(Remark::of_file("has several pauses by chance: the length is about their sum"));
        }
        // What happens at the end is to happen before it.
        let least = self.steps.last().map_or(0.0, |step| step.after + TAIL_SECONDS);
        Ok(match length {
            Length::Fixed(seconds) => Length::Fixed(seconds.max(least)),
            Length::Uniform { min, max } => {
                Length::Uniform { min: min.max(SECONDS_MIN), max: max.max(least) }
            }
            Length::Exponential { mean, max } => Length::Exponential { mean, max: max.max(least) },
        })
    }

    fn act(&mut self, deed: &Deed) -> Result<(), Remark> {
        match &deed.action {
            Action::Nothing => {}
            Action::PassedOver(text) => {
                self.remarks.insert(deed.remark(*text));
            }
            Action::Impossible(why) => return Err(deed.remark(why.as_str())),
            Action::Learn(names) => self.forget(names),
            Action::Assign(into, given) => {
                let value = given.value(&self.variables);
                self.variables.set(into, value);
            }
            Action::Compute(into, operator, given) => {
                let both = self.variables.number(into).zip(given.number(&self.variables));
                let value = both.map(|(left, right)| Value::Number(operator.apply(left, right)));
                self.variables.set(into, value.unwrap_or(Value::Unknown));
            }
            Action::Compare { into, left, comparison, right } => {
                let both = self.variables.number(left).zip(right.number(&self.variables));
                let value = both.map(|(left, right)| Value::Flag(comparison.holds(left, right)));
                self.variables.set(into, value.unwrap_or(Value::Unknown));
            }
            Action::Press(digits) if self.stage == Stage::Up => {
                self.remarks.extend(self.by_chance().map(|text| deed.remark(text)));
                let step = Step { after: self.clock.mean(), deed: StepDeed::Digits(digits.clone()) };
                self.steps.push(step);
            }
            Action::Press(_) => {
                self.remarks.insert(deed.remark("digits out of a call are passed over"));
            }
        }
        Ok(())
    }

    /// Nobody knows these variables from now on.
    fn forget(&mut self, names: &[String]) {
        names.iter().for_each(|name| self.variables.set(name, Value::Unknown));
    }

    /// What is done otherwise with a step that is next.
    fn by_chance(&self) -> Option<&'static str> {
        let text = "comes after a pause by chance, which has its mean here";
        self.clock.is_by_chance().then_some(text)
    }

    fn release(&mut self, now: f64) {
        if let Some(since) = self.held_since.take() {
            let deed = StepDeed::Hold((now - since).max(SECONDS_MIN));
            self.steps.push(Step { after: since, deed });
        }
    }

    fn end(&mut self, hangs_up: bool) {
        self.release(self.clock.mean());
        (self.stage, self.hangs_up) = (Stage::Over, hangs_up);
    }
}
