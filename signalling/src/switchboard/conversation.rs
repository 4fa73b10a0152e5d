//! The task of one call: between its adapters, the engine and [`B2bua`], which says what is to be done.

use std::time::{Instant, SystemTime};

use tokio::sync::{mpsc, watch};
use tokio::time::sleep_until;
use tracing::field::display;
use tracing::info;
use webtrunk_engine::call::{CallCommand, CallEvent, CallHandle};
use webtrunk_engine::{EndCause, LegId};

use super::records::Desk;
use super::roll::Listed;
use super::till::Bill;
use super::{House, Switchboard, Told};
use crate::adapter::{Command, Dial, Event, Incoming, News, Origin, Target};
use crate::b2bua::{B2bua, Directory, Effect, Input, Settings};
use crate::origination::Origination;
use crate::presence::Present;
use crate::routing::{Plan, Query};
use crate::user_calls::{Seat, Seats, counted_as};

/// A call's task.
pub(super) struct Conversation<'a> {
    pub(super) board: &'a Switchboard,
    pub(super) inbox: mpsc::Sender<Told>,
    pub(super) from_adapters: mpsc::Receiver<Told>,
    pub(super) from_engine: mpsc::Receiver<Box<CallEvent>>,
    pub(super) handle: CallHandle,
    /// Its legs that have not ended, with their adapters.
    pub(super) legs: Vec<(LegId, &'static str)>,
    pub(super) seats: Seats,
    /// Those that go with the call, whichever of its legs do.
    pub(super) kept_seats: Vec<Seat>,
    pub(super) present: Present,
    pub(super) bill: Bill<'a>,
    /// Where its record is written.
    pub(super) desk: Desk,
    /// Where it is found from outside.
    pub(super) listed: Listed,
}

