//! The switchboard: brings adapters, routing and the engine together, one task a call.
//!
//! ```text
//! adapters -- Event --> switchboard -- by leg --> call task: B2bua <-- CallEvent -- engine
//!     ^                                              |  |
//!     `------------------- Command ------------------'  `------- CallCommand --------^
//! ```

mod conversation;
mod delivery;
mod house;
mod legs;
mod originate;
mod records;
mod roll;
mod ties;
mod till;
mod witness;

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::SystemTime;

use tokio::runtime::Handle;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot, watch};
use tracing::field::display;
use tracing::{Instrument, error, error_span, info, warn};
use webtrunk_engine::call::{CallCommand, CallEvent, CallHandle};
use webtrunk_engine::engine::{Engine, Refused};
use webtrunk_engine::leg::LegStats;
use webtrunk_engine::net::capture::{Capture, CaptureSpec};
use webtrunk_engine::{CallId, EndCause, LegId};

use crate::adapter::{Command, Event, Incoming, Origin, Supervising};
use crate::b2bua::{Control, Input};
use crate::cdr::CdrKeeper;
use crate::origination::{self, Origination};
use crate::presence::{Presence, Present};
use crate::routing::{Decision, Plan, Query};
use crate::spending::Spent;
use crate::tie;
use crate::user_calls::{Seat, Seats, UserCalls, counted_as};
use conversation::Conversation;
use legs::Legs;
use records::Desk;
use roll::Roll;
use ties::Ties;
use till::{Bill, Till};

pub use house::{House, route};
pub use originate::{Originations, Originator};
pub use till::{Forbidden, SpentKeeper};
pub use witness::Witness;

/// Events of one call that may wait; a call gets a handful a second.
const MAILBOX: usize = 256;

/// What is told to a call. In a box, for a mailbox has room for 32 from the begin, of which hardly one is ever used.
type Told = Box<Input>;

/// What every call needs.
pub struct Switchboard {
    engine: Engine,
    /// A call keeps to the one that it began with.
    house: RwLock<Arc<House>>,
    adapters: HashMap<&'static str, mpsc::Sender<Command>>,
    legs: Legs,
    roll: Roll,
    users: UserCalls,
    /// What users are doing.
    presence: Presence,
    till: Till,
    ties: Arc<Ties>,
    witness: Option<Arc<dyn Witness>>,
    /// Who keeps the records of calls; `None` where none are written.
    records: Option<Arc<dyn CdrKeeper>>,
}

/// An adapter has ended without having been told to: its task panicked, say. Nobody can be called by
/// it any more, and what it knew of its peers is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the adapter {adapter:?} is gone")]
pub struct AdapterGone {
    /// Its name.
    pub adapter: &'static str,
}

impl Switchboard {
    /// A switchboard over started adapters, by name. Needs a runtime around it.
    #[must_use]
    pub fn new(engine: Engine, house: House, adapters: HashMap<&'static str, mpsc::Sender<Command>>) -> Self {
        let legs = Legs::default();
        let ties = Ties::start(legs.clone());
        let (house, users) = (RwLock::new(Arc::new(house)), UserCalls::default());
        Self {
            engine,
            house,
            adapters,
            legs,
            roll: Roll::default(),
            users,
            presence: Presence::default(),
            till: Till::default(),
            ties,
            witness: None,
            records: None,
        }
    }

    /// The same, for which this was spent already, and who keeps it from now on.
    #[must_use]
    pub fn with_spent(self, kept: Vec<Spent>, keeper: Option<Arc<dyn SpentKeeper>>) -> Self {
        Self { till: Till::new(kept, keeper), ..self }
    }

    /// The same, which notes there what users are doing.
    #[must_use]
    pub fn with_presence(self, presence: Presence) -> Self {
        Self { presence, ..self }
    }

    /// Tells this one of calls from now on.
    #[must_use]
    pub fn with_witness(self, witness: Option<Arc<dyn Witness>>) -> Self {
        Self { witness, ..self }
    }

    /// The same, with a record of every call for `keeper`.
    #[must_use]
    pub fn with_records(self, keeper: Arc<dyn CdrKeeper>) -> Self {
        Self { records: Some(keeper), ..self }
    }

