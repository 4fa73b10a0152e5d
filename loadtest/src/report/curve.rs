//! A run over time.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One second of a run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Moment {
    /// Seconds from the begin of the run.
    pub at_s: f64,
    /// Calls that were up.
    pub up: usize,
    /// Calls that had begun in all.
    pub begun: usize,
    /// CPU of the load tester, in percent of one core, since the moment before.
    pub own_cpu_percent: f64,
    /// CPU of the watched process, likewise; `None` where none is watched or it is gone.
    pub target_cpu_percent: Option<f64>,
    /// Resident memory of the watched process, in MiB.
    pub target_rss_mib: Option<f64>,
}
