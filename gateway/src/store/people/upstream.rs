//! Users' accounts at trunks as rows.

use webtrunk_signalling::auth::secret::SecretText;

use super::seals::{NotOpened, Opener, SealedBy, seal};
use super::{Wanted, as_json, read};
use crate::people::{StoreKey, StoredUpstream, UserAtTrunk};
use crate::store::database::Connection;

/// An account, opened.
pub(super) struct Opened {
    at: UserAtTrunk,
    terms: String,
    password: SecretText,
}

type Columns = (String, String, String, Vec<u8>, Vec<u8>, SealedBy);

pub(super) async fn rows(
    connection: &mut Connection,
    wanted: Wanted<'_>,
) -> Result<Vec<Columns>, sqlx::Error> {
    let query = "SELECT \"user\", trunk, terms, password, seal, sealed_by FROM upstream \
                 WHERE $1 = '' OR sealed_by IS NULL OR sealed_by <> $1 LIMIT $2";
    sqlx::query_as(query).bind(wanted.not_by).bind(wanted.most).fetch_all(connection).await
}

pub(super) fn open(columns: Columns, opener: &mut Opener<'_>) -> Result<Opened, NotOpened> {
    let (user, trunk, terms, sealed, row_seal, by) = columns;
    let key = opener.key_of(("upstream", &user), by, &(&user, &trunk, &terms, &sealed), &row_seal)?;
    let at = (user, trunk);
    let password = opener.secret(key, &place_of(&at), &sealed)?;
    Ok(Opened { at, terms, password })
}

pub(super) async fn put(
    connection: &mut Connection,
    key: &StoreKey,
    Opened { at, terms, password }: &Opened,
) -> Result<(), sqlx::Error> {
    let sealed = key.seal(&place_of(at), password);
    let (user, trunk) = at;
    let row_seal = seal(key, "upstream", &(user, trunk, terms, &sealed));
    let query = sqlx::query(
        "INSERT INTO upstream (\"user\", trunk, terms, password, seal, sealed_by) VALUES ($1, $2, $3, $4, $5, $6) \
         ON CONFLICT (\"user\", trunk) DO UPDATE SET terms = excluded.terms, password = excluded.password, \
         seal = excluded.seal, sealed_by = excluded.sealed_by",
    );
    let query = query.bind(user).bind(trunk).bind(terms).bind(sealed).bind(row_seal).bind(key.id());
    query.execute(connection).await.map(drop)
}

pub(super) async fn remove(
    connection: &mut Connection,
    (user, trunk): &UserAtTrunk,
) -> Result<(), sqlx::Error> {
    let query = sqlx::query("DELETE FROM upstream WHERE \"user\" = $1 AND trunk = $2");
    query.bind(user).bind(trunk).execute(connection).await.map(drop)
}

impl Opened {
    pub(super) fn of(at: &UserAtTrunk, own: &StoredUpstream) -> Result<Self, sqlx::Error> {
        Ok(Self { at: at.clone(), terms: as_json(&own.terms)?, password: own.password.clone() })
    }

    pub(super) fn stored(self) -> Option<(UserAtTrunk, StoredUpstream)> {
        let terms = read("account at a trunk", &self.at.0, &self.terms)?;
        Some((self.at, StoredUpstream { terms, password: self.password }))
    }
}

/// Names have no slash.
fn place_of((user, trunk): &UserAtTrunk) -> String {
    format!("upstream/{user}/{trunk}/password")
}
