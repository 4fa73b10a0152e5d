//! What waits for a disk that takes nothing, and what is there in the end.

use std::time::SystemTime;

use tempfile::TempDir;
use tokio::sync::{mpsc, oneshot};
use webtrunk_signalling::sip::registrar::Change;

use super::pending::PENDING_MAX;
use super::*;
use crate::store::filing_queue::UnseenEnds;
use crate::store::queue::Noted;
use crate::store::registrations::{self, tests::record};

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
        writer.pending.note(Noted::Binding(Change::Set(Box::new(record(key, expires_at)))));
    }
    assert!(!writer.write(false).await);
    assert_eq!((health.failures(), writer.pending.rows()), (1, 99));
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
    assert_eq!((health.lost(), writer.pending.rows()), (10, PENDING_MAX), "the oldest are dropped");
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
    assert_eq!(writer.pending.rows(), PENDING_MAX + 1);
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

#[test]
fn a_customer_that_goes_with_thousands_of_rows_has_the_time_that_a_batch_of_as_many_has() {
    assert_eq!([0, 1, 4000].map(patience), [ANSWER, ANSWER + ROW, ANSWER + ROW * 4000]);
}
