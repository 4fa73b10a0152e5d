//! Keys of back ends as rows.

use webtrunk_signalling::auth::validity::{UnixTime, Validity};

use super::seals::{NotOpened, Opener, SealedBy, seal};
use super::{Wanted, as_json, read, seconds, time};
use crate::people::{StoreKey, StoredApiKey};
use crate::store::database::Connection;

/// A back end's key, opened.
pub(super) struct Opened {
    id: String,
    hash: Vec<u8>,
    scopes: String,
    customer: Option<String>,
    created: i64,
    /// `not_before`, `not_after` and `revoked`.
    times: [Option<i64>; 3],
}

type Columns =
    (String, Vec<u8>, String, Option<String>, i64, Option<i64>, Option<i64>, Option<i64>, Vec<u8>, SealedBy);

pub(super) async fn rows(
    connection: &mut Connection,
    wanted: Wanted<'_>,
) -> Result<Vec<Columns>, sqlx::Error> {
    let query = "SELECT id, hash, scopes, customer, created_s, not_before_s, not_after_s, revoked_s, seal, sealed_by \
                 FROM api_keys WHERE $1 = '' OR sealed_by IS NULL OR sealed_by <> $1 LIMIT $2";
    sqlx::query_as(query).bind(wanted.not_by).bind(wanted.most).fetch_all(connection).await
}

pub(super) fn open(columns: Columns, opener: &mut Opener<'_>) -> Result<Opened, NotOpened> {
    let (id, hash, scopes, customer, created, not_before, not_after, revoked, row_seal, by) = columns;
    let columns = (&id, &hash, &scopes, &customer, created, not_before, not_after, revoked);
    opener.key_of(("api_keys", &id), by, &columns, &row_seal)?;
    Ok(Opened { id, hash, scopes, customer, created, times: [not_before, not_after, revoked] })
}

pub(super) async fn put(
    connection: &mut Connection,
    key: &StoreKey,
    Opened { id, hash, scopes, customer, created, times }: &Opened,
) -> Result<(), sqlx::Error> {
    let [not_before, not_after, revoked] = *times;
    let columns = (id, hash, scopes, customer, created, not_before, not_after, revoked);
    let row_seal = seal(key, "api_keys", &columns);
    let query = sqlx::query(
        "INSERT INTO api_keys (id, hash, scopes, customer, created_s, not_before_s, not_after_s, revoked_s, seal, sealed_by) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) \
         ON CONFLICT (id) DO UPDATE SET hash = excluded.hash, scopes = excluded.scopes, \
         customer = excluded.customer, created_s = excluded.created_s, not_before_s = excluded.not_before_s, \
         not_after_s = excluded.not_after_s, revoked_s = excluded.revoked_s, seal = excluded.seal, \
         sealed_by = excluded.sealed_by",
    );
    let query = query.bind(id).bind(hash.as_slice()).bind(scopes).bind(customer.clone()).bind(*created);
    let query = query.bind(not_before).bind(not_after).bind(revoked).bind(row_seal).bind(key.id());
    query.execute(connection).await.map(drop)
}

impl Opened {
    pub(super) fn of(id: &str, own: &StoredApiKey) -> Result<Self, sqlx::Error> {
        let Validity { not_before, not_after } = own.validity;
        Ok(Self {
            id: id.to_owned(),
            hash: own.hash.to_vec(),
            scopes: as_json(&own.scopes)?,
            customer: own.customer.clone(),
            created: seconds(own.created),
            times: [not_before, not_after, own.revoked].map(|time| time.map(seconds)),
        })
    }

    pub(super) fn stored(self) -> Option<(String, StoredApiKey)> {
        let Self { id, hash, scopes, customer, created, times } = self;
        let scopes = read("API key", &id, &scopes)?;
        let hash = hash.try_into().ok()?;
        let [not_before, not_after, revoked] = times.map(time);
        let (created, validity) =
            (time(Some(created)).unwrap_or(UnixTime(0)), Validity { not_before, not_after });
        Some((id, StoredApiKey { hash, scopes, customer, created, validity, revoked }))
    }
}
