//! Who answers: each call that comes in is brought to the one who expects it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;
use tokio::task::JoinSet;

use super::agent::Agent;
use crate::agent::{AgentError, Incoming};

/// The agents of a population that answers.
#[derive(Debug)]
pub(super) struct Answerers {
    agents: Vec<(String, Arc<Agent>)>,
    desk: Arc<Mutex<Desk>>,
    /// Nobody answers any more when this is dropped.
    _receiving: JoinSet<()>,
}

#[derive(Debug, Default)]
struct Desk {
    /// By the number that was dialled, or by the agent.
    expected: HashMap<Place, oneshot::Sender<(Arc<Agent>, Incoming)>>,
    /// Agents that answer one call at a time, and have none, the longest free first.
    free: std::collections::VecDeque<usize>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Place {
    Number(String),
    Agent(usize),
}

/// A call that is expected; dropped, it no longer is.
#[derive(Debug)]
pub(super) struct Expected {
    desk: Arc<Mutex<Desk>>,
    place: Place,
    incoming: oneshot::Receiver<(Arc<Agent>, Incoming)>,
}

impl Answerers {
    /// Begins to answer; each agent with the name that it is called by.
    pub(super) fn start(agents: Vec<(String, Arc<Agent>)>) -> Self {
        let desk = Arc::new(Mutex::new(Desk { free: (0..agents.len()).collect(), ..Desk::default() }));
        let mut receiving = JoinSet::new();
        for (index, (_, agent)) in agents.iter().enumerate() {
            receiving.spawn(receive(Arc::clone(agent), index, Arc::clone(&desk)));
        }
        Self { agents, desk, _receiving: receiving }
    }

    /// Expects a call by the number dialled.
    pub(super) fn expect_number(&self, number: &str) -> Expected {
        self.expect(Place::Number(number.to_owned()))
    }

    /// Expects a call at an agent that has none, and that is not this caller itself; its name. `None` where all have.
    pub(super) fn expect_anybody(&self, caller: &Arc<Agent>) -> Option<(String, Expected)> {
        let index = {
            let mut desk = lock(&self.desk);
            let other = desk.free.iter().position(|index| !Arc::ptr_eq(&self.agents[*index].1, caller))?;
            desk.free.remove(other)?
        };
        Some((self.agents[index].0.clone(), self.expect(Place::Agent(index))))
    }

    fn expect(&self, place: Place) -> Expected {
        let (sender, incoming) = oneshot::channel();
        lock(&self.desk).expected.insert(place.clone(), sender);
        Expected { desk: Arc::clone(&self.desk), place, incoming }
    }
}

impl Expected {
    /// Waits for it; who is called, and the call.
    pub(super) async fn incoming(&mut self) -> Result<(Arc<Agent>, Incoming), AgentError> {
        (&mut self.incoming).await.map_err(|_| AgentError::Gone)
    }
}

impl Drop for Expected {
    fn drop(&mut self) {
        let mut desk = lock(&self.desk);
        desk.expected.remove(&self.place);
        if let Place::Agent(index) = self.place {
            desk.free.push_back(index);
        }
    }
}

fn lock(desk: &Mutex<Desk>) -> MutexGuard<'_, Desk> {
    desk.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Takes calls until the agent's connection has ended. What nobody expects is refused with 480 when it is dropped.
async fn receive(agent: Arc<Agent>, index: usize, desk: Arc<Mutex<Desk>>) {
    loop {
        match agent.next_incoming().await {
            Ok(incoming) => {
                let mut desk = lock(&desk);
                let by_number = desk.expected.remove(&Place::Number(incoming.to.clone()));
                match by_number.or_else(|| desk.expected.remove(&Place::Agent(index))) {
                    Some(waiting) => drop(waiting.send((Arc::clone(&agent), incoming))),
                    None => tracing::warn!(to = incoming.to, "a call that nobody expects"),
                }
            }
            Err(AgentError::Gone) => return,
            Err(error) => tracing::warn!(%error, "a call that is of no use"),
        }
    }
}
