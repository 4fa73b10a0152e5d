//! What outlives the process: an SQLite file, or a PostgreSQL database (docs/decisions/0014).
//!
//! ```text
//!  signalling --- Keeper, CdrKeeper: never wait --->  queues (bounded) ---> Writer --- a transaction each batch ---> file
//!  start      <-- what was kept; calls that the process before had are ended ---------------------------------- file
//! ```
//!
//! No call waits for the disk, and none ends because it is full.

mod address;
mod books;
mod calls;
mod cure;
mod database;
mod error;
mod filing_queue;
mod health;
mod hook_changes;
mod lines;
mod migrations;
mod people;
mod place;
mod queue;
mod reading;
mod registrations;
mod resealing;
mod reserve;
mod seal_counts;
mod sip_calls;
mod spare;
mod spent;
mod spool;
#[cfg(test)]
mod tests;
mod used_tokens;
mod webhook_events;
mod writer;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tracing::warn;
use webtrunk_signalling::auth::token::{TokenKeeper, UsedToken};
use webtrunk_signalling::calendar;
use webtrunk_signalling::cdr::{CallRecord, CdrKeeper};
use webtrunk_signalling::sip::registrar::{Keeper, Record};
use webtrunk_signalling::sip::{CallKeeper, KeptCall};
use webtrunk_signalling::spending::Spent;
use webtrunk_signalling::switchboard::SpentKeeper;

pub use address::{StorePlace, StoreServer};
use books::Books;
use database::Lock;
pub use error::StoreError;
use filing_queue::{FilingQueue, UnseenEnds};
pub use health::StoreHealth;
pub use people::{NotOpened, PeopleKeeper, Unwritten};
use queue::Queue;
pub use reading::{CallReader, Period, ReadError};
pub use seal_counts::SealCounts;
use spool::CLOSED_MAX;
use writer::{Incoming, Writer};

use crate::config::{CdrConfig, StoreConfig};
use crate::people::Roll;
use crate::webhooks::{Kept, SpoolKeeper};

/// The store, while the gateway runs.
pub struct Store {
    kept: Vec<Record>,
    kept_calls: Vec<KeptCall>,
    kept_spent: Vec<Spent>,
    kept_used: Vec<UsedToken>,
    kept_events: Vec<Kept>,
    crashed: Vec<CallRecord>,
    roll: Option<Roll>,
    people: PeopleKeeper,
    queue: Arc<Queue>,
    filings: Option<Arc<FilingQueue>>,
    finish: oneshot::Sender<()>,
    writing: JoinHandle<()>,
    health: StoreHealth,
    /// No other gateway has the database as long as this one holds it.
    _lock: Lock,
}

/// Changes that may wait. Chosen by us: what a thousand phones do in ten seconds, each at twice its pace.
const QUEUE: usize = 4096;

/// The same of what waits for webhooks. Chosen by us: all that the stream keeps, for eight hooks.
const HOOK_CHANGES: usize = 16_384;

/// Changes of people that may wait to be written. Chosen by us: one is made after the other.
const ERRANDS: usize = 4;

/// How long the last changes may take to be written when the process ends.
const FAREWELL: Duration = Duration::from_secs(5);

