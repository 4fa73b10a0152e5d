//! Answered calls as rows, for the case that the process is killed.

use std::collections::HashMap;

use sqlx::{Connection, SqliteConnection};
use tracing::warn;
use webtrunk_signalling::sip::{CallChange, KeptCall};

/// What the process before left. The rows stay until the calls' peers know.
pub(super) async fn load(connection: &mut SqliteConnection) -> Result<Vec<KeptCall>, sqlx::Error> {
    let rows: Vec<(String,)> =
        sqlx::query_as("SELECT call FROM sip_calls ORDER BY key").fetch_all(connection).await?;
    let count = rows.len();
    let calls: Vec<_> = rows.iter().filter_map(|(json,)| serde_json::from_str(json).ok()).collect();
    if calls.len() < count {
        warn!(rows = count - calls.len(), "calls in the store that cannot be read are passed over");
    }
    Ok(calls)
}

/// Writes the latest change of each call, all or none.
pub(super) async fn write(
    connection: &mut SqliteConnection,
    changes: &HashMap<String, CallChange>,
) -> Result<(), sqlx::Error> {
    let mut transaction = connection.begin().await?;
    for (key, change) in changes {
        let query = match change {
            CallChange::Set(call) => {
                let json = serde_json::to_string(call).map_err(|error| sqlx::Error::Encode(error.into()))?;
                sqlx::query("INSERT OR REPLACE INTO sip_calls (key, call) VALUES (?, ?)").bind(key).bind(json)
            }
            CallChange::Removed(_) => sqlx::query("DELETE FROM sip_calls WHERE key = ?").bind(key),
        };
        query.execute(&mut *transaction).await?;
    }
    transaction.commit().await
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::super::database;
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
        let folder = TempDir::new().expect("a folder");
        let mut connection = database::open(&folder.path().join("w.db")).await.expect("it is sound");
        let moved = KeptCall { remote: "192.0.2.9:5070".parse().expect("an address"), ..call("b") };
        for change in [
            CallChange::Set(Box::new(call("a"))),
            CallChange::Set(Box::new(call("b"))),
            CallChange::Set(Box::new(moved.clone())),
            CallChange::Removed(call("a").key()),
        ] {
            write(&mut connection, &HashMap::from([(change.key(), change)])).await.expect("rows");
        }
        assert_eq!(load(&mut connection).await.expect("rows"), [moved]);
    }
}
