//! Records of calls: one of each call, and a line of each.

use std::fs;

use super::*;

#[tokio::test]
async fn every_call_has_one_record_after_a_kill_and_one_line() {
    for place in Place::each() {
        let store = place.open().await;
        let keeper = store.cdr_keeper().expect("records are kept");
        written(&keeper, [open("a"), open("b"), closed("a"), open("c")]).await;
        written(&keeper, [open("b"), closed("c")]).await;
        assert_eq!(place.names(), ["a", "c"]);
        kill(store).await;

        let store = place.open().await;
        assert_eq!(place.kept().await, pairs(&[("a", "hangup"), ("c", "hangup"), ("b", "crash")]));
        assert_eq!(place.names(), ["a", "c", "b"]);
        store.finish().await;
        let store = place.open().await;
        assert_eq!(place.names(), ["a", "c", "b"], "another start adds none");
        store.finish().await;
    }
}

/// The cursor is written after the lines: a kill between the two, or within a line, neither doubles nor loses any.
#[tokio::test]
async fn lines_of_which_the_store_does_not_know_are_not_written_again() {
    for place in Place::each() {
        let store = place.open().await;
        let keeper = store.cdr_keeper().expect("records are kept");
        written(&keeper, ["a", "b", "c"].map(closed)).await;
        store.finish().await;
        let whole = fs::read_to_string(place.lines()).expect("it is there");
        for cut in [0, 1, 20] {
            let mut connection = place.beside().await;
            calls::set_lines(&mut connection, 1).await.expect("a row");
            drop(connection);
            fs::write(place.lines(), &whole[..whole.len() - cut]).expect("it is ours");
            place.open().await.finish().await;
            assert_eq!(place.names(), ["a", "b", "c"], "{cut}");
        }
    }
}

#[tokio::test]
async fn a_file_of_something_else_keeps_the_gateway_from_starting_and_is_left_alone() {
    let place = Place::in_file();
    fs::write(place.lines(), "dear alice\n").expect("the folder is ours");
    let cdr = CdrConfig { file: Some(place.lines()), spare: None, keep_days: 7 };
    let told = Store::open(&place.config(), Some(&cdr)).await.map(drop).expect_err("it is none").to_string();
    assert!(
        told.contains("calls.jsonl: records of calls cannot go on") && told.contains("cdr.file"),
        "{told}"
    );
    assert_eq!(fs::read_to_string(place.lines()).ok().as_deref(), Some("dear alice\n"));
}

#[tokio::test]
async fn a_file_that_is_moved_away_goes_on_with_what_is_new() {
    for place in Place::each() {
        let store = place.open().await;
        let keeper = store.cdr_keeper().expect("records are kept");
        written(&keeper, [closed("a")]).await;
        let old = place.folder.path().join("calls.1");
        fs::rename(place.lines(), &old).expect("it is there");
        written(&keeper, [closed("b")]).await;
        store.finish().await;
        assert_eq!((names(&old), place.names()), (vec!["a".to_owned()], vec!["b".to_owned()]));
        place.open().await.finish().await;
        assert_eq!(place.names(), ["b"]);
    }
}

#[tokio::test]
async fn what_is_filed_just_before_the_end_is_written() {
    for place in Place::each() {
        let store = place.open().await;
        let keeper = store.cdr_keeper().expect("records are kept");
        let filings = (0..500).map(|number| closed(&format!("{number:03}")));
        filings.for_each(|filing| keeper.file(filing));
        store.finish().await;
        assert_eq!((place.kept().await.len(), place.names().len()), (500, 500));
    }
}

#[tokio::test]
async fn records_that_find_no_room_are_counted_and_no_call_waits() {
    let health = StoreHealth::default();
    let (sender, _filings) = mpsc::channel(2);
    let queue = FilingQueue::new(sender, health.clone(), UnseenEnds::default());
    for filing in [open("a"), closed("a"), open("b"), closed("b")] {
        queue.file(filing);
    }
    assert_eq!(health.lost_records(), 1, "how far a call is can be told later");
}

/// Without it the call would be found open at the next start, and would have lasted as long as the process did.
#[tokio::test]
async fn a_call_whose_end_found_no_room_is_as_long_as_it_was() {
    for place in Place::each() {
        let (health, unseen) = (StoreHealth::default(), UnseenEnds::default());
        let (sender, filings) = mpsc::channel(2);
        let queue = FilingQueue::new(sender, health.clone(), unseen.clone());
        let mut connection = place.connection().await;
        let (_changing, changes) = mpsc::channel(1);
        let (finish, finishing) = oneshot::channel();
        let (people, (_hooking, hooks)) = (mpsc::channel(1).1, mpsc::channel(1));
        let mut incoming = Incoming { changes, hooks, filings, unseen, people, finishing };
        let cdr = CdrConfig { file: Some(place.lines()), spare: None, keep_days: 36_500 };
        let mut books = Books::open(&cdr, &mut connection).await.expect("all is new");
        queue.file(open("a"));
        filed(&mut books, [open("a")]);
        books.write(&mut connection).await.expect("there is room");
        // The writer is behind: nobody takes what comes.
        for filing in [open("b"), closed("a"), closed("b")] {
            queue.file(filing);
        }
        assert_eq!(health.lost_records(), 0, "how each ended is known");
        finish.send(()).expect("it is there");
        incoming.filings.try_recv().expect("it was filed before");
        Writer::new(&place.config(), connection, health, Some(books)).run(incoming).await;
        let kept = place.kept().await;
        assert_eq!(kept, pairs(&[("b", "hangup"), ("a", "hangup")]));
        assert_eq!(place.lengths().await, [1000, 1000]);
        place.open().await.finish().await;
        assert_eq!(place.kept().await.len(), 2, "none was left open");
    }
}

