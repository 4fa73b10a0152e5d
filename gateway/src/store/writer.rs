//! Writes what waits in batches, and again where the disk would not take it.

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use sqlx::Connection as _;
use tokio::sync::mpsc::Receiver;
use tokio::sync::oneshot;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tracing::{error, info};
use webtrunk_signalling::auth::token::UsedToken;
use webtrunk_signalling::sip::CallChange;
use webtrunk_signalling::sip::registrar::Change;
use webtrunk_signalling::spending::{Payer, Spent};

use super::books::{Books, blocking};
use super::cure::cure;
use super::database::Connection;
use super::filing_queue::{Filed, UnseenEnds};
use super::hook_changes::HookChanges;
use super::people::{Errand, Unwritten};
use super::place::{Found, Place};
use super::queue::Noted;
use super::{
    StoreHealth, StorePlace, database, people, registrations, sip_calls, spent, used_tokens, webhook_events,
};
use crate::config::StoreConfig;
use crate::people::{Roll, Row, StoreKey};
use crate::webhooks::SpoolChange;

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

/// Bindings, and calls, whose changes may wait for a disk. Past it the queue fills, and what finds no room there is lost.
const PENDING_MAX: usize = 16_384;

/// What comes to be written.
pub(super) struct Incoming {
    /// Of registrations, and of answered calls.
    pub(super) changes: Receiver<Noted>,
    /// Of what waits for webhooks.
    pub(super) hooks: Receiver<SpoolChange>,
    /// Of records of calls.
    pub(super) filings: Receiver<Filed>,
    /// How calls ended whose records found no room there.
    pub(super) unseen: UnseenEnds,
    /// Of people, each waited for.
    pub(super) people: Receiver<Errand>,
    /// That nothing more will come.
    pub(super) finishing: oneshot::Receiver<()>,
}

impl Incoming {
    /// Whether nothing waits there.
    fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.hooks.is_empty() && self.filings.is_empty() && self.unseen.is_empty()
    }
}

