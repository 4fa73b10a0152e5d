//! Users, customers, keys and passwords as rows; their secrets are sealed, and so is each row as a whole.
//!
//! ```text
//! read:   columns --- Opener: the key that has sealed the row ---> opened ---> Roll
//! write:  Row ---> opened --- the first of store.secret_key ---> columns
//! anew:   columns that another key has sealed ---> opened --- the first ---> columns
//! ```
//!
//! Who puts a row back that was there before, or takes one out, is not found out.

mod account_passwords;
mod api_keys;
mod customers;
mod keys;
mod seals;
#[cfg(test)]
mod tests;
mod upstream;
mod users;

use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::Connection as _;
use tokio::sync::{mpsc, oneshot};
use tracing::warn;
use webtrunk_signalling::auth::validity::UnixTime;

use super::database::Connection;
use super::{StoreError, StorePlace};
use crate::people::{Roll, Row, StoreKey, StoreKeys};
pub use seals::NotOpened;
use seals::Opener;

/// What is to be done now, and who waits for it.
pub(super) enum Errand {
    /// Rows are to be written, all or none.
    Write(Vec<Row>, oneshot::Sender<Result<(), Unwritten>>),
    /// All is to be read again.
    Read(oneshot::Sender<Result<Roll, String>>),
    /// A few rows that another key than the first has sealed are to be sealed anew; how many were is told.
    Reseal(oneshot::Sender<Result<u64, String>>),
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

/// What is in the tables.
pub(super) struct Loaded {
    pub(super) roll: Roll,
    /// Rows that are not said to be sealed by the first key.
    pub(super) stale: u64,
}

/// Which rows are wanted: those that are not said to be sealed by this key, where one is named, and so many at most.
#[derive(Debug, Clone, Copy)]
struct Wanted<'k> {
    not_by: &'k str,
    most: i64,
}

/// All rows.
const ALL: Wanted<'static> = Wanted { not_by: "", most: i64::MAX };

/// Rows of all tables together that are sealed anew at one time: nobody's change waits long for them, and a server that is
/// far away has done them before it is given up. Chosen by us.
const RESEALED: i64 = 50;

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

    /// Seals a few rows anew that another key than the first has sealed; how many were is told, none where none is left.
    ///
    /// # Errors
    /// What the database said.
    pub(super) async fn reseal(&self) -> Result<u64, String> {
        let (reply, told) = oneshot::channel();
        self.errands.send(Errand::Reseal(reply)).await.map_err(|_| GONE.to_owned())?;
        told.await.unwrap_or_else(|_| Err(GONE.to_owned()))
    }
}

/// What is said where there is no writer any more.
const GONE: &str = "nobody writes to it any more";

