//! What was spent of a day's minutes, as rows.

use std::collections::HashMap;
use std::time::Duration;

use sqlx::Connection as _;
use webtrunk_signalling::adapter::Origin;
use webtrunk_signalling::spending::{Day, Payer, Spent};

use super::database::Connection;

/// What was kept, of whatever day.
pub(super) async fn load(connection: &mut Connection) -> Result<Vec<Spent>, sqlx::Error> {
    let rows: Vec<(String, i64, i64)> =
        sqlx::query_as("SELECT payer, day, talked_ms FROM spent").fetch_all(connection).await?;
    Ok(rows.into_iter().filter_map(to_spent).collect())
}

/// Writes the latest of everybody, all or none.
pub(super) async fn write(
    connection: &mut Connection,
    spent: &HashMap<Payer, Spent>,
) -> Result<(), sqlx::Error> {
    let mut transaction = connection.begin().await?;
    for Spent { payer, day, talked } in spent.values() {
        sqlx::query(
            "INSERT INTO spent (payer, day, talked_ms) VALUES ($1, $2, $3) \
             ON CONFLICT (payer) DO UPDATE SET day = excluded.day, talked_ms = excluded.talked_ms",
        )
        .bind(payer.to_string())
        .bind(day.0.cast_signed())
        .bind(i64::try_from(talked.as_millis()).unwrap_or(i64::MAX))
        .execute(&mut *transaction)
        .await?;
    }
    transaction.commit().await
}

fn to_spent((payer, day, talked_ms): (String, i64, i64)) -> Option<Spent> {
    // As it is displayed.
    let payer = match payer.split_once(' ')? {
        ("user", name) => Origin::User(name.to_owned()),
        ("trunk", name) => Origin::Trunk(name.to_owned()),
        _ => return None,
    };
    let talked = Duration::from_millis(talked_ms.try_into().ok()?);
    Some(Spent { payer, day: Day(day.try_into().ok()?), talked })
}

#[cfg(test)]
mod tests {
    use super::super::tests::Place;
    use super::*;

    #[tokio::test]
    async fn what_was_spent_last_is_read_again_and_rows_that_make_no_sense_are_not() {
        for place in Place::each() {
            let mut connection = place.connection().await;
            let spent = |payer: &Payer, ms| Spent {
                payer: payer.clone(),
                day: Day(20_000),
                talked: Duration::from_millis(ms),
            };
            let payers = [Origin::User("a.b".to_owned()), Origin::Trunk("a.b".to_owned())];
            for ms in [5, 7] {
                let all = payers.iter().map(|payer| (payer.clone(), spent(payer, ms))).collect();
                write(&mut connection, &all).await.expect("there is room");
            }
            sqlx::query("INSERT INTO spent VALUES ('nobody', 1, 1), ('king a', 1, 1), ('user b', -1, 1)")
                .execute(&mut connection)
                .await
                .expect("rows");
            let mut kept = load(&mut connection).await.expect("rows");
            kept.sort_by_key(|spent| spent.payer.to_string());
            assert_eq!(kept, [spent(&payers[1], 7), spent(&payers[0], 7)]);
        }
    }
}
