//! Records of calls as rows.

use std::time::{Duration, SystemTime};

use sqlx::Connection as _;
use tokio::time::Instant;
use tracing::{info, warn};
use webtrunk_signalling::cdr::{CallRecord, LastSign, RecordId, Stamp, Unseen};

use super::database::Connection;
use super::spool::Spool;

const DAY: Duration = Duration::from_secs(86_400);

/// When the process lives, by both clocks at one moment: however long it takes to be written, they do not part.
#[derive(Debug, Clone, Copy)]
pub(super) struct Heartbeat {
    /// By the wall clock.
    pub(super) at: Stamp,
    /// By the other.
    now: Instant,
    /// What that is counted from.
    opened_at: Instant,
}

/// Ends what was open when the process ended, at the moment at which it is known to have lived last. All or none;
/// returns these calls.
pub(super) async fn recover(connection: &mut Connection) -> Result<Vec<CallRecord>, sqlx::Error> {
    let mut transaction = connection.begin().await?;
    let (alive_at, alive_up): (i64, i64) =
        sqlx::query_as("SELECT alive_at_ms, alive_up_ms FROM cdr_state").fetch_one(&mut *transaction).await?;
    let open: Vec<(String, String, Option<i64>)> =
        sqlx::query_as("SELECT id, record, began_up_ms FROM open_calls ORDER BY id")
            .fetch_all(&mut *transaction)
            .await?;
    let mut crashed = Vec::new();
    for (id, json, began_up) in &open {
        let after_ms = began_up.map(|began| u64::try_from(alive_up.saturating_sub(began)).unwrap_or(0));
        let last = LastSign { at: Stamp::from_ms(alive_at), after_ms };
        match serde_json::from_str::<CallRecord>(json) {
            Ok(record) => {
                let record = record.after_crash(last);
                insert(&mut transaction, &record).await?;
                crashed.push(record);
            }
            Err(error) => warn!(%error, id, "a call in the store that cannot be read is passed over"),
        }
    }
    sqlx::query("DELETE FROM open_calls").execute(&mut *transaction).await?;
    transaction.commit().await?;
    if !open.is_empty() {
        info!(calls = open.len(), "calls that ended with the process before have their records");
    }
    Ok(crashed)
}

/// Writes what waits, and that the process lives. All or none: a call is open or has its record, and never both.
pub(super) async fn write(
    connection: &mut Connection,
    spool: &Spool,
    heartbeat: Heartbeat,
) -> Result<(), sqlx::Error> {
    let mut transaction = connection.begin().await?;
    for record in spool.closed() {
        close_one(&mut transaction, record).await?;
    }
    for (id, unseen) in spool.unseen() {
        end_unseen(&mut transaction, id, unseen).await?;
    }
    for (record, began) in spool.open() {
        sqlx::query(
            "INSERT INTO open_calls (id, record, began_up_ms) VALUES ($1, $2, $3) \
             ON CONFLICT (id) DO UPDATE SET record = excluded.record, began_up_ms = excluded.began_up_ms",
        )
        .bind(record.id.as_str())
        .bind(to_json(record)?)
        .bind(began.map(|began| heartbeat.up_ms(began)))
        .execute(&mut *transaction)
        .await?;
    }
    sqlx::query("UPDATE cdr_state SET alive_at_ms = $1, alive_up_ms = $2")
        .bind(heartbeat.at.ms())
        .bind(heartbeat.up_ms(heartbeat.now))
        .execute(&mut *transaction)
        .await?;
    transaction.commit().await
}

/// Ends a call that is open in the store as it is known to have ended.
async fn end_unseen(connection: &mut Connection, id: &RecordId, unseen: &Unseen) -> Result<(), sqlx::Error> {
    let json: Option<String> = sqlx::query_scalar("SELECT record FROM open_calls WHERE id = $1")
        .bind(id.as_str())
        .fetch_optional(&mut *connection)
        .await?;
    // Who wrote it was this process.
    let record = json.and_then(|json| serde_json::from_str::<CallRecord>(&json).ok());
    match record {
        Some(record) => close_one(connection, &record.ended_unseen(unseen.clone())).await,
        None => Ok(()),
    }
}

