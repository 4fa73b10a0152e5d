//! Where tests have their stores: in files, and in a PostgreSQL that all tests of the process share, each in a database of its
//! own.

use std::path::PathBuf;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};

use tempfile::TempDir;

use super::super::database::{self, Connection};
use super::super::{CallReader, Period, Store, StorePlace, StoreServer};
use super::cluster::Cluster;
use crate::config::{CdrConfig, StoreConfig};

static CLUSTER: LazyLock<Option<Cluster>> = LazyLock::new(cluster);

/// A cluster that no other test has, at an address of its own.
pub(super) fn cluster() -> Option<Cluster> {
    static NUMBER: AtomicU8 = AtomicU8::new(1);
    Cluster::at([127, 0, 77, NUMBER.fetch_add(1, Ordering::Relaxed)].into())
}

/// A store, with a folder for the files beside it.
pub(in crate::store) struct Place {
    pub(in crate::store) folder: TempDir,
    pub(in crate::store) place: StorePlace,
}

impl Place {
    /// A new one of each kind.
    pub(in crate::store) fn each() -> Vec<Self> {
        [Some(Self::in_file()), Self::at_server()].into_iter().flatten().collect()
    }

    pub(in crate::store) fn in_file() -> Self {
        let folder = TempDir::new().expect("a folder");
        let place = StorePlace::File(folder.path().join("w.db"));
        Self { folder, place }
    }

    /// `None` where the machine has no PostgreSQL.
    pub(in crate::store) fn at_server() -> Option<Self> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let cluster = CLUSTER.as_ref()?;
        let database = format!("test-{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        cluster.make(&database);
        let place = at(&cluster.by_socket(&database));
        Some(Self { folder: TempDir::new().expect("a folder"), place })
    }

    /// As a configuration names it.
    pub(in crate::store) fn config(&self) -> StoreConfig {
        keeping(&self.place)
    }

    pub(in crate::store) fn spare(&self) -> PathBuf {
        self.folder.path().join("spare.jsonl")
    }

    pub(in crate::store) fn lines(&self) -> PathBuf {
        self.folder.path().join("calls.jsonl")
    }

    pub(in crate::store) async fn open(&self) -> Store {
        let (file, spare) = (Some(self.lines()), Some(self.spare()));
        let cdr = CdrConfig { file, spare, keep_days: 36_500 };
        Store::open(&self.config(), Some(&cdr)).await.expect("it is sound")
    }

    /// The connection that writes, to tables that are there.
    pub(in crate::store) async fn connection(&self) -> Connection {
        database::open(&self.place).await.expect("it is sound")
    }

    /// A connection beside that of a gateway, which spoils what it likes.
    pub(in crate::store) async fn beside(&self) -> Connection {
        match &self.place {
            StorePlace::File(_) => self.connection().await,
            StorePlace::Server(server) => database::session(server).await.expect("it lets us in"),
        }
    }

    /// The names on the lines of the file, in their order.
    pub(super) fn names(&self) -> Vec<String> {
        super::names(&self.lines())
    }

    /// What the store has, by name and cause.
    pub(super) async fn kept(&self) -> Vec<(String, String)> {
        let mut kept = Vec::new();
        let reader = CallReader::open(&self.place).await.expect("it is there");
        let read = reader.read(Period::default(), |record| {
            kept.push((record.id.to_string(), record.end.as_ref().expect("it is over").cause.clone()));
            Ok(())
        });
        read.await.expect("it is sound");
        kept
    }

    /// How long the calls of the store were, in milliseconds.
    pub(super) async fn lengths(&self) -> Vec<u64> {
        let mut lengths = Vec::new();
        let reader = CallReader::open(&self.place).await.expect("it is there");
        let read = reader.read(Period::default(), |record| {
            lengths.push(record.duration_ms);
            Ok(())
        });
        read.await.expect("it is sound");
        lengths
    }
}

/// A store of no people.
pub(super) fn keeping(place: &StorePlace) -> StoreConfig {
    StoreConfig { place: place.clone(), secret_key: None }
}

/// A database on this machine, whose user needs no password.
pub(super) fn at(url: &str) -> StorePlace {
    let url = url.parse().expect("an address");
    StorePlace::Server(StoreServer { url, password: None, trusted_certificates: None, is_encrypted: false })
}