/// Owns the database.
pub(super) struct Writer {
    place: StorePlace,
    /// What secrets are sealed by.
    key: Option<StoreKey>,
    /// Where the file was, where it is one.
    whereabouts: Option<Place>,
    /// `None` after a failure: what state the connection is in then, nobody can say.
    connection: Option<Connection>,
    health: StoreHealth,
    /// The latest change of each binding that is not written.
    pending: HashMap<u64, Change>,
    /// The same of each answered call.
    pending_calls: HashMap<String, CallChange>,
    /// What everybody has spent by now.
    pending_spent: HashMap<Payer, Spent>,
    /// Of what waits for webhooks: a room of its own.
    pending_hooks: HookChanges,
    /// Tokens that were used.
    pending_used: Vec<UsedToken>,
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
            key: store.secret_key.clone(),
            whereabouts: store.place.file().map(Place::of),
            connection,
            health,
            pending: HashMap::new(),
            pending_calls: HashMap::new(),
            pending_spent: HashMap::new(),
            pending_hooks: HookChanges::default(),
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
        !self.pending.is_empty()
            || !self.pending_calls.is_empty()
            || !self.pending_spent.is_empty()
            || !self.pending_hooks.is_empty()
            || !self.pending_used.is_empty()
            || self.books.as_ref().is_some_and(Books::has_work)
    }

    /// Of bindings and calls, the latest change of each.
    fn pending_rows(&self) -> usize {
        self.pending.len() + self.pending_calls.len()
    }

    fn note(&mut self, noted: Noted) {
        match noted {
            Noted::Binding(change) => drop(self.pending.insert(change.key(), change)),
            Noted::Call(change) => drop(self.pending_calls.insert(change.key(), change)),
            Noted::Used(used) => self.pending_used.push(used),
            Noted::Spent(spent) => drop(self.pending_spent.insert(spent.payer.clone(), spent)),
        }
    }

    fn note_hook(&mut self, change: SpoolChange) {
        if self.pending_hooks.take(change) && self.health.add_lost() {
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
        while self.pending_rows() + self.pending_used.len() < PENDING_MAX
            && let Ok(change) = incoming.changes.try_recv()
        {
            self.note(change);
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
                self.pending_calls.clear();
                self.pending_spent.clear();
                self.pending_hooks.clear();
                self.pending_used.clear();
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
        let count =
            self.pending_rows() + self.pending_hooks.len() + self.books.as_ref().map_or(0, Books::len);
        let most =
            if is_finishing { LAST_ANSWER } else { ANSWER + ROW * u32::try_from(count).unwrap_or(u32::MAX) };
        match timeout(most, self.try_write()).await {
            Ok(outcome) => outcome,
            Err(_) => Err(std::io::Error::new(std::io::ErrorKind::TimedOut, NO_ANSWER).into()),
        }
    }

    async fn try_write(&mut self) -> Result<(), sqlx::Error> {
        let connection = match &mut self.connection {
            Some(connection) => connection,
            none => none.insert(database::connect(&self.place).await?),
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
        if let Some(books) = &mut self.books {
            books.write(connection).await?;
        }
        // Last, so that no record of a call is lost by them.
        if !self.pending_hooks.is_empty() {
            self.pending_hooks.set_tried();
            webhook_events::write(connection, &self.pending_hooks).await?;
        }
        Ok(())
    }

    /// Writes rows of people, or reads them, and tells whether it could.
    async fn run_errand(&mut self, errand: Errand) {
        let is_done = match errand {
            Errand::Write(rows, reply) => {
                let outcome = self.write_people(&rows).await;
                let is_done = outcome.is_ok();
                // Who asked may be gone.
                let _ = reply.send(outcome);
                is_done
            }
            Errand::Read(reply) => {
                let outcome = timeout(ANSWER, self.read_people()).await;
                let outcome = outcome.unwrap_or_else(|_| Err(NO_ANSWER.to_owned()));
                let is_done = outcome.is_ok();
                let _ = reply.send(outcome);
                is_done
            }
        };
        if !is_done {
            self.health.add_failure();
            self.close().await;
        }
    }

    async fn write_people(&mut self, rows: &[Row]) -> Result<(), Unwritten> {
        let mut is_committing = false;
        match timeout(ANSWER, self.try_write_people(rows, &mut is_committing)).await {
            Ok(Ok(())) => Ok(()),
            // What the database itself refuses, it has not done.
            Ok(Err(error @ sqlx::Error::Database(_))) => Err(Unwritten::None(error.to_string())),
            Ok(Err(error)) if is_committing => Err(Unwritten::Unsure(error.to_string())),
            Ok(Err(error)) => Err(Unwritten::None(error.to_string())),
            Err(_) if is_committing => Err(Unwritten::Unsure(NO_ANSWER.to_owned())),
            Err(_) => Err(Unwritten::None(NO_ANSWER.to_owned())),
        }
    }

    async fn try_write_people(&mut self, rows: &[Row], is_committing: &mut bool) -> Result<(), sqlx::Error> {
        let key = self.key.clone().ok_or_else(no_key)?;
        people::write(self.connected().await?, rows, &key, is_committing).await
    }

    async fn read_people(&mut self) -> Result<Roll, String> {
        let key = self.key.clone().ok_or_else(|| no_key().to_string())?;
        let place = self.place.clone();
        let connection = self.connected().await.map_err(|error| error.to_string())?;
        people::load(&place, connection, &key).await.map_err(|error| error.to_string())
    }

    async fn connected(&mut self) -> Result<&mut Connection, sqlx::Error> {
        Ok(match &mut self.connection {
            Some(connection) => connection,
            none => none.insert(database::connect(&self.place).await?),
        })
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

fn no_key() -> sqlx::Error {
    sqlx::Error::Configuration("there is no store.secret_key".into())
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

    fn store_at(place: &StorePlace) -> StoreConfig {
        StoreConfig { place: place.clone(), secret_key: None }
    }

    async fn pages_max(connection: &mut Connection, pages: u32) {
        sqlx::query(&format!("PRAGMA max_page_count = {pages}")).execute(connection).await.expect("a pragma");
    }

    /// A database that may not grow is as good as a disk that is full: SQLite says the same (SQLITE_FULL).
    #[tokio::test]
    async fn what_a_full_disk_did_not_take_is_written_when_there_is_room_again() {
        let folder = TempDir::new().expect("a folder");
        let path = StorePlace::File(folder.path().join("w.db"));
        let mut connection = database::open(&path).await.expect("it is sound");
        pages_max(&mut connection, 1).await;
        let health = StoreHealth::default();
        let mut writer = Writer::new(&store_at(&path), connection, health.clone(), None);
        let expires_at = SystemTime::now() + Duration::from_secs(600);
        for key in 1..100 {
            writer.pending.insert(key, Change::Set(Box::new(record(key, expires_at))));
        }
        assert!(!writer.write(false).await);
        assert_eq!((health.failures(), writer.pending.len()), (1, 99));
        assert!(writer.write(false).await, "on a connection of its own, which may let it grow");
        assert!(writer.pending.is_empty());
        writer.close().await;
        let mut connection = database::open(&path).await.expect("it is sound");
        let kept = registrations::load(&mut connection, SystemTime::now()).await.expect("rows");
        assert_eq!(kept.len(), 99);
    }

    #[tokio::test]
    async fn however_much_webhooks_have_to_be_written_a_registration_is_taken_in() {
        let folder = TempDir::new().expect("a folder");
        let path = StorePlace::File(folder.path().join("w.db"));
        let connection = database::open(&path).await.expect("it is sound");
        let health = StoreHealth::default();
        let mut writer = Writer::new(&store_at(&path), connection, health.clone(), None);
        let more = PENDING_MAX as u64 + 10;
        (1..=more).for_each(|seq| writer.note_hook(SpoolChange::Over(seq)));
        assert_eq!((health.lost(), writer.pending_hooks.len()), (10, PENDING_MAX), "the oldest are dropped");
        let (sender, changes) = mpsc::channel(1);
        sender.try_send(Noted::Binding(Change::Removed(1))).expect("room");
        let mut incoming = Incoming {
            changes,
            hooks: mpsc::channel(1).1,
            filings: mpsc::channel(1).1,
            unseen: UnseenEnds::default(),
            people: mpsc::channel(1).1,
            finishing: oneshot::channel().1,
        };
        writer.collect(&mut incoming);
        assert_eq!(writer.pending.len(), 1);
    }

    #[tokio::test]
    async fn the_last_change_of_each_is_there_when_the_writer_has_ended() {
        let folder = TempDir::new().expect("a folder");
        let path = StorePlace::File(folder.path().join("w.db"));
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
        let writer = Writer::new(&store_at(&path), connection, StoreHealth::default(), None);
        writer
            .run(Incoming {
                changes,
                hooks: mpsc::channel(1).1,
                filings,
                unseen: UnseenEnds::default(),
                people: mpsc::channel(1).1,
                finishing,
            })
            .await;
        let mut connection = database::open(&path).await.expect("it is sound");
        let kept = registrations::load(&mut connection, SystemTime::now()).await.expect("rows");
        assert_eq!(kept.iter().map(|record| record.key).collect::<Vec<_>>(), Vec::from_iter(0..100));
    }
}
