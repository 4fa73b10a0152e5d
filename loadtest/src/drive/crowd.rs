//! All agents of a scenario, connected and registered.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::agent::Agent;
use super::answerers::Answerers;
use super::stop::Stop;
use crate::agent::AgentError;
use crate::report::AgentsReport;
use crate::scenario::{Population, Role, Scenario, Share};

/// All agents of a scenario.
#[derive(Debug)]
pub struct Crowd {
    /// Each with its number in its population.
    pub(super) callers: HashMap<String, Vec<(usize, Arc<Agent>)>>,
    pub(super) answerers: HashMap<String, Answerers>,
    /// Those that the target may know.
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

/// What came of a population.
struct Opened {
    agents: Vec<Ready>,
    /// Whoever was registering when nobody wanted more of them, and was not answered.
    unanswered: Vec<Arc<Agent>>,
    report: AgentsReport,
}

/// Why one is not ready.
enum Unready {
    Failed(AgentError),
    /// Nobody wants it any more. There is an agent where the target may have registered it all the same.
    Unwanted(Option<Arc<Agent>>),
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
/// How long the target is asked to know one.
const REGISTERED_FOR: Duration = Duration::from_secs(3600);
/// How long a target may take to forget one, and to answer one that nobody wants any more.
const LEAVING_MAX: Duration = Duration::from_secs(2);
/// And all of them. Chosen by us: nobody waits longer for what a target forgets by itself.
const LEAVING_ALL_MAX: Duration = Duration::from_secs(60);

impl Crowd {
    /// Connects all of them, a few at a time; who fails is missing, and so is whoever is not there yet when `stopper` says
    /// that no more are wanted.
    ///
    /// # Errors
    /// All of a population fail.
    pub async fn open(scenario: &Scenario, stopper: &watch::Sender<Stop>) -> Result<Self, CrowdError> {
        let mut crowd = Self {
            callers: HashMap::new(),
            answerers: HashMap::new(),
            registered: Vec::new(),
            report: BTreeMap::new(),
        };
        for population in &scenario.populations {
            let opened = open(population, scenario.share, &stopper.subscribe()).await;
            let Opened { agents, unanswered, report } = match opened {
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
                crowd.registered.extend(agents.iter().map(|it| Arc::clone(&it.agent)).chain(unanswered));
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
        let _ = timeout(LEAVING_ALL_MAX, self.deregister_each()).await;
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
                let told = timeout(LEAVING_MAX, agent.register_for(Duration::ZERO)).await;
                told.is_ok()
            });
        }
        while leaving.join_next().await.is_some() {}
    }
}

async fn open(
    population: &Population,
    share: Share,
    stop: &watch::Receiver<Stop>,
) -> Result<Opened, CrowdError> {
    let mut waiting = share.agents(population.count);
    let (mut opening, mut agents, mut unanswered) = (JoinSet::new(), Vec::new(), Vec::new());
    let mut report = AgentsReport { wished: share.part(population.count), ..AgentsReport::default() };
    let mut first = None;
    let are_wanted = || *stop.borrow() == Stop::Going;
    loop {
        while opening.len() < CONNECTING_MAX
            && are_wanted()
            && let Some(number) = waiting.next()
        {
            opening.spawn(open_one(population.clone(), number, stop.clone()));
        }
        let Some(opened) = opening.join_next().await else { break };
        match opened.unwrap_or(Err(Unready::Failed(AgentError::Gone))) {
            Ok(agent) => agents.push(agent),
            Err(Unready::Unwanted(agent)) => unanswered.extend(agent),
            Err(Unready::Failed(error)) => {
                *report.failures.entry(error.to_string()).or_default() += 1;
                first.get_or_insert(error);
            }
        }
    }
    report.ready = agents.len();
    // Callers and destinations that are listed go together.
    agents.sort_unstable_by_key(|it| it.number);
    match first {
        Some(error) if agents.is_empty() && unanswered.is_empty() => {
            Err(CrowdError { name: population.name.clone(), error })
        }
        _ => Ok(Opened { agents, unanswered, report }),
    }
}

/// Connects one, and registers it where it is to.
async fn open_one(
    population: Population,
    number: usize,
    mut stop: watch::Receiver<Stop>,
) -> Result<Ready, Unready> {
    let connected = tokio::select! {
        connected = Agent::connect(&population, number) => connected,
        _ = stop.wait_for(|stop| *stop != Stop::Going) => return Err(Unready::Unwanted(None)),
    };
    let agent = Arc::new(connected.map_err(Unready::Failed)?);
    if population.registers {
        match register(&agent, &mut stop).await {
            Some(registered) => registered.map_err(Unready::Failed)?,
            None => return Err(Unready::Unwanted(Some(agent))),
        }
    }
    Ok(Ready { number, name: population.accounts.user(number), agent })
}

/// Registers it; `None` where nobody wants that any more and the target does not answer soon, which may know it all the same.
async fn register(agent: &Agent, stop: &mut watch::Receiver<Stop>) -> Option<Result<(), AgentError>> {
    let registering = agent.register_for(REGISTERED_FOR);
    tokio::pin!(registering);
    tokio::select! {
        registered = &mut registering => return Some(registered),
        _ = stop.wait_for(|stop| *stop != Stop::Going) => {}
    }
    // A registrar that is slow could take what was asked first after what takes it back.
    timeout(LEAVING_MAX, registering).await.ok()
}
