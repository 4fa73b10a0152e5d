//! A disk that takes nothing, and a log that is cut: of SQLite.

use std::fs;

use super::super::database::{self, Connection};
use super::*;

/// Lets the store of a place take nothing, as a full disk does: SQLite says so (SQLITE_FULL) when it may not grow.
async fn fill(place: &Place) -> Connection {
    let mut connection = database::open(&place.place).await.expect("it is sound");
    sqlx::query("PRAGMA max_page_count = 1").execute(&mut connection).await.expect("a pragma");
    connection
}

/// Big enough that some do not fit into the pages that there are.
const MANY: usize = 200;

#[tokio::test]
async fn what_a_full_disk_does_not_take_waits_in_the_spare_file_and_is_in_the_store_once_when_there_is_room()
{
    let place = Place::in_file();
    let cdr = CdrConfig { file: Some(place.lines()), spare: Some(place.spare()), keep_days: 36_500 };
    let mut connection = database::open(&place.place).await.expect("it is sound");
    let mut books = Books::open(&cdr, &mut connection).await.expect("all is new");
    filed(&mut books, [open("000"), open("killed")]);
    books.write(&mut connection).await.expect("there is room");
    drop(connection);

    let mut full = fill(&place).await;
    let name = |number: usize| format!("{number:03}");
    filed(&mut books, (0..MANY).map(|number| closed(&name(number))));
    assert!(books.write(&mut full).await.is_err());
    books.set_aside().await;
    assert!(!books.has_work(), "nothing of it is in memory alone");
    assert_eq!(names(&place.spare()).len(), MANY);
    drop(full);
    // The process is killed, and half a line is left.
    let mut spare = fs::OpenOptions::new().append(true).open(place.spare()).expect("it is there");
    std::io::Write::write_all(&mut spare, b"{\"id\":\"torn").expect("there is room");

    let store = place.open().await;
    let expected: Vec<_> = (0..MANY).map(name).chain(["killed".to_owned()]).collect();
    assert_eq!(place.names(), expected);
    let causes: Vec<_> = place.kept().await.into_iter().map(|(_, cause)| cause).collect();
    assert_eq!(causes.iter().filter(|cause| *cause == "crash").count(), 1, "{causes:?}");
    assert!(!place.spare().exists());
    store.finish().await;
}

#[tokio::test]
async fn what_begins_on_a_full_disk_has_one_record_killed_or_not() {
    let place = Place::in_file();
    let cdr = CdrConfig { file: Some(place.lines()), spare: Some(place.spare()), keep_days: 36_500 };
    let mut full = fill(&place).await;
    let mut books = Books::open(&cdr, &mut full).await.expect("all is new");
    filed(&mut books, (0..MANY).map(|number| open(&format!("{number:03}"))));
    filed(&mut books, [open("over"), open("goes on"), open("killed")]);
    assert!(books.write(&mut full).await.is_err());
    books.set_aside().await;
    assert_eq!(names(&place.spare()).len(), MANY + 3);
    books.set_aside().await;
    assert_eq!(names(&place.spare()).len(), MANY + 3, "nothing twice");
    filed(&mut books, (0..MANY).map(|number| closed(&format!("{number:03}"))));
    filed(&mut books, [closed("over")]);
    books.set_aside().await;
    // There is room for a moment, and none has a record that goes on.
    let mut roomy = database::open(&place.place).await.expect("it is sound");
    books.write(&mut roomy).await.expect("there is room");
    assert_eq!(place.names().len(), MANY + 1);
    assert!(!place.spare().exists());
    filed(&mut books, [open("killed"), open("late")]);
    books.set_aside().await;
    let mut waiting = names(&place.spare());
    waiting.sort();
    assert_eq!(waiting, ["killed", "late"]);
    filed(&mut books, [closed("goes on")]);
    books.set_aside().await;
    drop((books, full, roomy));

    place.open().await.finish().await;
    let kept = place.kept().await;
    let cause = |id: &str| {
        kept.iter().filter(|(own, _)| own == id).map(|(_, cause)| cause.as_str()).collect::<Vec<_>>()
    };
    assert_eq!(kept.len(), MANY + 4, "{kept:?}");
    for (id, expected) in [("over", "hangup"), ("goes on", "hangup"), ("killed", "crash"), ("late", "crash")]
    {
        assert_eq!(cause(id), [expected], "{id}");
    }
    assert!(!place.spare().exists());
}

