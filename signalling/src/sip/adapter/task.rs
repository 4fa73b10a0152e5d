//! The adapter at work: one loop over what comes in, and one way out.

mod held;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use tokio::sync::mpsc::Receiver;
use tokio::sync::{OwnedMutexGuard, watch};
use tracing::{debug, info};
use webtrunk_engine::{EndCause, LegId};

use super::door::Door;
use super::reload::SipChange;
use super::routes::{Asker, Resolved, Routes, Way};
use super::texts::Texts;
use super::upstream::Upstream;
use crate::accounts::{AccountDesk, AccountId, HeldAccount};
use crate::adapter::{Command, Dial, Event, Outlet, Work};
use crate::room::Crowded;
use crate::sip::agent::Agent;
use crate::sip::call::CallKeeper;
use crate::sip::flow::Flow;
use crate::sip::transport::{Inbound, InboundReceiver, TransportLayer};
use crate::sip::trunk::Trunks;

/// Everything that the adapter knows.
pub(super) struct Task {
    pub(super) agent: Agent<Door>,
    pub(super) layer: TransportLayer,
    pub(super) routes: Routes,
    pub(super) upstream: Upstream,
    pub(super) texts: Texts,
    pub(super) outlet: Outlet,
    /// Who keeps answered calls.
    pub(super) keeper: Arc<dyn CallKeeper>,
    /// The accounts that pages phone by, and where they are asked for.
    pub(super) held: BTreeMap<AccountId, HeldAccount>,
    pub(super) desk: AccountDesk,
    pub(super) inputs: Inputs,
}

/// What comes to the task.
pub(super) struct Inputs {
    /// Given back at the end, for a task that follows.
    pub(super) inbound: OwnedMutexGuard<InboundReceiver>,
    /// `None` when the gateway has said its last.
    pub(super) commands: Option<Receiver<Command>>,
    pub(super) resolved: Receiver<Resolved>,
    pub(super) changes: watch::Receiver<Option<Box<SipChange>>>,
}

/// What there is to be done.
pub(super) enum Turn {
    Inbound(Inbound),
    Command(Command),
    Resolved(Resolved),
    Change(Option<Box<SipChange>>),
    Wishes,
    Time,
    HandedOver,
}

impl Work for Task {
    type Turn = Turn;

    async fn next(&mut self) -> Turn {
        let wake = self.poll_timeout();
        let Inputs { inbound, commands, resolved, changes } = &mut self.inputs;
        tokio::select! {
            Some(inbound) = inbound.recv() => Turn::Inbound(inbound),
            command = next_command(commands) => Turn::Command(command),
            Some(resolved) = resolved.recv() => Turn::Resolved(resolved),
            Ok(()) = changes.changed() => Turn::Change(changes.borrow_and_update().clone()),
            () = self.desk.wished() => Turn::Wishes,
            () = until(wake) => Turn::Time,
            () = self.outlet.hand_over() => Turn::HandedOver,
        }
    }

    fn handle(&mut self, turn: Turn) {
        match turn {
            Turn::Inbound(inbound) => self.handle_inbound(inbound),
            Turn::Command(command) => self.handle_command(command),
            Turn::Resolved(resolved) => self.handle_resolved(resolved),
            Turn::Change(change) => change.into_iter().for_each(|change| self.take_up(*change)),
            Turn::Wishes => self.obey_wishes(),
            Turn::Time => self.handle_timeout(),
            Turn::HandedOver => {}
        }
        self.flush();
    }

    fn give_up_broken(&mut self) {
        self.agent.give_up_broken(Instant::now());
        self.flush();
    }

    fn is_over(&self) -> bool {
        self.agent.is_drained() && self.upstream.is_over() && self.outlet.is_empty()
    }
}

impl Task {
    fn handle_inbound(&mut self, inbound: Inbound) {
        let now = Instant::now();
        match inbound {
            Inbound::Message { flow, message } => self.agent.handle_message(*message, flow, now),
            Inbound::Ponged(flow) => self.upstream.ponged(&flow, now),
            Inbound::Refused(flow) => self.agent.flow_refused(&flow, now),
            Inbound::Closed(connection) => {
                self.agent.flow_closed(connection, now);
                self.agent.doorkeeper_mut().connection_closed(connection);
                self.agent.follow_registrations(now);
                self.upstream.connection_closed(connection, now);
            }
        }
    }

    fn handle_resolved(&mut self, Resolved { asker, hops }: Resolved) {
        let now = Instant::now();
        match asker {
            Asker::Call(leg) => {
                let way = self.routes.resolved(leg, hops, now);
                self.go(way);
            }
            Asker::Peers(legs) => {
                let at = self.routes.found(hops, now);
                legs.into_iter().for_each(|leg| self.agent.peer_found(leg, at, now));
            }
            asker @ (Asker::Registration(_) | Asker::Probes(_)) => {
                self.upstream.located(asker, hops, &mut self.routes.health, &mut self.agent, now);
            }
        }
    }

    fn handle_command(&mut self, command: Command) {
        match command {
            Command::Dial(dial) => {
                let way = self.routes.find(*dial, self.agent.doorkeeper(), Instant::now());
                self.go(Some(way));
            }
            Command::SendText(text) => {
                let dial = self.texts.begin(*text);
                let way = self.routes.find(dial, self.agent.doorkeeper(), Instant::now());
                self.go(Some(way));
            }
            Command::Hangup { leg, cause } => match self.routes.give_up(leg) {
                // It has no call yet that could be hung up.
                Some(dial) => self.end(&dial, cause),
                None => self.agent.handle_command(command, Instant::now()),
            },
            Command::Drain => {
                for dial in self.routes.give_up_all() {
                    self.end(&dial, EndCause::ShuttingDown);
                }
                let now = Instant::now();
                self.agent.handle_command(Command::Drain, now);
                self.upstream.leave(&mut self.agent, now);
            }
            other => self.agent.handle_command(other, Instant::now()),
        }
    }

