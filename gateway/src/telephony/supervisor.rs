//! Stands between an adapter and the gateway: an adapter that breaks is started again, and no other notices.
//!
//! ```text
//!            commands                      commands
//!  gateway ------------> Supervisor -------------------> adapter's task
//!          <------------            <-------------------
//!             events                        events
//!
//!                ended without Drain              waited
//!  At work ------------------------> Broken -----------------> At work
//!     |          its calls end         | too often
//!     | Drain, and it ended            v
//!     `----------------------------> gone, as the gateway notices
//! ```

mod open_legs;
mod restarts;

use std::collections::VecDeque;
use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::time::sleep_until;
use tracing::{error, info};
use webtrunk_signalling::adapter::{Adapter, Command, Event, StartError};

use open_legs::{OpenLegs, refuse};
use restarts::Restarts;

/// Events of an adapter that may wait. A burst of calls; past it the adapter waits.
const EVENTS: usize = 1024;

/// Commands that may wait here, besides those that wait in the adapter. Chosen by us: they are handed on at once.
const COMMANDS: usize = 64;

/// An adapter, and all that the gateway knows of it.
pub(super) struct Supervisor {
    adapter: Box<dyn Adapter>,
    commands: Receiver<Command>,
    events: Sender<Event>,
    /// What the gateway has not taken yet: the ends of what broke.
    waiting: VecDeque<Event>,
    legs: OpenLegs,
    restarts: Restarts,
    started: Arc<AtomicU64>,
    takes_calls: bool,
    has_gateway: bool,
    is_drained: bool,
}

/// The gateway's ends of an adapter that is supervised.
pub(super) struct Supervised {
    pub(super) commands: Sender<Command>,
    pub(super) events: Receiver<Event>,
    /// How often it was started again.
    pub(super) restarts: Arc<AtomicU64>,
}

/// The ways to the adapter's task.
struct Task {
    commands: Sender<Command>,
    events: Receiver<Event>,
}

impl Supervisor {
    /// Starts an adapter, and supervises it on this runtime.
    ///
    /// # Errors
    /// [`StartError`] where it cannot be started.
    pub(super) fn start(mut adapter: Box<dyn Adapter>) -> Result<Supervised, StartError> {
        let task = Task::start(adapter.as_mut())?;
        let (to_us, commands) = mpsc::channel(COMMANDS);
        let (events, from_us) = mpsc::channel(EVENTS);
        let started = Arc::new(AtomicU64::new(0));
        let own = Self {
            adapter,
            commands,
            events,
            waiting: VecDeque::new(),
            legs: OpenLegs::default(),
            restarts: Restarts::default(),
            started: Arc::clone(&started),
            takes_calls: true,
            has_gateway: true,
            is_drained: false,
        };
        tokio::spawn(own.run(task));
        Ok(Supervised { commands: to_us, events: from_us, restarts: started })
    }

    async fn run(mut self, mut task: Task) {
        loop {
            self.serve(&mut task).await;
            let adapter = self.adapter.name();
            if !self.is_drained {
                self.waiting.extend(self.legs.end_all());
                error!(adapter, "an adapter has ended by a fault of ours, and its calls with it");
            }
            match self.start_again().await {
                Some(started) => task = started,
                None => return,
            }
        }
    }

    /// Hands on what is told and what it tells, until the adapter's task has ended.
    async fn serve(&mut self, task: &mut Task) {
        let Self { commands, events, waiting, legs, .. } = self;
        loop {
            let told = async {
                match task.commands.reserve().await {
                    Ok(permit) => (permit, commands.recv().await),
                    // It has ended, as is noticed below.
                    Err(_) => pending().await,
                }
            };
            let hand_on = async {
                // A gateway that is gone hears nothing.
                let permit = events.reserve().await.ok();
                let event = match waiting.pop_front() {
                    Some(event) => event,
                    None => match task.events.recv().await {
                        Some(event) => event,
                        None => pending().await,
                    },
                };
                legs.note_event(&event);
                if let Some(permit) = permit {
                    permit.send(event);
                }
            };
            tokio::select! {
                () = task.commands.closed() => break,
                (permit, command) = told, if self.has_gateway => {
                    self.has_gateway = command.is_some();
                    let command = command.unwrap_or(Command::Drain);
                    legs.note_command(&command);
                    self.takes_calls &= !matches!(command, Command::RefuseCalls);
                    self.is_drained |= matches!(command, Command::Drain);
                    permit.send(command);
                }
                () = hand_on => {}
            }
        }
        while let Ok(event) = task.events.try_recv() {
            legs.note_event(&event);
            waiting.push_back(event);
        }
    }

    /// Starts it again, after a while; `None` where it is to be no more.
    async fn start_again(&mut self) -> Option<Task> {
        let adapter = self.adapter.name();
        loop {
            let wait = self.restarts.ended(Instant::now()).filter(|_| !self.is_drained);
            self.wait(wait.unwrap_or_default()).await;
            if self.is_drained {
                return None;
            }
            if wait.is_none() {
                error!(adapter, "an adapter ends too often by faults of ours, and is not started again");
                return None;
            }
            match Task::start(self.adapter.as_mut()) {
                Ok(task) => {
                    info!(adapter, "an adapter that broke is started again");
                    self.started.fetch_add(1, Ordering::Relaxed);
                    if !self.takes_calls {
                        // Nothing is in its queue yet.
                        let _ = task.commands.try_send(Command::RefuseCalls);
                    }
                    return Some(task);
                }
                Err(error) => error!(adapter, %error, "an adapter that broke cannot be started again"),
            }
        }
    }

    /// Without a task: tells what waits and refuses what is wanted, until so long has passed and all is told.
    async fn wait(&mut self, wait: Duration) {
        let until = Instant::now() + wait;
        while !(self.waiting.is_empty() && self.is_drained) {
            tokio::select! {
                () = sleep_until(until.into()), if self.waiting.is_empty() => return,
                permit = self.events.reserve(), if !self.waiting.is_empty() => match permit {
                    Ok(permit) => _ = self.waiting.pop_front().map(|event| permit.send(event)),
                    Err(_) => self.waiting.clear(),
                },
                command = self.commands.recv(), if self.has_gateway => {
                    self.has_gateway = command.is_some();
                    let command = command.unwrap_or(Command::Drain);
                    self.takes_calls &= !matches!(command, Command::RefuseCalls);
                    self.is_drained |= matches!(command, Command::Drain);
                    self.waiting.extend(refuse(&command));
                }
            }
        }
    }
}

impl Task {
    fn start(adapter: &mut dyn Adapter) -> Result<Self, StartError> {
        let (telling, events) = mpsc::channel(EVENTS);
        Ok(Self { commands: adapter.start(telling)?, events })
    }
}

#[cfg(test)]
mod tests;
