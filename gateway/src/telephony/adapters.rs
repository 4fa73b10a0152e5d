//! The adapters at work: each has a channel for what it is told and one for what it tells.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;
use webtrunk_signalling::adapter::{Adapter, Command, Event, StartError};
use webtrunk_signalling::switchboard::{Originations, Switchboard};

use super::Collapse;
use super::supervisor::{Supervised, Supervisor};

/// Adapters that were started and are not served yet.
#[derive(Default)]
pub(super) struct Started {
    told: Told,
    telling: Vec<(&'static str, mpsc::Receiver<Event>)>,
    restarts: Restarts,
}

/// The way to each adapter.
#[derive(Default, Clone)]
pub(super) struct Told(HashMap<&'static str, mpsc::Sender<Command>>);

/// How often each adapter was started again, by its name.
#[derive(Debug, Default, Clone)]
pub struct Restarts(BTreeMap<&'static str, Arc<AtomicU64>>);

impl Started {
    /// Starts one more.
    pub(super) fn start(&mut self, adapter: Box<dyn Adapter>) -> Result<(), StartError> {
        let name = adapter.name();
        let Supervised { commands, events, restarts } = Supervisor::start(adapter)?;
        self.told.0.insert(name, commands);
        self.telling.push((name, events));
        self.restarts.0.insert(name, restarts);
        Ok(())
    }

    /// How often each was started again.
    pub(super) fn restarts(&self) -> Restarts {
        self.restarts.clone()
    }

    /// The ways to them.
    pub(super) fn told(&self) -> Told {
        self.told.clone()
    }

    /// Serves them all, and calls that are asked for where such are, until `stopping` says so or one of them is gone: then no call may go on.
    pub(super) async fn serve(
        self,
        board: Arc<Switchboard>,
        originations: Option<Originations>,
        stopping: watch::Receiver<bool>,
    ) -> Result<(), Collapse> {
        let mut served = JoinSet::new();
        if let Some(asked) = originations {
            let made = Arc::clone(&board).serve_originations(asked, stopping.clone());
            served.spawn(async move {
                made.await;
                Ok(())
            });
        }
        for (name, events) in self.telling {
            served.spawn(Arc::clone(&board).serve(name, events, stopping.clone()));
        }
        while let Some(ended) = served.join_next().await {
            ended??;
        }
        Ok(())
    }
}

impl Restarts {
    /// Each adapter, and how often.
    pub fn counts(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.0.iter().map(|(name, restarts)| (*name, restarts.load(Ordering::Relaxed)))
    }
}

impl Told {
    /// For the switchboard, by their names.
    pub(super) fn by_name(&self) -> HashMap<&'static str, mpsc::Sender<Command>> {
        self.0.clone()
    }

    /// Tells all of them; one that is gone hears nothing.
    pub(super) async fn tell(&self, command: &Command) {
        for commands in self.0.values() {
            let _ = commands.send(command.clone()).await;
        }
    }

    /// Waits until all have ended; whether they did in time.
    pub(super) async fn closed(&self, patience: Duration) -> bool {
        let all = async {
            for commands in self.0.values() {
                commands.closed().await;
            }
        };
        timeout(patience, all).await.is_ok()
    }
}
