//! How much load a target bears: it is raised until a threshold breaks, and the knee is looked for between.

mod report;
mod search;

use std::fmt::Display;
use std::sync::Arc;

use tokio::sync::watch;

pub use report::{CapacityReport, Step};
pub use search::{Found, Held, Search};

use crate::drive::{Crowd, CrowdError, Stop, run};
use crate::load::{LoadError, ProcessMeter};
use crate::report::{Ending, Report, broken};
use crate::scenario::Scenario;

/// A capacity cannot be looked for.
#[derive(Debug, thiserror::Error)]
pub enum CapacityError {
    /// There are no agents.
    #[error(transparent)]
    Crowd(#[from] CrowdError),
    /// The target's process cannot be watched.
    #[error(transparent)]
    Process(#[from] LoadError),
}

/// Plays a scenario at the loads that the search asks for, with the same agents. `on_step` is told of each.
///
/// # Errors
/// There are no agents, or no process to watch.
pub async fn capacity(
    name: &str,
    scenario: &Scenario,
    search: Search,
    watched: Option<u32>,
    stopper: &watch::Sender<Stop>,
    on_step: impl Fn(&Step),
) -> Result<CapacityReport, CapacityError> {
    let crowd = Arc::new(Crowd::open(scenario, stopper).await?);
    let play = async |factor: f64| {
        let meter = watched.map(ProcessMeter::new).transpose()?;
        let heavier = scenario.clone().times(factor);
        let report = run(name, heavier, Arc::clone(&crowd), stopper.clone(), meter, |_| ()).await;
        Ok::<_, CapacityError>(report)
    };
    let report = capacity_by(name, search, play, on_step).await;
    crowd.deregister().await;
    report
}

/// The same by whoever plays the scenario at so many times its load. Where that cannot be any more, the steps so far are reported,
/// with the reason.
///
/// # Errors
/// What `play` says of the first step.
pub async fn capacity_by<E: Display>(
    name: &str,
    mut search: Search,
    mut play: impl AsyncFnMut(f64) -> Result<Report, E>,
    on_step: impl Fn(&Step),
) -> Result<CapacityReport, E> {
    let (mut steps, mut ended_early) = (Vec::new(), None);
    while let Some(factor) = search.next_factor() {
        let report = match play(factor).await {
            Ok(report) => report,
            Err(error) if steps.is_empty() => return Err(error),
            Err(error) => {
                ended_early = Some(format!("{factor:.2} times: {error}"));
                break;
            }
        };
        if report.ending == Ending::BrokenOff {
            ended_early = Some("broken off".to_owned());
            break;
        }
        let step = Step::of(factor, &report);
        on_step(&step);
        search.note(factor, step.held);
        steps.push(step);
        if let Ending::Broken { why } = &report.ending {
            ended_early = Some(format!("{factor:.2} times: {}", broken::told(why)));
        }
        // Whoever is gone bears no other load.
        if report.ending != Ending::Completed {
            break;
        }
    }
    Ok(CapacityReport { scenario: name.to_owned(), found: search.found(), ended_early, steps })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::example;

    /// A search whose first runs end like these; there is nobody for one more.
    async fn searched(runs: &[Ending]) -> Result<CapacityReport, &'static str> {
        let mut runs = runs.iter();
        let play = async |_: f64| {
            let ending = runs.next().cloned().ok_or("1 of 2 agents are there")?;
            Ok::<_, &'static str>(Report { ending, breaches: Vec::new(), ..example::report() })
        };
        capacity_by("it", Search::new(8.0, 1), play, |_| ()).await
    }

    #[tokio::test]
    async fn where_no_further_step_can_be_those_so_far_are_reported_with_the_reason() {
        let report = searched(&[Ending::Completed, Ending::Completed]).await.expect("two steps");
        assert_eq!((report.steps.len(), report.found.held), (2, Some(2.0)));
        assert_eq!(report.ended_early.as_deref(), Some("4.00 times: 1 of 2 agents are there"));
        let told = report.sentence();
        assert!(told.starts_with("2.00 times the scenario's load held"), "{told}");
        assert!(told.ends_with("; the search ended early: 4.00 times: 1 of 2 agents are there"), "{told}");
        let report = searched(&[Ending::Completed, Ending::BrokenOff]).await.expect("one step");
        assert_eq!((report.steps.len(), report.ended_early.as_deref()), (1, Some("broken off")));
    }

    #[tokio::test]
    async fn where_the_load_tester_itself_breaks_the_search_ends_early_and_says_so() {
        let broken = Ending::Broken { why: "no room".to_owned() };
        let report = searched(&[Ending::Completed, broken, Ending::Completed]).await.expect("two steps");
        assert_eq!((report.steps.len(), report.found.held, report.found.unfit), (2, Some(1.0), Some(2.0)));
        let why = report.ended_early.expect("a reason");
        assert!(why.starts_with("2.00 times: the load tester itself broke (no room)"), "{why}");
    }

    #[tokio::test]
    async fn where_no_step_can_be_there_is_no_report() {
        assert_eq!(searched(&[]).await, Err("1 of 2 agents are there"));
    }
}
