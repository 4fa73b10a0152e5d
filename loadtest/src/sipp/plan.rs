//! What a way through a scenario comes to: a call, as scenarios of ours say it.

use super::message::Login;
use crate::scenario::Length;

/// A call.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Plan {
    pub(super) identity: Identity,
    pub(super) manner: Manner,
    pub(super) course: Course,
}

/// Who calls whom; another one for each line of an injection file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Identity {
    /// The user of From.
    pub(super) user: Option<String>,
    /// Who answers challenges, where they are expected.
    pub(super) login: Option<Login>,
    /// The user, number or URI that is called; empty of whoever answers.
    pub(super) destination: String,
}

/// What whoever plays the scenario is like.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Manner {
    pub(super) is_answerer: bool,
    pub(super) registers: bool,
    /// The domain that is called.
    pub(super) domain: Option<String>,
    /// Seconds from the INVITE to the answer.
    pub(super) rings: f64,
    pub(super) codecs: Vec<&'static str>,
    pub(super) profile: Option<&'static str>,
}

/// What happens in the call.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Course {
    pub(super) length: Length,
    pub(super) steps: Vec<Step>,
    /// Whoever plays the scenario hangs up.
    pub(super) hangs_up: bool,
}

/// Something that happens, so many seconds after the answer.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Step {
    pub(super) after: f64,
    pub(super) deed: StepDeed,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum StepDeed {
    Digits(String),
    /// For so many seconds.
    Hold(f64),
    Refresh,
    Transfer(String),
}

impl Plan {
    /// Whether it is the same call but for who answers challenges: of that, the target may know better.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        let registers = other.manner.registers;
        let manner = Manner { registers, ..self.manner.clone() };
        let login = other.identity.login.clone();
        let identity = Identity { login, ..self.identity.clone() };
        manner == other.manner && identity == other.identity && self.course == other.course
    }
}
