//! Users as rows.

use webtrunk_signalling::auth::secret::SecretText;

use super::seals::{NotOpened, Opener, SealedBy, seal};
use super::{Wanted, as_json, read};
use crate::people::{StoreKey, StoredUser};
use crate::store::database::Connection;

/// A user, opened.
pub(super) struct Opened {
    name: String,
    ha1: [SecretText; 2],
    terms: String,
}

type Columns = (String, Vec<u8>, Vec<u8>, String, Vec<u8>, SealedBy);

pub(super) async fn rows(
    connection: &mut Connection,
    wanted: Wanted<'_>,
) -> Result<Vec<Columns>, sqlx::Error> {
    let query = "SELECT name, ha1_md5, ha1_sha256, terms, seal, sealed_by FROM users \
                 WHERE $1 = '' OR sealed_by IS NULL OR sealed_by <> $1 LIMIT $2";
    sqlx::query_as(query).bind(wanted.not_by).bind(wanted.most).fetch_all(connection).await
}

pub(super) fn open(columns: Columns, opener: &mut Opener<'_>) -> Result<Opened, NotOpened> {
    let (name, md5, sha256, terms, row_seal, by) = columns;
    let key = opener.key_of(("users", &name), by, &(&name, &md5, &sha256, &terms), &row_seal)?;
    let ha1 = [
        opener.secret(key, &place_of_md5(&name), &md5)?,
        opener.secret(key, &place_of_sha256(&name), &sha256)?,
    ];
    Ok(Opened { name, ha1, terms })
}

pub(super) async fn put(
    connection: &mut Connection,
    key: &StoreKey,
    Opened { name, ha1, terms }: &Opened,
) -> Result<(), sqlx::Error> {
    let md5 = key.seal(&place_of_md5(name), &ha1[0]);
    let sha256 = key.seal(&place_of_sha256(name), &ha1[1]);
    let row_seal = seal(key, "users", &(name, &md5, &sha256, terms));
    let query = sqlx::query(
        "INSERT INTO users (name, ha1_md5, ha1_sha256, terms, seal, sealed_by) VALUES ($1, $2, $3, $4, $5, $6) \
         ON CONFLICT (name) DO UPDATE SET ha1_md5 = excluded.ha1_md5, ha1_sha256 = excluded.ha1_sha256, \
         terms = excluded.terms, seal = excluded.seal, sealed_by = excluded.sealed_by",
    );
    let query = query.bind(name).bind(md5).bind(sha256).bind(terms).bind(row_seal).bind(key.id());
    query.execute(connection).await.map(drop)
}

impl Opened {
    pub(super) fn of(name: &str, user: &StoredUser) -> Result<Self, sqlx::Error> {
        Ok(Self { name: name.to_owned(), ha1: user.ha1.clone(), terms: as_json(&user.terms)? })
    }

    pub(super) fn stored(self) -> Option<(String, StoredUser)> {
        let terms = read("user", &self.name, &self.terms)?;
        Some((self.name, StoredUser { ha1: self.ha1, terms }))
    }
}

fn place_of_md5(user: &str) -> String {
    format!("users/{user}/ha1_md5")
}

fn place_of_sha256(user: &str) -> String {
    format!("users/{user}/ha1_sha256")
}
