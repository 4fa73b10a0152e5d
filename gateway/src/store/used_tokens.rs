//! Tokens that were used, as rows.

use std::time::SystemTime;

use sqlx::Connection as _;
use webtrunk_signalling::auth::token::UsedToken;
use webtrunk_signalling::auth::validity::UnixTime;

use super::database::Connection;

/// Those that are still of use; the others are removed.
pub(super) async fn load(
    connection: &mut Connection,
    now: SystemTime,
) -> Result<Vec<UsedToken>, sqlx::Error> {
    let now = UnixTime::from(now).0.cast_signed();
    sqlx::query("DELETE FROM used_tokens WHERE until_s <= $1").bind(now).execute(&mut *connection).await?;
    let rows: Vec<(Vec<u8>, i64, i64)> =
        sqlx::query_as("SELECT id, until_s, is_forgeable FROM used_tokens").fetch_all(connection).await?;
    Ok(rows.into_iter().filter_map(to_used).collect())
}

/// Writes these, all or none.
pub(super) async fn write(connection: &mut Connection, used: &[UsedToken]) -> Result<(), sqlx::Error> {
    let mut transaction = connection.begin().await?;
    for UsedToken { id, until, is_forgeable } in used {
        sqlx::query(
            "INSERT INTO used_tokens (id, until_s, is_forgeable) VALUES ($1, $2, $3) \
             ON CONFLICT (id) DO UPDATE SET until_s = excluded.until_s, is_forgeable = excluded.is_forgeable",
        )
        .bind(id.as_slice())
        .bind(until.0.cast_signed())
        .bind(i64::from(*is_forgeable))
        .execute(&mut *transaction)
        .await?;
    }
    transaction.commit().await
}

fn to_used((id, until_s, is_forgeable): (Vec<u8>, i64, i64)) -> Option<UsedToken> {
    let until = UnixTime(until_s.try_into().ok()?);
    Some(UsedToken { id: id.try_into().ok()?, until, is_forgeable: is_forgeable != 0 })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::tests::Place;
    use super::*;

    #[tokio::test]
    async fn tokens_that_were_used_are_read_again_until_they_end() {
        for place in Place::each() {
            let mut connection = place.connection().await;
            let used =
                |id: u8, until| UsedToken { id: [id; 16], until: UnixTime(until), is_forgeable: id == 2 };
            write(&mut connection, &[used(1, 100), used(2, 200)]).await.expect("there is room");
            sqlx::query("INSERT INTO used_tokens VALUES ($1, 900, 0)")
                .bind([0_u8].as_slice())
                .execute(&mut connection)
                .await
                .expect("a row");
            let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
            let mut kept = load(&mut connection, at(99)).await.expect("rows");
            kept.sort_by_key(|used| used.id);
            assert_eq!(kept, [used(1, 100), used(2, 200)]);
            assert_eq!(load(&mut connection, at(100)).await.expect("rows"), [used(2, 200)]);
            assert_eq!(load(&mut connection, at(99)).await.expect("rows"), [used(2, 200)], "it was removed");
        }
    }
}
