//! Registrations as rows.

use std::collections::HashMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sqlx::Connection as _;
use tracing::warn;
use webtrunk_signalling::sip::registrar::{Change, Record};

use super::database::Connection;

/// A row, in the order of the table.
type Row = (i64, String, String, String, String, String, String, String, i64, i64);

/// What is still valid at `now`; what is not is removed, unless the disk takes nothing.
pub(super) async fn load(connection: &mut Connection, now: SystemTime) -> Result<Vec<Record>, sqlx::Error> {
    let tidied = sqlx::query("DELETE FROM registrations WHERE expires_at_ms <= $1")
        .bind(to_milliseconds(now))
        .execute(&mut *connection)
        .await;
    if let Err(error) = tidied {
        warn!(%error, "registrations in the store that have expired cannot be removed");
    }
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT key, \"user\", contact, path, local, remote, user_agent, call_id, cseq, expires_at_ms \
         FROM registrations WHERE expires_at_ms > $1 ORDER BY key",
    )
    .bind(to_milliseconds(now))
    .fetch_all(connection)
    .await?;
    let count = rows.len();
    let records: Vec<_> = rows.into_iter().filter_map(to_record).collect();
    if records.len() < count {
        warn!(rows = count - records.len(), "registrations in the store that cannot be read are passed over");
    }
    Ok(records)
}

/// Writes the latest change of each binding, all or none.
pub(super) async fn write(
    connection: &mut Connection,
    changes: &HashMap<u64, Change>,
) -> Result<(), sqlx::Error> {
    let mut transaction = connection.begin().await?;
    for change in changes.values() {
        let query = match change {
            Change::Set(record) => sqlx::query(
                "INSERT INTO registrations \
                 (key, \"user\", contact, path, local, remote, user_agent, call_id, cseq, expires_at_ms) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) \
                 ON CONFLICT (key) DO UPDATE SET \"user\" = excluded.\"user\", contact = excluded.contact, \
                 path = excluded.path, local = excluded.local, remote = excluded.remote, \
                 user_agent = excluded.user_agent, call_id = excluded.call_id, cseq = excluded.cseq, \
                 expires_at_ms = excluded.expires_at_ms",
            )
            .bind(record.key.cast_signed())
            .bind(plain(&record.user))
            .bind(plain(&record.contact))
            .bind(plain(&record.path))
            .bind(record.local.to_string())
            .bind(record.remote.to_string())
            .bind(plain(&record.user_agent))
            .bind(plain(&record.call_id))
            .bind(i64::from(record.cseq))
            .bind(to_milliseconds(record.expires_at)),
            Change::Removed(key) => {
                sqlx::query("DELETE FROM registrations WHERE key = $1").bind(key.cast_signed())
            }
        };
        query.execute(&mut *transaction).await?;
    }
    transaction.commit().await
}

/// What a peer has said, as both databases take it: PostgreSQL has no text with a NUL in it, and would take no other row of the
/// same batch either.
pub(super) fn plain(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

fn to_record(row: Row) -> Option<Record> {
    let (key, user, contact, path, local, remote, user_agent, call_id, cseq, expires_at_ms) = row;
    Some(Record {
        key: key.cast_unsigned(),
        user,
        contact,
        path,
        local: local.parse().ok()?,
        remote: remote.parse().ok()?,
        user_agent,
        call_id,
        cseq: cseq.try_into().ok()?,
        expires_at: UNIX_EPOCH + Duration::from_millis(expires_at_ms.try_into().ok()?),
    })
}

pub(super) fn to_milliseconds(time: SystemTime) -> i64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::tests::Place;
    use super::*;

    pub(in super::super) fn record(key: u64, expires_at: SystemTime) -> Record {
        Record {
            key,
            user: "alice".to_owned(),
            contact: "<sip:a@10.0.0.7;x=\"1\">;+sip.instance=\"<urn:uuid:1>\"".to_owned(),
            path: "<sip:edge.example;lr>".to_owned(),
            local: "192.0.2.10:5060".parse().expect("an address"),
            remote: "[2001:db8::7]:5070".parse().expect("an address"),
            user_agent: "phone'); DROP TABLE registrations; --".to_owned(),
            call_id: "a@b".to_owned(),
            cseq: u32::MAX,
            expires_at,
        }
    }

    fn at(ms: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_millis(ms)
    }

    #[tokio::test]
    async fn what_was_written_is_read_again_until_it_expires() {
        for place in Place::each() {
            let mut connection = place.connection().await;
            let records: Vec<_> = [1, 2, u64::MAX].map(|key| record(key, at(5000 + key % 10))).into();
            let changes =
                records.iter().map(|record| (record.key, Change::Set(Box::new(record.clone())))).collect();
            write(&mut connection, &changes).await.expect("there is room");
            let changes = HashMap::from([(2, Change::Removed(2)), (7, Change::Removed(7))]);
            write(&mut connection, &changes).await.expect("there is room");
            connection.close().await.expect("it was open");

            let mut connection = place.connection().await;
            let mut kept = load(&mut connection, at(5000)).await.expect("rows");
            kept.sort_by_key(|record| record.key);
            assert_eq!(kept, [records[0].clone(), records[2].clone()]);
            assert_eq!(load(&mut connection, at(5001)).await.expect("rows"), [records[2].clone()]);
            assert!(load(&mut connection, at(9000)).await.expect("rows").is_empty());
            assert!(load(&mut connection, at(0)).await.expect("rows").is_empty(), "they are removed");
        }
    }

    #[tokio::test]
    async fn rows_that_make_no_sense_are_passed_over() {
        for place in Place::each() {
            let mut connection = place.connection().await;
            let changes = [1, 2].map(|key| (key, Change::Set(Box::new(record(key, at(5000))))));
            write(&mut connection, &changes.into()).await.expect("there is room");
            sqlx::query("UPDATE registrations SET remote = 'elsewhere' WHERE key = 1")
                .execute(&mut connection)
                .await
                .expect("a row");
            let kept = load(&mut connection, at(0)).await.expect("rows");
            assert_eq!(kept.iter().map(|record| record.key).collect::<Vec<_>>(), [2]);
        }
    }
}