// Conversation and call are in boxes: what a future is given it has twice, and it lies in memory as long as the call. So is
// what is done in a moment: a future has room for all that it ever waits for.
impl Conversation<'_> {
    pub(super) async fn run(
        mut self: Box<Self>,
        adapter: &'static str,
        incoming: Box<Incoming>,
        (plan, house): (Plan, &House),
        stopping: watch::Receiver<bool>,
    ) {
        let now = Instant::now();
        let call = begin(incoming, adapter, plan, house, now);
        self.carry_on(call, house, now, stopping).await;
    }

    /// The same of a call that is made because somebody asked.
    pub(super) async fn run_origination(
        mut self: Box<Self>,
        origination: &Origination,
        (plan, house): (Plan, &House),
        stopping: watch::Receiver<bool>,
    ) {
        let (settings, now) = (settings(house, &origination.origin), Instant::now());
        let call = B2bua::originate(origination, plan, settings, house.directory.as_ref(), now);
        self.carry_on(Box::new(call), house, now, stopping).await;
        self.kept_seats.clear();
    }

    async fn carry_on(
        &mut self,
        mut call: Box<B2bua>,
        house: &House,
        began_at: Instant,
        mut stopping: watch::Receiver<bool>,
    ) {
        let directory = &house.directory;
        let mut is_media_gone = false;
        let mut is_stopping = false;
        loop {
            Box::pin(self.carry_out_all(&mut call, house)).await;
            self.desk.settle();
            if call.is_over() {
                break;
            }
            let next = call.poll_timeout().into_iter().chain(self.bill.poll_timeout()).min();
            tokio::select! {
                // The sender half is kept here, so the channel never closes.
                Some(input) = self.from_adapters.recv() => Box::pin(self.hear(*input, &mut call, house)).await,
                event = self.from_engine.recv(), if !is_media_gone => match event {
                    Some(event) => {
                        let input = Input::Media(*event);
                        self.desk.see_input(&input);
                        call.handle_input(input, directory.as_ref(), Instant::now());
                    }
                    None => {
                        is_media_gone = true;
                        call.hang_up(EndCause::InternalError);
                    }
                },
                () = sleep_until(next.unwrap_or(began_at).into()), if next.is_some() => {
                    let now = Instant::now();
                    if self.bill.poll_timeout().is_some_and(|at| at <= now) && self.bill.is_used_up() {
                        info!("the call, or the minutes of who pays for it, are as long as they may be");
                        call.hang_up(EndCause::TimeLimit);
                    }
                    call.handle_timeout(directory.as_ref(), now);
                }
                _ = stopping.changed(), if !is_stopping => {
                    is_stopping = true;
                    call.hang_up(EndCause::ShuttingDown);
                }
                () = self.listed.unwanted() => {
                    info!("call is hung up by the operator");
                    call.hang_up(EndCause::Hangup);
                }
            }
        }
        info!(lasted = ?began_at.elapsed(), "call over");
        self.handle.tell(CallCommand::End);
        self.desk.close(&mut self.from_engine).await;
    }

    /// Does all that the call wants done by now.
    async fn carry_out_all(&mut self, call: &mut B2bua, house: &House) {
        let directory = &house.directory;
        while let Some(effect) = call.poll_effect() {
            self.desk.see_effect(&effect);
            match effect {
                Effect::Route { origin, caller, destination } => {
                    let (at, dice) = (SystemTime::now(), rand::random());
                    let query = Query { at, dice, ..Query::new(&origin, &caller, &destination) };
                    let decision = house.route(&query);
                    call.handle_input(Input::Routed(decision), directory.as_ref(), Instant::now());
                }
                mut effect => match self.may_dial(&mut effect, directory.as_ref()) {
                    Ok(()) => self.carry_out(effect).await,
                    Err((leg, cause)) => {
                        let ended = Input::Signal(Event::Ended { leg, cause });
                        self.desk.see_input(&ended);
                        call.handle_input(ended, directory.as_ref(), Instant::now());
                    }
                },
            }
        }
    }

    /// Hears what an adapter tells.
    async fn hear(&mut self, input: Input, call: &mut B2bua, house: &House) {
        if let Input::Signal(Event::FiguresAsked { leg }) = &input {
            return self.tell_figures(*leg).await;
        }
        self.desk.see_input(&input);
        match &input {
            Input::Signal(Event::Ended { leg, .. }) => self.forget(*leg),
            Input::Signal(Event::Answered { leg, .. }) => {
                self.bill.answered(*leg);
                self.present.answered(*leg);
            }
            Input::Supervisor { adapter, asked, .. } => self.take_in(&asked.incoming, adapter),
            Input::Incoming { adapter, incoming } => {
                self.take_in(incoming, adapter);
                if let Origin::User(user) = &incoming.origin {
                    self.seats.join(incoming.leg, &counted_as(user, house.directory.as_ref()));
                }
            }
            _ => {}
        }
        call.handle_input(input, house.directory.as_ref(), Instant::now());
    }

    /// A leg has come that wants to be in the call.
    fn take_in(&mut self, incoming: &Incoming, adapter: &'static str) {
        incoming.span.record("call", display(self.handle.id()));
        self.board.tell_joined(incoming.leg, &self.handle);
        self.legs.push((incoming.leg, adapter));
        if let Origin::User(user) = &incoming.origin {
            self.present.enter(user, incoming.leg);
        }
    }

    /// Tells a party what is measured of its media now.
    async fn tell_figures(&self, leg: LegId) {
        let Some((_, adapter)) = self.legs.iter().find(|(known, _)| *known == leg) else { return };
        let figures = self.handle.stats().await.into_iter().find(|stats| stats.leg == leg);
        let news = News::Figures(figures.map(Box::new));
        self.board.command(adapter, Command::Tell { leg, news }).await;
    }

    fn forget(&mut self, leg: LegId) {
        self.board.legs.remove(leg);
        self.legs.retain(|(known, _)| *known != leg);
        self.seats.leave(leg);
        self.present.leave(leg);
        self.bill.ended(leg);
    }

    /// Counts a call of a user who is about to be called, and what is about to be called at a trunk; the leg, where
    /// it may not be, and why.
    fn may_dial(&mut self, effect: &mut Effect, directory: &dyn Directory) -> Result<(), (LegId, EndCause)> {
        let Effect::Signal { command: Command::Dial(dial), .. } = effect else { return Ok(()) };
        show_number(dial, directory);
        self.bill.dial(dial, directory).map_err(|cause| (dial.leg, cause))?;
        let Target::Contact { user, .. } = &dial.target else { return Ok(()) };
        self.seats.take(dial.leg, &counted_as(user, directory)).map_err(|full| {
            dial.span.in_scope(|| info!(user, "not called: {full}"));
            (dial.leg, EndCause::Busy)
        })
    }

    async fn carry_out(&mut self, effect: Effect) {
        if let Some((leg, adapter)) = effect.dialled_leg() {
            self.board.legs.add(leg, self.inbox.clone());
            self.board.tell_joined(leg, &self.handle);
            self.legs.push((leg, adapter));
        }
        match &effect {
            Effect::Signal { command: Command::Answer { leg, .. }, .. } => self.present.answered(*leg),
            // Whoever is refused, sent elsewhere or hung up may call again as soon as it knows, before we know that it does.
            Effect::Signal {
                command: Command::Hangup { leg, .. } | Command::Redirect { leg, .. }, ..
            } => {
                self.seats.leave(*leg);
            }
            Effect::Signal { command: Command::Dial(dial), .. } => {
                if let Target::Contact { user, .. } = &dial.target {
                    self.present.enter(user, dial.leg);
                }
            }
            _ => {}
        }
        match effect {
            Effect::Signal { adapter, command } => self.board.command(adapter, command).await,
            Effect::Media(command) => self.handle.tell(command),
            Effect::Refuse { adapter, leg, cause } => {
                self.forget(leg);
                self.board.command(adapter, Command::Hangup { leg, cause }).await;
            }
            Effect::Joined { ends } => self.board.ties.join(ends),
            Effect::TransferTold { .. } => {}
            // The dial plan answers at once, above.
            Effect::Route { .. } => {}
        }
    }
}

