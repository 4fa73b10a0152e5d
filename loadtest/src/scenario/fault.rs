//! What is wrong with a scenario: line, key, value and cure, as the gateway tells of its configuration.

use std::fmt::{self, Display};
use std::ops::Range;
use std::path::PathBuf;

/// A scenario that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ScenarioError {
    /// The file cannot be read.
    #[error("{}: cannot be read: {source}; webtrunk-loadtest init writes an example", .file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// It was read, and something in it is wrong.
    #[error("{}", list(.file, .faults))]
    Faulty {
        /// The file.
        file: PathBuf,
        /// What, in the order of its lines.
        faults: Vec<Fault>,
    },
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The line, from 1; 0 where the file as a whole is meant.
    pub line: usize,
    /// The key with its table, such as `traffic[0].arrival`; empty where the reader of TOML stopped.
    pub key: String,
    /// What is wrong.
    pub problem: String,
    /// What to do about it.
    pub cure: String,
}

/// The faults found so far in one text.
pub(super) struct Faults<'t> {
    text: &'t str,
    list: Vec<Fault>,
}

impl<'t> Faults<'t> {
    pub(super) const fn new(text: &'t str) -> Self {
        Self { text, list: Vec::new() }
    }

    /// Notes a fault at `span`; an empty one is that of the file as a whole.
    pub(super) fn add(
        &mut self,
        span: Range<usize>,
        key: impl Into<String>,
        problem: impl Display,
        cure: impl Display,
    ) {
        let before = self.text.as_bytes().get(..span.start).unwrap_or_default();
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        let line = if span.is_empty() { 0 } else { line };
        let (key, problem, cure) = (key.into(), problem.to_string(), cure.to_string());
        self.list.push(Fault { line, key, problem, cure });
    }

    /// What the reader of TOML stopped at.
    pub(super) fn add_structural(&mut self, error: &toml::de::Error) {
        let (message, span) = (error.message(), error.span().unwrap_or_default());
        let expected = message.split_once(", expected ").map(|(_, known)| known);
        let cure = match expected {
            Some(known) if message.starts_with("unknown ") => {
                format!("write one of {}", known.trim_start_matches("one of "))
            }
            Some(known) => format!("write {known}"),
            None if message.starts_with("missing field") => "add it".to_owned(),
            None => "see the lines that webtrunk-loadtest init writes".to_owned(),
        };
        let problem = message.split(", expected ").next().unwrap_or(message).to_owned();
        self.add(span, "", problem, cure);
    }

    /// All of them by line; the file as a whole comes first.
    pub(super) fn into_list(mut self) -> Vec<Fault> {
        self.list.sort_by_key(|fault| fault.line);
        self.list
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.list.is_empty()
    }
}

impl Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line > 0 {
            write!(f, "{}: ", self.line)?;
        }
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        write!(f, "{}; {}", self.problem, self.cure)
    }
}

fn list(file: &std::path::Path, faults: &[Fault]) -> String {
    faults.iter().map(|fault| format!("{}:{fault}", file.display())).collect::<Vec<_>>().join("\n")
}
