//! One rule: who, whereto, what then.

use std::sync::Arc;

use webtrunk_engine::EndCause;

use super::action::{Action, ActionSpec};
use super::conditions::Conditions;
use super::menu::MENU_DEPTH_MAX;
use super::pattern::{Captures, Mismatch, Patterns};
use super::plan::{Decision, Plan, Refusal};
use super::query::Query;
use super::sequence;

/// A rule, as configured. Each pattern must match the whole text.
#[derive(Debug, Clone, PartialEq)]
pub struct RuleSpec {
    /// What errors and logs call it.
    pub name: String,
    /// What was dialled.
    pub destination: String,
    /// The number that the caller shows; `None` for any.
    pub from_number: Option<String>,
    /// The name of the user that calls. Where neither `from_user` nor `from_trunk` is given, the rule
    /// is for every user and for no trunk.
    pub from_user: Option<String>,
    /// The name of the trunk that calls.
    pub from_trunk: Option<String>,
    /// What else must hold.
    pub conditions: Conditions,
    /// What is done, in order.
    pub actions: Vec<ActionSpec>,
}

/// A rule that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("rule {rule:?}: {fault}")]
pub struct RuleError {
    /// The rule's name.
    pub rule: String,
    /// Its place in the list, from 0.
    pub index: usize,
    /// What is wrong with it.
    pub fault: RuleFault,
}

/// What is wrong with a rule.
#[derive(Debug, thiserror::Error)]
pub enum RuleFault {
    /// A pattern is no regular expression, or a monstrous one.
    #[error("{key} is not a usable regular expression: {source}")]
    Expression {
        /// Which pattern.
        key: &'static str,
        /// What the compiler says.
        source: Box<regex::Error>,
    },
    /// A template refers to a group that no pattern has.
    #[error("{text:?} refers at {at:?} to no group of the rule's patterns (a dollar sign is written \"$$\")")]
    Reference {
        /// The template.
        text: String,
        /// The rest of it from the reference on.
        at: String,
    },
    /// The rule does nothing.
    #[error("it has no action")]
    NoAction,
    /// An action comes after one that never ends.
    #[error("{action} is never reached, because {before} before it does not end")]
    Unreachable {
        /// The later action.
        action: &'static str,
        /// The earlier one.
        before: &'static str,
    },
    /// A caller would hear nothing, for it was not answered.
    #[error("{action} needs an answered call; put \"answer\" before it")]
    NotAnswered {
        /// The action.
        action: &'static str,
    },
    /// A call is answered twice.
    #[error("the call is answered already; take the second \"answer\" out")]
    AnsweredTwice,
    /// The steps end, and the call was neither answered, bridged nor refused.
    #[error("it neither answers, bridges nor rejects the call")]
    NoOutcome,
    /// A bridge with an empty list.
    #[error("a bridge needs somebody to call")]
    BridgeToNobody,
    /// A play with an empty list.
    #[error("\"play\" needs a prompt")]
    PlayNothing,
    /// A menu without keys.
    #[error("a menu needs a key to choose")]
    NoChoice,
    /// A menu in a menu in a menu.
    #[error("menus stand in one another {MENU_DEPTH_MAX} deep at most")]
    MenusTooDeep,
    /// A tone that a telephone does not carry.
    #[error("a tone of {frequency_hz} Hz cannot be carried; take 1 to 3999")]
    ToneFrequency {
        /// As configured.
        frequency_hz: u32,
    },
    /// A tone too loud or too faint.
    #[error("a tone of {level_dbm0} dBm0 is out of range; take -60 to 0")]
    ToneLevel {
        /// As configured.
        level_dbm0: f32,
    },
    /// A conference without a room.
    #[error("a conference needs a room")]
    NoRoom,
    /// A call meets others in one room only.
    #[error("a rule may have one conference, since a call meets others in one room only")]
    TwoRooms,
    /// A party too loud or too faint.
    #[error("a gain of {gain_db} dB is out of range; take -40 to 12")]
    Gain {
        /// As configured.
        gain_db: f32,
    },
    /// What is written is no sequence of keys.
    #[error("{text:?} is no sequence of 1 to 8 keys of 0-9, *, #, A-D")]
    Keys {
        /// As configured.
        text: String,
    },
    /// Whoever presses one sequence has pressed another before its end.
    #[error("{one:?} is the begin of {other:?}, so the two cannot be told apart")]
    KeysClash {
        /// The shorter one.
        one: String,
        /// The longer one.
        other: String,
    },
    /// Two rules of one name.
    #[error("another rule has this name")]
    NameTaken,
}

/// A compiled rule.
#[derive(Debug, Clone)]
pub(super) struct Rule {
    pub(super) name: Arc<str>,
    /// As it was configured.
    pub(super) spec: RuleSpec,
    patterns: Patterns,
    actions: Vec<Action>,
}

impl Rule {
    pub(super) fn compile(spec: &RuleSpec) -> Result<Self, RuleFault> {
        sequence::check(&spec.actions)?;
        let patterns = Patterns::compile(spec)?;
        let actions = spec.actions.iter().map(|action| Action::compile(action, &patterns));
        let actions = actions.collect::<Result<_, _>>()?;
        Ok(Self { name: spec.name.as_str().into(), spec: spec.clone(), actions, patterns })
    }

    /// The verdict of this rule, or why it is not for this call.
    pub(super) fn decide(&self, query: &Query<'_>) -> Result<Decision, Mismatch> {
        let captures = self.patterns.matches(query)?;
        Ok(self.run(&captures, query.dice))
    }

    fn run(&self, captures: &Captures<'_>, dice: u64) -> Decision {
        let steps: Option<Vec<_>> = self.actions.iter().map(|action| action.expand(captures, dice)).collect();
        match steps {
            Some(steps) => Decision::Run(Plan { rule: Arc::clone(&self.name), steps: steps.concat() }),
            None => Decision::Refuse {
                cause: EndCause::NotFound,
                reason: Refusal::NobodyToCall { rule: Arc::clone(&self.name) },
            },
        }
    }
}
