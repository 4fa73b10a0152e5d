//! What is wrong with a configuration: file, line, key, value and cure, all faults at once.

use std::fmt;
use std::path::PathBuf;

/// A configuration that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{}: cannot be read: {source}", .file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file was read, and something in it is wrong.
    #[error("{}", list(.0))]
    Faulty(Vec<Fault>),
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The file.
    pub file: PathBuf,
    /// The line, from 1; 0 where the file as a whole is meant.
    pub line: usize,
    /// The key with its tables, such as `sip.listeners[0].bind`; empty where the file as a whole is meant.
    pub key: String,
    /// The value as written, shortened; `None` for tables and secrets.
    pub value: Option<String>,
    /// What is wrong.
    pub problem: String,
    /// What to do about it.
    pub cure: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.file.display())?;
        if self.line > 0 {
            write!(f, "{}:", self.line)?;
        }
        match (&self.value, self.key.is_empty()) {
            (_, true) => {}
            (Some(value), false) => write!(f, " {} = {value}:", self.key)?,
            (None, false) => write!(f, " {}:", self.key)?,
        }
        write!(f, " {}; {}", self.problem, self.cure)
    }
}

fn list(faults: &[Fault]) -> String {
    faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}
