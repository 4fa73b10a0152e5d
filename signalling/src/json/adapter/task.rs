//! The adapter at work: one loop over what comes in, and one way out.

use std::collections::HashMap;
use std::time::{Instant, SystemTime};

use tokio::sync::mpsc::Receiver;
use tracing::{debug, error, info};
use webtrunk_engine::EndCause;

use super::endpoint::Arrived;
use super::outbox::{Outbox, ToPage};
use crate::accounts::AccountDesk;
use crate::adapter::outlet::Outlet;
use crate::adapter::{Command, Delivery, Event};
use crate::guarded::guarded;
use crate::json::core::{Core, CoreOutput};
use crate::json::door::Proofs;
use crate::json::session::{Flow, Output};
use crate::locations::Locations;
use crate::presence::{Activity, Presence};

/// Turns that may end in a panic one after the other: as many as those of SIP.
const FAULTS_MAX: u32 = 3;

/// What a turn of the adapter's is about.
enum Turn {
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
    core: Core,
    presence: Presence,
    outboxes: HashMap<Flow, Outbox>,
    locations: Locations,
    desk: AccountDesk,
    outlet: Outlet,
}

impl Task {
    pub(super) fn new(
        core: Core,
        presence: Presence,
        locations: Locations,
        desk: AccountDesk,
        outlet: Outlet,
    ) -> Self {
        Self { core, presence, outboxes: HashMap::new(), locations, desk, outlet }
    }

    /// Serves until it was told to drain and everything has ended, or the gateway is gone.
    pub(super) async fn run(
        mut self,
        mut arrived: Receiver<Arrived>,
        mut commands: Receiver<Command>,
        mut changes: Receiver<Proofs>,
    ) {
        let desk = self.desk.clone();
        let mut faults = 0;
        while !(self.core.is_drained() && self.outlet.is_empty()) {
            let wake = self.core.poll_timeout();
            let turn = tokio::select! {
                Some(arrived) = arrived.recv() => Turn::Arrived(arrived),
                command = commands.recv(), if !self.core.is_drained() => {
                    Turn::Command(command.unwrap_or(Command::Drain))
                }
                Some(proofs) = changes.recv() => Turn::Proofs(proofs),
                () = desk.told() => Turn::Accounts,
                () = tokio::time::sleep_until(wake.into()) => Turn::Time,
                changed = self.presence.changes() => Turn::Activity(changed),
                () = self.outlet.hand_over() => Turn::HandedOver,
            };
            if guarded(|| self.handle(turn)).is_some() {
                faults = 0;
                continue;
            }
            faults += 1;
            if faults == FAULTS_MAX || guarded(|| self.give_up_broken()).is_none() {
                return error!("one fault of ours follows the other, and the JSON API cannot go on");
            }
        }
        info!("JSON adapter stopped");
    }

    /// One turn: what came in, and all that follows from it.
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
            Turn::Time => self.core.handle_timeout(SystemTime::now(), Instant::now()),
            Turn::Activity(changed) => {
                changed.iter().for_each(|(user, activity)| self.core.handle_activity(user, *activity));
            }
            Turn::HandedOver => {}
        }
        self.flush();
    }

    /// After a panic: the session that it was met in is lost, all else goes on.
    fn give_up_broken(&mut self) {
        self.core.give_up_broken();
        self.flush();
    }

    fn handle_arrived(&mut self, arrived: Arrived) {
        match arrived {
            Arrived::Open { flow, entry, outbox } => {
                self.outboxes.insert(flow, outbox);
                self.core.handle_open(flow, entry);
            }
            Arrived::Message { flow, message } => {
                self.core.handle_message(flow, &message, SystemTime::now(), Instant::now());
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
                CoreOutput::Session(Output::Event(event)) => self.report(event),
                CoreOutput::Account(wish) => self.desk.wish(wish),
                // The core's own.
                CoreOutput::Session(Output::Watches { .. }) => {}
                CoreOutput::Known(flow) => self.send(flow, ToPage::Known),
                CoreOutput::Located { user, contacts } => self.locations.set(&user, contacts),
            }
        }
        self.outlet.flush();
    }

    fn report(&mut self, event: Event) {
        match event {
            // What the gateway cannot take it need not hear of.
            Event::Incoming(call) if self.outlet.is_full() => {
                let hangup = Command::Hangup { leg: call.leg, cause: EndCause::Overloaded };
                self.core.handle_command(hangup, Instant::now());
            }
            Event::Texted(text) if self.outlet.is_full() => {
                let delivery = Delivery::Failed(EndCause::Overloaded);
                self.core.handle_command(Command::AnswerText { leg: text.leg, delivery }, Instant::now());
            }
            event => self.outlet.push(event),
        }
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
