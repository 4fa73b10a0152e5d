//! By which keys the rows of the store's people are sealed: `check` tells it, so that it is known when a key may be taken out.

use std::io;

use crate::config::{Config, StoreConfig};
use crate::store::{SealCounts, StoreError};

/// It is not known.
#[derive(Debug, thiserror::Error)]
enum Unknown {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// What is to be known, a line each.
pub(super) fn seals(config: &Config) -> Vec<String> {
    let Some(StoreConfig { place, secret_key: Some(keys) }) = &config.store else { return Vec::new() };
    // The first start makes it.
    if place.file().is_some_and(|file| !file.exists()) {
        return Vec::new();
    }
    let read = || -> Result<SealCounts, Unknown> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        Ok(runtime.block_on(SealCounts::read(place))?)
    };
    match read() {
        Ok(counts) => counts.told(keys),
        // Of one key there is nothing that could be taken out; a store of before does not know of keys.
        Err(_) if keys.ids().count() == 1 => Vec::new(),
        Err(error) => {
            vec![format!(
                "warning: it is not known by which keys of store.secret_key rows are sealed: {error}"
            )]
        }
    }
}
