//! Regular expressions that must match the whole text, and what their groups caught.

use regex::{Regex, RegexBuilder};

use super::conditions::Conditions;
use super::query::Query;
use super::rule::{RuleFault, RuleSpec};
use crate::adapter::Origin;
use crate::auth::issuer::is_guest;

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
    headers: Vec<(String, Regex)>,
    conditions: Conditions,
}

/// What the groups of a rule's patterns caught in one call.
pub(super) struct Captures<'t> {
    destination: regex::Captures<'t>,
    number: Option<regex::Captures<'t>>,
    origin: Option<regex::Captures<'t>>,
    headers: Vec<regex::Captures<'t>>,
}

/// Why a rule is not for a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mismatch {
    /// It is for other users or trunks.
    Origin,
    /// It is for users of other groups.
    Group,
    /// It is for calls from other networks.
    Network,
    /// It is for calls to other listeners.
    Listener,
    /// It is for other times.
    Time,
    /// It is for calls of which this header says something else.
    Header(String),
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
            headers: spec
                .conditions
                .headers
                .iter()
                .map(|header| Ok((header.name.clone(), whole("headers", &header.pattern)?)))
                .collect::<Result<_, _>>()?,
            conditions: spec.conditions.clone(),
        })
    }

    pub(super) fn matches<'t>(&self, query: &Query<'t>) -> Result<Captures<'t>, Mismatch> {
        let captures = |pattern: &Option<Regex>, text: &'t str, miss| match pattern {
            Some(pattern) => pattern.captures(text).map(Some).ok_or(miss),
            None => Ok(None),
        };
        let (pattern, name) = self.origin(query.origin).ok_or(Mismatch::Origin)?;
        let origin = captures(pattern, name, Mismatch::Origin)?;
        self.meets(query)?;
        Ok(Captures {
            origin,
            number: captures(&self.number, &query.caller.user, Mismatch::Number)?,
            destination: self.destination.captures(query.destination).ok_or(Mismatch::Destination)?,
            headers: self.headers_of(query)?,
        })
    }

    /// Whether a call is of the group, from the network, to the listener, at the time.
    fn meets(&self, query: &Query<'_>) -> Result<(), Mismatch> {
        let Conditions { members, networks, listeners, hours, .. } = &self.conditions;
        if let (Some(members), Origin::User(user)) = (members, query.origin)
            && !members.contains(user)
        {
            return Err(Mismatch::Group);
        }
        let is_from = |source| networks.iter().any(|network| network.contains(source));
        if !networks.is_empty() && !query.source.is_some_and(is_from) {
            return Err(Mismatch::Network);
        }
        let is_at = |name| listeners.iter().any(|listener| listener == name);
        if !listeners.is_empty() && !query.listener.is_some_and(is_at) {
            return Err(Mismatch::Listener);
        }
        if hours.as_ref().is_some_and(|hours| !hours.contain(query.at)) {
            return Err(Mismatch::Time);
        }
        Ok(())
    }

    /// What the patterns of headers catch: of a header that is there several times, in the first that matches.
    fn headers_of<'t>(&self, query: &Query<'t>) -> Result<Vec<regex::Captures<'t>>, Mismatch> {
        let caught = self.headers.iter().map(|(name, pattern)| {
            let values = query.headers.iter().filter(|header| header.name.eq_ignore_ascii_case(name));
            let mut caught = values.filter_map(|header| pattern.captures(&header.value));
            caught.next().ok_or_else(|| Mismatch::Header(name.clone()))
        });
        caught.collect()
    }

    /// Whether any pattern has this named group.
    pub(super) fn has_named_group(&self, name: &str) -> bool {
        let optional = [&self.number, &self.user, &self.trunk].into_iter().flatten();
        let headers = self.headers.iter().map(|(_, pattern)| pattern);
        std::iter::once(&self.destination)
            .chain(optional)
            .chain(headers)
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
            Origin::User(name) if is_guest(name) && !self.names_guests() => None,
            Origin::User(name) if self.is_for_users() => Some((&self.user, name)),
            Origin::Trunk(name) if self.trunk.is_some() => Some((&self.trunk, name)),
            Origin::User(_) | Origin::Trunk(_) => None,
        }
    }

    /// Whether guests are meant: what is for all users is not for whom nobody knows.
    fn names_guests(&self) -> bool {
        self.user.as_ref().is_some_and(|pattern| pattern.as_str().contains("guest"))
    }

    fn is_for_users(&self) -> bool {
        self.user.is_some() || self.conditions.members.is_some() || self.trunk.is_none()
    }
}

impl<'t> Captures<'t> {
    /// Group `index` of the destination; 0 is all of it. A group that took no part is empty.
    pub(super) fn numbered(&self, index: usize) -> &'t str {
        self.destination.get(index).map_or("", |group| group.as_str())
    }

    /// A named group, looked up in destination, caller's number, origin and headers, in this order.
    pub(super) fn named(&self, name: &str) -> &'t str {
        let optional = [&self.number, &self.origin].into_iter().flatten();
        std::iter::once(&self.destination)
            .chain(optional)
            .chain(&self.headers)
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
