//! A scenario: who calls whom, how often, for how long, what happens in a call, and what counts as good.
//!
//! It is one TOML file. What is wrong with it is told with line, key and cure, all of it at once where its structure
//! can be read.

mod accounts;
mod arrival;
mod check;
mod example;
mod fault;
mod file;
mod length;
mod population;
mod safety;
mod share;
mod speech;
mod step;
mod talk;
mod thresholds;
mod traffic;

use std::path::Path;
use std::time::Duration;

pub use accounts::Accounts;
pub use arrival::{Arrival, Arrivals};
pub use example::EXAMPLE;
pub use fault::{Fault, ScenarioError};
pub use length::Length;
pub use population::{Kind, Network, Population, Role};
pub use safety::{is_stranger, strangers};
pub use share::Share;
pub use speech::Speech;
pub use step::{Doing, Step};
pub use talk::{Silence, Talk};
pub use thresholds::{Breach, Judged, Measured, Thresholds};
pub(crate) use traffic::{AGENT, CALL};
pub use traffic::{Hanger, Traffic};

use crate::verdict::Limits;

/// A scenario that makes sense.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// Of all that is left to chance.
    pub seed: u64,
    /// Which part of it is this process's; all of it, unless it is one of several.
    pub share: Share,
    /// Calls that begin at most, in all.
    pub calls: usize,
    /// How long calls begin at most; each ends by itself.
    pub time: Duration,
    /// Calls that are up at one time at most; one more is not begun, and counted.
    pub at_once: usize,
    /// How long a call may ring.
    pub setup: Duration,
    /// Who there is.
    pub populations: Vec<Population>,
    /// Who calls whom.
    pub traffic: Vec<Traffic>,
    /// Which calls speak, and are scored; the others hum.
    pub speech: Option<Speech>,
    /// From when on something is wrong with a call.
    pub limits: Limits,
    /// From when on the run has failed.
    pub thresholds: Thresholds,
}

impl Scenario {
    /// Reads and checks a file.
    ///
    /// # Errors
    /// It cannot be read, or is faulty; then all its faults.
    pub fn load(path: &Path) -> Result<Self, ScenarioError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| ScenarioError::Unreadable { file: path.to_owned(), source })?;
        Self::parse(path, &text)
    }

    /// Checks a text; paths in it are relative to the folder of `path`.
    ///
    /// # Errors
    /// It is faulty; then all its faults.
    pub fn parse(path: &Path, text: &str) -> Result<Self, ScenarioError> {
        check::check(path, text).map_err(|faults| ScenarioError::Faulty { file: path.to_owned(), faults })
    }

    /// The same with arrivals times so much; its bounds stay.
    #[must_use]
    pub fn times(mut self, factor: f64) -> Self {
        for traffic in &mut self.traffic {
            traffic.arrival = traffic.arrival.times(factor);
        }
        self
    }

    /// The population of this name; every name in [`Traffic`] is that of one.
    #[must_use]
    pub fn population(&self, name: &str) -> Option<&Population> {
        self.populations.iter().find(|it| it.name == name)
    }
}
