//! SQLite in a file.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Instant;

use percent_encoding::{NON_ALPHANUMERIC, percent_encode};
use sqlx::ConnectOptions;
use sqlx::any::AnyConnectOptions;

use super::{BUSY, Connection, LOOK};

/// The first fault of the tables that a start reads, which hold no more than is going on. Records of calls that are over may be
/// gigabytes, and nothing listens before this is done: they are not looked at.
const SOUNDNESS: &str = "SELECT checked.quick_check FROM sqlite_schema AS it, pragma_quick_check(it.name) AS checked \
    WHERE it.type = 'table' AND it.name <> 'calls' AND checked.quick_check <> 'ok' LIMIT 1";

/// What a connection is told first. A process that is killed loses nothing by `NORMAL`; a machine that loses power may lose the
/// last changes.
const SETTINGS: [&str; 2] = ["PRAGMA journal_mode = WAL", "PRAGMA synchronous = NORMAL"];

/// Takes the file for this gateway alone, for as long as what is returned lives.
pub(super) async fn lock(path: &Path) -> io::Result<File> {
    let file = closed_to_others(path)?;
    let deadline = Instant::now() + BUSY;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if Instant::now() < deadline => tokio::time::sleep(LOOK).await,
            Err(TryLockError::WouldBlock) => return Err(io::Error::other("it is locked by another process")),
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
}

/// Who may read it knows from where users call.
fn closed_to_others(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).mode(0o600).open(path)
}

/// The only connection to the file that writes, which is made where it is not there. Its statements run on a thread of their
/// own.
pub(super) async fn make(path: &Path) -> Result<Connection, sqlx::Error> {
    closed_to_others(path)?;
    connect(path).await
}

/// A connection to a file that was opened before.
pub(super) async fn connect(path: &Path) -> Result<Connection, sqlx::Error> {
    let mut connection = open(path, "rw").await?;
    for setting in SETTINGS {
        sqlx::query(setting).execute(&mut connection).await?;
    }
    Ok(connection)
}

/// A connection that only reads.
pub(super) async fn connect_to_read(path: &Path) -> Result<Connection, sqlx::Error> {
    open(path, "ro").await
}

/// What is wrong with it, where something is.
pub(super) async fn fault(connection: &mut Connection) -> Result<Option<String>, sqlx::Error> {
    sqlx::query_scalar(SOUNDNESS).fetch_optional(connection).await
}

