//! Calls of one kind.

use super::{Arrival, Length, Silence, Step, Talk};

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

    fn destination(&self, turn: usize) -> &str {
        &self.destinations[turn % self.destinations.len()]
    }
}
