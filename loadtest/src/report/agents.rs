//! How many agents of a population there were.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How many agents of a population there were.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AgentsReport {
    /// How many there were to be.
    pub wished: usize,
    /// How many connected, and registered where they were to.
    pub ready: usize,
    /// Why others did not, and how many.
    pub failures: BTreeMap<String, usize>,
}
