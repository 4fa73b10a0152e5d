//! Keys of names and tokens as rows.

use webtrunk_signalling::auth::secret::SecretText;
use webtrunk_signalling::auth::validity::Validity;

use super::seals::{NotOpened, Opener, SealedBy, seal};
use super::{Wanted, as_json, read, seconds, time};
use crate::people::{KeyKind, StoreKey, StoredKey};
use crate::store::database::Connection;

/// A key, opened.
pub(super) struct Opened {
    id: String,
    kind: String,
    secret: SecretText,
    terms: String,
    /// `not_before`, `not_after` and `revoked`.
    times: [Option<i64>; 3],
}

type Columns = (String, String, Vec<u8>, String, Option<i64>, Option<i64>, Option<i64>, Vec<u8>, SealedBy);

pub(super) async fn rows(
    connection: &mut Connection,
    wanted: Wanted<'_>,
) -> Result<Vec<Columns>, sqlx::Error> {
    let query = "SELECT id, kind, secret, terms, not_before_s, not_after_s, revoked_s, seal, sealed_by FROM keys \
                 WHERE $1 = '' OR sealed_by IS NULL OR sealed_by <> $1 LIMIT $2";
    sqlx::query_as(query).bind(wanted.not_by).bind(wanted.most).fetch_all(connection).await
}

pub(super) fn open(columns: Columns, opener: &mut Opener<'_>) -> Result<Opened, NotOpened> {
    let (id, kind, sealed, terms, not_before, not_after, revoked, row_seal, by) = columns;
    let columns = (&id, &kind, &sealed, &terms, not_before, not_after, revoked);
    let key = opener.key_of(("keys", &id), by, &columns, &row_seal)?;
    let secret = opener.secret(key, &place_of(&id), &sealed)?;
    Ok(Opened { id, kind, secret, terms, times: [not_before, not_after, revoked] })
}

pub(super) async fn put(
    connection: &mut Connection,
    key: &StoreKey,
    Opened { id, kind, secret, terms, times }: &Opened,
) -> Result<(), sqlx::Error> {
    let sealed = key.seal(&place_of(id), secret);
    let [not_before, not_after, revoked] = *times;
    let row_seal = seal(key, "keys", &(id, kind, &sealed, terms, not_before, not_after, revoked));
    let query = sqlx::query(
        "INSERT INTO keys (id, kind, secret, terms, not_before_s, not_after_s, revoked_s, seal, sealed_by) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) \
         ON CONFLICT (id) DO UPDATE SET kind = excluded.kind, secret = excluded.secret, terms = excluded.terms, \
         not_before_s = excluded.not_before_s, not_after_s = excluded.not_after_s, \
         revoked_s = excluded.revoked_s, seal = excluded.seal, sealed_by = excluded.sealed_by",
    );
    let query = query.bind(id).bind(kind).bind(sealed).bind(terms).bind(not_before).bind(not_after);
    query.bind(revoked).bind(row_seal).bind(key.id()).execute(connection).await.map(drop)
}

impl Opened {
    pub(super) fn of(id: &str, own: &StoredKey) -> Result<Self, sqlx::Error> {
        let Validity { not_before, not_after } = own.validity;
        Ok(Self {
            id: id.to_owned(),
            kind: own.kind.name().to_owned(),
            secret: own.secret.clone(),
            terms: as_json(&own.terms)?,
            times: [not_before, not_after, own.revoked].map(|time| time.map(seconds)),
        })
    }

    pub(super) fn stored(self) -> Option<(String, StoredKey)> {
        let Self { id, kind, secret, terms, times } = self;
        let kind = read::<KeyKind>("key", &id, &format!("{kind:?}"))?;
        let terms = read("key", &id, &terms)?;
        let [not_before, not_after, revoked] = times.map(time);
        let validity = Validity { not_before, not_after };
        Some((id, StoredKey { kind, secret, terms, validity, revoked }))
    }
}

fn place_of(id: &str) -> String {
    format!("keys/{id}/secret")
}
