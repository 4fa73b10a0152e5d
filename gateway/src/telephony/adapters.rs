//! The adapters at work: each has a channel for what it is told and one for what it tells.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;
use webtrunk_signalling::adapter::{Adapter, Command, Event, StartError};
use webtrunk_signalling::switchboard::Switchboard;

use super::Collapse;

/// Events of an adapter that may wait. A burst of calls; past it the adapter waits.
const EVENTS: usize = 1024;

/// Adapters that were started and are not served yet.
#[derive(Default)]
pub(super) struct Started {
    told: Told,
    telling: Vec<(&'static str, mpsc::Receiver<Event>)>,
}

/// The way to each adapter.
#[derive(Default, Clone)]
pub(super) struct Told(HashMap<&'static str, mpsc::Sender<Command>>);

impl Started {
    /// Starts one more.
    pub(super) fn start(&mut self, adapter: impl Adapter) -> Result<(), StartError> {
        let name = adapter.name();
        let (events, telling) = mpsc::channel(EVENTS);
        self.told.0.insert(name, adapter.start(events)?);
        self.telling.push((name, telling));
        Ok(())
    }

    /// The ways to them.
    pub(super) fn told(&self) -> Told {
        self.told.clone()
    }

    /// Serves them all, until `stopping` says so or one of them is gone: then no call may go on.
    pub(super) async fn serve(
        self,
        board: Arc<Switchboard>,
        stopping: watch::Receiver<bool>,
    ) -> Result<(), Collapse> {
        let mut served = JoinSet::new();
        for (name, events) in self.telling {
            served.spawn(Arc::clone(&board).serve(name, events, stopping.clone()));
        }
        while let Some(ended) = served.join_next().await {
            ended??;
        }
        Ok(())
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
