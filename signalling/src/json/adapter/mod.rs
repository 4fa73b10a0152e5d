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
pub(super) mod outbox;
mod reload;
mod task;

use std::sync::Arc;
use std::time::Instant;

use tokio::sync::mpsc::{self, Receiver, Sender};

pub use endpoint::{JsonEndpoint, JsonLimits, serve};
pub use reload::JsonReloader;

use super::config::JsonConfig;
use super::core::Core;
use super::door::Proofs;
use crate::accounts::AccountDesk;
use crate::adapter::outlet::Outlet;
use crate::adapter::{Adapter, Command, Event, StartError};
use crate::auth::token::{TokenKeeper, UsedToken};
use crate::commons::Commons;
use crate::http::OriginPolicy;
use crate::locations::Locations;
use endpoint::Arrived;
use task::Task;

/// The adapter's name in logs and dial strings.
pub(super) const NAME: &str = "json";

/// Commands that wait for the adapter, and what waits of all pages. Chosen by us: a burst of calls; past it whoever sends
/// waits.
const COMMAND_QUEUE: usize = 256;
const ARRIVED_QUEUE: usize = 256;

/// The adapter before its start.
pub struct JsonAdapter {
    config: JsonConfig,
    proofs: Proofs,
    commons: Commons,
    endpoint: JsonEndpoint,
    arrived: Receiver<Arrived>,
    locations: Locations,
    reloader: JsonReloader,
    changes: Receiver<Proofs>,
    desk: AccountDesk,
    /// The tokens that were used before, and who keeps them from now on.
    used: (Vec<UsedToken>, Option<Arc<dyn TokenKeeper>>),
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
        let (to_task, arrived) = mpsc::channel(ARRIVED_QUEUE);
        let endpoint = JsonEndpoint::new(to_task, origins, limits);
        let (reloader, changes) = JsonReloader::channel();
        let (locations, desk) = (Locations::default(), AccountDesk::default());
        let used = (Vec::new(), None);
        Self { config, proofs, commons, endpoint, arrived, locations, reloader, changes, desk, used }
    }

    /// Remembers the tokens that were used before a restart, and has those kept that are used from now on.
    #[must_use]
    pub fn remembering(self, kept: Vec<UsedToken>, keeper: Option<Arc<dyn TokenKeeper>>) -> Self {
        Self { used: (kept, keeper), ..self }
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

    /// Must be called inside a tokio runtime, on which the adapter then lives.
    fn start(self, events: Sender<Event>) -> Result<Sender<Command>, StartError> {
        let Self { config, proofs, commons, arrived, locations, changes, desk, used, .. } = self;
        let (commands, inbox) = mpsc::channel(COMMAND_QUEUE);
        let presence = commons.presence.clone();
        let core = Core::new(config, proofs, commons, Instant::now()).remembering(&used.0, used.1);
        let task = Task::new(core, presence, locations, desk, Outlet::new(events));
        tokio::spawn(task.run(arrived, inbox, changes));
        Ok(commands)
    }
}
