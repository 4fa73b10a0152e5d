//! Answered calls as rows, for the case that the process is killed.

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use sqlx::Connection as _;
use tracing::warn;
use webtrunk_signalling::sip::{CallChange, KeptCall};

use super::database::Connection;
use super::registrations::{plain, to_milliseconds};

/// How long a call is kept whose process is gone: its peer has hung up by then, and somebody else may have its address.
const KEPT_MAX: Duration = Duration::from_secs(86_400);

/// What the process before left, in a day at most. Those rows stay until the calls' peers know; others are of no use to anybody.
pub(super) async fn load(connection: &mut Connection, now: SystemTime) -> Result<Vec<KeptCall>, sqlx::Error> {
    let rows: Vec<(String, String, i64)> =
        sqlx::query_as("SELECT key, call, kept_at_ms FROM sip_calls ORDER BY key")
            .fetch_all(&mut *connection)
            .await?;
    let oldest = now.checked_sub(KEPT_MAX).map_or(i64::MIN, to_milliseconds);
    let (mut calls, mut useless) = (Vec::new(), Vec::new());
    for (key, json, kept_at) in rows {
        match serde_json::from_str(&json) {
            Ok(call) if kept_at >= oldest => calls.push(call),
            Ok(_) | Err(_) => useless.push(key),
        }
    }
    if !useless.is_empty() {
        warn!(rows = useless.len(), "calls in the store that are too old, or cannot be read, are forgotten");
    }
    for key in useless {
        let removed =
            sqlx::query("DELETE FROM sip_calls WHERE key = $1").bind(key).execute(&mut *connection).await;
        if let Err(error) = removed {
            // A full disk is no reason not to start.
            warn!(%error, "they cannot be removed from the store");
            break;
        }
    }
    Ok(calls)
}

/// Writes the latest change of each call, all or none.
pub(super) async fn write(
    connection: &mut Connection,
    changes: &HashMap<String, CallChange>,
    now: SystemTime,
) -> Result<(), sqlx::Error> {
    let mut transaction = connection.begin().await?;
    for (key, change) in changes {
        let query = match change {
            CallChange::Set(call) => {
                let json = serde_json::to_string(call).map_err(|error| sqlx::Error::Encode(error.into()))?;
                sqlx::query(
                    "INSERT INTO sip_calls (key, call, kept_at_ms) VALUES ($1, $2, $3) \
                     ON CONFLICT (key) DO UPDATE SET call = excluded.call, kept_at_ms = excluded.kept_at_ms",
                )
                .bind(plain(key))
                .bind(json)
                .bind(to_milliseconds(now))
            }
            CallChange::Removed(_) => sqlx::query("DELETE FROM sip_calls WHERE key = $1").bind(plain(key)),
        };
        query.execute(&mut *transaction).await?;
    }
    transaction.commit().await
}

#[cfg(test)]
mod tests {
    use super::super::tests::Place;
    use super::*;

    fn call(call_id: &str) -> KeptCall {
        serde_json::from_value(serde_json::json!({
            "dialog": {
                "call_id": call_id, "local": "<sip:a@192.0.2.1>;tag=ours", "remote": "<sip:b@192.0.2.9>;tag=theirs",
                "remote_target": "sip:b@192.0.2.9", "route_set": "", "local_cseq": 1,
            },
            "transport": "UDP", "local": "192.0.2.1:5060", "remote": "192.0.2.9:5060", "is_along_flow": false,
            "peer": {"trunk": "carrier"}, "account": null,
        }))
        .expect("a call")
    }

    #[tokio::test]
    async fn the_latest_of_each_call_comes_back_until_it_is_over() {
        for place in Place::each() {
            let mut connection = place.connection().await;
            let moved = KeptCall { remote: "192.0.2.9:5070".parse().expect("an address"), ..call("b") };
            for change in [
                CallChange::Set(Box::new(call("a"))),
                CallChange::Set(Box::new(call("b"))),
                CallChange::Set(Box::new(moved.clone())),
                CallChange::Removed(call("a").key()),
            ] {
                let changes = HashMap::from([(change.key(), change)]);
                write(&mut connection, &changes, SystemTime::now()).await.expect("rows");
            }
            assert_eq!(load(&mut connection, SystemTime::now()).await.expect("rows"), [moved]);
        }
    }

    #[tokio::test]
    async fn what_is_too_old_or_no_call_is_forgotten() {
        for place in Place::each() {
            let mut connection = place.connection().await;
            let (now, day) = (SystemTime::now(), Duration::from_secs(86_400));
            for (call_id, age) in [("new", day / 2), ("old", day + Duration::from_secs(60))] {
                let changes =
                    HashMap::from([(call(call_id).key(), CallChange::Set(Box::new(call(call_id))))]);
                write(&mut connection, &changes, now - age).await.expect("rows");
            }
            sqlx::query("INSERT INTO sip_calls (key, call, kept_at_ms) VALUES ('x', '{}', 9000000000000)")
                .execute(&mut connection)
                .await
                .expect("a row");
            assert_eq!(load(&mut connection, now).await.expect("rows"), [call("new")]);
            let left: i64 = sqlx::query_scalar("SELECT count(*) FROM sip_calls")
                .fetch_one(&mut connection)
                .await
                .expect("a count");
            assert_eq!(left, 1);
        }
    }
}
