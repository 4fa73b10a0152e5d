//! Calls that are joined to each other, and the task that tells each what the other wants.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Weak};

use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;
use webtrunk_engine::{EndCause, LegId};

use super::Legs;
use crate::adapter::{Command, Event};
use crate::b2bua::Input;
use crate::lock::lock;
use crate::tie::{self, Tie};

/// Events that may wait for their calls. Chosen by us: a few for each of a thousand calls that are joined at once.
const TOLD: usize = 4096;

/// Calls that are joined to each other. What a call commands the other is told by a task: neither waits for the other.
pub(super) struct Ties {
    tie: Mutex<Tie>,
    events: mpsc::Sender<Event>,
    overflows: AtomicU64,
}

impl Ties {
    pub(super) fn start(legs: Legs) -> Arc<Self> {
        let (events, told) = mpsc::channel(TOLD);
        let ties = Arc::new(Self { tie: Mutex::default(), events, overflows: AtomicU64::new(0) });
        tokio::spawn(Self::tell(Arc::downgrade(&ties), told, legs));
        ties
    }

    pub(super) fn handle_command(&self, command: Command) {
        let told = lock(&self.tie).handle_command(command);
        self.pass(told);
    }

    pub(super) fn join(&self, ends: [LegId; 2]) {
        let told = lock(&self.tie).join(ends);
        self.pass(told);
    }

    /// How often there was no room for an event.
    pub(super) fn overflows(&self) -> u64 {
        self.overflows.load(Ordering::Relaxed)
    }

    fn pass(&self, told: Vec<Event>) {
        for event in told {
            // The task that takes them lives as long as this does.
            let Err(TrySendError::Full(event)) = self.events.try_send(event) else { continue };
            self.overflows.fetch_add(1, Ordering::Relaxed);
            self.give_up(event);
        }
    }

    /// A call that cannot be told of a thing would wait for it for ever: it is told, late, that the other is gone.
    fn give_up(&self, event: Event) {
        let leg = event.leg();
        let ended = match event {
            Event::Ended { .. } => event,
            // No call has it yet: whoever made it hears of it.
            Event::Incoming(_) => {
                return self.handle_command(Command::Hangup { leg, cause: EndCause::Overloaded });
            }
            _ => Event::Ended { leg, cause: EndCause::Overloaded },
        };
        if let Ok(runtime) = Handle::try_current() {
            let events = self.events.clone();
            runtime.spawn(async move { drop(events.send(ended).await) });
        }
    }

    /// Tells calls what the tie has for them, as long as there are ties.
    async fn tell(ties: Weak<Self>, mut told: mpsc::Receiver<Event>, legs: Legs) {
        while let Some(event) = told.recv().await {
            let Event::Incoming(incoming) = event else {
                legs.pass(event).await;
                continue;
            };
            let (leg, of) = (incoming.leg, incoming.replaces.unwrap_or(incoming.leg));
            let input = Input::Incoming { adapter: tie::NAME, incoming };
            if let Err(cause) = legs.join(leg, of, input).await
                && let Some(ties) = ties.upgrade()
            {
                ties.handle_command(Command::Hangup { leg, cause });
            }
        }
    }
}
