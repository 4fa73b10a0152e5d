//! Customers as rows.

use super::seals::{NotOpened, Opener, SealedBy, seal};
use super::{Wanted, as_json, read};
use crate::people::{StoreKey, StoredCustomer};
use crate::store::database::Connection;

/// A customer, opened.
pub(super) struct Opened {
    name: String,
    terms: String,
}

type Columns = (String, String, Vec<u8>, SealedBy);

pub(super) async fn rows(
    connection: &mut Connection,
    wanted: Wanted<'_>,
) -> Result<Vec<Columns>, sqlx::Error> {
    let query = "SELECT name, terms, seal, sealed_by FROM customers \
                 WHERE $1 = '' OR sealed_by IS NULL OR sealed_by <> $1 LIMIT $2";
    sqlx::query_as(query).bind(wanted.not_by).bind(wanted.most).fetch_all(connection).await
}

pub(super) fn open(columns: Columns, opener: &mut Opener<'_>) -> Result<Opened, NotOpened> {
    let (name, terms, row_seal, by) = columns;
    opener.key_of(("customers", &name), by, &(&name, &terms), &row_seal)?;
    Ok(Opened { name, terms })
}

pub(super) async fn put(
    connection: &mut Connection,
    key: &StoreKey,
    Opened { name, terms }: &Opened,
) -> Result<(), sqlx::Error> {
    let row_seal = seal(key, "customers", &(name, terms));
    let query = sqlx::query(
        "INSERT INTO customers (name, terms, seal, sealed_by) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (name) DO UPDATE SET terms = excluded.terms, seal = excluded.seal, sealed_by = excluded.sealed_by",
    );
    let query = query.bind(name).bind(terms).bind(row_seal).bind(key.id());
    query.execute(connection).await.map(drop)
}

impl Opened {
    pub(super) fn of(name: &str, customer: &StoredCustomer) -> Result<Self, sqlx::Error> {
        Ok(Self { name: name.to_owned(), terms: as_json(&customer.terms)? })
    }

    pub(super) fn stored(self) -> Option<(String, StoredCustomer)> {
        let terms = read("customer", &self.name, &self.terms)?;
        Some((self.name, StoredCustomer { terms }))
    }
}
