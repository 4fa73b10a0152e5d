//! What waits for webhooks, as rows.

use std::collections::HashMap;

use sqlx::Connection as _;

use super::database::Connection;
use crate::webhooks::{Kept, Message, SpoolChange};

/// All that waits, in its order.
pub(super) async fn load(connection: &mut Connection) -> Result<Vec<Kept>, sqlx::Error> {
    let rows: Vec<(i64, String, String, String, i64)> =
        sqlx::query_as("SELECT seq, hook, id, body, until_ms FROM webhook_events ORDER BY seq")
            .fetch_all(connection)
            .await?;
    let kept = |(seq, hook, id, body, until_ms): (i64, String, String, String, i64)| Kept {
        seq: seq.cast_unsigned(),
        hook,
        message: Message { id, body: body.into() },
        until_ms,
    };
    Ok(rows.into_iter().map(kept).collect())
}

/// Writes the latest change of each, all or none.
pub(super) async fn write(
    connection: &mut Connection,
    changes: &HashMap<u64, SpoolChange>,
) -> Result<(), sqlx::Error> {
    let mut transaction = connection.begin().await?;
    for change in changes.values() {
        match change {
            SpoolChange::Waits(Kept { seq, hook, message, until_ms }) => {
                let body =
                    str::from_utf8(&message.body).map_err(|error| sqlx::Error::Encode(error.into()))?;
                sqlx::query(
                    "INSERT INTO webhook_events (seq, hook, id, body, until_ms) VALUES ($1, $2, $3, $4, $5) \
                     ON CONFLICT (seq) DO NOTHING",
                )
                .bind(seq.cast_signed())
                .bind(hook.as_str())
                .bind(message.id.as_str())
                .bind(body)
                .bind(*until_ms)
                .execute(&mut *transaction)
                .await?;
            }
            SpoolChange::Over(seq) => {
                sqlx::query("DELETE FROM webhook_events WHERE seq = $1")
                    .bind(seq.cast_signed())
                    .execute(&mut *transaction)
                    .await?;
            }
        }
    }
    transaction.commit().await
}

#[cfg(test)]
mod tests {
    use super::super::tests::Place;
    use super::*;

    #[tokio::test]
    async fn what_waits_for_a_webhook_is_read_again_in_its_order_until_it_is_over() {
        for place in Place::each() {
            let mut connection = place.connection().await;
            let waits = |seq: u64| Kept {
                seq,
                hook: "crm".to_owned(),
                message: Message { id: format!("5f3a91c2-{seq}"), body: format!("{{\"at\": {seq}}}").into() },
                until_ms: 1_764_400_000_000,
            };
            let changes =
                |all: Vec<SpoolChange>| all.into_iter().map(|change| (change.seq(), change)).collect();
            let all = (1..=12).map(|seq| SpoolChange::Waits(waits(seq))).collect();
            write(&mut connection, &changes(all)).await.expect("there is room");
            assert_eq!(load(&mut connection).await.expect("rows"), (1..=12).map(waits).collect::<Vec<_>>());
            let later = vec![
                SpoolChange::Over(1),
                SpoolChange::Over(3),
                SpoolChange::Over(99),
                SpoolChange::Waits(waits(2)),
            ];
            write(&mut connection, &changes(later)).await.expect("there is room");
            let left: Vec<_> =
                load(&mut connection).await.expect("rows").into_iter().map(|kept| kept.seq).collect();
            assert_eq!(left, [2, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
        }
    }
}
