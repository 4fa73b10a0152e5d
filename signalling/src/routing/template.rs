//! Texts with references to what a pattern's groups caught: `$1`, `${1}`, `${name}`, `$$`.
//!
//! Every reference is checked when the rule is compiled; expanding cannot fail.

use super::pattern::{Captures, Patterns};
use super::rule::RuleFault;

/// A compiled text.
#[derive(Debug, Clone)]
pub(super) struct Template(Vec<Part>);

#[derive(Debug, Clone)]
enum Part {
    Text(String),
    Numbered(usize),
    Named(String),
}

impl Template {
    pub(super) fn compile(text: &str, patterns: &Patterns) -> Result<Self, RuleFault> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some(at) = rest.find('$') {
            if at > 0 {
                parts.push(Part::Text(rest[..at].to_owned()));
            }
            let (part, after) = reference(&rest[at + 1..])
                .filter(|(part, _)| is_known(part, patterns))
                .ok_or_else(|| RuleFault::Reference { text: text.to_owned(), at: rest[at..].to_owned() })?;
            parts.push(part);
            rest = after;
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest.to_owned()));
        }
        Ok(Self(parts))
    }

    pub(super) fn expand(&self, captures: &Captures<'_>) -> String {
        let mut text = String::new();
        for part in &self.0 {
            text.push_str(match part {
                Part::Text(plain) => plain,
                Part::Numbered(index) => captures.numbered(*index),
                Part::Named(name) => captures.named(name),
            });
        }
        text
    }
}

/// Splits what follows a `$` into the reference and the rest.
fn reference(text: &str) -> Option<(Part, &str)> {
    if let Some(rest) = text.strip_prefix('$') {
        return Some((Part::Text("$".to_owned()), rest));
    }
    let (name, rest) = match text.strip_prefix('{') {
        Some(braced) => braced.split_once('}')?,
        None => text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len())),
    };
    let part = if name.bytes().all(|b| b.is_ascii_digit()) {
        Part::Numbered(name.parse().ok()?)
    } else {
        Part::Named(name.to_owned())
    };
    Some((part, rest))
}

fn is_known(part: &Part, patterns: &Patterns) -> bool {
    match part {
        Part::Text(_) => true,
        Part::Numbered(index) => *index <= patterns.numbered_groups(),
        Part::Named(name) => patterns.has_named_group(name),
    }
}
