//! Regular expressions that must match the whole text, and what their groups caught.

use regex::{Regex, RegexBuilder};

use super::rule::{RuleFault, RuleSpec};
use crate::adapter::{Origin, Party};

/// Compiled size of one expression, in bytes. Chosen by us: a long list of prefixes fits, a repetition
/// that would eat the machine does not.
const EXPRESSION_SIZE_MAX: usize = 1 << 20;

/// The patterns of one rule. What is `None` matches everything, but see [`Patterns::origin`].
#[derive(Debug, Clone)]
pub(super) struct Patterns {
    destination: Regex,
    number: Option<Regex>,
    user: Option<Regex>,
    trunk: Option<Regex>,
}

/// What the groups of a rule's patterns caught in one call.
pub(super) struct Captures<'t> {
    destination: regex::Captures<'t>,
    number: Option<regex::Captures<'t>>,
    origin: Option<regex::Captures<'t>>,
}

/// Why a rule is not for a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mismatch {
    /// It is for other users or trunks.
    Origin,
    /// It is for other caller's numbers.
    Number,
    /// It is for other destinations.
    Destination,
}

impl Patterns {
    pub(super) fn compile(spec: &RuleSpec) -> Result<Self, RuleFault> {
        let compile = |key, text: &Option<String>| text.as_deref().map(|t| whole(key, t)).transpose();
        Ok(Self {
            destination: whole("destination", &spec.destination)?,
            number: compile("from_number", &spec.from_number)?,
            user: compile("from_user", &spec.from_user)?,
            trunk: compile("from_trunk", &spec.from_trunk)?,
        })
    }

    pub(super) fn matches<'t>(
        &self,
        origin: &'t Origin,
        caller: &'t Party,
        destination: &'t str,
    ) -> Result<Captures<'t>, Mismatch> {
        let captures = |pattern: &Option<Regex>, text: &'t str, miss| match pattern {
            Some(pattern) => pattern.captures(text).map(Some).ok_or(miss),
            None => Ok(None),
        };
        let (pattern, name) = self.origin(origin).ok_or(Mismatch::Origin)?;
        Ok(Captures {
            origin: captures(pattern, name, Mismatch::Origin)?,
            number: captures(&self.number, &caller.user, Mismatch::Number)?,
            destination: self.destination.captures(destination).ok_or(Mismatch::Destination)?,
        })
    }

    /// Whether any pattern has this named group.
    pub(super) fn has_named_group(&self, name: &str) -> bool {
        let optional = [&self.number, &self.user, &self.trunk].into_iter().flatten();
        std::iter::once(&self.destination)
            .chain(optional)
            .any(|pattern| pattern.capture_names().flatten().any(|n| n == name))
    }

    /// How many groups `destination` has, not counting the whole.
    pub(super) fn numbered_groups(&self) -> usize {
        self.destination.captures_len() - 1
    }

    /// The pattern for this kind of caller. A rule that names neither kind is for users alone: a
    /// trunk's calls must be let in by a rule that says so, or they could go out again at our cost.
    fn origin<'t>(&self, origin: &'t Origin) -> Option<(&Option<Regex>, &'t str)> {
        match origin {
            Origin::User(name) if self.user.is_some() || self.trunk.is_none() => Some((&self.user, name)),
            Origin::Trunk(name) if self.trunk.is_some() => Some((&self.trunk, name)),
            Origin::User(_) | Origin::Trunk(_) => None,
        }
    }
}

impl<'t> Captures<'t> {
    /// Group `index` of the destination; 0 is all of it. A group that took no part is empty.
    pub(super) fn numbered(&self, index: usize) -> &'t str {
        self.destination.get(index).map_or("", |group| group.as_str())
    }

    /// A named group, looked up in destination, caller's number and origin, in this order.
    pub(super) fn named(&self, name: &str) -> &'t str {
        let optional = [&self.number, &self.origin].into_iter().flatten();
        std::iter::once(&self.destination)
            .chain(optional)
            .find_map(|captures| captures.name(name))
            .map_or("", |group| group.as_str())
    }
}

/// Compiles an expression that must match from the first to the last character: what is forgotten
/// at an end would otherwise open a dial plan to numbers that merely contain the allowed one.
fn whole(key: &'static str, text: &str) -> Result<Regex, RuleFault> {
    let fault = |source| RuleFault::Expression { key, source: Box::new(source) };
    // By itself first, or `a)|(b` would be valid inside the group below.
    Regex::new(text).map_err(fault)?;
    RegexBuilder::new(&format!(r"\A(?:{text})\z")).size_limit(EXPRESSION_SIZE_MAX).build().map_err(fault)
}
