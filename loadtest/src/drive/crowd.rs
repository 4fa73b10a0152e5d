//! All agents of a scenario, connected and registered.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

use super::agent::Agent;
use super::answerers::Answerers;
use crate::agent::AgentError;
use crate::report::AgentsReport;
use crate::scenario::{Population, Role, Scenario, Share};

/// All agents of a scenario.
#[derive(Debug)]
pub struct Crowd {
    /// Each with its number in its population.
    pub(super) callers: HashMap<String, Vec<(usize, Arc<Agent>)>>,
    pub(super) answerers: HashMap<String, Answerers>,
    registered: Vec<Arc<Agent>>,
    /// How many there are of those that were wished.
    pub(super) report: BTreeMap<String, AgentsReport>,
}

/// One agent that is ready.
struct Ready {
    /// In the whole population.
    number: usize,
    /// What it is called by.
    name: String,
    agent: Arc<Agent>,
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
/// How long a target may take to forget one.
const LEAVING_MAX: Duration = Duration::from_secs(2);
/// And all of them. Chosen by us: nobody waits longer for what a target forgets by itself.
const LEAVING_ALL_MAX: Duration = Duration::from_secs(60);

impl Crowd {
    /// Connects all of them, a few at a time; who fails is missing.
    ///
    /// # Errors
    /// All of a population fail.
    pub async fn open(scenario: &Scenario, on_ready: impl Fn(usize)) -> Result<Self, CrowdError> {
        let mut crowd = Self {
            callers: HashMap::new(),
            answerers: HashMap::new(),
            registered: Vec::new(),
            report: BTreeMap::new(),
        };
        let mut all = 0;
        for population in &scenario.populations {
            let opening = open(population, scenario.share, || {
                all += 1;
                on_ready(all);
            });
            let (agents, report) = match opening.await {
                Ok(opened) => opened,
                Err(error) => {
                    // Those before them have registered.
                    crowd.deregister().await;
                    return Err(error);
                }
            };
            crowd.report.insert(population.name.clone(), report);
            let name = population.name.clone();
            if population.registers {
                crowd.registered.extend(agents.iter().map(|it| Arc::clone(&it.agent)));
            }
            if population.role != Role::Answerer {
                let callers = agents.iter().map(|it| (it.number, Arc::clone(&it.agent))).collect();
                crowd.callers.insert(name.clone(), callers);
            }
            if population.role != Role::Caller {
                let named = agents.into_iter().map(|it| (it.name, it.agent)).collect();
                crowd.answerers.insert(name, Answerers::start(named));
            }
        }
        Ok(crowd)
    }

    /// How many agents there are, by population.
    #[must_use]
    pub const fn agents(&self) -> &BTreeMap<String, AgentsReport> {
        &self.report
    }

    /// Takes registrations back, as far as the target answers soon. Whoever is done with these agents needs it: the target
    /// would call them.
    pub async fn deregister(&self) {
        let _ = tokio::time::timeout(LEAVING_ALL_MAX, self.deregister_each()).await;
    }

    async fn deregister_each(&self) {
        let (mut leaving, mut unheard) = (JoinSet::new(), 0);
        for agent in &self.registered {
            if leaving.len() >= CONNECTING_MAX
                && let Some(left) = leaving.join_next().await
            {
                unheard = if left.unwrap_or(false) { 0 } else { unheard + 1 };
            }
            // Who answers none of so many in a row is gone.
            if unheard >= CONNECTING_MAX {
                break;
            }
            let agent = Arc::clone(agent);
            leaving.spawn(async move {
                let told = tokio::time::timeout(LEAVING_MAX, agent.register_for(Duration::ZERO)).await;
                told.is_ok()
            });
        }
        while leaving.join_next().await.is_some() {}
    }
}

async fn open(
    population: &Population,
    share: Share,
    mut on_ready: impl FnMut(),
) -> Result<(Vec<Ready>, AgentsReport), CrowdError> {
    let mut waiting = share.agents(population.count);
    let (mut opening, mut agents) = (JoinSet::new(), Vec::new());
    let mut report = AgentsReport { wished: share.part(population.count), ..AgentsReport::default() };
    let mut first = None;
    loop {
        while opening.len() < CONNECTING_MAX
            && let Some(number) = waiting.next()
        {
            let population = population.clone();
            opening.spawn(async move {
                let name = population.accounts.user(number);
                let opened = Agent::open(&population, number).await;
                opened.map(|agent| Ready { number, name, agent: Arc::new(agent) })
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
    agents.sort_unstable_by_key(|it| it.number);
    match first {
        Some(error) if agents.is_empty() => Err(CrowdError { name: population.name.clone(), error }),
        _ => Ok((agents, report)),
    }
}
