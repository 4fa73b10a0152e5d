//! How much load a target bears: it is raised until a threshold breaks, and the knee is looked for between.

mod report;
mod search;

use std::sync::Arc;

use tokio::sync::watch;

pub use report::{CapacityReport, Step};
pub use search::{Found, Held, Search};

use crate::drive::{Crowd, CrowdError, Stop, run};
use crate::load::{LoadError, ProcessMeter};
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
    mut search: Search,
    watched: Option<u32>,
    stopper: &watch::Sender<Stop>,
    on_step: impl Fn(&Step),
) -> Result<CapacityReport, CapacityError> {
    let crowd = Arc::new(Crowd::open(scenario, |_| ()).await?);
    let mut steps = Vec::new();
    while let Some(factor) = search.next_factor() {
        let mut heavier = scenario.clone();
        for traffic in &mut heavier.traffic {
            traffic.arrival = traffic.arrival.times(factor);
        }
        let meter = watched.map(ProcessMeter::new).transpose()?;
        let report = run(name, heavier, Arc::clone(&crowd), stopper.clone(), meter, |_| ()).await;
        if *stopper.borrow() == Stop::BrokenOff {
            break;
        }
        let step = Step::of(factor, &report);
        on_step(&step);
        search.note(factor, step.held);
        let is_gone = *stopper.borrow() != Stop::Going;
        steps.push(step);
        if is_gone {
            break;
        }
    }
    Ok(CapacityReport { scenario: name.to_owned(), found: search.found(), steps })
}
