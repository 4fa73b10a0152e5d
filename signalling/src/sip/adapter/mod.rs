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
mod names;
mod orphans;
mod reload;
mod routes;
mod task;
mod texts;
mod upstream;

use std::sync::Arc;

use tokio::sync::mpsc::{self, Receiver, Sender};

use super::agent::{Agent, TrunkKeyring};
use super::config::SipConfig;
use super::doorkeeper::Admission;
use super::registrar::Registrar;
use super::transport::{InboundReceiver, ListenError, Resolver, TransportLayer};
use super::trunk::Trunks;
use super::trunk_board::TrunkBoard;
use crate::adapter::outlet::Outlet;
use crate::adapter::{Adapter, Command, Event, StartError};
use crate::commons::Commons;
use crate::locations::Locations;
use crate::presence::Presence;
use crate::room::{RefusedCalls, Room};
use crate::text_rates::TextRates;
use door::Door;
use names::Names;
pub use reload::{SipChange, SipReloader};
use routes::Routes;
use task::Task;
use upstream::Upstream;

/// The adapter's name in logs and dial strings.
pub const NAME: &str = "sip";

/// Commands that wait for the adapter. Chosen by us: a burst of calls; past it the gateway waits.
const COMMAND_QUEUE: usize = 256;

/// The SIP adapter before its start.
pub struct SipAdapter {
    config: SipConfig,
    layer: TransportLayer,
    inbound: InboundReceiver,
    locations: Locations,
    board: TrunkBoard,
    commons: Commons,
    reloader: SipReloader,
    changes: Receiver<SipChange>,
}

impl SipAdapter {
    /// An adapter that has opened nothing yet.
    #[must_use]
    pub fn new(mut config: SipConfig) -> Self {
        let (layer, inbound) = TransportLayer::new(std::mem::take(&mut config.transport));
        let (reloader, changes) = SipReloader::channel();
        let (locations, board) = (Locations::default(), TrunkBoard::default());
        let room = Room::new(config.agent.max_cps, config.media.take(), Arc::default());
        let texts = TextRates::new(config.agent.texts.clone());
        let commons = Commons { room, texts, presence: Presence::default() };
        Self { config, layer, inbound, locations, board, commons, reloader, changes }
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

    /// Must be called inside a tokio runtime, on which the adapter then lives.
    fn start(self, events: Sender<Event>) -> Result<Sender<Command>, StartError> {
        let Self { config, layer, inbound, locations, board, commons, changes, reloader: _ } = self;
        layer.listen().map_err(|ListenError { kind, bind, source }| StartError::Listen {
            adapter: NAME,
            address: format!("{} {bind}", kind.via_name()),
            source,
        })?;
        let now = std::time::Instant::now();
        let trunks = Trunks::new(config.trunks);
        layer.trust_trunks(trunks.networks().collect());
        let keyring = TrunkKeyring::new(&trunks, rand::random());
        let admission = Admission::new(config.digest, config.users, trunks.clone(), rand::random(), now);
        let mut door = Door::new(
            admission,
            Registrar::new(config.registrar, rand::random()),
            locations,
            layer.clone(),
            config.keeper,
        );
        door.restore(&config.kept, now);
        let names = Names::new(layer.clone());
        let mut agent = Agent::new(config.agent, rand::random(), door, Box::new(names), Box::new(keyring));
        agent.share(commons);
        let (commands, inbox) = mpsc::channel(COMMAND_QUEUE);
        board.limit(&trunks, agent.loads_mut());
        orphans::end(&config.kept_calls, &mut agent, &layer, now);
        let desk = config.accounts;
        let upstream = Upstream::new(&trunks, layer.clone(), board, desk.clone(), now);
        let resolver = Resolver::of(&config.nameservers);
        let (routes, resolved) = Routes::new(layer.clone(), trunks, resolver);
        let task = Task::new(agent, layer, routes, upstream, Outlet::new(events));
        let task = task.with_keeper(config.call_keeper).with_desk(desk);
        tokio::spawn(task.run(inbound, inbox, resolved, changes));
        Ok(commands)
    }
}
