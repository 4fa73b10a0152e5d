//! Calls that are joined to each other, and the task that tells each what the other wants.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::mpsc;
use webtrunk_engine::LegId;

use super::Legs;
use crate::adapter::{Command, Event};
use crate::tie::{self, Tie};

/// Calls that are joined to each other. What a call commands the other is told by a task: neither waits for the other.
pub(super) struct Ties {
    tie: Mutex<Tie>,
    events: mpsc::UnboundedSender<Event>,
}

impl Ties {
    pub(super) fn start(legs: Legs) -> Arc<Self> {
        let (events, told) = mpsc::unbounded_channel();
        let ties = Arc::new(Self { tie: Mutex::default(), events });
        tokio::spawn(Self::tell(Arc::downgrade(&ties), told, legs));
        ties
    }

    pub(super) fn handle_command(&self, command: Command) {
        let told = self.tie.lock().unwrap_or_else(PoisonError::into_inner).handle_command(command);
        self.pass(told);
    }

    pub(super) fn join(&self, ends: [LegId; 2]) {
        let told = self.tie.lock().unwrap_or_else(PoisonError::into_inner).join(ends);
        self.pass(told);
    }

    fn pass(&self, told: Vec<Event>) {
        for event in told {
            // The task that takes them lives as long as this does.
            let _ = self.events.send(event);
        }
    }

    /// Tells calls what the tie has for them, as long as there are ties.
    async fn tell(ties: Weak<Self>, mut told: mpsc::UnboundedReceiver<Event>, legs: Legs) {
        while let Some(event) = told.recv().await {
            let Event::Incoming(incoming) = event else {
                legs.pass(event).await;
                continue;
            };
            if let Err((leg, cause)) = legs.join(tie::NAME, incoming).await
                && let Some(ties) = ties.upgrade()
            {
                ties.handle_command(Command::Hangup { leg, cause });
            }
        }
    }
}