/// What is in the tables. A row that makes no sense is passed over, and told.
///
/// # Errors
/// They cannot be read, or a row is sealed by a key that is not there.
pub(super) async fn load(
    place: &StorePlace,
    connection: &mut Connection,
    store_keys: &StoreKeys,
) -> Result<Loaded, StoreError> {
    let unusable = |source| StoreError::unusable(place, source);
    let sealed = |fault| StoreError::sealed(place, fault);
    let (mut roll, mut opener) = (Roll::default(), Opener::new(store_keys));
    for columns in users::rows(connection, ALL).await.map_err(unusable)? {
        roll.users.extend(users::open(columns, &mut opener).map_err(sealed)?.stored());
    }
    for columns in customers::rows(connection, ALL).await.map_err(unusable)? {
        roll.customers.extend(customers::open(columns, &mut opener).map_err(sealed)?.stored());
    }
    for columns in keys::rows(connection, ALL).await.map_err(unusable)? {
        roll.keys.extend(keys::open(columns, &mut opener).map_err(sealed)?.stored());
    }
    for columns in api_keys::rows(connection, ALL).await.map_err(unusable)? {
        roll.api_keys.extend(api_keys::open(columns, &mut opener).map_err(sealed)?.stored());
    }
    for columns in upstream::rows(connection, ALL).await.map_err(unusable)? {
        roll.upstream.extend(upstream::open(columns, &mut opener).map_err(sealed)?.stored());
    }
    for columns in account_passwords::rows(connection, ALL).await.map_err(unusable)? {
        let opened = account_passwords::open(columns, &mut opener).map_err(sealed)?;
        roll.account_passwords.extend([opened.stored()]);
    }
    Ok(Loaded { roll, stale: opener.stale() })
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
        match row {
            Row::User(name, Some(user)) => {
                users::put(&mut transaction, key, &users::Opened::of(name, user)?).await?;
            }
            Row::Customer(name, Some(customer)) => {
                customers::put(&mut transaction, key, &customers::Opened::of(name, customer)?).await?;
            }
            Row::Key(id, Some(own)) => {
                keys::put(&mut transaction, key, &keys::Opened::of(id, own)?).await?;
            }
            Row::ApiKey(id, Some(own)) => {
                api_keys::put(&mut transaction, key, &api_keys::Opened::of(id, own)?).await?;
            }
            Row::Upstream(at, Some(own)) => {
                upstream::put(&mut transaction, key, &upstream::Opened::of(at, own)?).await?;
            }
            Row::AccountPassword(name, Some(own)) => {
                let opened = account_passwords::Opened::of(name, own);
                account_passwords::put(&mut transaction, key, &opened).await?;
            }
            Row::User(name, None) => {
                remove(&mut transaction, "DELETE FROM users WHERE name = $1", name).await?;
            }
            Row::Customer(name, None) => {
                remove(&mut transaction, "DELETE FROM customers WHERE name = $1", name).await?;
            }
            Row::Key(id, None) => remove(&mut transaction, "DELETE FROM keys WHERE id = $1", id).await?,
            Row::ApiKey(id, None) => {
                remove(&mut transaction, "DELETE FROM api_keys WHERE id = $1", id).await?;
            }
            Row::Upstream(at, None) => upstream::remove(&mut transaction, at).await?,
            Row::AccountPassword(name, None) => {
                remove(&mut transaction, "DELETE FROM account_passwords WHERE name = $1", name).await?;
            }
        }
    }
    *is_committing = true;
    transaction.commit().await
}

async fn remove(connection: &mut Connection, query: &'static str, name: &str) -> Result<(), sqlx::Error> {
    sqlx::query(query).bind(name).execute(connection).await.map(drop)
}

/// Seals a few rows anew that another key than the first has sealed, whatever is in them; how many were is told.
///
/// # Errors
/// They cannot be read or written, or a row is sealed by a key that is not there.
pub(super) async fn reseal(
    place: &StorePlace,
    connection: &mut Connection,
    store_keys: &StoreKeys,
) -> Result<u64, StoreError> {
    let unusable = |source| StoreError::unusable(place, source);
    let sealed = |fault| StoreError::sealed(place, fault);
    let (key, mut opener) = (store_keys.sealing(), Opener::new(store_keys));
    let mut transaction = connection.begin().await.map_err(unusable)?;
    macro_rules! reseal {
        ($($table:ident),*) => {$(
            for columns in $table::rows(&mut transaction, left(key, &opener)).await.map_err(unusable)? {
                let opened = $table::open(columns, &mut opener).map_err(sealed)?;
                $table::put(&mut transaction, key, &opened).await.map_err(unusable)?;
            }
        )*};
    }
    reseal!(users, customers, keys, api_keys, upstream, account_passwords);
    transaction.commit().await.map_err(unusable)?;
    Ok(opener.stale())
}

/// What is wanted besides those that were opened.
fn left<'k>(key: &'k StoreKey, opener: &Opener<'_>) -> Wanted<'k> {
    Wanted { not_by: key.id(), most: RESEALED.saturating_sub_unsigned(opener.stale()) }
}

fn read<T: DeserializeOwned>(what: &str, name: &str, json: &str) -> Option<T> {
    let read = serde_json::from_str(json);
    read.inspect_err(
        |error| warn!(what, name, %error, "a row of the store that cannot be read is passed over"),
    )
    .ok()
}

fn as_json(terms: &impl Serialize) -> Result<String, sqlx::Error> {
    serde_json::to_string(terms).map_err(|error| sqlx::Error::Encode(error.into()))
}

const fn seconds(time: UnixTime) -> i64 {
    time.0.cast_signed()
}

fn time(seconds: Option<i64>) -> Option<UnixTime> {
    seconds.and_then(|seconds| seconds.try_into().ok()).map(UnixTime)
}