/// A call that came in. The box in which it came is gone then, and not with the call.
fn begin(
    incoming: Box<Incoming>,
    adapter: &'static str,
    plan: Plan,
    house: &House,
    now: Instant,
) -> Box<B2bua> {
    let settings = settings(house, &incoming.origin);
    Box::new(B2bua::new(*incoming, adapter, plan, settings, house.directory.as_ref(), now))
}

/// The settings of a call: one of a user is no longer than that may call.
fn settings(house: &House, origin: &Origin) -> Settings {
    let mut settings = house.settings.clone();
    let limits = house.directory.limits(origin).filter(|_| matches!(origin, Origin::User(_)));
    if let Some(call_max) = limits.and_then(|limits| limits.call_max) {
        settings.duration_max = settings.duration_max.min(call_max);
    }
    settings
}

/// However the call ended, by a panic too: nothing of it is left behind.
impl Drop for Conversation<'_> {
    fn drop(&mut self) {
        for (leg, adapter) in &self.legs {
            self.board.legs.remove(*leg);
            self.board.abandon(*leg, adapter, EndCause::InternalError);
        }
        // They came too late for a place in it.
        self.from_adapters.close();
        while let Ok(input) = self.from_adapters.try_recv() {
            let (adapter, leg) = match *input {
                Input::Incoming { adapter, incoming } => (adapter, incoming.leg),
                Input::Supervisor { adapter, asked, .. } => (adapter, asked.incoming.leg),
                Input::Signal(_) | Input::Media(_) | Input::Routed(_) | Input::Control(_) => continue,
            };
            self.board.legs.remove(leg);
            self.board.abandon(leg, adapter, EndCause::Declined);
        }
        self.handle.tell(CallCommand::End);
        let (_, nothing) = mpsc::channel(1);
        std::mem::take(&mut self.desk).break_off(std::mem::replace(&mut self.from_engine, nothing));
        if let Some(witness) = &self.board.witness {
            witness.call_over(self.handle.id());
        }
    }
}

/// A user whose name means nothing at a trunk is shown there by its number.
fn show_number(dial: &mut Dial, directory: &dyn Directory) {
    if let (Target::Trunk { .. }, Some(user)) = (&dial.target, &dial.on_behalf_of)
        && *user == dial.caller.user
        && let Some(number) = directory.number_of(user)
    {
        dial.caller.user = number;
    }
}
