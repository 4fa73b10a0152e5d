//! How much load a target bears: it is raised until a threshold breaks, and the knee is looked for between.

mod report;
mod search;

use std::sync::Arc;

use tokio::sync::watch;

pub use report::{CapacityReport, Step};
pub use search::{Found, Held, Search};

use crate::drive::{Crowd, CrowdError, Stop, run};
use crate::load::{LoadError, ProcessMeter};
use crate::report::{Ending, Report};
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
    let crowd = Arc::new(Crowd::open(scenario, |_| ()).await?);
    let play = async |factor: f64| {
        let meter = watched.map(ProcessMeter::new).transpose()?;
        let heavier = scenario.clone().times(factor);
        let report = run(name, heavier, Arc::clone(&crowd), stopper.clone(), meter, |_| ()).await;
        Ok::<_, CapacityError>(Some(report))
    };
    capacity_by(name, search, play, on_step).await
}

/// The same by whoever plays the scenario at so many times its load; `None` where the search is to
/// end there.
///
/// # Errors
/// What `play` says.
pub async fn capacity_by<E>(
    name: &str,
    mut search: Search,
    mut play: impl AsyncFnMut(f64) -> Result<Option<Report>, E>,
    on_step: impl Fn(&Step),
) -> Result<CapacityReport, E> {
    let mut steps = Vec::new();
    while let Some(factor) = search.next_factor() {
        let report = play(factor).await?.filter(|report| report.ending != Ending::BrokenOff);
        let Some(report) = report else { break };
        let step = Step::of(factor, &report);
        on_step(&step);
        search.note(factor, step.held);
        steps.push(step);
        // Whoever is gone bears no other load.
        if report.ending != Ending::Completed {
            break;
        }
    }
    Ok(CapacityReport { scenario: name.to_owned(), found: search.found(), steps })
}