/// Writes records of calls that are over. All or none.
pub(super) async fn close(connection: &mut Connection, records: &[CallRecord]) -> Result<(), sqlx::Error> {
    let mut transaction = connection.begin().await?;
    for record in records {
        close_one(&mut transaction, record).await?;
    }
    transaction.commit().await
}

/// Forgets records of calls that began more than `days` ago, but none that `lines` have still to get.
pub(super) async fn prune(
    connection: &mut Connection,
    (now, days): (Stamp, u32),
    has_lines: bool,
) -> Result<u64, sqlx::Error> {
    let oldest = now.ms().saturating_sub(i64::try_from((DAY * days).as_millis()).unwrap_or(i64::MAX));
    let pruned = sqlx::query(
        "DELETE FROM calls WHERE began_at_ms < $1 AND (NOT $2 OR seq <= (SELECT lines_seq FROM cdr_state))",
    )
    .bind(oldest)
    .bind(has_lines)
    .execute(connection)
    .await?;
    Ok(pruned.rows_affected())
}

/// Records that the file of lines has not, in their order, so many at most: each with its place.
pub(super) async fn not_in_lines(
    connection: &mut Connection,
    most: u32,
) -> Result<Vec<(i64, String)>, sqlx::Error> {
    sqlx::query_as(
        "SELECT seq, record FROM calls WHERE seq > (SELECT lines_seq FROM cdr_state) ORDER BY seq LIMIT $1",
    )
    .bind(i64::from(most))
    .fetch_all(connection)
    .await
}

/// The file of lines has the records up to this one.
pub(super) async fn set_lines(connection: &mut Connection, seq: i64) -> Result<(), sqlx::Error> {
    sqlx::query("UPDATE cdr_state SET lines_seq = $1").bind(seq).execute(connection).await.map(drop)
}

/// The file ends with this record: what the process that wrote it may have had no time to say.
pub(super) async fn set_lines_by_id(connection: &mut Connection, id: &str) -> Result<(), sqlx::Error> {
    sqlx::query(
        "UPDATE cdr_state SET lines_seq = calls.seq FROM calls WHERE calls.id = $1 AND calls.seq > cdr_state.lines_seq",
    )
    .bind(id)
    .execute(connection)
    .await
    .map(drop)
}

async fn close_one(connection: &mut Connection, record: &CallRecord) -> Result<(), sqlx::Error> {
    insert(connection, record).await?;
    sqlx::query("DELETE FROM open_calls WHERE id = $1")
        .bind(record.id.as_str())
        .execute(connection)
        .await
        .map(drop)
}

async fn insert(connection: &mut Connection, record: &CallRecord) -> Result<(), sqlx::Error> {
    sqlx::query("INSERT INTO calls (id, began_at_ms, record) VALUES ($1, $2, $3) ON CONFLICT (id) DO NOTHING")
        .bind(record.id.as_str())
        .bind(record.began_at.ms())
        .bind(to_json(record)?)
        .execute(connection)
        .await
        .map(drop)
}

impl Heartbeat {
    /// Of this moment.
    pub(super) fn now(opened_at: Instant) -> Self {
        Self { at: SystemTime::now().into(), now: Instant::now(), opened_at }
    }

    /// A moment as the store has it, by the clock that nobody sets.
    fn up_ms(self, at: Instant) -> i64 {
        i64::try_from(at.saturating_duration_since(self.opened_at).as_millis()).unwrap_or(i64::MAX)
    }
}

fn to_json(record: &CallRecord) -> Result<String, sqlx::Error> {
    serde_json::to_string(record).map_err(|error| sqlx::Error::Encode(error.into()))
}
