//! Users, customers and keys as rows; their secrets are sealed, and so is each row as a whole.
//!
//! A row's seal is that of nothing at all, for a place that is the row: who can write to the database changes none of its columns, nor
//! makes another. Who puts a row back that was there before, or takes one out, is not found out.

use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::Connection as _;
use tokio::sync::{mpsc, oneshot};
use tracing::warn;
use webtrunk_signalling::auth::secret::SecretText;
use webtrunk_signalling::auth::validity::{UnixTime, Validity};

use super::database::Connection;
use super::{StoreError, StorePlace};
use crate::people::{KeyKind, Roll, Row, StoreKey, StoredApiKey, StoredCustomer, StoredKey, StoredUser};

/// What is to be done now, and who waits for it.
pub(super) enum Errand {
    /// Rows are to be written, all or none.
    Write(Vec<Row>, oneshot::Sender<Result<(), Unwritten>>),
    /// All is to be read again.
    Read(oneshot::Sender<Result<Roll, String>>),
}

/// Rows were not written, as far as we know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unwritten {
    /// None was.
    None(String),
    /// They may have been: it was not told in time.
    Unsure(String),
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
    /// [`Unwritten`], with what the database said.
    pub async fn write(&self, rows: Vec<Row>) -> Result<(), Unwritten> {
        let (reply, told) = oneshot::channel();
        let sent = self.errands.send(Errand::Write(rows, reply)).await;
        sent.map_err(|_| Unwritten::None(GONE.to_owned()))?;
        told.await.unwrap_or_else(|_| Err(Unwritten::Unsure(GONE.to_owned())))
    }

    /// What is there.
    ///
    /// # Errors
    /// What the database said.
    pub async fn read(&self) -> Result<Roll, String> {
        let (reply, told) = oneshot::channel();
        self.errands.send(Errand::Read(reply)).await.map_err(|_| GONE.to_owned())?;
        told.await.unwrap_or_else(|_| Err(GONE.to_owned()))
    }
}

