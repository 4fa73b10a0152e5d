//! SIP as an adapter: the shell around the pure core.
//!
//! ```text
//!   sockets --> TransportLayer --> Inbound ---+
//!   gateway ----------------------> Command --+--> Task: Agent + Registrar + Upstream --> Event --> gateway
//!   resolver ---------------------> address --+         |
//!   one timer --------------------------------+         +--> bytes --> TransportLayer --> sockets
//! ```
//!
//! One task owns the core; nothing in it waits for anything but its four inputs. What is read from
//! elsewhere, [`Locations`], [`TrunkBoard`] and [`TransportLayer`], is handed out before the start.

mod door;
mod memory;
mod names;
mod orphans;
mod reload;
mod routes;
mod speakers;
mod task;
mod texts;
mod upstream;

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::sync::{Mutex, OwnedMutexGuard};

use super::agent::{Agent, TrunkKeyring};
use super::config::SipConfig;
use super::doorkeeper::Admission;
use super::registrar::Registrar;
use super::transport::{InboundReceiver, ListenError, Resolver, TransportLayer};
use super::trunk::Trunks;
use super::trunk_board::TrunkBoard;
use crate::adapter::{Adapter, Command, Event, Outlet, StartError, Work, work};
use crate::calendar;
use crate::commons::Commons;
use crate::locations::Locations;
use crate::moment::Moment;
use crate::room::{RefusedCalls, Room};
use crate::text_rates::TextRates;
use door::Door;
use memory::Memory;
use names::Names;
pub use reload::{SipChange, SipReloader};
use routes::Routes;
use task::{Inputs, Task, Turn};
use texts::Texts;
use upstream::Upstream;

/// The adapter's name in logs and dial strings.
pub const NAME: &str = "sip";

/// Commands that wait for the adapter. Chosen by us: a burst of calls; past it the gateway waits.
const COMMAND_QUEUE: usize = 256;

/// The SIP adapter before its start.
pub struct SipAdapter {
    config: SipConfig,
    layer: TransportLayer,
    /// The task that is at work has it.
    inbound: Arc<Mutex<InboundReceiver>>,
    is_started: bool,
    locations: Locations,
    board: TrunkBoard,
    commons: Commons,
    reloader: SipReloader,
    memory: Arc<Memory>,
}

impl SipAdapter {
    /// An adapter that has opened nothing yet.
    #[must_use]
    pub fn new(mut config: SipConfig) -> Self {
        let (layer, inbound) = TransportLayer::new(std::mem::take(&mut config.transport));
        // A core that follows one that broke tells the peers of its calls.
        config.agent.keeps_calls = true;
        let memory = Arc::new(Memory::of(&mut config));
        let (locations, board) = (Locations::default(), TrunkBoard::default());
        let room = Room::new(config.agent.max_cps, config.media.take(), Arc::default());
        room.put_first(config.agent.emergency_numbers.clone());
        let texts = TextRates::new(config.agent.texts.clone());
        let commons = Commons::new(room, texts);
        Self {
            config,
            layer,
            inbound: Arc::new(Mutex::new(inbound)),
            is_started: false,
            locations,
            board,
            commons,
            reloader: SipReloader::new(),
            memory,
        }
    }

    /// The sockets: for the WebSocket endpoint to be mounted, our addresses once started, and counters.
    #[must_use]
    pub fn transport(&self) -> TransportLayer {
        self.layer.clone()
    }

    /// Where users can be reached, for routing.
    #[must_use]
    pub fn locations(&self) -> Locations {
        self.locations.clone()
    }

    /// Changes users and trunks while it works.
    #[must_use]
    pub fn reloader(&self) -> SipReloader {
        self.reloader.clone()
    }

    /// Calls for which there was no room, to be shown.
    #[must_use]
    pub fn refused_calls(&self) -> Arc<RefusedCalls> {
        self.commons.room.refused()
    }

    /// Room for calls and messages, to be asked by other adapters too.
    #[must_use]
    pub fn commons(&self) -> Commons {
        self.commons.clone()
    }

    /// Where the trunks stand, to be shown.
    #[must_use]
    pub fn trunks(&self) -> TrunkBoard {
        self.board.clone()
    }
}

impl Adapter for SipAdapter {
    fn name(&self) -> &'static str {
        NAME
    }

    /// Must be called inside a tokio runtime, on which the adapter then lives. A second start goes on with the sockets of
    /// the first; streams are cut, so that phones come anew by them.
    fn start(&mut self, events: Sender<Event>) -> Result<Sender<Command>, StartError> {
        let inbound = Arc::clone(&self.inbound).try_lock_owned();
        let inbound = inbound.expect("no task is started before the one before has ended");
        if self.is_started {
            self.layer.cut_streams();
        } else {
            self.layer.listen().map_err(|ListenError { kind, bind, source }| StartError::Listen {
                adapter: NAME,
                address: format!("{} {bind}", kind.via_name()),
                source,
            })?;
            self.is_started = true;
        }
        let (commands, inbox) = mpsc::channel(COMMAND_QUEUE);
        let mut task = self.task(inbound, inbox, Outlet::new(events));
        let change = task.inputs.changes.borrow_and_update().clone();
        task.handle(Turn::Change(change));
        task.handle(Turn::Time);
        tokio::spawn(work(NAME, task));
        Ok(commands)
    }
}

impl SipAdapter {
    /// All of it anew, by what was configured and is remembered.
    fn task(
        &self,
        inbound: OwnedMutexGuard<InboundReceiver>,
        commands: Receiver<Command>,
        outlet: Outlet,
    ) -> Task {
        let Self { config, layer, memory, board, commons, .. } = self;
        let now = std::time::Instant::now();
        let trunks = Trunks::new(config.trunks.clone());
        layer.trust_trunks(trunks.networks().collect());
        let keyring = TrunkKeyring::new(&trunks, rand::random());
        let users = Arc::clone(&config.users);
        let admission = Admission::new(config.digest.clone(), users, trunks.clone(), rand::random(), now)
            .within(commons.networks.clone());
        let registrar = Registrar::new(config.registrar, rand::random());
        self.locations.clear();
        let mut door =
            Door::new(admission, registrar, self.locations.clone(), layer.clone(), Arc::clone(memory) as _);
        door.restore(&memory.records(), now);
        let names = Names::new(layer.clone());
        let mut agent =
            Agent::new(config.agent.clone(), rand::random(), door, Box::new(names), Box::new(keyring));
        agent.share(commons.clone());
        agent.begin(Moment { now, wall: calendar::now() });
        board.limit(&trunks, agent.loads_mut());
        orphans::end(&memory.calls(), &trunks, &mut agent, layer, now);
        let desk = config.accounts.clone();
        desk.wish_again();
        let upstream = Upstream::new(&trunks, layer.clone(), board.clone(), desk.clone(), now);
        let resolver = Resolver::of(&config.nameservers);
        let (routes, resolved) = Routes::new(layer.clone(), trunks, resolver);
        Task {
            agent,
            layer: layer.clone(),
            routes,
            upstream,
            texts: Texts::default(),
            outlet,
            keeper: Arc::clone(memory) as _,
            held: BTreeMap::new(),
            desk,
            inputs: Inputs {
                inbound,
                commands: Some(commands),
                resolved,
                changes: self.reloader.subscribe(),
            },
        }
    }
}

/// An adapter that nobody can start again listens no more.
impl Drop for SipAdapter {
    fn drop(&mut self) {
        self.layer.stop();
    }
}
