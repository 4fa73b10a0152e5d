//! Calls of one kind.

use std::time::Duration;

use super::{Arrival, Doing, Kind, Length, Population, Silence, Step, Talk};

/// Calls of one kind.
#[derive(Debug, Clone)]
pub struct Traffic {
    /// What reports call it.
    pub name: String,
    /// The population that calls.
    pub from: String,
    /// The population that answers; `None` where the target itself does, with an echo.
    pub to: Option<String>,
    /// Whom to call, in turn: `{call}` stands for the number of the call, `{user}` for the name of who is to answer,
    /// `{agent}` for which of several load testers calls. There is at least one.
    pub destinations: Vec<String>,
    /// When calls begin.
    pub arrival: Arrival,
    /// How long they are.
    pub length: Length,
    /// Who talks when.
    pub talk: Talk,
    /// What is sent by who does not.
    pub silence: Silence,
    /// What happens in each, in its order.
    pub steps: Vec<Step>,
    /// Who ends it.
    pub hanger: Hanger,
}

/// Who hangs up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Hanger {
    /// Who called.
    #[default]
    Caller,
    /// Who answered.
    Answerer,
}

/// What is scored has three seconds, and half of one may go by until media flow.
const SPEECH_MIN: Duration = Duration::from_millis(3500);
/// What stands for the number of the call, in five digits.
pub(crate) const CALL: &str = "{call}";
/// What stands for the name of who is to answer.
pub(super) const USER: &str = "{user}";
/// What stands for which of several load testers calls, in two digits: 00 where there is one.
pub(crate) const AGENT: &str = "{agent}";

impl Traffic {
    /// The number to dial in the call of this number, which is this one of its kind in the whole scenario, from 0.
    #[must_use]
    pub fn destination_of(&self, turn: usize, call: usize, user: &str) -> String {
        let destination = self.destination(turn).replace(CALL, &format!("{call:05}"));
        destination.replace(AGENT, "00").replace(USER, user)
    }

    /// Whether the number tells which call it is; otherwise one agent answers one call at a time.
    #[must_use]
    pub fn is_numbered(&self, turn: usize) -> bool {
        self.destination(turn).contains(CALL)
    }

    /// Whether speech in a call of this length can be scored: both ends talk all the time, and for long enough before
    /// anything happens. What a WebSocket that is cut does to the sound is told by hums alone.
    #[must_use]
    pub fn suits_speech(&self, length: Duration) -> bool {
        let played = || self.steps.iter().filter(move |step| step.after <= length);
        let until = played().next().map_or(length, |step| step.after);
        let is_cut = played().any(|step| matches!(step.doing, Doing::DropWebSocket(_)));
        self.talk == Talk::Both && until >= SPEECH_MIN && !is_cut
    }

    /// Whether digits are pressed that another agent is to hear, with these as callers and answerers.
    pub(super) fn has_ways_of_digits(&self, [callers, answerers]: [Option<&Population>; 2]) -> bool {
        let is_heard = |by_answerer: bool| hears_digits(if by_answerer { callers } else { answerers });
        self.to.is_some() && self.steps.iter().any(|step| step.presses() && is_heard(step.by_answerer))
    }

    /// Whether digits are pressed that come back, with these as callers and answerers.
    pub(super) fn has_round_trips_of_digits(&self, [callers, answerers]: [Option<&Population>; 2]) -> bool {
        let returns = self.to.is_none() || answerers.is_some_and(|it| it.returns_digits);
        let presses = |step: &Step| step.presses() && !step.by_answerer;
        returns && hears_digits(callers) && self.steps.iter().any(presses)
    }

    /// Whether there are such lengths.
    pub(super) fn may_suit_speech(&self) -> bool {
        let longest = self.length.longest();
        [SPEECH_MIN, longest].into_iter().any(|it| it <= longest && self.suits_speech(it))
    }

    fn destination(&self, turn: usize) -> &str {
        &self.destinations[turn % self.destinations.len()]
    }
}

/// Pages are told of digits by events, which say no times.
fn hears_digits(population: Option<&Population>) -> bool {
    population.is_none_or(|it| it.kind != Kind::Page)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_speaks_where_what_it_says_can_be_scored() {
        let step =
            |ms: u64, doing: Doing| Step { after: Duration::from_millis(ms), by_answerer: false, doing };
        let traffic = |talk: Talk, steps: Vec<Step>| Traffic {
            name: String::new(),
            from: String::new(),
            to: None,
            destinations: vec!["9196".to_owned()],
            arrival: Arrival::Constant(1.0),
            length: Length::Fixed(6.0),
            talk,
            silence: Silence::Sent,
            steps,
            hanger: Hanger::Caller,
        };
        let cut = || Doing::DropWebSocket(Duration::ZERO);
        for (traffic, seconds, expected) in [
            (traffic(Talk::Both, vec![]), 6, true),
            (traffic(Talk::Both, vec![]), 3, false),
            (traffic(Talk::Caller, vec![]), 6, false),
            (traffic(Talk::Both, vec![step(1000, Doing::Refresh)]), 6, false),
            (traffic(Talk::Both, vec![step(4000, Doing::Refresh)]), 6, true),
            (traffic(Talk::Both, vec![step(4000, cut())]), 6, false),
            (traffic(Talk::Both, vec![step(7000, cut())]), 6, true),
        ] {
            assert_eq!(traffic.suits_speech(Duration::from_secs(seconds)), expected, "{traffic:?}");
        }
        let may = |length: Length, steps: Vec<Step>| {
            Traffic { length, ..traffic(Talk::Both, steps) }.may_suit_speech()
        };
        let either = Length::Uniform { min: 2.0, max: 8.0 };
        assert!(may(either, vec![]) && may(either, vec![step(7000, cut())]), "a short one is not cut");
        assert!(!may(Length::Fixed(3.0), vec![]) && !may(either, vec![step(1000, cut())]));
    }
}