    /// Other users and trunks: calls go on by what they began with.
    fn take_up(&mut self, SipChange { users, algorithms, trunks, agent, guard }: SipChange) {
        let (mut trunks, now) = (Trunks::new(trunks), Instant::now());
        self.layer.take_up(guard);
        self.upstream.limit(&trunks, &mut self.agent);
        self.upstream.take_up(&trunks, &mut self.routes.health, &mut self.agent, now);
        self.hold_again(&mut trunks, now);
        self.agent.take_up_accounts(&trunks);
        self.agent.doorkeeper_mut().take_up(users, algorithms, &trunks, now);
        self.agent.take_up(agent);
        self.agent.follow_registrations(now);
        self.routes.take_up(trunks);
    }

    fn handle_timeout(&mut self) {
        let now = Instant::now();
        self.agent.handle_timeout(now);
        self.agent.doorkeeper_mut().handle_timeout(now);
        self.agent.follow_registrations(now);
        self.upstream.handle_timeout(&self.routes, now);
    }

    fn poll_timeout(&self) -> Option<Instant> {
        let next =
            [self.agent.poll_timeout(), self.agent.doorkeeper().poll_timeout(), self.upstream.poll_timeout()];
        next.into_iter().flatten().min()
    }

    /// Places the call whose way was found.
    fn go(&mut self, way: Option<Way>) {
        match way {
            Some(Way::Known(known)) => {
                let (dial, route) = *known;
                match self.texts.take(&dial) {
                    Some(text) => self.agent.send_text(text, route, Instant::now()),
                    None => {
                        let leg = dial.leg;
                        self.agent.dial(dial, route, Instant::now());
                        self.name_leg(leg);
                    }
                }
            }
            Some(Way::None(dial, cause)) => self.end(&dial, cause),
            Some(Way::Sought) | None => {}
        }
    }

    /// Reports the end of a leg, or of a message, that the core never had.
    fn end(&mut self, dial: &Dial, cause: EndCause) {
        if let Some(text) = self.texts.take(dial) {
            return self.agent.fail_text(text.leg, cause);
        }
        dial.span.in_scope(|| info!(?cause, "leg ended before it was called"));
        let ended = Event::Ended { leg: dial.leg, cause };
        if let Some(refusal) = self.outlet.report(ended) {
            self.agent.handle_command(refusal, Instant::now());
        }
    }

    /// Takes out of the core what is to be told and sent, until nothing is left.
    fn flush(&mut self) {
        loop {
            self.take_reports();
            self.take_events();
            let broken = self.take_transmits();
            if broken.is_empty() {
                break;
            }
            for flow in broken {
                self.agent.flow_failed(&flow, Instant::now());
            }
        }
        self.outlet.flush();
    }

    /// What hops of trunks did, how errands ended, and whose peers have to be looked for.
    fn take_reports(&mut self) {
        let now = Instant::now();
        while let Some(report) = self.agent.poll_hop() {
            self.routes.health.note(&report, now);
        }
        while let Some(end) = self.agent.poll_errand() {
            self.upstream.errand_ended(end, &mut self.routes.health, &mut self.agent, now);
        }
        self.routes.seek(std::iter::from_fn(|| self.agent.poll_sought()));
        while let Some(change) = self.agent.poll_call_change() {
            self.keeper.keep(change);
        }
        self.layer.count_strays(self.agent.take_strays_ignored());
    }

    fn take_events(&mut self) {
        while let Some(event) = self.agent.poll_event() {
            let called = matches!(event, Event::Incoming(_)).then(|| event.leg());
            match self.outlet.report(event) {
                Some(refusal) => {
                    if called.is_some() {
                        self.agent.count_refused(Crowded::Backlog);
                    }
                    self.agent.handle_command(refusal, Instant::now());
                }
                None => called.into_iter().for_each(|leg| self.name_leg(leg)),
            }
        }
    }

    /// Tells whoever sees all messages which of them are this leg's.
    fn name_leg(&self, leg: LegId) {
        if let (Some(tap), Some(call_id)) = (self.layer.tap(), self.agent.call_id(leg)) {
            tap.leg_named(leg, call_id);
        }
    }

    /// Sends; the flows that took nothing are returned.
    fn take_transmits(&mut self) -> Vec<Flow> {
        let mut broken = Vec::new();
        while let Some(transmit) = self.agent.poll_transmit() {
            if let Err(error) = self.layer.send(&transmit.flow, transmit.bytes) {
                debug!(flow = %transmit.flow, %error, "not sent");
                broken.push(transmit.flow);
            }
        }
        broken
    }
}

/// In order alone: what follows a task that broke goes on with its sockets.
impl Drop for Task {
    fn drop(&mut self) {
        if self.is_over() {
            self.layer.stop();
        }
    }
}

/// The next command; `Drain` where the gateway is gone, once.
async fn next_command(commands: &mut Option<Receiver<Command>>) -> Command {
    let Some(receiver) = commands else { return std::future::pending().await };
    match receiver.recv().await {
        Some(command) => command,
        None => {
            *commands = None;
            Command::Drain
        }
    }
}

async fn until(wake: Option<Instant>) {
    match wake {
        Some(at) => tokio::time::sleep_until(at.into()).await,
        None => std::future::pending().await,
    }
}