async fn open(path: &Path, mode: &str) -> Result<Connection, sqlx::Error> {
    sqlx::any::install_default_drivers();
    let name = percent_encode(path.as_os_str().as_bytes(), NON_ALPHANUMERIC);
    let options: AnyConnectOptions = format!("sqlite:{name}?mode={mode}").parse()?;
    let mut connection = options.disable_statement_logging().connect().await?;
    let patience = format!("PRAGMA busy_timeout = {}", BUSY.as_millis());
    sqlx::query(&patience).execute(&mut connection).await?;
    Ok(connection)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::time::{Duration, SystemTime};

    use sqlx::Connection as _;
    use tempfile::TempDir;
    use webtrunk_signalling::sip::registrar::Change;

    use super::super::super::registrations::{self, tests::record};
    use super::super::super::{StoreError, StorePlace};
    use super::super::{self as database};
    use super::*;

    async fn open(path: &Path) -> Result<Connection, StoreError> {
        database::open(&StorePlace::File(path.to_owned())).await
    }

    async fn lock(path: &Path) -> Result<database::Lock, StoreError> {
        database::lock(&StorePlace::File(path.to_owned())).await
    }

    async fn open_to_read(path: &Path) -> Result<Connection, StoreError> {
        database::open_to_read(&StorePlace::File(path.to_owned())).await
    }

    #[tokio::test]
    async fn a_file_that_is_not_there_is_made_and_closed_to_others() {
        let folder = TempDir::new().expect("a folder");
        let path = folder.path().join("w.db");
        for _ in 0..2 {
            let mut connection = open(&path).await.expect("it is sound");
            let mode: String =
                sqlx::query_scalar("PRAGMA journal_mode").fetch_one(&mut connection).await.expect("a mode");
            assert_eq!(mode, "wal");
            connection.close().await.expect("it was open");
        }
        let mode = fs::metadata(&path).expect("it is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[tokio::test]
    async fn what_is_no_store_is_refused_with_its_cure_and_left_alone() {
        let folder = TempDir::new().expect("a folder");
        let path = folder.path().join("w.db");
        fs::write(&path, "this is a letter and no database. ".repeat(100)).expect("the folder is ours");
        let told = open(&path).await.expect_err("it is none").to_string();
        assert!(told.starts_with(&path.display().to_string()), "{told}");
        assert!(told.contains("not a database") && told.contains("move it away"), "{told}");
        assert!(fs::read_to_string(&path).expect("it is there").starts_with("this is a letter"));
    }

    #[tokio::test]
    async fn a_damaged_store_is_refused() {
        let folder = TempDir::new().expect("a folder");
        let path = folder.path().join("w.db");
        open(&path).await.expect("it is sound").close().await.expect("it was open");
        let mut octets = fs::read(&path).expect("it is there");
        let page = octets.len() / 2;
        octets[page..].fill(0xa5);
        fs::write(&path, octets).expect("the folder is ours");
        let told = open(&path).await.expect_err("half of it is gone").to_string();
        assert!(told.contains("move it away") && told.contains("store.path"), "{told}");
    }

    /// All of their pages are overwritten: whoever reads one of them sees it.
    #[tokio::test]
    async fn a_start_reads_no_records_of_calls_that_are_over_however_many_there_are() {
        let folder = TempDir::new().expect("a folder");
        let path = folder.path().join("w.db");
        let mut connection = open(&path).await.expect("it is sound");
        let pages = async |connection: &mut Connection| {
            let count: i64 =
                sqlx::query_scalar("PRAGMA page_count").fetch_one(connection).await.expect("a count");
            usize::try_from(count).expect("it is none")
        };
        let of_others = pages(&mut connection).await;
        let filled = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000) \
                      INSERT INTO calls (id, began_at_ms, record) SELECT i, i, printf('%.3000c', 'x') FROM n";
        sqlx::query(filled).execute(&mut connection).await.expect("there is room");
        let of_all = pages(&mut connection).await;
        assert!(of_all > of_others + 1000, "{of_all}");
        connection.close().await.expect("it was open");
        let mut octets = fs::read(&path).expect("it is there");
        let page = octets.len() / of_all;
        octets[of_others * page..].fill(0xa5);
        fs::write(&path, octets).expect("the folder is ours");
        open(&path).await.expect("what it reads is sound");
    }

    /// A kill may leave any begin of what was being written.
    #[tokio::test]
    async fn what_a_kill_left_of_the_last_write_opens_cut_anywhere() {
        let folder = TempDir::new().expect("a folder");
        let path = folder.path().join("w.db");
        let log = folder.path().join("w.db-wal");
        let mut connection = open(&path).await.expect("it is sound");
        let expires_at = SystemTime::now() + Duration::from_secs(600);
        let mut written = Vec::new();
        for key in 1..=5 {
            let change = Change::Set(Box::new(record(key, expires_at)));
            registrations::write(&mut connection, &HashMap::from([(key, change)]))
                .await
                .expect("there is room");
            written.push(fs::metadata(&log).expect("it is there").len());
        }
        let (base, octets) = (fs::read(&path).expect("it is there"), fs::read(&log).expect("it is there"));
        let before = written[3] as usize;
        let last = octets.len() - before;
        let cuts = (0..=last).step_by(last / 40).chain(last.saturating_sub(30)..=last);
        for cut in cuts {
            let other = TempDir::new().expect("a folder");
            let path = other.path().join("w.db");
            fs::write(&path, &base).expect("the folder is ours");
            fs::write(other.path().join("w.db-wal"), &octets[..before + cut]).expect("the folder is ours");
            let mut connection = open(&path).await.expect("it opens");
            let kept = registrations::load(&mut connection, SystemTime::now()).await.expect("rows");
            let keys: Vec<_> = kept.iter().map(|record| record.key).collect();
            assert!(
                keys == [1, 2, 3, 4] || cut == last && keys == [1, 2, 3, 4, 5],
                "cut {cut} of {last}: {keys:?}"
            );
            connection.close().await.expect("it was open");
        }
    }

    #[tokio::test]
    async fn a_folder_that_is_not_there_is_told() {
        let told = open(Path::new("/nowhere/w.db")).await.expect_err("no folder").to_string();
        assert!(told.starts_with("/nowhere/w.db: ") && told.contains("write to its folder"), "{told}");
    }

    #[tokio::test]
    async fn two_gateways_do_not_share_a_store() {
        let folder = TempDir::new().expect("a folder");
        let path = folder.path().join("w.db");
        let first = lock(&path).await.expect("it is free");
        let told = lock(&path).await.expect_err("it is taken").to_string();
        assert!(told.contains("locked") && told.contains("no other gateway has it"), "{told}");
        drop(first);
        lock(&path).await.expect("it is free again");
    }

    #[tokio::test]
    async fn who_only_reads_is_let_in_beside_a_gateway() {
        let folder = TempDir::new().expect("a folder");
        let path = folder.path().join("w.db");
        let _gateway = lock(&path).await.expect("it is free");
        let mut connection = open(&path).await.expect("it is sound");
        let mut reading = open_to_read(&path).await.expect("nothing is in the way");
        for at in [5, 6] {
            sqlx::query("UPDATE cdr_state SET alive_at_ms = $1")
                .bind(at)
                .execute(&mut connection)
                .await
                .expect("a row");
            let read: i64 = sqlx::query_scalar("SELECT alive_at_ms FROM cdr_state")
                .fetch_one(&mut reading)
                .await
                .expect("a row");
            assert_eq!(read, at);
        }
        assert!(sqlx::query("DELETE FROM cdr_state").execute(&mut reading).await.is_err(), "it reads alone");
        assert!(open_to_read(&folder.path().join("x.db")).await.is_err(), "it makes none");
    }

    #[tokio::test]
    async fn a_store_of_a_newer_version_is_refused() {
        let folder = TempDir::new().expect("a folder");
        let path = folder.path().join("w.db");
        let mut connection = open(&path).await.expect("it is sound");
        sqlx::query(
            "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
             VALUES (999, 'to come', 1, x'00', 0)",
        )
        .execute(&mut connection)
        .await
        .expect("a row");
        connection.close().await.expect("it was open");
        let told = open(&path).await.expect_err("it is newer").to_string();
        assert!(told.contains("999") && told.contains("run the version that wrote it"), "{told}");
    }
}
