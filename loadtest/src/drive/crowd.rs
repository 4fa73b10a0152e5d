//! All agents of a scenario, connected and registered.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use tokio::task::JoinSet;

use super::agent::Agent;
use super::answerers::Answerers;
use crate::agent::AgentError;
use crate::report::AgentsReport;
use crate::scenario::{Population, Role, Scenario};

/// All agents of a scenario.
#[derive(Debug)]
pub struct Crowd {
    pub(super) callers: HashMap<String, Vec<Arc<Agent>>>,
    pub(super) answerers: HashMap<String, Answerers>,
    /// How many there are of those that were wished.
    pub(super) report: BTreeMap<String, AgentsReport>,
}

/// A population has nobody.
#[derive(Debug, thiserror::Error)]
#[error("none of the agents {name:?} is ready: {error}")]
pub struct CrowdError {
    /// Which.
    pub name: String,
    /// Why the first of them is not.
    #[source]
    pub error: AgentError,
}

/// Agents that connect at one time.
const CONNECTING_MAX: usize = 20;

impl Crowd {
    /// Connects all of them, a few at a time; who fails is missing.
    ///
    /// # Errors
    /// All of a population fail.
    pub async fn open(scenario: &Scenario, on_ready: impl Fn(usize)) -> Result<Self, CrowdError> {
        let mut crowd = Self { callers: HashMap::new(), answerers: HashMap::new(), report: BTreeMap::new() };
        let mut all = 0;
        for population in &scenario.populations {
            let (agents, report) = open(population, || {
                all += 1;
                on_ready(all);
            })
            .await?;
            crowd.report.insert(population.name.clone(), report);
            let name = population.name.clone();
            if population.role != Role::Answerer {
                let callers = agents.iter().map(|(_, agent)| Arc::clone(agent)).collect();
                crowd.callers.insert(name.clone(), callers);
            }
            if population.role != Role::Caller {
                crowd.answerers.insert(name, Answerers::start(agents));
            }
        }
        Ok(crowd)
    }
}

async fn open(
    population: &Population,
    mut on_ready: impl FnMut(),
) -> Result<(Vec<(String, Arc<Agent>)>, AgentsReport), CrowdError> {
    let mut waiting = 0..population.count;
    let (mut opening, mut agents) = (JoinSet::new(), Vec::new());
    let mut report = AgentsReport { wished: population.count, ..AgentsReport::default() };
    let mut first = None;
    loop {
        while opening.len() < CONNECTING_MAX
            && let Some(index) = waiting.next()
        {
            let population = population.clone();
            opening.spawn(async move {
                let name = population.accounts.user(index);
                Agent::open(&population, index).await.map(|agent| (index, (name, Arc::new(agent))))
            });
        }
        let Some(opened) = opening.join_next().await else { break };
        match opened.unwrap_or(Err(AgentError::Gone)) {
            Ok(agent) => {
                agents.push(agent);
                on_ready();
            }
            Err(error) => {
                *report.failures.entry(error.to_string()).or_default() += 1;
                first.get_or_insert(error);
            }
        }
    }
    report.ready = agents.len();
    // Callers and destinations that are listed go together.
    agents.sort_unstable_by_key(|(index, _)| *index);
    match first {
        Some(error) if agents.is_empty() => Err(CrowdError { name: population.name.clone(), error }),
        _ => Ok((agents.into_iter().map(|(_, agent)| agent).collect(), report)),
    }
}
