//! Writes what waits in batches, and again where the disk would not take it.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use sqlx::{Connection, SqliteConnection};
use tokio::sync::mpsc::Receiver;
use tokio::sync::oneshot;
use tokio::time::{MissedTickBehavior, interval};
use tracing::{error, info};
use webtrunk_signalling::auth::token::UsedToken;
use webtrunk_signalling::sip::CallChange;
use webtrunk_signalling::sip::registrar::Change;
use webtrunk_signalling::spending::{Payer, Spent};

use super::books::{Books, blocking};
use super::filing_queue::{Filed, UnseenEnds};
use super::place::{Found, Place};
use super::queue::Noted;
use super::{StoreHealth, database, registrations, sip_calls, spent, used_tokens};

/// How long a batch is collected: so much is lost at most when the process is killed.
const COLLECTED: Duration = Duration::from_millis(50);

/// How long a disk that took nothing is left alone.
const RETRY: Duration = Duration::from_secs(1);

/// How often it is written that the process lives, while there are calls: so much less is known of their length at most
/// when it is killed.
const HEARTBEAT: Duration = Duration::from_secs(1);

/// How often it is looked whether the file is still where it is found. Chosen by us: who moves it does so by hand.
const LOOK: Duration = Duration::from_secs(60);

/// Bindings, and calls, whose changes may wait for a disk. Past it the queue fills, and what finds no room there is lost.
const PENDING_MAX: usize = 16_384;

/// What comes to be written.
pub(super) struct Incoming {
    /// Of registrations, and of answered calls.
    pub(super) changes: Receiver<Noted>,
    /// Of records of calls.
    pub(super) filings: Receiver<Filed>,
    /// How calls ended whose records found no room there.
    pub(super) unseen: UnseenEnds,
    /// That nothing more will come.
    pub(super) finishing: oneshot::Receiver<()>,
}

impl Incoming {
    /// Whether nothing waits there.
    fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.filings.is_empty() && self.unseen.is_empty()
    }
}

/// Owns the file.
pub(super) struct Writer {
    path: PathBuf,
    place: Place,
    /// `None` after a failure: what state the connection is in then, nobody can say.
    connection: Option<SqliteConnection>,
    health: StoreHealth,
    /// The latest change of each binding that is not written.
    pending: HashMap<u64, Change>,
    /// The same of each answered call.
    pending_calls: HashMap<String, CallChange>,
    /// What everybody has spent by now.
    pending_spent: HashMap<Payer, Spent>,
    /// Tokens that were used.
    pending_used: Vec<UsedToken>,
    /// Records of calls that are not written; `None` where no records are kept.
    books: Option<Books>,
    is_failing: bool,
}

