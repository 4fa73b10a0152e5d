//! The adapter at work: one loop over what comes in, and one way out.

use std::collections::HashMap;
use std::time::Instant;

use tokio::sync::mpsc::Receiver;
use tokio::sync::watch;
use tracing::debug;

use super::endpoint::Arrived;
use super::outbox::{Outbox, ToPage};
use crate::accounts::AccountDesk;
use crate::adapter::{Command, Outlet, Work};
use crate::calendar;
use crate::json::core::{Core, CoreOutput};
use crate::json::door::Proofs;
use crate::json::session::{Flow, Output};
use crate::locations::Locations;
use crate::presence::{Activity, Presence};

/// What a turn of the adapter's is about.
pub(super) enum Turn {
    /// A page's connection.
    Arrived(Arrived),
    /// The gateway wants something.
    Command(Command),
    /// Other keys and users.
    Proofs(Proofs),
    /// Users do something else.
    Activity(Vec<(String, Activity)>),
    /// Accounts at providers stand otherwise.
    Accounts,
    /// Something is due.
    Time,
    /// The gateway took what waited.
    HandedOver,
}

/// Everything that the adapter knows.
pub(super) struct Task {
    pub(super) core: Core,
    pub(super) presence: Presence,
    pub(super) outboxes: HashMap<Flow, Outbox>,
    pub(super) locations: Locations,
    pub(super) desk: AccountDesk,
    pub(super) outlet: Outlet,
    pub(super) inputs: Inputs,
}

/// What comes to the task.
pub(super) struct Inputs {
    pub(super) arrived: Receiver<Arrived>,
    pub(super) commands: Receiver<Command>,
    pub(super) proofs: watch::Receiver<Proofs>,
}

impl Work for Task {
    type Turn = Turn;

    async fn next(&mut self) -> Turn {
        let wake = self.core.poll_timeout();
        let Inputs { arrived, commands, proofs } = &mut self.inputs;
        tokio::select! {
            Some(arrived) = arrived.recv() => Turn::Arrived(arrived),
            command = commands.recv(), if !self.core.is_drained() => {
                Turn::Command(command.unwrap_or(Command::Drain))
            }
            Ok(()) = proofs.changed() => Turn::Proofs(proofs.borrow_and_update().clone()),
            () = self.desk.told() => Turn::Accounts,
            () = tokio::time::sleep_until(wake.into()) => Turn::Time,
            changed = self.presence.changes() => Turn::Activity(changed),
            () = self.outlet.hand_over() => Turn::HandedOver,
        }
    }

    fn handle(&mut self, turn: Turn) {
        match turn {
            Turn::Arrived(arrived) => self.handle_arrived(arrived),
            Turn::Command(command) => self.core.handle_command(command, Instant::now()),
            Turn::Proofs(proofs) => self.core.take_up(proofs),
            Turn::Accounts => {
                for (id, standing) in self.desk.take_news() {
                    self.core.handle_standing(id, standing);
                }
            }
            Turn::Time => self.core.handle_timeout(calendar::now(), Instant::now()),
            Turn::Activity(changed) => {
                changed.iter().for_each(|(user, activity)| self.core.handle_activity(user, *activity));
            }
            Turn::HandedOver => {}
        }
        self.flush();
    }

    fn give_up_broken(&mut self) {
        self.core.give_up_broken();
        self.flush();
    }

    fn is_over(&self) -> bool {
        self.core.is_drained() && self.outlet.is_empty()
    }
}

impl Task {
    fn handle_arrived(&mut self, arrived: Arrived) {
        match arrived {
            Arrived::Open { flow, entry, outbox } => {
                self.outboxes.insert(flow, outbox);
                self.core.handle_open(flow, entry);
            }
            Arrived::Message { flow, message } => {
                self.core.handle_message(flow, &message, calendar::now(), Instant::now());
            }
            Arrived::Closed { flow } => {
                self.outboxes.remove(&flow);
                self.core.handle_closed(flow, Instant::now());
            }
        }
    }

    /// Takes out of the core what is to be told and sent, until nothing is left.
    fn flush(&mut self) {
        self.core.release_accounts(Instant::now());
        while let Some(output) = self.core.poll_output() {
            match output {
                CoreOutput::Session(Output::Send { flow, text }) => self.send(flow, ToPage::Text(text)),
                CoreOutput::Session(Output::Close { flow, why }) => {
                    self.send(flow, ToPage::Close(why));
                    // The WebSocket sends what is before, and says that it is closed by itself.
                    self.outboxes.remove(&flow);
                }
                CoreOutput::Session(Output::Event(event)) => {
                    if let Some(refusal) = self.outlet.report(event) {
                        self.core.handle_command(refusal, Instant::now());
                    }
                }
                CoreOutput::Account(wish) => self.desk.wish(wish),
                // The core's own.
                CoreOutput::Session(Output::Watches { .. }) => {}
                CoreOutput::Known(flow) => self.send(flow, ToPage::Known),
                CoreOutput::Located { user, contacts } => self.locations.set(&user, contacts),
            }
        }
        self.outlet.flush();
    }

    /// Sends, or has the connection closed of a page that does not read: its session waits for it.
    fn send(&mut self, flow: Flow, message: ToPage) {
        let Some(outbox) = self.outboxes.get(&flow) else { return };
        if outbox.push(message).is_err() {
            debug!(?flow, "the page does not read, or is gone");
            // Its WebSocket sends what it can, and says by the end that the page may try again.
            self.outboxes.remove(&flow);
            self.core.handle_closed(flow, Instant::now());
        }
    }
}
