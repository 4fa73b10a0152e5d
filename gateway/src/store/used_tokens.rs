//! Tokens that were used, as rows.

use std::time::SystemTime;

use sqlx::{Connection, SqliteConnection};
use webtrunk_signalling::auth::token::UsedToken;
use webtrunk_signalling::auth::validity::UnixTime;

/// Those that are still of use; the others are removed.
pub(super) async fn load(
    connection: &mut SqliteConnection,
    now: SystemTime,
) -> Result<Vec<UsedToken>, sqlx::Error> {
    let now = UnixTime::from(now).0.cast_signed();
    sqlx::query("DELETE FROM used_tokens WHERE until_s <= ?").bind(now).execute(&mut *connection).await?;
    let rows: Vec<(Vec<u8>, i64, i64)> =
        sqlx::query_as("SELECT id, until_s, is_forgeable FROM used_tokens").fetch_all(connection).await?;
    Ok(rows.into_iter().filter_map(to_used).collect())
}

/// Writes these, all or none.
pub(super) async fn write(connection: &mut SqliteConnection, used: &[UsedToken]) -> Result<(), sqlx::Error> {
    let mut transaction = connection.begin().await?;
    for UsedToken { id, until, is_forgeable } in used {
        sqlx::query("INSERT OR REPLACE INTO used_tokens (id, until_s, is_forgeable) VALUES (?, ?, ?)")
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

    use tempfile::TempDir;

    use super::super::database;
    use super::*;

    #[tokio::test]
    async fn tokens_that_were_used_are_read_again_until_they_end() {
        let folder = TempDir::new().expect("a folder");
        let mut connection = database::open(&folder.path().join("w.db")).await.expect("it is sound");
        let used = |id: u8, until| UsedToken { id: [id; 16], until: UnixTime(until), is_forgeable: id == 2 };
        write(&mut connection, &[used(1, 100), used(2, 200)]).await.expect("there is room");
        sqlx::query("INSERT INTO used_tokens VALUES (x'00', 900, 0)")
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
