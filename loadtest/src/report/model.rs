//! The whole report, as JSON has it.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{AgentsReport, CallReport, GeneratorReport, Moment, Summary, broken};
use crate::scenario::{Breach, Judged, Thresholds};
use crate::verdict::Fitness;

/// The number of this format; another is not read.
pub const FORMAT: u32 = 1;

/// What came of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Report {
    /// [`FORMAT`].
    pub format: u32,
    /// The scenario's file.
    pub scenario: String,
    /// When it began, in seconds since 1970.
    pub began_at: u64,
    /// How long it took, in seconds.
    pub took_s: f64,
    /// How it ended.
    pub ending: Ending,
    /// The agents, by population.
    pub agents: BTreeMap<String, AgentsReport>,
    /// Calls that were not begun, since as many as allowed were up.
    pub turned_away: usize,
    /// The figures of all calls.
    pub summary: Summary,
    /// The load tester's own lateness, and whether it may judge.
    pub fitness: Fitness,
    /// From when on the run has failed.
    pub thresholds: Thresholds,
    /// Thresholds that were not kept.
    pub breaches: Vec<Breach>,
    /// Each second.
    pub curve: Vec<Moment>,
    /// The load testers, where there were several: call n is by the one at n modulo their number.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub generators: Vec<GeneratorReport>,
    /// Each call.
    pub calls: Vec<CallReport>,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "how")]
pub enum Ending {
    /// As it was to.
    Completed,
    /// It was broken off by who ran it.
    BrokenOff,
    /// The target said nothing any more.
    TargetVanished {
        /// What the last call was told.
        last: String,
    },
    /// Of several load testers, some were not heard of any more, so that the others ended their calls.
    AgentsVanished {
        /// Which.
        names: Vec<String>,
    },
    /// The load tester itself broke, and ended the calls that it had.
    Broken {
        /// Why.
        why: String,
    },
}

/// Thresholds that were not kept, and populations in which agents are missing.
pub(crate) fn breaches(
    thresholds: &Thresholds,
    summary: &Summary,
    agents: &BTreeMap<String, AgentsReport>,
) -> Vec<Breach> {
    judged(thresholds, summary, agents).filter_map(Judged::breach).collect()
}

fn judged(
    thresholds: &Thresholds,
    summary: &Summary,
    agents: &BTreeMap<String, AgentsReport>,
) -> impl Iterator<Item = Judged> {
    let populations = agents.iter().map(|(name, agents)| Judged {
        threshold: format!("agents.{name}"),
        limit: agents.wished as f64,
        measured: Some(agents.ready as f64),
        is_kept: agents.ready >= agents.wished,
    });
    thresholds.judged(&summary.measured()).into_iter().chain(populations)
}

impl Report {
    /// All thresholds that were looked at, and populations, of which each agent is to be ready.
    pub fn judged(&self) -> impl Iterator<Item = Judged> {
        judged(&self.thresholds, &self.summary, &self.agents)
    }

    /// Whether it ended as it was to, and every threshold was kept.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.ending == Ending::Completed && self.breaches.is_empty()
    }

    /// In one sentence.
    #[must_use]
    pub fn sentence(&self) -> String {
        let Summary { calls, ok, failed, faulty, .. } = &self.summary;
        let counts = format!("{calls} calls, {ok} good, {failed} failed, {faulty} faulty");
        let ending = match &self.ending {
            Ending::Completed if self.breaches.is_empty() => "every threshold was kept".to_owned(),
            Ending::Completed => {
                let names: Vec<_> = self.breaches.iter().map(Breach::told).collect();
                format!("not kept: {}", names.join(", "))
            }
            Ending::BrokenOff => "broken off".to_owned(),
            Ending::TargetVanished { last } => format!("the target vanished ({last}); is it still running?"),
            Ending::AgentsVanished { names } => {
                let names = names.join(", ");
                format!(
                    "agents vanished ({names}), the rest ended their calls; are they still running, and on the bus?"
                )
            }
            Ending::Broken { why } => broken::told(why),
        };
        let fitness = if self.fitness.is_fit {
            ""
        } else {
            "; the load tester itself was late, so the target is not to blame: use a machine that is less busy"
        };
        format!("{counts}; {ending}{fitness}")
    }
}
