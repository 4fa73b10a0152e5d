//! A menu: a question that is answered by a key.

use std::sync::Arc;
use std::time::Duration;

use webtrunk_codecs::tone::Digit;

use super::action::{Action, ActionSpec};
use super::pattern::{Captures, Patterns};
use super::plan::Step;
use super::rule::RuleFault;

/// How many menus may stand in one another. Chosen by us: nobody who hears a fifth knows where it is.
pub const MENU_DEPTH_MAX: usize = 4;

/// A menu, with what its keys stand for in one call.
#[derive(Debug, Clone, PartialEq)]
pub struct Menu {
    /// What is heard; never empty.
    pub prompts: Vec<Arc<str>>,
    /// What is heard before them after a key that stands for nothing.
    pub wrong: Vec<Arc<str>>,
    /// The keys, and what is done then.
    pub choices: Vec<(Digit, Vec<Step>)>,
    /// How long after the prompts a key is awaited.
    pub timeout: Duration,
    /// How many more times it is asked where no key of it came.
    pub repeats: u32,
}

/// A menu, as configured.
#[derive(Debug, Clone, PartialEq)]
pub struct MenuSpec {
    /// See [`Menu::prompts`].
    pub prompts: Vec<Arc<str>>,
    /// See [`Menu::wrong`].
    pub wrong: Vec<Arc<str>>,
    /// The keys, and what is done then.
    pub choices: Vec<(Digit, Vec<ActionSpec>)>,
    /// See [`Menu::timeout`].
    pub timeout: Duration,
    /// See [`Menu::repeats`].
    pub repeats: u32,
}

/// A compiled menu.
#[derive(Debug, Clone)]
pub(super) struct MenuAction {
    /// It, but for its choices.
    plain: Menu,
    choices: Vec<(Digit, Vec<Action>)>,
}

impl Menu {
    /// What a key stands for.
    #[must_use]
    pub fn choice(&self, key: Digit) -> Option<&[Step]> {
        self.choices.iter().find(|(known, _)| *known == key).map(|(_, steps)| &**steps)
    }
}

impl MenuAction {
    pub(super) fn compile(spec: &MenuSpec, patterns: &Patterns) -> Result<Self, RuleFault> {
        if spec.prompts.is_empty() {
            return Err(RuleFault::PlayNothing);
        }
        let compile = |(key, actions): &(Digit, Vec<ActionSpec>)| {
            let actions = actions.iter().map(|action| Action::compile(action, patterns));
            Ok((*key, actions.collect::<Result<_, _>>()?))
        };
        let choices = spec.choices.iter().map(compile).collect::<Result<_, RuleFault>>()?;
        let MenuSpec { prompts, wrong, timeout, repeats, .. } = spec.clone();
        Ok(Self { plain: Menu { prompts, wrong, choices: Vec::new(), timeout, repeats }, choices })
    }

    /// The menu of one call. A key whose actions have nobody to call is none of its keys.
    pub(super) fn expand(&self, captures: &Captures<'_>, dice: u64) -> Menu {
        let expand = |(key, actions): &(Digit, Vec<Action>)| {
            let steps: Option<Vec<_>> = actions.iter().map(|action| action.expand(captures, dice)).collect();
            Some((*key, steps?.concat()))
        };
        Menu { choices: self.choices.iter().filter_map(expand).collect(), ..self.plain.clone() }
    }
}
