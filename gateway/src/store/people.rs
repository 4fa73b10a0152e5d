//! Users, customers and keys as rows; their secrets are sealed.

use serde::de::DeserializeOwned;
use sqlx::Connection as _;
use tokio::sync::{mpsc, oneshot};
use tracing::warn;
use webtrunk_signalling::auth::validity::{UnixTime, Validity};

use super::database::Connection;
use super::{StoreError, StorePlace};
use crate::people::{KeyKind, Roll, Row, StoreKey, StoredApiKey, StoredCustomer, StoredKey, StoredUser};

/// Rows that are to be written now, and who waits for that.
pub(super) struct Errand {
    pub(super) rows: Vec<Row>,
    pub(super) reply: oneshot::Sender<Result<(), String>>,
}

/// Has rows written, and waits for it; cheap to clone.
#[derive(Clone)]
pub struct PeopleKeeper {
    pub(super) errands: mpsc::Sender<Errand>,
}

impl PeopleKeeper {
    /// Writes rows, all or none.
    ///
    /// # Errors
    /// What the database said.
    pub async fn write(&self, rows: Vec<Row>) -> Result<(), String> {
        let gone = || "nobody writes to it any more".to_owned();
        let (reply, told) = oneshot::channel();
        self.errands.send(Errand { rows, reply }).await.map_err(|_| gone())?;
        told.await.unwrap_or_else(|_| Err(gone()))
    }
}

/// What is in the tables. A row that makes no sense is passed over, and told.
///
/// # Errors
/// They cannot be read, or a secret is sealed by another key.
pub(super) async fn load(
    place: &StorePlace,
    connection: &mut Connection,
    key: &StoreKey,
) -> Result<Roll, StoreError> {
    let unusable = |source| StoreError::unusable(place, source);
    let sealed = |_| StoreError::Sealed { place: Box::new(place.clone()) };
    let open = |place: &str, octets: &[u8]| key.open(place, octets).map_err(sealed);
    let mut roll = Roll::default();
    let users: Vec<(String, Vec<u8>, Vec<u8>, String)> =
        sqlx::query_as("SELECT name, ha1_md5, ha1_sha256, terms FROM users")
            .fetch_all(&mut *connection)
            .await
            .map_err(unusable)?;
    for (name, md5, sha256, terms) in users {
        let ha1 = [open(&place_of_md5(&name), &md5)?, open(&place_of_sha256(&name), &sha256)?];
        if let Some(terms) = read("user", &name, &terms) {
            roll.users.insert(name, StoredUser { ha1, terms });
        }
    }
    let customers: Vec<(String, String)> = sqlx::query_as("SELECT name, terms FROM customers")
        .fetch_all(&mut *connection)
        .await
        .map_err(unusable)?;
    for (name, terms) in customers {
        if let Some(terms) = read("customer", &name, &terms) {
            roll.customers.insert(name, StoredCustomer { terms });
        }
    }
    for row in key_rows(connection).await.map_err(unusable)? {
        let (id, kind, secret, terms, not_before, not_after, revoked) = row;
        let secret = open(&place_of_key(&id), &secret)?;
        let kind = read::<KeyKind>("key", &id, &format!("{kind:?}"));
        if let (Some(kind), Some(terms)) = (kind, read("key", &id, &terms)) {
            let validity = Validity { not_before: time(not_before), not_after: time(not_after) };
            let key = StoredKey { kind, secret, terms, validity, revoked: time(revoked) };
            roll.keys.insert(id, key);
        }
    }
    for (id, hash, scopes, customer, created, not_before, not_after, revoked) in
        api_key_rows(connection).await.map_err(unusable)?
    {
        let hash = hash.try_into().ok();
        if let (Some(hash), Some(scopes)) = (hash, read("API key", &id, &scopes)) {
            let validity = Validity { not_before: time(not_before), not_after: time(not_after) };
            let created = time(Some(created)).unwrap_or(UnixTime(0));
            let key = StoredApiKey { hash, scopes, customer, created, validity, revoked: time(revoked) };
            roll.api_keys.insert(id, key);
        }
    }
    Ok(roll)
}

type KeyRow = (String, String, Vec<u8>, String, Option<i64>, Option<i64>, Option<i64>);

async fn key_rows(connection: &mut Connection) -> Result<Vec<KeyRow>, sqlx::Error> {
    sqlx::query_as("SELECT id, kind, secret, terms, not_before_s, not_after_s, revoked_s FROM keys")
        .fetch_all(connection)
        .await
}

type ApiKeyRow = (String, Vec<u8>, String, Option<String>, i64, Option<i64>, Option<i64>, Option<i64>);

