//! One of several load testers that made a run together.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::verdict::Fitness;

/// One of several load testers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GeneratorReport {
    /// Its name.
    pub name: String,
    /// Calls of its own that are in the report.
    pub calls: usize,
    /// Of these, calls with which nothing is wrong.
    pub ok: usize,
    /// Calls that it did not begin, since as many as allowed were up.
    pub turned_away: usize,
    /// Its own lateness; `None` where it vanished before it told.
    pub fitness: Option<Fitness>,
    /// The most CPU that it took in a second, in percent of one core.
    pub cpu_percent_max: f64,
    /// By how much its clock was ahead of the leader's, in milliseconds: the begin was told to it in its own time.
    pub clock_ahead_ms: i64,
    /// How long a message to it and its answer took, in milliseconds: so exact is the former.
    pub round_trip_ms: i64,
    /// It was not heard of any more; what is here is what it had told.
    pub has_vanished: bool,
}
