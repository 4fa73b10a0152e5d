//! The JSON API as an adapter: the shell around the pure core.
//!
//! ```text
//!   WebSockets --> Arrived ---+
//!   gateway ----> Command ----+--> Task: Core --> Event --> gateway
//!   one timer ----------------+      |
//!                                    +--> Outbox --> WebSockets
//! ```
//!
//! One task owns the core. The WebSockets are served by the gateway's HTTP server, where [`serve`] is mounted; each has a
//! bounded outbox, and a page that does not read is closed and may resume.

mod endpoint;
mod memory;
pub(super) mod outbox;
mod reload;
mod task;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use tokio::sync::mpsc::{self, Sender};

pub use endpoint::{JsonEndpoint, JsonLimits, serve};
pub use reload::JsonReloader;

use super::config::JsonConfig;
use super::core::Core;
use super::door::Proofs;
use crate::accounts::AccountDesk;
use crate::adapter::{Adapter, Command, Event, Outlet, StartError, work};
use crate::auth::token::{TokenKeeper, UsedToken};
use crate::commons::Commons;
use crate::http::OriginPolicy;
use crate::locations::Locations;
use memory::TokenMemory;
use task::{Inputs, Task};

/// The adapter's name in logs and dial strings.
pub(super) const NAME: &str = "json";

/// Commands that wait for the adapter, and what waits of all pages. Chosen by us: a burst of calls; past it whoever sends
/// waits.
const COMMAND_QUEUE: usize = 256;
const ARRIVED_QUEUE: usize = 256;

/// The adapter, and what outlives its task.
pub struct JsonAdapter {
    config: JsonConfig,
    commons: Commons,
    endpoint: JsonEndpoint,
    locations: Locations,
    reloader: JsonReloader,
    desk: AccountDesk,
    /// The tokens that were used.
    used: Arc<TokenMemory>,
}

impl JsonAdapter {
    /// An adapter to which pages of these origins may connect, and whose calls and messages need room in common with all others.
    #[must_use]
    pub fn new(
        config: JsonConfig,
        proofs: Proofs,
        origins: OriginPolicy,
        limits: JsonLimits,
        commons: Commons,
    ) -> Self {
        let (endpoint, reloader) = (JsonEndpoint::new(origins, limits), JsonReloader::new(proofs));
        let (locations, desk) = (Locations::default(), AccountDesk::default());
        Self { config, commons, endpoint, locations, reloader, desk, used: Arc::default() }
    }

    /// Remembers the tokens that were used before a restart, and has those kept that are used from now on.
    #[must_use]
    pub fn remembering(self, kept: Vec<UsedToken>, keeper: Option<Arc<dyn TokenKeeper>>) -> Self {
        Self { used: Arc::new(TokenMemory::new(kept, keeper)), ..self }
    }

    /// Has the accounts of its pages held by whoever is asked at this desk.
    #[must_use]
    pub fn with_desk(self, desk: AccountDesk) -> Self {
        Self { desk, ..self }
    }

    /// For the HTTP server to mount.
    #[must_use]
    pub fn endpoint(&self) -> JsonEndpoint {
        self.endpoint.clone()
    }

    /// Where users can be reached, for routing.
    #[must_use]
    pub fn locations(&self) -> Locations {
        self.locations.clone()
    }

    /// Changes keys and users while it works.
    #[must_use]
    pub fn reloader(&self) -> JsonReloader {
        self.reloader.clone()
    }
}

impl Adapter for JsonAdapter {
    fn name(&self) -> &'static str {
        NAME
    }

    /// Must be called inside a tokio runtime, on which the adapter then lives. After a second start pages come by new
    /// connections and sessions; tokens that were used stay used, and the accounts of before are left.
    fn start(&mut self, events: Sender<Event>) -> Result<Sender<Command>, StartError> {
        let (commands, inbox) = mpsc::channel(COMMAND_QUEUE);
        let mut proofs = self.reloader.subscribe();
        let known = proofs.borrow_and_update().clone();
        let core = Core::new(self.config.clone(), known, self.commons.clone(), Instant::now())
            .remembering(&self.used.tokens(), Some(Arc::clone(&self.used) as _))
            .counting_forgeable(Arc::clone(&self.endpoint.forgeable_logins))
            .naming_accounts_after(self.desk.last());
        self.locations.clear();
        self.desk.leave_all();
        let task = Task {
            core,
            presence: self.commons.presence.clone(),
            outboxes: HashMap::new(),
            locations: self.locations.clone(),
            desk: self.desk.clone(),
            outlet: Outlet::new(events),
            inputs: Inputs { arrived: self.endpoint.connect(ARRIVED_QUEUE), commands: inbox, proofs },
        };
        tokio::spawn(work(NAME, task));
        Ok(commands)
    }
}
