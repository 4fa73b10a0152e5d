//! What outlives the process: an SQLite file (docs/decisions/0014).
//!
//! ```text
//!  signalling --- Keeper: never waits --->  queue (bounded) ---> Writer --- a transaction each batch ---> file
//!  start      <-- what was kept ------------------------------------------------------------------------ file
//! ```
//!
//! No call waits for the disk, and none ends because it is full.

mod database;
mod error;
mod health;
mod migrations;
mod queue;
mod registrations;
mod writer;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tracing::warn;
use webtrunk_signalling::sip::registrar::{Keeper, Record};

pub use error::StoreError;
pub use health::StoreHealth;
use queue::Queue;
use writer::Writer;

/// The store, while the gateway runs.
pub struct Store {
    kept: Vec<Record>,
    queue: Arc<Queue>,
    writing: JoinHandle<()>,
    health: StoreHealth,
}

/// Changes that may wait. Chosen by us: what a thousand phones do in ten seconds, each at twice its pace.
const QUEUE: usize = 4096;

/// How long the last changes may take to be written when the process ends.
const FAREWELL: Duration = Duration::from_secs(5);

impl Store {
    /// Opens the file, makes it where it is not there, brings it up to date and reads what was kept. Needs a
    /// tokio runtime around it.
    ///
    /// # Errors
    /// [`StoreError`] when the file is none of ours, damaged, of a newer version, or cannot be written.
    pub async fn open(path: &Path) -> Result<Self, StoreError> {
        let mut connection = database::open(path).await?;
        let kept = registrations::load(&mut connection, SystemTime::now())
            .await
            .map_err(|source| StoreError::unusable(path, source))?;
        let health = StoreHealth::default();
        let (sender, changes) = mpsc::channel(QUEUE);
        let queue = Arc::new(Queue::new(sender, health.clone()));
        let writing = tokio::spawn(Writer::new(path, connection, health.clone()).run(changes));
        Ok(Self { kept, queue, writing, health })
    }

    /// The registrations that were kept, once.
    pub fn take_kept(&mut self) -> Vec<Record> {
        std::mem::take(&mut self.kept)
    }

    /// Keeps registrations from now on.
    #[must_use]
    pub fn keeper(&self) -> Arc<dyn Keeper> {
        self.queue.clone()
    }

    /// How well it goes.
    #[must_use]
    pub fn health(&self) -> StoreHealth {
        self.health.clone()
    }

    /// Writes what still waits. All keepers must be gone, or it waits for them in vain.
    pub async fn finish(self) {
        drop(self.queue);
        if tokio::time::timeout(FAREWELL, self.writing).await.is_err() {
            warn!("the last changes of registrations could not be kept");
        }
    }
}
