//! What a reload changes, or would.

use std::fmt;

use serde::{Deserialize, Serialize};

/// In what the file differs from what is in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReloadReport {
    /// Whether it was only looked at.
    pub dry_run: bool,
    /// Each key that differs.
    pub changes: Vec<Difference>,
}

/// One key that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// The key: `media.calls_max`, `rules["abroad"].destination`.
    pub key: String,
    /// What is in force; absent where it is not written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub old: Option<String>,
    /// What the file says; absent where it is not written. Where neither is there, what the key names has changed: a
    /// prompt, a secret in a file, a certificate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new: Option<String>,
    /// Whether a restart alone takes it up.
    pub needs_restart: bool,
}

impl Difference {
    /// What a key names has changed, and not the key.
    pub(super) fn of_content(key: impl Into<String>) -> Self {
        Self { key: key.into(), old: None, new: None, needs_restart: false }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |value: &Option<String>| value.clone().unwrap_or_else(|| "(none)".to_owned());
        match (&self.old, &self.new) {
            (None, None) => write!(f, "{}: what it names has changed", self.key)?,
            (old, new) => write!(f, "{}: {} -> {}", self.key, shown(old), shown(new))?,
        }
        if self.needs_restart { f.write_str(" (by a restart alone)") } else { Ok(()) }
    }
}
