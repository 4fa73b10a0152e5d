//! The `menu` action of a rule.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use toml::Spanned;
use webtrunk_codecs::tone::Digit;
use webtrunk_signalling::routing::MenuSpec;

use super::faults::Faults;
use super::prompts::{self, Prompts};
use super::rules::{ActionSection, Known, check_action};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MenuSection {
    prompts: Vec<Spanned<String>>,
    #[serde(default)]
    wrong: Vec<Spanned<String>>,
    keys: BTreeMap<String, Spanned<Vec<Spanned<ActionSection>>>>,
    #[serde(default = "default_timeout")]
    timeout_s: Spanned<u32>,
    #[serde(default = "default_repeats")]
    repeats: Spanned<u32>,
}

/// Time to look at the keys. Chosen by us.
fn default_timeout() -> Spanned<u32> {
    Spanned::new(0..0, 5)
}

/// Who has heard it three times has no more to hear. Chosen by us.
fn default_repeats() -> Spanned<u32> {
    Spanned::new(0..0, 2)
}

/// The longest wait for a key, in seconds, and how often it may be asked again. Chosen by us: longer, and a
/// caller who is gone holds the call for nothing.
const TIMEOUT_MAX_S: u32 = 60;
const REPEATS_MAX: u32 = 10;

impl MenuSection {
    pub(super) fn check(
        &self,
        known: &Known<'_>,
        prompts: &mut Prompts,
        faults: &mut Faults<'_>,
    ) -> Option<MenuSpec> {
        let timeout_s = faults.number(&self.timeout_s, 1..=TIMEOUT_MAX_S, " seconds");
        let repeats = faults.number(&self.repeats, 0..=REPEATS_MAX, "");
        // All are read, so that all faults are told.
        let mut load = |named: &[Spanned<String>], faults: &mut Faults<'_>| {
            let loaded: Vec<_> = named.iter().map(|prompt| prompts::load(prompt, prompts, faults)).collect();
            loaded.into_iter().collect::<Option<Vec<_>>>()
        };
        let (asked, wrong) = (load(&self.prompts, faults), load(&self.wrong, faults));
        let mut choices = Vec::new();
        for (key, actions) in &self.keys {
            let mut letters = key.chars();
            let digit = letters.next().and_then(Digit::parse).filter(|_| letters.next().is_none());
            if digit.is_none() {
                let problem = format!("{key:?} is no key of a phone");
                faults.add(actions.span(), problem, "write one of 0-9, *, #, A-D in quotes");
            }
            let checked = actions.get_ref().iter().map(|action| check_action(action, known, prompts, faults));
            let checked: Vec<_> = checked.collect();
            choices.push((digit, checked.into_iter().collect::<Option<Vec<_>>>()));
        }
        let choices = choices.into_iter().map(|(key, actions)| Some((key?, actions?)));
        Some(MenuSpec {
            prompts: asked?,
            wrong: wrong?,
            choices: choices.collect::<Option<_>>()?,
            timeout: Duration::from_secs(timeout_s.into()),
            repeats,
        })
    }
}
