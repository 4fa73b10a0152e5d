//! The adapter at work: one loop over what comes in, and one way out.

use std::collections::HashMap;
use std::time::{Instant, SystemTime};

use tokio::sync::mpsc::Receiver;
use tracing::{debug, info};
use webtrunk_engine::EndCause;

use super::endpoint::Arrived;
use super::outbox::{Outbox, ToPage};
use crate::accounts::AccountDesk;
use crate::adapter::outlet::Outlet;
use crate::adapter::{Command, Delivery, Event};
use crate::json::core::{Core, CoreOutput};
use crate::json::door::Proofs;
use crate::json::session::{Flow, Output};
use crate::sip::locations::Locations;

/// Everything that the adapter knows.
pub(super) struct Task {
    core: Core,
    outboxes: HashMap<Flow, Outbox>,
    locations: Locations,
    desk: AccountDesk,
    outlet: Outlet,
}

impl Task {
    pub(super) fn new(core: Core, locations: Locations, desk: AccountDesk, outlet: Outlet) -> Self {
        Self { core, outboxes: HashMap::new(), locations, desk, outlet }
    }

    /// Serves until it was told to drain and everything has ended, or the gateway is gone.
    pub(super) async fn run(
        mut self,
        mut arrived: Receiver<Arrived>,
        mut commands: Receiver<Command>,
        mut changes: Receiver<Proofs>,
    ) {
        let desk = self.desk.clone();
        while !(self.core.is_drained() && self.outlet.is_empty()) {
            let wake = self.core.poll_timeout();
            tokio::select! {
                Some(arrived) = arrived.recv() => self.handle_arrived(arrived),
                command = commands.recv(), if !self.core.is_drained() => {
                    self.core.handle_command(command.unwrap_or(Command::Drain));
                }
                Some(proofs) = changes.recv() => self.core.take_up(proofs),
                () = desk.told() => {
                    for (id, standing) in desk.take_news() {
                        self.core.handle_standing(id, standing);
                    }
                }
                () = until(wake) => self.core.handle_timeout(Instant::now()),
                () = self.outlet.hand_over() => {}
            }
            self.flush();
        }
        info!("JSON adapter stopped");
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
                self.core.handle_command(Command::Hangup { leg: call.leg, cause: EndCause::Overloaded });
            }
            Event::Texted(text) if self.outlet.is_full() => {
                let delivery = Delivery::Failed(EndCause::Overloaded);
                self.core.handle_command(Command::AnswerText { leg: text.leg, delivery });
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

async fn until(wake: Option<Instant>) {
    match wake {
        Some(at) => tokio::time::sleep_until(at.into()).await,
        None => std::future::pending().await,
    }
}