/// What is known of a call's length is what a clock says that nobody sets.
#[tokio::test]
async fn a_clock_that_was_set_before_a_kill_makes_no_call_longer() {
    for by_ms in [3_600_000_i64, -3_600_000] {
        for place in Place::each() {
            let store = place.open().await;
            let keeper = store.cdr_keeper().expect("records are kept");
            written(&keeper, [begun("a", SystemTime::now())]).await;
            kill(store).await;
            let mut connection = place.beside().await;
            sqlx::query("UPDATE cdr_state SET alive_at_ms = alive_at_ms + $1")
                .bind(by_ms)
                .execute(&mut connection)
                .await
                .expect("a row");
            drop(connection);
            place.open().await.finish().await;
            let lengths = place.lengths().await;
            assert!(lengths.len() == 1 && lengths[0] < 3000, "{by_ms}: {lengths:?}");
        }
    }
}

/// A line of a version that knew a record otherwise, and one of a disk that forgets.
#[tokio::test]
async fn lines_that_are_no_records_keep_none_back_and_are_put_by() {
    for place in Place::each() {
        let mut text = Vec::new();
        for filing in [closed("a"), closed("b")] {
            text.extend(serde_json::to_vec(filing.record()).expect("plain"));
            text.extend(b"\n{\"id\":\"old\"}\n\xff\x00\n");
        }
        // The last line is looked at before: it is a record's.
        text.extend(serde_json::to_vec(closed("c").record()).expect("plain"));
        text.push(b'\n');
        fs::write(place.spare(), &text).expect("the folder is ours");
        let store = place.open().await;
        let keeper = store.cdr_keeper().expect("records are kept");
        written(&keeper, [closed("new")]).await;
        store.finish().await;
        assert_eq!(place.names(), ["a", "b", "c", "new"]);
        let put_by = || fs::read(place.folder.path().join("spare.jsonl.unreadable")).expect("they are kept");
        assert_eq!(put_by(), b"{\"id\":\"old\"}\n\xff\x00\n".repeat(2));
        assert!(!place.spare().exists());
        // As after a kill before the file was removed.
        fs::write(place.spare(), text).expect("the folder is ours");
        place.open().await.finish().await;
        assert_eq!(put_by(), b"{\"id\":\"old\"}\n\xff\x00\n".repeat(2), "they are put by once");
        assert_eq!(place.names(), ["a", "b", "c", "new"]);
    }
}

/// A disk that forgets may leave a line without an end: it is not read as a whole.
#[tokio::test]
async fn a_line_that_is_longer_than_any_record_is_put_by_in_pieces() {
    for place in Place::each() {
        let mut text = vec![b'x'; 5 << 19];
        text.push(b'\n');
        text.extend(serde_json::to_vec(closed("a").record()).expect("plain"));
        text.push(b'\n');
        fs::write(place.spare(), &text).expect("the folder is ours");
        place.open().await.finish().await;
        assert_eq!(place.names(), ["a"]);
        let put_by = fs::read(place.folder.path().join("spare.jsonl.unreadable")).expect("they are kept");
        assert_eq!(put_by.len(), (5 << 19) + 1);
    }
}

/// What cannot be put by, for its own disk is full say, waits by itself.
#[tokio::test]
async fn records_do_not_wait_for_a_line_that_cannot_be_put_by() {
    for place in Place::each() {
        fs::create_dir(place.folder.path().join("spare.jsonl.unreadable")).expect("the folder is ours");
        let mut text = b"{\"id\":\"old\"}\n".to_vec();
        text.extend(serde_json::to_vec(closed("a").record()).expect("plain"));
        text.push(b'\n');
        fs::write(place.spare(), &text).expect("the folder is ours");
        place.open().await.finish().await;
        assert_eq!(place.names(), ["a"]);
        assert_eq!(fs::read(place.spare()).expect("it is there"), text, "the line is lost nowhere");
    }
}

#[tokio::test]
async fn a_record_that_cannot_be_read_is_told_after_all_others() {
    for place in Place::each() {
        let store = place.open().await;
        let keeper = store.cdr_keeper().expect("records are kept");
        written(&keeper, ["a", "b", "c"].map(closed)).await;
        store.finish().await;
        let mut connection = place.beside().await;
        sqlx::query("UPDATE calls SET record = '{}' WHERE id = 'b'")
            .execute(&mut connection)
            .await
            .expect("a row");
        let mut read = Vec::new();
        let reader = CallReader::open(&place.place).await.expect("it is there");
        let outcome = reader.read(Period::default(), |record| {
            read.push(record.id.to_string());
            Ok(())
        });
        let told = outcome.await.expect_err("one of them is none").to_string();
        assert_eq!(read, ["a", "c"]);
        assert!(told.starts_with("1 records cannot be read") && told.contains("seq 2"), "{told}");
    }
}

#[tokio::test]
async fn old_records_are_forgotten_but_none_that_has_no_line_yet() {
    for place in Place::each() {
        let store = place.open().await;
        let keeper = store.cdr_keeper().expect("records are kept");
        written(&keeper, ["a", "b"].map(closed)).await;
        store.finish().await;
        let mut connection = place.beside().await;
        calls::set_lines(&mut connection, 1).await.expect("a row");
        let day = 86_400_000;
        let began_at = "2026-11-28T09:00:00.000Z".to_owned();
        let began_at = webtrunk_signalling::cdr::Stamp::try_from(began_at).expect("a date");
        for (days_later, has_lines, left) in [(6, true, 2), (8, true, 1), (8, false, 0)] {
            let now = began_at.plus_ms(days_later * day);
            calls::prune(&mut connection, (now, 7), has_lines).await.expect("rows");
            assert_eq!(place.kept().await.len(), left, "{days_later} {has_lines}");
        }
    }
}
