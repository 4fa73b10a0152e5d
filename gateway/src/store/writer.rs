//! Writes what waits in batches, and again where the disk would not take it.

mod errands;
mod incoming;
mod pending;

use std::time::Duration;

use sqlx::Connection as _;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tracing::{error, info};

use super::books::{Books, blocking};
use super::cure::cure;
use super::database::{self, Connection};
use super::filing_queue::Filed;
use super::place::{Found, Place};
use super::{StoreHealth, StorePlace};
use crate::config::StoreConfig;
use crate::people::StoreKeys;
use crate::webhooks::SpoolChange;
pub(super) use incoming::Incoming;
use pending::Pending;

/// How long a batch is collected: so much is lost at most when the process is killed.
const COLLECTED: Duration = Duration::from_millis(50);

/// How long a disk that took nothing is left alone.
const RETRY: Duration = Duration::from_secs(1);

/// How long a server may take to take a batch, and so much more for each row of it: past it the connection is given up.
const ANSWER: Duration = Duration::from_secs(5);
const ROW: Duration = Duration::from_millis(20);

/// What is said of one that takes longer.
const NO_ANSWER: &str = "it does not answer";

/// The same of the last batch: what a server does not take has to get into the spare file before the process ends.
const LAST_ANSWER: Duration = Duration::from_millis(3500);

/// How long the end of a connection may take. What holds a server's up holds up nothing else.
const GOODBYE: Duration = Duration::from_millis(500);

/// How often it is written that the process lives, while there are calls: so much less is known of their length at most
/// when it is killed.
const HEARTBEAT: Duration = Duration::from_secs(1);

/// How often it is looked whether the file is still where it is found. Chosen by us: who moves it does so by hand.
const LOOK: Duration = Duration::from_secs(60);

/// Owns the database.
pub(super) struct Writer {
    place: StorePlace,
    /// What secrets are sealed by.
    keys: Option<StoreKeys>,
    /// Where the file was, where it is one.
    whereabouts: Option<Place>,
    /// `None` after a failure: what state the connection is in then, nobody can say.
    connection: Option<Connection>,
    health: StoreHealth,
    pending: Pending,
    /// Records of calls that are not written; `None` where no records are kept.
    books: Option<Books>,
    is_failing: bool,
}

impl Writer {
    pub(super) fn new(
        store: &StoreConfig,
        connection: Connection,
        health: StoreHealth,
        books: Option<Books>,
    ) -> Self {
        let connection = Some(connection);
        Self {
            place: store.place.clone(),
            keys: store.secret_key.clone(),
            whereabouts: store.place.file().map(Place::of),
            connection,
            health,
            pending: Pending::default(),
            books,
            is_failing: false,
        }
    }

    /// Writes until it is told that nothing more will come, and then what is there.
    pub(super) async fn run(mut self, mut incoming: Incoming) {
        let mut heartbeat = interval(HEARTBEAT);
        heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut looks = interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut is_finishing = false;
        while !is_finishing {
            let mut is_due = false;
            tokio::select! {
                Some(change) = incoming.changes.recv() => self.pending.note(change),
                Some(change) = incoming.hooks.recv() => self.note_hook(change),
                Some(filing) = incoming.filings.recv() => self.file(filing),
                Some(errand) = incoming.people.recv() => self.run_errand(errand).await,
                _ = heartbeat.tick() => is_due = self.books.as_ref().is_some_and(Books::wants_tick),
                _ = looks.tick(), if self.whereabouts.is_some() => self.look_for_file().await,
                _ = &mut incoming.finishing => is_finishing = true,
            }
            while is_due || is_finishing || self.has_work() {
                if !is_finishing {
                    let rest = tokio::time::sleep(if self.is_failing { RETRY } else { COLLECTED });
                    tokio::select! {
                        () = rest => {}
                        _ = &mut incoming.finishing => is_finishing = true,
                    }
                }
                self.collect(&mut incoming);
                is_due = false;
                let is_written = self.write(is_finishing).await;
                while let Ok(errand) = incoming.people.try_recv() {
                    self.run_errand(errand).await;
                }
                if is_finishing && (!is_written || !self.has_work() && incoming.is_empty()) {
                    break;
                }
            }
        }
        self.close().await;
    }