    /// From now on calls begin by this; those that are there go on by what they began with.
    pub fn replace(&self, house: House) {
        *self.house.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(house);
    }

    fn house(&self) -> Arc<House> {
        Arc::clone(&self.house.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// How many legs its calls have now.
    #[must_use]
    pub fn legs(&self) -> usize {
        self.legs.count()
    }

    /// How often what one call wanted of another that it is joined to found no room to wait.
    #[must_use]
    pub fn tie_overflows(&self) -> u64 {
        self.ties.overflows()
    }

    /// The figures of a call's legs now; `None` where there is no such call.
    pub async fn stats(&self, call: CallId) -> Option<Vec<LegStats>> {
        let handle = self.roll.handle(call)?;
        Some(handle.stats().await)
    }

    /// Captures a call's packets of media; what comes of it follows. `None` where there is no such call.
    #[must_use]
    pub fn capture(&self, call: CallId, spec: CaptureSpec) -> Option<oneshot::Receiver<Box<Capture>>> {
        let (done, captured) = oneshot::channel();
        self.roll.handle(call)?.tell(CallCommand::StartCapture { spec, done });
        Some(captured)
    }

    /// Ends that, where the call is still there.
    pub fn end_capture(&self, call: CallId) {
        if let Some(handle) = self.roll.handle(call) {
            handle.tell(CallCommand::EndCapture);
        }
    }

    /// Numbers that were dialled and may not be called, counted.
    #[must_use]
    pub fn forbidden(&self) -> Arc<Forbidden> {
        self.till.forbidden()
    }

    /// Hangs a call up, whoever talks; whether there is such a call.
    pub fn hang_up(&self, call: CallId) -> bool {
        self.roll.hang_up(call)
    }

    /// Wants something of a party of a call, as somebody outside does; whether there is such a leg.
    pub async fn control(&self, control: Control) -> bool {
        self.legs.control(control).await
    }

    /// Serves the adapter called `adapter` until `stopping` says so: then its calls are hung up, and
    /// this returns when they are gone.
    ///
    /// # Errors
    /// [`AdapterGone`] when its events end before; its calls have been ended.
    pub async fn serve(
        self: Arc<Self>,
        adapter: &'static str,
        mut events: mpsc::Receiver<Event>,
        mut stopping: watch::Receiver<bool>,
    ) -> Result<(), AdapterGone> {
        let mut calls = tokio::task::JoinSet::new();
        let mut is_stopping = false;
        loop {
            if is_stopping && calls.is_empty() {
                return Ok(());
            }
            tokio::select! {
                event = events.recv() => match event {
                    Some(Event::Incoming(incoming)) if incoming.replaces.is_some() => {
                        let desk = Desk::open(self.records.as_ref(), &incoming);
                        let (leg, of) = (incoming.leg, incoming.replaces.unwrap_or(incoming.leg));
                        match self.legs.join(leg, of, Input::Incoming { adapter, incoming }).await {
                            Ok(()) => desk.leave(),
                            Err(cause) => {
                                desk.refuse(cause);
                                self.command(adapter, Command::Hangup { leg, cause }).await;
                            }
                        }
                    }
                    Some(Event::Incoming(incoming)) => {
                        // Before the task runs: that the leg has ended may be the very next event.
                        let mailbox = mpsc::channel(MAILBOX);
                        self.legs.add(incoming.leg, mailbox.0.clone());
                        calls.spawn(Arc::clone(&self).run(adapter, incoming, mailbox, stopping.clone()));
                    }
                    Some(Event::Supervising(asked)) => self.admit_supervisor(adapter, asked).await,
                    Some(Event::Refused(call)) => Desk::file_refused(self.records.as_ref(), &call),
                    Some(Event::Texted(text)) => {
                        calls.spawn(Arc::clone(&self).deliver(adapter, text, stopping.clone()));
                    }
                    Some(event) => self.legs.pass(event).await,
                    None => return Err(AdapterGone { adapter }),
                },
                Some(ended) = calls.join_next(), if !calls.is_empty() => {
                    if let Err(error) = ended {
                        error!(%error, "a panic ended a call");
                    }
                }
                _ = stopping.changed(), if !is_stopping => is_stopping = true,
            }
        }
    }

    /// One call, from its first event to its last.
    async fn run(
        self: Arc<Self>,
        adapter: &'static str,
        incoming: Box<Incoming>,
        (inbox, from_adapters): (mpsc::Sender<Told>, mpsc::Receiver<Told>),
        stopping: watch::Receiver<bool>,
    ) {
        let leg = incoming.leg;
        let (media_events, from_engine) = mpsc::channel(MAILBOX);
        let house = self.house();
        let mut desk = Desk::open(self.records.as_ref(), &incoming);
        let admitted =
            Box::pin(self.admit(&incoming, &house, None, media_events, &stopping, &mut desk)).await;
        match admitted {
            Ok((plan, handle, seats)) => {
                desk.admit(handle.id());
                // At the highest level, as every span: see `adapter::leg_span`.
                let span = error_span!("call", id = %handle.id());
                let mut present = Present::new(self.presence.clone());
                if let Origin::User(user) = &incoming.origin {
                    present.enter(user, leg);
                }
                let call = Box::new(Conversation {
                    board: &self,
                    inbox,
                    from_adapters,
                    from_engine,
                    listed: self.roll.enter(&handle),
                    handle,
                    legs: vec![(leg, adapter)],
                    seats: Seats::new(&self.users, leg, seats),
                    kept_seats: Vec::new(),
                    present,
                    bill: Bill::new(&self.till),
                    desk,
                });
                call.run(adapter, incoming, (plan, &house), stopping).instrument(span).await;
            }
            Err(cause) => {
                desk.refuse(cause);
                self.command(adapter, Command::Hangup { leg, cause }).await;
                self.legs.remove(leg);
            }
        }
    }

    /// One call that is made because somebody asked, from its begin to its last event.
    async fn run_origination(
        self: Arc<Self>,
        origination: Box<Origination>,
        begun: originate::Begun,
        (inbox, from_adapters): (mpsc::Sender<Told>, mpsc::Receiver<Told>),
        stopping: watch::Receiver<bool>,
    ) {
        let (leg, incoming) = (origination.leg, origination.incoming());
        let (media_events, from_engine) = mpsc::channel(MAILBOX);
        let house = self.house();
        let mut desk = Desk::originate(self.records.as_ref(), &origination);
        let decision = originate::decide(&origination, &house);
        let admitting = self.admit(&incoming, &house, Some(decision), media_events, &stopping, &mut desk);
        let admitted = Box::pin(admitting).await;
        // Who asked may be gone.
        let _ = begun.send(admitted.as_ref().map(drop).map_err(|cause| *cause));
        match admitted {
            Ok((plan, handle, seats)) => {
                desk.admit(handle.id());
                let span = error_span!("call", id = %handle.id());
                let call = Box::new(Conversation {
                    board: &self,
                    inbox,
                    from_adapters,
                    from_engine,
                    listed: self.roll.enter(&handle),
                    handle,
                    legs: vec![(leg, origination::NAME)],
                    seats: Seats::new(&self.users, leg, Vec::new()),
                    // The leg that stands for who asked is gone before the call is.
                    kept_seats: seats,
                    present: Present::new(self.presence.clone()),
                    bill: Bill::new(&self.till),
                    desk,
                });
                call.run_origination(&origination, (plan, &house), stopping).instrument(span).await;
            }
            Err(cause) => {
                desk.refuse(cause);
                self.legs.remove(leg);
            }
        }
    }

    /// Hands a supervisor to the call that its user talks in.
    async fn admit_supervisor(&self, adapter: &'static str, asked: Box<Supervising>) {
        let (leg, desk) = (asked.incoming.leg, Desk::open(self.records.as_ref(), &asked.incoming));
        let of = self.presence.talking_leg(&asked.user).ok_or(EndCause::NotFound);
        let joined = match of {
            Ok(of) => self.legs.join(leg, of, Input::Supervisor { adapter, asked, of }).await,
            Err(cause) => Err(cause),
        };
        match joined {
            Ok(()) => desk.leave(),
            Err(cause) => {
                desk.refuse(cause);
                self.command(adapter, Command::Hangup { leg, cause }).await;
            }
        }
    }

    /// The plan for a call, which the dial plan makes where there is none yet, and a place in the engine; or why not.
    async fn admit(
        &self,
        incoming: &Incoming,
        house: &House,
        decided: Option<Decision>,
        media_events: mpsc::Sender<Box<CallEvent>>,
        stopping: &watch::Receiver<bool>,
        desk: &mut Desk,
    ) -> Result<(Plan, CallHandle, Vec<Seat>), EndCause> {
        let Incoming { origin, caller, destination, .. } = incoming;
        if *stopping.borrow() {
            return Err(EndCause::ShuttingDown);
        }
        let route = || house.route(&Query::of(incoming, SystemTime::now(), rand::random()));
        let plan = match decided.unwrap_or_else(route) {
            Decision::Run(plan) => plan,
            Decision::Refuse { cause, reason } => {
                incoming.span.in_scope(|| info!(%origin, %destination, %reason, ?cause, "call refused"));
                return Err(cause);
            }
        };
        desk.note_rule(&plan.rule);
        let (seats, customer) = match origin {
            Origin::Trunk(_) => (Vec::new(), None),
            Origin::User(user) => {
                let counted = counted_as(user, house.directory.as_ref());
                let seats = self.users.enter(&counted, incoming.leg).map_err(|full| {
                    incoming.span.in_scope(|| info!(user, "call refused: {full}"));
                    EndCause::Overloaded
                })?;
                (seats, house.directory.counted_with(user))
            }
        };
        for payer in [origin.clone()].into_iter().chain(customer.map(Origin::User)) {
            if let Some(limits) = house.directory.limits(&payer)
                && !self.till.begin(&payer, &limits)
            {
                incoming
                    .span
                    .in_scope(|| info!(%payer, "call refused: as many as may began within a minute"));
                return Err(EndCause::Overloaded);
            }
        }
        let handle = self.engine.create_call(media_events, plan.room().cloned()).await.map_err(
            |refused| match refused {
                Refused::Full | Refused::Late => EndCause::Overloaded,
                Refused::Draining => EndCause::ShuttingDown,
            },
        )?;
        incoming.span.record("call", display(handle.id()));
        self.tell_joined(incoming.leg, &handle);
        incoming
            .span
            .in_scope(|| info!(%origin, caller = caller.user, %destination, rule = %plan.rule, "call began"));
        Ok((plan, handle, seats))
    }

    fn tell_joined(&self, leg: LegId, handle: &CallHandle) {
        if let Some(witness) = &self.witness {
            witness.leg_joined(leg, handle.id());
        }
    }

    async fn command(&self, adapter: &'static str, command: Command) {
        match adapter {
            tie::NAME => return self.ties.handle_command(command),
            origination::NAME => return self.leave_asker(command),
            _ => {}
        }
        let Some(commands) = self.adapters.get(adapter) else {
            return error!(adapter, "no such adapter");
        };
        if commands.send(command).await.is_err() {
            warn!(adapter, "adapter is gone");
        }
    }

    /// The leg that stands for who asked for a call has no adapter, and ends as soon as it is to.
    fn leave_asker(&self, command: Command) {
        let (leg, cause) = match command {
            Command::Hangup { leg, cause } => (leg, cause),
            Command::Redirect { leg, .. } => (leg, EndCause::Unavailable),
            // It is told that others ring, and nothing is to be done about it.
            _ => return,
        };
        let legs = self.legs.clone();
        // Its call hears of it when it has done what it does.
        tokio::spawn(async move { legs.pass(Event::Ended { leg, cause }).await });
    }

    /// Hangs up a leg whose call is no more.
    fn abandon(&self, leg: LegId, adapter: &'static str, cause: EndCause) {
        warn!(%leg, adapter, "leg is left without its call");
        let command = Command::Hangup { leg, cause };
        if adapter == tie::NAME {
            return self.ties.handle_command(command);
        }
        // What stands for who asked for a call has nobody to be told; nor has an adapter that is not there.
        let Some(commands) = self.adapters.get(adapter).cloned() else { return };
        if let (Err(TrySendError::Full(command)), Ok(runtime)) =
            (commands.try_send(command), Handle::try_current())
        {
            // An adapter that goes away meanwhile ends the leg by itself.
            runtime.spawn(async move { drop(commands.send(command).await) });
        }
    }
}