impl Writer {
    pub(super) fn new(
        path: &Path,
        connection: SqliteConnection,
        health: StoreHealth,
        books: Option<Books>,
    ) -> Self {
        let connection = Some(connection);
        Self {
            path: path.to_owned(),
            place: Place::of(path),
            connection,
            health,
            pending: HashMap::new(),
            pending_calls: HashMap::new(),
            pending_spent: HashMap::new(),
            pending_used: Vec::new(),
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
                Some(change) = incoming.changes.recv() => self.note(change),
                Some(filing) = incoming.filings.recv() => self.file(filing),
                _ = heartbeat.tick() => is_due = self.books.as_ref().is_some_and(Books::wants_tick),
                _ = looks.tick() => self.look_for_file().await,
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
                let is_written = self.write().await;
                if is_finishing && (!is_written || !self.has_work() && incoming.is_empty()) {
                    break;
                }
            }
        }
        self.close().await;
    }

    async fn look_for_file(&mut self) {
        let mut place = self.place.clone();
        let looked = blocking(move || Ok((place.look(), place))).await;
        let Ok((found, place)) = looked else { return };
        self.place = place;
        let file = self.path.display();
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
        !self.pending.is_empty()
            || !self.pending_calls.is_empty()
            || !self.pending_spent.is_empty()
            || !self.pending_used.is_empty()
            || self.books.as_ref().is_some_and(Books::has_work)
    }

    fn note(&mut self, noted: Noted) {
        match noted {
            Noted::Binding(change) => drop(self.pending.insert(change.key(), change)),
            Noted::Call(change) => drop(self.pending_calls.insert(change.key(), change)),
            Noted::Used(used) => self.pending_used.push(used),
            Noted::Spent(spent) => drop(self.pending_spent.insert(spent.payer.clone(), spent)),
        }
    }

    fn file(&mut self, filed: Filed) {
        if let Some(books) = &mut self.books {
            books.take(filed);
        }
    }

    fn collect(&mut self, incoming: &mut Incoming) {
        while self.pending.len() + self.pending_calls.len() + self.pending_used.len() < PENDING_MAX
            && let Ok(change) = incoming.changes.try_recv()
        {
            self.note(change);
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
    async fn write(&mut self) -> bool {
        match self.try_write().await {
            Ok(()) => {
                if self.is_failing {
                    info!("the store can be written again, and all is kept");
                }
                self.is_failing = false;
                self.pending.clear();
                self.pending_calls.clear();
                self.pending_spent.clear();
                self.pending_used.clear();
            }
            Err(error) => {
                if !self.is_failing {
                    let cure = cure(&error);
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

    async fn try_write(&mut self) -> Result<(), sqlx::Error> {
        let connection = match &mut self.connection {
            Some(connection) => connection,
            none => none.insert(database::connect(&self.path).await?),
        };
        if !self.pending.is_empty() {
            registrations::write(connection, &self.pending).await?;
        }
        if !self.pending_calls.is_empty() {
            sip_calls::write(connection, &self.pending_calls, SystemTime::now()).await?;
        }
        if !self.pending_spent.is_empty() {
            spent::write(connection, &self.pending_spent).await?;
        }
        if !self.pending_used.is_empty() {
            used_tokens::write(connection, &self.pending_used).await?;
        }
        match &mut self.books {
            Some(books) => books.write(connection).await,
            None => Ok(()),
        }
    }

    async fn close(&mut self) {
        if let Some(connection) = self.connection.take() {
            // What was written is found at the next start, whether or not it can be tidied up now.
            let _ = connection.close().await;
        }
    }
}

/// What to do about a store that cannot be written.
fn cure(error: &sqlx::Error) -> &'static str {
    // SQLITE_CORRUPT and SQLITE_NOTADB, whatever is said besides (sqlite.org/rescode.html).
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
    match code.and_then(|code| code.parse::<u32>().ok()).map(|code| code & 0xff) {
        Some(11 | 26) => {
            "it is damaged: put a copy in its place, or move it away (store.path), and start anew"
        }
        _ => "give its disk room, and let the gateway's user write to it",
    }
}

/// However it ends, by a panic too.
impl Drop for Writer {
    fn drop(&mut self) {
        self.health.set_gone();
    }
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;
    use tokio::sync::mpsc;

    use super::super::registrations::tests::record;
    use super::*;

    async fn pages_max(connection: &mut SqliteConnection, pages: u32) {
        sqlx::query(&format!("PRAGMA max_page_count = {pages}")).execute(connection).await.expect("a pragma");
    }

    /// A database that may not grow is as good as a disk that is full: SQLite says the same (SQLITE_FULL).
    #[tokio::test]
    async fn what_a_full_disk_did_not_take_is_written_when_there_is_room_again() {
        let folder = TempDir::new().expect("a folder");
        let path = folder.path().join("w.db");
        let mut connection = database::open(&path).await.expect("it is sound");
        pages_max(&mut connection, 1).await;
        let health = StoreHealth::default();
        let mut writer = Writer::new(&path, connection, health.clone(), None);
        let expires_at = SystemTime::now() + Duration::from_secs(600);
        for key in 1..100 {
            writer.pending.insert(key, Change::Set(Box::new(record(key, expires_at))));
        }
        assert!(!writer.write().await);
        assert_eq!((health.failures(), writer.pending.len()), (1, 99));
        assert!(writer.write().await, "on a connection of its own, which may let it grow");
        assert!(writer.pending.is_empty());
        writer.close().await;
        let mut connection = database::open(&path).await.expect("it is sound");
        let kept = registrations::load(&mut connection, SystemTime::now()).await.expect("rows");
        assert_eq!(kept.len(), 99);
    }

    #[tokio::test]
    async fn the_last_change_of_each_is_there_when_the_writer_has_ended() {
        let folder = TempDir::new().expect("a folder");
        let path = folder.path().join("w.db");
        let connection = database::open(&path).await.expect("it is sound");
        let (sender, changes) = mpsc::channel(1000);
        let expires_at = SystemTime::now() + Duration::from_secs(600);
        for key in 0..300 {
            let change = Change::Set(Box::new(record(key, expires_at)));
            sender.try_send(Noted::Binding(change)).expect("room");
        }
        for key in 100..300 {
            sender.try_send(Noted::Binding(Change::Removed(key))).expect("room");
        }
        let (finish, finishing) = oneshot::channel();
        finish.send(()).expect("it is there");
        let (_filing, filings) = mpsc::channel(1);
        let writer = Writer::new(&path, connection, StoreHealth::default(), None);
        writer.run(Incoming { changes, filings, unseen: UnseenEnds::default(), finishing }).await;
        let mut connection = database::open(&path).await.expect("it is sound");
        let kept = registrations::load(&mut connection, SystemTime::now()).await.expect("rows");
        assert_eq!(kept.iter().map(|record| record.key).collect::<Vec<_>>(), Vec::from_iter(0..100));
    }
}
