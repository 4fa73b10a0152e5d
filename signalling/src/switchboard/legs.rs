//! Which call a leg belongs to. Written when legs come and go, never on a packet's way.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::sync::mpsc;
use webtrunk_engine::{EndCause, LegId};

use super::Told;
use crate::adapter::Event;
use crate::b2bua::{Control, Input};
use crate::lock::lock;

/// The way to the call of each leg, whichever adapter has it; cheap to clone.
#[derive(Clone, Default)]
pub(super) struct Legs(Arc<Mutex<HashMap<LegId, mpsc::Sender<Told>>>>);

impl Legs {
    pub(super) fn add(&self, leg: LegId, inbox: mpsc::Sender<Told>) {
        self.lock().insert(leg, inbox);
    }

    pub(super) fn remove(&self, leg: LegId) {
        self.lock().remove(&leg);
    }

    /// Hands an event to the call of its leg; what comes for a call that is over is of no use.
    pub(super) async fn pass(&self, event: Event) {
        let inbox = self.lock().get(&event.leg()).cloned();
        if let Some(inbox) = inbox {
            // Only a call that is over has closed its inbox.
            let _ = inbox.send(Box::new(Input::Signal(event))).await;
        }
    }

    /// Hands what somebody outside wants to the call of its leg; whether there is one.
    pub(super) async fn control(&self, control: Control) -> bool {
        let inbox = self.lock().get(&control.leg).cloned();
        match inbox {
            Some(inbox) => inbox.send(Box::new(Input::Control(control))).await.is_ok(),
            None => false,
        }
    }

    /// Hands a leg that came in to the call of the leg beside which, or in whose place, it wants to be.
    ///
    /// # Errors
    /// There is no such call: why the leg is hung up.
    pub(super) async fn join(&self, leg: LegId, of: LegId, input: Input) -> Result<(), EndCause> {
        let inbox = self.lock().get(&of).cloned().ok_or(EndCause::NotFound)?;
        self.add(leg, inbox.clone());
        inbox.send(Box::new(input)).await.map_err(|_| {
            self.remove(leg);
            EndCause::Declined
        })
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<LegId, mpsc::Sender<Told>>> {
        lock(&self.0)
    }
}
