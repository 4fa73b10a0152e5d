//! Passwords of accounts at providers, which tokens name, as rows.

use webtrunk_signalling::auth::secret::SecretText;

use super::Wanted;
use super::seals::{NotOpened, Opener, SealedBy, seal};
use crate::people::{StoreKey, StoredAccountPassword};
use crate::store::database::Connection;

/// A password, opened.
pub(super) struct Opened {
    name: String,
    customer: Option<String>,
    password: SecretText,
}

type Columns = (String, Option<String>, Vec<u8>, Vec<u8>, SealedBy);

pub(super) async fn rows(
    connection: &mut Connection,
    wanted: Wanted<'_>,
) -> Result<Vec<Columns>, sqlx::Error> {
    let query = "SELECT name, customer, password, seal, sealed_by FROM account_passwords \
                 WHERE $1 = '' OR sealed_by IS NULL OR sealed_by <> $1 LIMIT $2";
    sqlx::query_as(query).bind(wanted.not_by).bind(wanted.most).fetch_all(connection).await
}

pub(super) fn open(columns: Columns, opener: &mut Opener<'_>) -> Result<Opened, NotOpened> {
    let (name, customer, sealed, row_seal, by) = columns;
    let key = opener.key_of(("account_passwords", &name), by, &(&name, &customer, &sealed), &row_seal)?;
    let password = opener.secret(key, &place_of(&name), &sealed)?;
    Ok(Opened { name, customer, password })
}

pub(super) async fn put(
    connection: &mut Connection,
    key: &StoreKey,
    Opened { name, customer, password }: &Opened,
) -> Result<(), sqlx::Error> {
    let sealed = key.seal(&place_of(name), password);
    let row_seal = seal(key, "account_passwords", &(name, customer, &sealed));
    let query = sqlx::query(
        "INSERT INTO account_passwords (name, customer, password, seal, sealed_by) VALUES ($1, $2, $3, $4, $5) \
         ON CONFLICT (name) DO UPDATE SET customer = excluded.customer, password = excluded.password, \
         seal = excluded.seal, sealed_by = excluded.sealed_by",
    );
    let query = query.bind(name).bind(customer.clone()).bind(sealed).bind(row_seal).bind(key.id());
    query.execute(connection).await.map(drop)
}

impl Opened {
    pub(super) fn of(name: &str, own: &StoredAccountPassword) -> Self {
        Self { name: name.to_owned(), customer: own.customer.clone(), password: own.password.clone() }
    }

    pub(super) fn stored(self) -> (String, StoredAccountPassword) {
        (self.name, StoredAccountPassword { customer: self.customer, password: self.password })
    }
}

fn place_of(name: &str) -> String {
    format!("account_passwords/{name}/password")
}