async fn api_key_rows(connection: &mut Connection) -> Result<Vec<ApiKeyRow>, sqlx::Error> {
    sqlx::query_as(
        "SELECT id, hash, scopes, customer, created_s, not_before_s, not_after_s, revoked_s FROM api_keys",
    )
    .fetch_all(connection)
    .await
}

/// Writes rows, all or none.
pub(super) async fn write(
    connection: &mut Connection,
    rows: &[Row],
    key: &StoreKey,
) -> Result<(), sqlx::Error> {
    let mut transaction = connection.begin().await?;
    for row in rows {
        let query = match row {
            Row::User(name, Some(user)) => sqlx::query(
                "INSERT INTO users (name, ha1_md5, ha1_sha256, terms) VALUES ($1, $2, $3, $4) \
                 ON CONFLICT (name) DO UPDATE SET ha1_md5 = excluded.ha1_md5, ha1_sha256 = excluded.ha1_sha256, \
                 terms = excluded.terms",
            )
            .bind(name)
            .bind(key.seal(&place_of_md5(name), &user.ha1[0]))
            .bind(key.seal(&place_of_sha256(name), &user.ha1[1]))
            .bind(json(&user.terms)?),
            Row::User(name, None) => sqlx::query("DELETE FROM users WHERE name = $1").bind(name),
            Row::Customer(name, Some(customer)) => sqlx::query(
                "INSERT INTO customers (name, terms) VALUES ($1, $2) \
                 ON CONFLICT (name) DO UPDATE SET terms = excluded.terms",
            )
            .bind(name)
            .bind(json(&customer.terms)?),
            Row::Customer(name, None) => sqlx::query("DELETE FROM customers WHERE name = $1").bind(name),
            Row::Key(id, Some(own)) => sqlx::query(
                "INSERT INTO keys (id, kind, secret, terms, not_before_s, not_after_s, revoked_s) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7) \
                 ON CONFLICT (id) DO UPDATE SET kind = excluded.kind, secret = excluded.secret, terms = excluded.terms, \
                 not_before_s = excluded.not_before_s, not_after_s = excluded.not_after_s, \
                 revoked_s = excluded.revoked_s",
            )
            .bind(id)
            .bind(own.kind.name())
            .bind(key.seal(&place_of_key(id), &own.secret))
            .bind(json(&own.terms)?)
            .bind(own.validity.not_before.map(seconds))
            .bind(own.validity.not_after.map(seconds))
            .bind(own.revoked.map(seconds)),
            Row::Key(id, None) => sqlx::query("DELETE FROM keys WHERE id = $1").bind(id),
            Row::ApiKey(id, Some(own)) => sqlx::query(
                "INSERT INTO api_keys (id, hash, scopes, customer, created_s, not_before_s, not_after_s, revoked_s) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8) \
                 ON CONFLICT (id) DO UPDATE SET hash = excluded.hash, scopes = excluded.scopes, \
                 customer = excluded.customer, created_s = excluded.created_s, not_before_s = excluded.not_before_s, \
                 not_after_s = excluded.not_after_s, revoked_s = excluded.revoked_s",
            )
            .bind(id)
            .bind(own.hash.as_slice())
            .bind(json(&own.scopes)?)
            .bind(own.customer.clone())
            .bind(seconds(own.created))
            .bind(own.validity.not_before.map(seconds))
            .bind(own.validity.not_after.map(seconds))
            .bind(own.revoked.map(seconds)),
            Row::ApiKey(id, None) => sqlx::query("DELETE FROM api_keys WHERE id = $1").bind(id),
        };
        query.execute(&mut *transaction).await?;
    }
    transaction.commit().await
}

fn read<T: DeserializeOwned>(what: &str, name: &str, json: &str) -> Option<T> {
    let read = serde_json::from_str(json);
    read.inspect_err(
        |error| warn!(what, name, %error, "a row of the store that cannot be read is passed over"),
    )
    .ok()
}

fn json(terms: &impl serde::Serialize) -> Result<String, sqlx::Error> {
    serde_json::to_string(terms).map_err(|error| sqlx::Error::Encode(error.into()))
}

const fn seconds(time: UnixTime) -> i64 {
    time.0.cast_signed()
}

fn time(seconds: Option<i64>) -> Option<UnixTime> {
    seconds.and_then(|seconds| seconds.try_into().ok()).map(UnixTime)
}

fn place_of_md5(user: &str) -> String {
    format!("users/{user}/ha1_md5")
}