/// Between what was set aside last and the next try a call may end, or all that waits may be calls that go on.
#[tokio::test]
async fn a_call_that_was_set_aside_has_its_own_end_and_its_line_stays_until_the_store_has_it() {
    let place = Place::in_file();
    let cdr = CdrConfig { file: Some(place.lines()), spare: Some(place.spare()), keep_days: 36_500 };
    let mut full = fill(&place).await;
    let mut books = Books::open(&cdr, &mut full).await.expect("all is new");
    filed(&mut books, (0..MANY).map(|number| open(&format!("{number:03}"))));
    filed(&mut books, [open("ended"), open("unseen"), open("stays"), open("later")]);
    books.set_aside().await;
    for _ in 0..2 {
        assert!(books.write(&mut full).await.is_err());
        assert_eq!(names(&place.spare()).len(), MANY + 4, "a kill now loses none");
        books.set_aside().await;
    }
    // A line that can be put by nowhere keeps the file.
    let unreadable = place.folder.path().join("spare.jsonl.unreadable");
    fs::create_dir(&unreadable).expect("ours");
    let mut spare = fs::OpenOptions::new().append(true).open(place.spare()).expect("it is there");
    std::io::Write::write_all(&mut spare, b"no record\n").expect("there is room");
    filed(&mut books, [closed("ended")]);
    let Filing::Closed(over) = closed("unseen") else { unreachable!("it is over") };
    books.end_unseen(over.id.clone(), over.unseen().expect("it has an end"));
    let mut roomy = database::open(&place.place).await.expect("it is sound");
    books.write(&mut roomy).await.expect("there is room");
    filed(&mut books, [closed("later")]);
    books.write(&mut roomy).await.expect("there is room");
    assert!(place.spare().exists());
    fs::remove_dir(&unreadable).expect("ours");
    books.write(&mut roomy).await.expect("there is room");
    assert!(!place.spare().exists());
    drop((books, full, roomy));

    place.open().await.finish().await;
    let kept = place.kept().await;
    assert_eq!(kept.len(), MANY + 4, "{kept:?}");
    for (id, expected) in [("ended", "hangup"), ("unseen", "hangup"), ("stays", "crash"), ("later", "hangup")]
    {
        let causes: Vec<_> = kept.iter().filter(|(own, _)| own == id).map(|(_, cause)| cause).collect();
        assert_eq!(causes, [expected], "{id}");
    }
}

#[tokio::test]
async fn a_disk_that_is_full_at_the_start_keeps_no_gateway_from_starting() {
    let place = Place::in_file();
    let cdr = CdrConfig { file: Some(place.lines()), spare: Some(place.spare()), keep_days: 36_500 };
    let mut connection = database::open(&place.place).await.expect("it is sound");
    let mut books = Books::open(&cdr, &mut connection).await.expect("all is new");
    filed(&mut books, (0..MANY).map(|number| open(&format!("{number:03}"))));
    books.write(&mut connection).await.expect("there is room");
    drop((books, connection));

    let mut full = fill(&place).await;
    let mut books = Books::open(&cdr, &mut full).await.expect("it waits");
    filed(&mut books, [closed("new")]);
    assert!(books.write(&mut full).await.is_err());
    let mut roomy = database::open(&place.place).await.expect("it is sound");
    books.write(&mut roomy).await.expect("there is room");
    let names = place.names();
    assert_eq!((names.len(), names.last().map(String::as_str)), (MANY + 1, Some("new")));
}

/// A write that a loss of power cuts short: whatever is there of the log's last pages, the store starts, and each call has
/// one record.
#[tokio::test]
async fn a_log_that_is_cut_anywhere_is_no_reason_not_to_start() {
    let place = Place::in_file();
    let store = place.open().await;
    let keeper = store.cdr_keeper().expect("records are kept");
    written(&keeper, [closed("a"), open("b")]).await;
    let log = place.folder.path().join("w.db-wal");
    let before = fs::read(&log).expect("it is written to").len();
    written(&keeper, [closed("b")]).await;
    let (whole, main) =
        (fs::read(&log).expect("there"), fs::read(place.folder.path().join("w.db")).expect("there"));
    assert!(whole.len() > before);
    kill(store).await;
    for cut in (before..whole.len()).step_by(211).chain([whole.len()]) {
        let copy = Place::in_file();
        fs::write(copy.folder.path().join("w.db"), &main).expect("ours");
        fs::write(copy.folder.path().join("w.db-wal"), &whole[..cut]).expect("ours");
        copy.open().await.finish().await;
        let kept = copy.kept().await;
        assert_eq!(kept.len(), 2, "{cut}: {kept:?}");
        assert!(["crash", "hangup"].contains(&kept[1].1.as_str()), "{cut}: {kept:?}");
    }
}
