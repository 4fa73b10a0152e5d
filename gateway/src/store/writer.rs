//! Writes changes in batches, and again where the disk would not take them.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::{Connection, SqliteConnection};
use tokio::sync::mpsc::Receiver;
use tracing::{error, info};
use webtrunk_signalling::sip::registrar::Change;

use super::{StoreHealth, database, registrations};

/// How long a batch is collected: so much is lost at most when the process is killed.
const COLLECTED: Duration = Duration::from_millis(50);

/// How long a disk that took nothing is left alone.
const RETRY: Duration = Duration::from_secs(1);

/// Bindings whose changes may wait for a disk. Past it the queue fills, and what finds no room there is lost.
const PENDING_MAX: usize = 16_384;

/// Owns the file.
pub(super) struct Writer {
    path: PathBuf,
    /// `None` after a failure: what state the connection is in then, nobody can say.
    connection: Option<SqliteConnection>,
    health: StoreHealth,
    /// The latest change of each binding that is not written.
    pending: HashMap<u64, Change>,
    is_failing: bool,
}

impl Writer {
    pub(super) fn new(path: &Path, connection: SqliteConnection, health: StoreHealth) -> Self {
        let connection = Some(connection);
        Self { path: path.to_owned(), connection, health, pending: HashMap::new(), is_failing: false }
    }

    /// Writes until nobody is left who could change anything.
    pub(super) async fn run(mut self, mut changes: Receiver<Change>) {
        while let Some(change) = changes.recv().await {
            self.pending.insert(change.key(), change);
            while !self.pending.is_empty() {
                tokio::time::sleep(if self.is_failing { RETRY } else { COLLECTED }).await;
                while self.pending.len() < PENDING_MAX
                    && let Ok(change) = changes.try_recv()
                {
                    self.pending.insert(change.key(), change);
                }
                if !self.write().await && changes.is_closed() {
                    break;
                }
            }
        }
        self.close().await;
    }

    /// Writes what waits; tells whether it could.
    async fn write(&mut self) -> bool {
        match self.try_write().await {
            Ok(()) => {
                if self.is_failing {
                    info!("the store can be written again, and registrations are kept");
                }
                self.is_failing = false;
                self.pending.clear();
            }
            Err(error) => {
                if !self.is_failing {
                    error!(%error, "the store cannot be written: registrations are not kept, and all else goes on");
                }
                self.is_failing = true;
                self.health.add_failure();
                self.close().await;
            }
        }
        !self.is_failing
    }

    async fn try_write(&mut self) -> Result<(), sqlx::Error> {
        let connection = match &mut self.connection {
            Some(connection) => connection,
            none => none.insert(database::connect(&self.path).await?),
        };
        registrations::write(connection, &self.pending).await
    }

    async fn close(&mut self) {
        if let Some(connection) = self.connection.take() {
            // What was written is found at the next start, whether or not it can be tidied up now.
            let _ = connection.close().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

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
        let mut writer = Writer::new(&path, connection, health.clone());
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
            sender.try_send(Change::Set(Box::new(record(key, expires_at)))).expect("room");
        }
        for key in 100..300 {
            sender.try_send(Change::Removed(key)).expect("room");
        }
        drop(sender);
        Writer::new(&path, connection, StoreHealth::default()).run(changes).await;
        let mut connection = database::open(&path).await.expect("it is sound");
        let kept = registrations::load(&mut connection, SystemTime::now()).await.expect("rows");
        assert_eq!(kept.iter().map(|record| record.key).collect::<Vec<_>>(), Vec::from_iter(0..100));
    }
}
