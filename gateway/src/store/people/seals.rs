//! Rows and their seals: by which key each is sealed, and that nobody else has changed it.
//!
//! A row's seal is that of nothing at all, for a place that is the row: who can write to the database changes none of its columns, nor
//! makes another. The key's id stands beside it and is in no seal: who changes it has the row not opened, and no more.

use std::fmt;

use serde::Serialize;
use webtrunk_signalling::auth::secret::SecretText;

use crate::people::{StoreKey, StoreKeys};

/// Opens rows, each by the key that has sealed it.
pub(super) struct Opener<'k> {
    keys: &'k StoreKeys,
    stale: u64,
}

/// A row, or a secret in it, is sealed by a key that is not there, or was changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotOpened {
    /// The row, or the secret.
    what: String,
    /// The key that the row names.
    by: Option<String>,
    /// Those that there are.
    known: Vec<String>,
}

/// How a row names the key that has sealed it, which rows of before do not.
pub(super) type SealedBy = Option<String>;

impl<'k> Opener<'k> {
    pub(super) const fn new(keys: &'k StoreKeys) -> Self {
        Self { keys, stale: 0 }
    }

    /// The key that has sealed a row of these columns, by which its secrets are opened.
    pub(super) fn key_of(
        &mut self,
        (table, name): (&'static str, &str),
        by: SealedBy,
        columns: &impl Serialize,
        seal: &[u8],
    ) -> Result<&'k StoreKey, NotOpened> {
        let (keys, place) = (self.keys, as_text(table, columns));
        let found = keys.of(by.as_deref()).find(|key| key.open(&place, seal).is_ok());
        let is_stale = by.as_deref() != Some(keys.sealing().id());
        let key = found.ok_or_else(|| self.not_opened(format!("{table} {name:?}"), by))?;
        self.stale += u64::from(is_stale);
        Ok(key)
    }

    /// Opens a secret of a row.
    pub(super) fn secret(&self, key: &StoreKey, place: &str, octets: &[u8]) -> Result<SecretText, NotOpened> {
        key.open(place, octets).map_err(|_| self.not_opened(place.to_owned(), Some(key.id().to_owned())))
    }

    /// How many of the rows that were opened are not said to be sealed by the first key.
    pub(super) const fn stale(&self) -> u64 {
        self.stale
    }

    fn not_opened(&self, what: String, by: SealedBy) -> NotOpened {
        NotOpened { what, by, known: self.keys.ids().map(str::to_owned).collect() }
    }
}

/// A row's seal.
pub(super) fn seal(key: &StoreKey, table: &'static str, columns: &impl Serialize) -> Vec<u8> {
    key.seal(&as_text(table, columns), &SecretText::new(String::new()))
}

/// A row as one text, which no other row has.
fn as_text(table: &'static str, columns: &impl Serialize) -> String {
    serde_json::to_string(&(table, columns)).expect("columns are plain")
}

impl fmt::Display for NotOpened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, by, known } = self;
        let known = known.join(", ");
        match by {
            Some(by) if !self.known.contains(by) => write!(
                f,
                "{what} is sealed by the key {by}, and store.secret_key has {known}; write that key too, behind the one that \
                 seals, or put a copy of the store in its place"
            ),
            Some(by) => write!(
                f,
                "{what} was changed by somebody else than the gateway, or is damaged: its key {by}, which store.secret_key has, \
                 does not open it; put a copy of the store in its place"
            ),
            None => write!(
                f,
                "{what} does not say by which key it is sealed, and none of store.secret_key ({known}) opens it; write the key \
                 by which it was sealed, or put a copy of the store in its place"
            ),
        }
    }
}
