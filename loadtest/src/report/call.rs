//! One call of a run.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::verdict::{CallVerdict, DirectionVerdict};

/// One call of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CallReport {
    /// Its number, from 0.
    pub call: usize,
    /// What kind of call it was: the name in `traffic`.
    pub traffic: String,
    /// Whom it was to.
    pub destination: String,
    /// When it was dialled, in seconds from the begin of the run.
    pub began_s: f64,
    /// Calls that were up then.
    pub load: usize,
    /// From INVITE to the answer.
    pub setup_ms: Option<f64>,
    /// How long it was up, in seconds.
    pub talked_s: f64,
    /// The codec at the caller.
    pub codec: Option<String>,
    /// The SRTP profile at the caller.
    pub srtp: Option<String>,
    /// How it went.
    pub outcome: Outcome,
    /// What was heard, where it was answered.
    pub verdict: Option<CallVerdict>,
}

/// How a call went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "how")]
pub enum Outcome {
    /// It was answered, and ended as it was to.
    Ended,
    /// It was not answered, or broke.
    Failed {
        /// Why.
        cause: String,
        /// The target said nothing at all.
        is_unheard: bool,
    },
    /// The run was broken off before it was answered.
    BrokenOff,
}

impl CallReport {
    /// It was answered and ended as it was to, whatever was heard.
    #[must_use]
    pub fn is_ended(&self) -> bool {
        self.outcome == Outcome::Ended
    }

    /// It ended as it was to, and something is wrong with what was heard.
    #[must_use]
    pub fn is_faulty(&self) -> bool {
        self.is_ended() && self.verdict.as_ref().is_some_and(|it| it.faults().next().is_some())
    }

    /// Why it failed or is faulty; `ok` for neither.
    #[must_use]
    pub fn causes(&self) -> Vec<String> {
        match &self.outcome {
            Outcome::Failed { cause, .. } => vec![cause.clone()],
            Outcome::BrokenOff => vec!["broken off".to_owned()],
            Outcome::Ended => {
                let kinds = self.verdict.as_ref().map(CallVerdict::fault_kinds).unwrap_or_default();
                if kinds.is_empty() {
                    return vec!["ok".to_owned()];
                }
                kinds.into_iter().map(|kind| kind.name().to_owned()).collect()
            }
        }
    }

    /// Its directions that could be listened to.
    pub fn directions(&self) -> impl Iterator<Item = &DirectionVerdict> {
        self.verdict.iter().flat_map(|it| std::iter::once(&it.to_caller).chain(&it.to_answerer))
    }
}