impl Store {
    /// Opens the database, makes its tables where they are not there, brings them up to date and reads what was kept; where
    /// records of calls are kept, those of calls that ended with the process before are written. Needs a tokio runtime around it.
    ///
    /// # Errors
    /// [`StoreError`] when it is none of ours, damaged, of a newer version, in use, out of reach, or cannot be written.
    pub async fn open(store: &StoreConfig, cdr: Option<&CdrConfig>) -> Result<Self, StoreError> {
        let StoreConfig { place, secret_key } = store;
        let unusable = |source| StoreError::unusable(place, source);
        let lock = database::lock(place).await?;
        let mut connection = database::open(place).await?;
        let kept = registrations::load(&mut connection, SystemTime::now()).await.map_err(unusable)?;
        let kept_calls = sip_calls::load(&mut connection, SystemTime::now()).await.map_err(unusable)?;
        let kept_spent = spent::load(&mut connection).await.map_err(unusable)?;
        let kept_used = used_tokens::load(&mut connection, calendar::now()).await.map_err(unusable)?;
        let kept_events = webhook_events::load(&mut connection).await.map_err(unusable)?;
        let people = match secret_key {
            Some(keys) => Some(people::load(place, &mut connection, keys).await?),
            None => None,
        };
        let (roll, stale) = people.map_or((None, 0), |loaded| (Some(loaded.roll), loaded.stale));
        let mut books = match cdr {
            Some(cdr) => Some(Books::open(cdr, &mut connection).await?),
            None => None,
        };
        let crashed = books.as_mut().map(Books::take_crashed).unwrap_or_default();
        let health = StoreHealth::default();
        let (sender, changes) = mpsc::channel(QUEUE);
        let (of_hooks, hooks) = mpsc::channel(HOOK_CHANGES);
        let queue = Arc::new(Queue::new(sender, of_hooks, health.clone()));
        let (sender, filings) = mpsc::channel(CLOSED_MAX);
        let unseen = UnseenEnds::default();
        let filing_queue = FilingQueue::new(sender, health.clone(), unseen.clone());
        let filing_queue = books.is_some().then(|| Arc::new(filing_queue));
        let (finish, finishing) = oneshot::channel();
        let (errands, asked) = mpsc::channel(ERRANDS);
        let incoming = Incoming { changes, hooks, filings, unseen, people: asked, finishing };
        let writing = tokio::spawn(Writer::new(store, connection, health.clone(), books).run(incoming));
        let people = PeopleKeeper { errands };
        if stale > 0 {
            tokio::spawn(resealing::run(people.clone(), stale));
        }
        Ok(Self {
            kept,
            kept_calls,
            kept_spent,
            kept_used,
            kept_events,
            crashed,
            roll,
            people,
            queue,
            filings: filing_queue,
            finish,
            writing,
            health,
            _lock: lock,
        })
    }

    /// The registrations that were kept, once.
    pub fn take_kept(&mut self) -> Vec<Record> {
        std::mem::take(&mut self.kept)
    }

    /// The answered calls that the process before left, once.
    pub fn take_kept_calls(&mut self) -> Vec<KeptCall> {
        std::mem::take(&mut self.kept_calls)
    }

    /// What was spent of a day's minutes, once.
    pub fn take_spent(&mut self) -> Vec<Spent> {
        std::mem::take(&mut self.kept_spent)
    }

    /// The tokens that are good once and were used, once.
    pub fn take_used_tokens(&mut self) -> Vec<UsedToken> {
        std::mem::take(&mut self.kept_used)
    }

    /// What waits for webhooks, once.
    pub fn take_webhook_events(&mut self) -> Vec<Kept> {
        std::mem::take(&mut self.kept_events)
    }

    /// The calls that ended with the process before, once, where records are kept.
    pub fn take_crashed(&mut self) -> Vec<CallRecord> {
        std::mem::take(&mut self.crashed)
    }

    /// Whom it knows, once; `None` where it keeps no people.
    pub fn take_roll(&mut self) -> Option<Roll> {
        self.roll.take()
    }

    /// Keeps whom it knows from now on.
    #[must_use]
    pub fn people_keeper(&self) -> PeopleKeeper {
        self.people.clone()
    }

    /// Keeps what waits for webhooks from now on.
    #[must_use]
    pub fn spool_keeper(&self) -> Arc<dyn SpoolKeeper> {
        self.queue.clone()
    }

    /// Keeps those that are used from now on.
    #[must_use]
    pub fn token_keeper(&self) -> Arc<dyn TokenKeeper> {
        self.queue.clone()
    }

    /// Keeps what is spent from now on.
    #[must_use]
    pub fn spent_keeper(&self) -> Arc<dyn SpentKeeper> {
        self.queue.clone()
    }

    /// Keeps answered calls from now on.
    #[must_use]
    pub fn call_keeper(&self) -> Arc<dyn CallKeeper> {
        self.queue.clone()
    }

    /// Keeps registrations from now on.
    #[must_use]
    pub fn keeper(&self) -> Arc<dyn Keeper> {
        self.queue.clone()
    }

    /// Keeps records of calls from now on, where they are kept.
    #[must_use]
    pub fn cdr_keeper(&self) -> Option<Arc<dyn CdrKeeper>> {
        self.filings.clone().map(|filings| filings as Arc<dyn CdrKeeper>)
    }

    /// How well it goes.
    #[must_use]
    pub fn health(&self) -> StoreHealth {
        self.health.clone()
    }

    /// Writes what still waits. What is kept after it is lost.
    pub async fn finish(self) {
        // A writer that is gone has nothing left to write.
        let _ = self.finish.send(());
        if tokio::time::timeout(FAREWELL, self.writing).await.is_err() {
            warn!("the last changes of registrations, and of calls, could not be kept");
        }
    }
}