    async fn look_for_file(&mut self) {
        let Some(mut whereabouts) = self.whereabouts.clone() else { return };
        let looked = blocking(move || Ok((whereabouts.look(), whereabouts))).await;
        let Ok((found, whereabouts)) = looked else { return };
        self.whereabouts = Some(whereabouts);
        let file = &self.place;
        match found {
            Some(Found::Astray) => error!(
                %file,
                "the store was moved away or removed: what is written goes to a file that nobody finds; put it back, or start the gateway anew"
            ),
            Some(Found::Back) => info!(%file, "the store is where it was"),
            None => {}
        }
    }

    fn has_work(&self) -> bool {
        !self.pending.is_empty() || self.books.as_ref().is_some_and(Books::has_work)
    }

    fn note_hook(&mut self, change: SpoolChange) {
        if self.pending.note_hook(change) && self.health.add_lost() {
            error!(
                "more changes of what waits for webhooks are to be written than may wait, and the oldest is dropped; this is told once"
            );
        }
    }

    fn file(&mut self, filed: Filed) {
        if let Some(books) = &mut self.books {
            books.take(filed);
        }
    }

    fn collect(&mut self, incoming: &mut Incoming) {
        while self.pending.has_room()
            && let Ok(change) = incoming.changes.try_recv()
        {
            self.pending.note(change);
        }
        while let Ok(change) = incoming.hooks.try_recv() {
            self.note_hook(change);
        }
        while self.books.as_ref().is_some_and(Books::has_room)
            && let Ok(filing) = incoming.filings.try_recv()
        {
            self.file(filing);
        }
        // What was filed of the same calls comes first.
        if incoming.filings.is_empty()
            && let Some(books) = &mut self.books
        {
            incoming.unseen.take().into_iter().for_each(|(id, unseen)| books.end_unseen(id, unseen));
        }
    }

    /// Writes what waits; tells whether it could.
    async fn write(&mut self, is_finishing: bool) -> bool {
        match self.write_in_time(is_finishing).await {
            Ok(()) => {
                if self.is_failing {
                    info!("the store can be written again, and all is kept");
                }
                self.is_failing = false;
                self.pending.clear();
            }
            Err(error) => {
                if !self.is_failing {
                    let cure = cure(&self.place, &error);
                    error!(
                        %error,
                        cure,
                        "the store cannot be written: registrations and calls wait for it, and all else goes on"
                    );
                }
                self.is_failing = true;
                self.health.add_failure();
                self.close().await;
                if let Some(books) = &mut self.books {
                    books.set_aside().await;
                }
            }
        }
        !self.is_failing
    }

    /// A file answers, or its disk is no disk any more; a server may never.
    async fn write_in_time(&mut self, is_finishing: bool) -> Result<(), sqlx::Error> {
        if self.whereabouts.is_some() {
            return self.try_write().await;
        }
        let count = self.pending.rows() + self.books.as_ref().map_or(0, Books::len);
        let most = if is_finishing { LAST_ANSWER } else { patience(count) };
        match timeout(most, self.try_write()).await {
            Ok(outcome) => outcome,
            Err(_) => Err(std::io::Error::new(std::io::ErrorKind::TimedOut, NO_ANSWER).into()),
        }
    }

    async fn try_write(&mut self) -> Result<(), sqlx::Error> {
        let connection = connected(&mut self.connection, &self.place).await?;
        self.pending.write(connection).await?;
        if let Some(books) = &mut self.books {
            books.write(connection).await?;
        }
        // Last, so that no record of a call is lost by them.
        self.pending.write_hooks(connection).await
    }

    async fn close(&mut self) {
        if let Some(connection) = self.connection.take() {
            // What was written is found at the next start, whether or not it can be tidied up now.
            match self.whereabouts {
                Some(_) => drop(connection.close().await),
                None => drop(timeout(GOODBYE, connection.close()).await),
            }
        }
    }
}

/// How long a server may take to take so many rows.
fn patience(rows: usize) -> Duration {
    ANSWER + ROW * u32::try_from(rows).unwrap_or(u32::MAX)
}

/// The connection, a new one where there is none.
async fn connected<'c>(
    connection: &'c mut Option<Connection>,
    place: &StorePlace,
) -> Result<&'c mut Connection, sqlx::Error> {
    Ok(match connection {
        Some(connection) => connection,
        none => none.insert(database::connect(place).await?),
    })
}

/// However it ends, by a panic too.
impl Drop for Writer {
    fn drop(&mut self) {
        self.health.set_gone();
    }
}

#[cfg(test)]
mod tests;
