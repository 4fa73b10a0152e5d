//! What waits for webhooks, as rows.

use sqlx::Connection as _;

use super::database::Connection;
use super::hook_changes::{HookChanges, Run};
use crate::webhooks::{Kept, Message};

/// As it is read.
type Row = (i64, String, Option<String>, String, String, i64);

/// All that waits, in its order.
pub(super) async fn load(connection: &mut Connection) -> Result<Vec<Kept>, sqlx::Error> {
    let rows: Vec<Row> =
        sqlx::query_as("SELECT seq, hook, customer, id, body, until_ms FROM webhook_events ORDER BY seq")
            .fetch_all(connection)
            .await?;
    let kept = |(seq, hook, customer, id, body, until_ms): Row| Kept {
        seq: seq.cast_unsigned(),
        hook,
        customer,
        message: Message { id, body: body.into() },
        until_ms,
    };
    Ok(rows.into_iter().map(kept).collect())
}

/// Writes the latest change of each, all or none.
pub(super) async fn write(connection: &mut Connection, changes: &HookChanges) -> Result<(), sqlx::Error> {
    let mut transaction = connection.begin().await?;
    for Kept { seq, hook, customer, message, until_ms } in changes.waiting().collect::<Vec<_>>() {
        let body = str::from_utf8(&message.body).map_err(|error| sqlx::Error::Encode(error.into()))?;
        sqlx::query(
            "INSERT INTO webhook_events (seq, hook, customer, id, body, until_ms) \
             VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (seq) DO NOTHING",
        )
        .bind(seq.cast_signed())
        .bind(hook.as_str())
        .bind(customer.clone())
        .bind(message.id.as_str())
        .bind(body)
        .bind(*until_ms)
        .execute(&mut *transaction)
        .await?;
    }
    for seq in changes.over().collect::<Vec<_>>() {
        sqlx::query("DELETE FROM webhook_events WHERE seq = $1")
            .bind(seq.cast_signed())
            .execute(&mut *transaction)
            .await?;
    }
    for Run { hook, from, to } in changes.runs() {
        sqlx::query("DELETE FROM webhook_events WHERE hook = $1 AND seq >= $2 AND seq <= $3")
            .bind(hook.as_str())
            .bind(from.cast_signed())
            .bind(to.cast_signed())
            .execute(&mut *transaction)
            .await?;
    }
    transaction.commit().await
}

#[cfg(test)]
mod tests {
    use super::super::hook_changes::tests::waits;
    use super::super::tests::Place;
    use super::*;
    use crate::webhooks::SpoolChange;

    fn changes(all: impl IntoIterator<Item = SpoolChange>) -> HookChanges {
        let mut changes = HookChanges::default();
        all.into_iter().for_each(|change| assert!(!changes.take(change)));
        changes
    }

    #[tokio::test]
    async fn what_waits_for_a_webhook_is_read_again_in_its_order_until_it_is_over() {
        for place in Place::each() {
            let mut connection = place.connection().await;
            let kept = |seq: u64| waits(seq, if seq == 8 { "beta" } else { "crm" });
            let all = changes((1..=12).map(|seq| SpoolChange::Waits(kept(seq))));
            write(&mut connection, &all).await.expect("there is room");
            assert_eq!(load(&mut connection).await.expect("rows"), (1..=12).map(kept).collect::<Vec<_>>());
            let later = changes([
                SpoolChange::Over(1),
                SpoolChange::Over(3),
                SpoolChange::Over(99),
                SpoolChange::Waits(kept(2)),
                SpoolChange::OverRun { hook: "crm".to_owned(), from: 7, to: 9 },
            ]);
            write(&mut connection, &later).await.expect("there is room");
            let left: Vec<_> =
                load(&mut connection).await.expect("rows").into_iter().map(|kept| kept.seq).collect();
            assert_eq!(left, [2, 4, 5, 6, 8, 10, 11, 12]);
        }
    }
}
