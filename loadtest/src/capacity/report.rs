//! What came of the search for the knee.

use serde::{Deserialize, Serialize};

use super::{Found, Held};
use crate::report::{Ending, Moment, Report, Summary};
use crate::verdict::Fitness;

/// What came of the search for the knee.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CapacityReport {
    /// The scenario's file.
    pub scenario: String,
    /// The largest load that held, and how sure that is.
    pub found: Found,
    /// Why not all of it was looked for; `None` where it was.
    pub ended_early: Option<String>,
    /// Each run.
    pub steps: Vec<Step>,
}

/// One run at one load.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// Times of the scenario's load.
    pub factor: f64,
    /// How it went.
    pub held: Held,
    /// In a sentence.
    pub told: String,
    /// Calls that were up at the same time, at most.
    pub up_at_most: usize,
    /// The most that the watched process took, in percent of a core.
    pub target_cpu_percent: Option<f64>,
    /// The most memory that it held, in MiB.
    pub target_rss_mib: Option<f64>,
    /// How late the load tester itself was.
    pub fitness: Fitness,
    /// What the watched process took, and the load tester, each second.
    pub curve: Vec<Moment>,
    /// The figures of its calls.
    pub summary: Summary,
}

impl Step {
    pub(super) fn of(factor: f64, report: &Report) -> Self {
        let most = |of: fn(&Moment) -> Option<f64>| report.curve.iter().filter_map(of).max_by(f64::total_cmp);
        let held = match report {
            report if !report.fitness.is_fit => Held::Unfit,
            Report { ending: Ending::AgentsVanished { .. } | Ending::Broken { .. }, .. } => Held::Unfit,
            report if report.is_good() => Held::Held,
            _ => Held::Broke,
        };
        Self {
            factor,
            held,
            told: report.sentence(),
            up_at_most: report.curve.iter().map(|it| it.up).max().unwrap_or_default(),
            target_cpu_percent: most(|it| it.target_cpu_percent),
            target_rss_mib: most(|it| it.target_rss_mib),
            fitness: report.fitness.clone(),
            curve: report.curve.clone(),
            summary: report.summary.clone(),
        }
    }
}

impl CapacityReport {
    /// In one sentence.
    #[must_use]
    pub fn sentence(&self) -> String {
        match &self.ended_early {
            Some(why) => format!("{}; the search ended early: {why}", self.result()),
            None => self.result(),
        }
    }

    fn result(&self) -> String {
        let Found { held, tries, times_held, broke, unfit } = self.found;
        let Some(held) = held else {
            return "no load held; see what the smallest run says".to_owned();
        };
        let of_it = self.steps.iter().filter(|step| (step.factor - held).abs() < 1e-9);
        let calls = of_it.map(|step| step.up_at_most).max().unwrap_or_default();
        let end = match (broke, unfit) {
            (Some(broke), None) => format!("{broke:.2} times broke a threshold"),
            (Some(broke), Some(unfit)) if broke <= unfit => format!("{broke:.2} times broke a threshold"),
            (_, Some(unfit)) => {
                format!("the load tester itself could not put on {unfit:.2} times; the target may bear more")
            }
            (None, None) => "more was not tried".to_owned(),
        };
        format!(
            "{held:.2} times the scenario's load held, {times_held} of {tries} times, with {calls} calls up at most; {end}"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_at_the_end_is_told() {
        let found = Found { held: Some(6.0), tries: 3, times_held: 3, broke: None, unfit: Some(6.5) };
        let scenario = "it".to_owned();
        let mut report = CapacityReport { scenario, found, ended_early: None, steps: Vec::new() };
        assert!(
            report
                .sentence()
                .ends_with("the load tester itself could not put on 6.50 times; the target may bear more")
        );
        report.found.broke = Some(6.2);
        assert!(report.sentence().ends_with("6.20 times broke a threshold"), "{}", report.sentence());
        report.found.held = None;
        assert!(report.sentence().starts_with("no load held"));
    }
}