fn place_of_sha256(user: &str) -> String {
    format!("users/{user}/ha1_sha256")
}

fn place_of_key(id: &str) -> String {
    format!("keys/{id}/secret")
}

#[cfg(test)]
mod tests {
    use webtrunk_signalling::auth::secret::SecretText;

    use super::super::tests::Place;
    use super::*;
    use crate::people::{CustomerTerms, KeyTerms, LimitTerms, UserTerms};

    fn key(digit: &str) -> StoreKey {
        StoreKey::from_hex(&digit.repeat(64)).expect("a key")
    }

    fn text(text: &str) -> SecretText {
        SecretText::new(text.to_owned())
    }

    fn rows() -> Vec<Row> {
        let limits = LimitTerms { calls_per_minute: Some(3), ..LimitTerms::default() };
        let terms = UserTerms { groups: vec!["sales".to_owned()], limits, ..UserTerms::default() };
        let user = StoredUser { ha1: [text(&"a".repeat(32)), text(&"b".repeat(64))], terms };
        let customer =
            StoredCustomer { terms: CustomerTerms { calls_max: Some(2), ..CustomerTerms::default() } };
        let key = StoredKey {
            kind: KeyKind::Customer,
            secret: text("north wind and sun"),
            terms: KeyTerms { customer: Some("acme".to_owned()), ..KeyTerms::default() },
            validity: Validity { not_before: None, not_after: Some(UnixTime(7)) },
            revoked: Some(UnixTime(5)),
        };
        let api_key = StoredApiKey {
            hash: [7; 32],
            scopes: vec!["calls:read".to_owned()],
            customer: None,
            created: UnixTime(3),
            validity: Validity::default(),
            revoked: None,
        };
        vec![
            Row::User("carol".to_owned(), Some(user)),
            Row::Customer("acme".to_owned(), Some(customer)),
            Row::Key("k1".to_owned(), Some(key)),
            Row::ApiKey("crm".to_owned(), Some(api_key)),
        ]
    }

    #[tokio::test]
    async fn what_was_written_is_read_again_by_its_key_alone_and_no_secret_is_in_the_clear() {
        for place in Place::each() {
            let mut connection = place.connection().await;
            let mut expected = Roll::default();
            for _ in 0..2 {
                write(&mut connection, &rows(), &key("1")).await.expect("there is room");
                expected.take(&rows());
            }
            let read = load(&place.place, &mut connection, &key("1")).await.expect("rows");
            assert_eq!(read, expected);
            let told = load(&place.place, &mut connection, &key("2")).await.expect_err("another key");
            assert!(told.to_string().contains("store.secret_key"), "{told}");
            let (md5, secret): (Vec<u8>, Vec<u8>) =
                sqlx::query_as("SELECT users.ha1_md5, keys.secret FROM users CROSS JOIN keys")
                    .fetch_one(&mut connection)
                    .await
                    .expect("a row");
            assert!(
                !md5.windows(8).any(|it| it == b"aaaaaaaa") && !secret.windows(5).any(|it| it == b"north")
            );
            let gone = [
                Row::User("carol".to_owned(), None),
                Row::Customer("acme".to_owned(), None),
                Row::Key("k1".to_owned(), None),
                Row::ApiKey("crm".to_owned(), None),
            ];
            write(&mut connection, &gone, &key("1")).await.expect("there is room");
            assert_eq!(load(&place.place, &mut connection, &key("2")).await.expect("rows"), Roll::default());
        }
    }

    /// Who can write to the database gives nobody another's password.
    #[tokio::test]
    async fn a_secret_that_was_put_in_anothers_place_is_refused() {
        let place = Place::in_file();
        let mut connection = place.connection().await;
        write(&mut connection, &rows(), &key("1")).await.expect("there is room");
        let copied = "INSERT INTO users SELECT 'mallory', ha1_md5, ha1_sha256, terms FROM users";
        sqlx::query(copied).execute(&mut connection).await.expect("a row");
        assert!(load(&place.place, &mut connection, &key("1")).await.is_err());
    }

    #[tokio::test]
    async fn a_row_that_cannot_be_read_keeps_no_other_back() {
        for place in Place::each() {
            let mut connection = place.connection().await;
            write(&mut connection, &rows(), &key("1")).await.expect("there is room");
            let spoilt = "UPDATE users SET terms = '{\"colour\": 1}'";
            sqlx::query(spoilt).execute(&mut connection).await.expect("a row");
            let read = load(&place.place, &mut connection, &key("1")).await.expect("rows");
            assert_eq!((read.users.len(), read.customers.len()), (0, 1));
        }
    }
}