/// What is said where there is no writer any more.
const GONE: &str = "nobody writes to it any more";

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
    for row in user_rows(connection).await.map_err(unusable)? {
        let (name, md5, sha256, terms, seal) = row;
        open(&as_text("users", &(&name, &md5, &sha256, &terms)), &seal)?;
        let ha1 = [open(&place_of_md5(&name), &md5)?, open(&place_of_sha256(&name), &sha256)?];
        if let Some(terms) = read("user", &name, &terms) {
            roll.users.insert(name, StoredUser { ha1, terms });
        }
    }
    for (name, terms, seal) in customer_rows(connection).await.map_err(unusable)? {
        open(&as_text("customers", &(&name, &terms)), &seal)?;
        if let Some(terms) = read("customer", &name, &terms) {
            roll.customers.insert(name, StoredCustomer { terms });
        }
    }
    for row in key_rows(connection).await.map_err(unusable)? {
        let (id, kind, secret, terms, not_before, not_after, revoked, seal) = row;
        open(&as_text("keys", &(&id, &kind, &secret, &terms, not_before, not_after, revoked)), &seal)?;
        let secret = open(&place_of_key(&id), &secret)?;
        let kind = read::<KeyKind>("key", &id, &format!("{kind:?}"));
        if let (Some(kind), Some(terms)) = (kind, read("key", &id, &terms)) {
            let validity = Validity { not_before: time(not_before), not_after: time(not_after) };
            let key = StoredKey { kind, secret, terms, validity, revoked: time(revoked) };
            roll.keys.insert(id, key);
        }
    }
    for row in api_key_rows(connection).await.map_err(unusable)? {
        let (id, hash, scopes, customer, created, not_before, not_after, revoked, seal) = row;
        let columns = (&id, &hash, &scopes, &customer, created, not_before, not_after, revoked);
        open(&as_text("api_keys", &columns), &seal)?;
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

type UserRow = (String, Vec<u8>, Vec<u8>, String, Vec<u8>);

async fn user_rows(connection: &mut Connection) -> Result<Vec<UserRow>, sqlx::Error> {
    let query = "SELECT name, ha1_md5, ha1_sha256, terms, seal FROM users";
    sqlx::query_as(query).fetch_all(connection).await
}

async fn customer_rows(connection: &mut Connection) -> Result<Vec<(String, String, Vec<u8>)>, sqlx::Error> {
    sqlx::query_as("SELECT name, terms, seal FROM customers").fetch_all(connection).await
}

type KeyRow = (String, String, Vec<u8>, String, Option<i64>, Option<i64>, Option<i64>, Vec<u8>);

async fn key_rows(connection: &mut Connection) -> Result<Vec<KeyRow>, sqlx::Error> {
    let query = "SELECT id, kind, secret, terms, not_before_s, not_after_s, revoked_s, seal FROM keys";
    sqlx::query_as(query).fetch_all(connection).await
}

type ApiKeyRow =
    (String, Vec<u8>, String, Option<String>, i64, Option<i64>, Option<i64>, Option<i64>, Vec<u8>);

async fn api_key_rows(connection: &mut Connection) -> Result<Vec<ApiKeyRow>, sqlx::Error> {
    let query = "SELECT id, hash, scopes, customer, created_s, not_before_s, not_after_s, revoked_s, seal \
                 FROM api_keys";
    sqlx::query_as(query).fetch_all(connection).await
}

/// Writes rows, all or none. From when on it is not sure that none was written, `is_committing` tells.
pub(super) async fn write(
    connection: &mut Connection,
    rows: &[Row],
    key: &StoreKey,
    is_committing: &mut bool,
) -> Result<(), sqlx::Error> {
    let mut transaction = connection.begin().await?;
    for row in rows {
        let query = match row {
            Row::User(name, Some(user)) => {
                let md5 = key.seal(&place_of_md5(name), &user.ha1[0]);
                let sha256 = key.seal(&place_of_sha256(name), &user.ha1[1]);
                let terms = json(&user.terms)?;
                let seal = seal(key, "users", &(name, &md5, &sha256, &terms));
                sqlx::query(
                    "INSERT INTO users (name, ha1_md5, ha1_sha256, terms, seal) VALUES ($1, $2, $3, $4, $5) \
                     ON CONFLICT (name) DO UPDATE SET ha1_md5 = excluded.ha1_md5, ha1_sha256 = excluded.ha1_sha256, \
                     terms = excluded.terms, seal = excluded.seal",
                )
                .bind(name)
                .bind(md5)
                .bind(sha256)
                .bind(terms)
                .bind(seal)
            }
            Row::User(name, None) => sqlx::query("DELETE FROM users WHERE name = $1").bind(name),
            Row::Customer(name, Some(customer)) => {
                let terms = json(&customer.terms)?;
                let seal = seal(key, "customers", &(name, &terms));
                sqlx::query(
                    "INSERT INTO customers (name, terms, seal) VALUES ($1, $2, $3) \
                     ON CONFLICT (name) DO UPDATE SET terms = excluded.terms, seal = excluded.seal",
                )
                .bind(name)
                .bind(terms)
                .bind(seal)
            }
            Row::Customer(name, None) => sqlx::query("DELETE FROM customers WHERE name = $1").bind(name),
            Row::Key(id, Some(own)) => {
                let (kind, secret) = (own.kind.name(), key.seal(&place_of_key(id), &own.secret));
                let terms = json(&own.terms)?;
                let Validity { not_before, not_after } = own.validity;
                let [not_before, not_after, revoked] =
                    [not_before, not_after, own.revoked].map(|time| time.map(seconds));
                let columns = (id, kind, &secret, &terms, not_before, not_after, revoked);
                let seal = seal(key, "keys", &columns);
                sqlx::query(
                    "INSERT INTO keys (id, kind, secret, terms, not_before_s, not_after_s, revoked_s, seal) \
                     VALUES ($1, $2, $3, $4, $5, $6, $7, $8) \
                     ON CONFLICT (id) DO UPDATE SET kind = excluded.kind, secret = excluded.secret, terms = excluded.terms, \
                     not_before_s = excluded.not_before_s, not_after_s = excluded.not_after_s, \
                     revoked_s = excluded.revoked_s, seal = excluded.seal",
                )
                .bind(id)
                .bind(kind)
                .bind(secret)
                .bind(terms)
                .bind(not_before)
                .bind(not_after)
                .bind(revoked)
                .bind(seal)
            }
            Row::Key(id, None) => sqlx::query("DELETE FROM keys WHERE id = $1").bind(id),
            Row::ApiKey(id, Some(own)) => {
                let (hash, scopes) = (own.hash.to_vec(), json(&own.scopes)?);
                let (customer, created) = (own.customer.clone(), seconds(own.created));
                let Validity { not_before, not_after } = own.validity;
                let [not_before, not_after, revoked] =
                    [not_before, not_after, own.revoked].map(|time| time.map(seconds));
                let columns = (id, &hash, &scopes, &customer, created, not_before, not_after, revoked);
                let seal = seal(key, "api_keys", &columns);
                sqlx::query(
                    "INSERT INTO api_keys (id, hash, scopes, customer, created_s, not_before_s, not_after_s, revoked_s, seal) \
                     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) \
                     ON CONFLICT (id) DO UPDATE SET hash = excluded.hash, scopes = excluded.scopes, \
                     customer = excluded.customer, created_s = excluded.created_s, not_before_s = excluded.not_before_s, \
                     not_after_s = excluded.not_after_s, revoked_s = excluded.revoked_s, seal = excluded.seal",
                )
                .bind(id)
                .bind(hash)
                .bind(scopes)
                .bind(customer)
                .bind(created)
                .bind(not_before)
                .bind(not_after)
                .bind(revoked)
                .bind(seal)
            }
            Row::ApiKey(id, None) => sqlx::query("DELETE FROM api_keys WHERE id = $1").bind(id),
        };
        query.execute(&mut *transaction).await?;
    }
    *is_committing = true;
    transaction.commit().await
}

/// A row's seal.
fn seal(key: &StoreKey, table: &str, columns: &impl Serialize) -> Vec<u8> {
    key.seal(&as_text(table, columns), &SecretText::new(String::new()))
}

/// A row as one text, which no other row has.
fn as_text(table: &str, columns: &impl Serialize) -> String {
    serde_json::to_string(&(table, columns)).expect("columns are plain")
}

fn read<T: DeserializeOwned>(what: &str, name: &str, json: &str) -> Option<T> {
    let read = serde_json::from_str(json);
    read.inspect_err(
        |error| warn!(what, name, %error, "a row of the store that cannot be read is passed over"),
    )
    .ok()
}

fn json(terms: &impl Serialize) -> Result<String, sqlx::Error> {
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

    async fn written(connection: &mut Connection, rows: &[Row]) {
        let mut is_committing = false;
        write(connection, rows, &key("1"), &mut is_committing).await.expect("there is room");
        assert!(is_committing);
    }

    #[tokio::test]
    async fn what_was_written_is_read_again_by_its_key_alone_and_no_secret_is_in_the_clear() {
        for place in Place::each() {
            let mut connection = place.connection().await;
            let mut expected = Roll::default();
            for _ in 0..2 {
                written(&mut connection, &rows()).await;
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
            written(&mut connection, &gone).await;
            assert_eq!(load(&place.place, &mut connection, &key("2")).await.expect("rows"), Roll::default());
        }
    }

    /// Who can write to the database gives nobody another's password, other rights, or a key.
    #[tokio::test]
    async fn a_row_that_somebody_else_made_or_changed_is_refused() {
        for place in Place::each() {
            for statement in [
                "INSERT INTO users SELECT 'mallory', ha1_md5, ha1_sha256, terms, seal FROM users",
                "UPDATE users SET name = 'mallory'",
                "UPDATE users SET terms = '{}'",
                "UPDATE customers SET terms = '{}'",
                "UPDATE keys SET revoked_s = NULL",
                "UPDATE keys SET kind = 'edge'",
                "UPDATE api_keys SET scopes = '[\"calls:read\",\"calls:write\"]'",
                "UPDATE api_keys SET customer = 'acme'",
                "INSERT INTO api_keys SELECT 'mallory', hash, scopes, customer, created_s, not_before_s, not_after_s, revoked_s, seal \
                 FROM api_keys",
            ] {
                let mut connection = place.connection().await;
                written(&mut connection, &rows()).await;
                load(&place.place, &mut connection, &key("1")).await.expect("it is as it was written");
                sqlx::query(statement).execute(&mut connection).await.expect("it is written to");
                assert!(load(&place.place, &mut connection, &key("1")).await.is_err(), "{statement}");
                for table in ["users", "customers", "keys", "api_keys"] {
                    let all = format!("DELETE FROM {table}");
                    sqlx::query(&all).execute(&mut connection).await.expect("it is written to");
                }
            }
        }
    }

    #[tokio::test]
    async fn a_row_that_cannot_be_read_keeps_no_other_back() {
        for place in Place::each() {
            let mut connection = place.connection().await;
            written(&mut connection, &rows()).await;
            // As another version of ours might write it.
            let (name, terms) = ("acme", "{\"colour\": 1}");
            let spoilt = sqlx::query("UPDATE customers SET terms = $1, seal = $2");
            let spoilt = spoilt.bind(terms).bind(seal(&key("1"), "customers", &(name, terms)));
            spoilt.execute(&mut connection).await.expect("a row");
            let read = load(&place.place, &mut connection, &key("1")).await.expect("rows");
            assert_eq!((read.users.len(), read.customers.len()), (1, 0));
        }
    }
}
