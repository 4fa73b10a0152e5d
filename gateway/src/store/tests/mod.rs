//! What is kept over a kill, a full disk, a file that is moved away and a server that is gone.

#[path = "../../../tests/calls/support/cluster.rs"]
#[expect(dead_code, reason = "calls need more of it")]
mod cluster;
mod full;
mod place;
mod records;
mod server;

use std::fs;
use std::path::Path;

use webtrunk_signalling::cdr::{CallRecord, Filing};

use super::filing_queue::Filed;
use super::*;
pub(super) use place::Place;

fn names(lines: &Path) -> Vec<String> {
    let text = fs::read_to_string(lines).unwrap_or_default();
    let record = |line: &str| serde_json::from_str::<CallRecord>(line).expect("a record").id.to_string();
    text.lines().map(record).collect()
}

/// A call that goes on since 9 o'clock.
fn open(id: &str) -> Filing {
    let json = serde_json::json!({
        "id": id, "origin": {"user": "alice"}, "caller": "alice", "destination": "bob", "listener": "udp",
        "began_at": "2026-11-28T09:00:00.000Z", "duration_ms": 0, "talked_ms": 0, "clock_step": false, "legs": [],
        "timeline": {"segments": [{"stage": "talking", "begin_ms": 0}]},
    });
    Filing::Open(Box::new(serde_json::from_value(json).expect("a record")))
}

/// A call that goes on since then.
fn begun(id: &str, at: SystemTime) -> Filing {
    let Filing::Open(mut record) = open(id) else { unreachable!("it is open") };
    record.began_at = at.into();
    Filing::Open(record)
}

fn closed(id: &str) -> Filing {
    let Filing::Open(mut record) = open(id) else { unreachable!("it is open") };
    record.end = serde_json::from_value(serde_json::json!({"cause": "hangup", "by": "caller"})).ok();
    record.timeline.end(1000);
    record.duration_ms = 1000;
    Filing::Closed(record)
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(id, cause)| ((*id).to_owned(), (*cause).to_owned())).collect()
}

/// As good as a kill: the writer ends where it is, and nobody tidies up.
async fn kill(store: Store) {
    store.writing.abort();
    let _ = store.writing.await;
}

async fn written(filings: &Arc<dyn CdrKeeper>, all: impl IntoIterator<Item = Filing>) {
    all.into_iter().for_each(|filing| filings.file(filing));
    // Longer than a batch is collected.
    tokio::time::sleep(Duration::from_millis(400)).await;
}

fn filed(books: &mut Books, filings: impl IntoIterator<Item = Filing>) {
    let at = tokio::time::Instant::now();
    filings.into_iter().for_each(|filing| books.take(Filed { filing, at }));
}
