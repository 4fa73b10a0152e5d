//! What a rule asks of a call besides who calls whom: where it came from, when, and what it says.

use std::collections::HashSet;

use webtrunk_engine::net::Network;

use super::hours::Hours;

/// What must hold besides the patterns; what is empty, or `None`, always does.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Conditions {
    /// The users that the rule is for, by name: the members of its groups.
    pub members: Option<HashSet<String>>,
    /// Where the signalling comes from: one of these.
    pub networks: Vec<Network>,
    /// The names of the listeners that calls come to: one of these.
    pub listeners: Vec<String>,
    /// When the call comes.
    pub hours: Option<Hours>,
    /// What headers say: all of these.
    pub headers: Vec<HeaderPattern>,
}

/// What a header must say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeaderPattern {
    /// Its name, in its long form; compared without case.
    pub name: String,
    /// A regular expression that one of its values matches as a whole.
    pub pattern: String,
}
