//! The database: opened for us alone, checked, and brought up to date. What is asked of it is the same in both kinds, in words
//! that both know.

mod file;
mod server;

use std::fs::File;
use std::time::Duration;

use sqlx::migrate::MigrateError;

use super::migrations::migrator;
use super::{StoreError, StorePlace};

/// A connection to either kind.
pub(super) type Connection = sqlx::AnyConnection;

/// How long another process may have the database, which a gateway that was just killed may do for a moment.
const BUSY: Duration = Duration::from_secs(3);

/// How often it is looked whether that one still has it.
const LOOK: Duration = Duration::from_millis(50);

/// What keeps other gateways from a file, as long as it lives. A server's connection that writes does so itself.
#[derive(Debug)]
pub(super) struct Lock {
    _file: Option<File>,
}

/// Takes the database for this gateway alone, where it is a file. Who only reads is not kept out.
pub(super) async fn lock(place: &StorePlace) -> Result<Lock, StoreError> {
    match place {
        StorePlace::File(path) => {
            let file = file::lock(path).await.map_err(|source| StoreError::unusable(place, source))?;
            Ok(Lock { _file: Some(file) })
        }
        StorePlace::Server(_) => Ok(Lock { _file: None }),
    }
}

/// The connection that writes, to a database that is made where it is not there, and brought up to date.
pub(super) async fn open(place: &StorePlace) -> Result<Connection, StoreError> {
    let unusable = |source| StoreError::unusable(place, source);
    let mut connection = match place {
        StorePlace::File(path) => file::make(path).await.map_err(unusable)?,
        StorePlace::Server(server) => server::connect_patiently(server).await.map_err(unusable)?,
    };
    if let StorePlace::File(path) = place
        && let Some(what) = file::fault(&mut connection).await.map_err(unusable)?
    {
        return Err(StoreError::Damaged { file: path.clone(), what });
    }
    migrator(place).run_direct(&mut connection).await.map_err(|source| match source {
        MigrateError::Execute(source) | MigrateError::ExecuteMigration(source, _) => unusable(source),
        source => StoreError::Unknown { place: Box::new(place.clone()), source },
    })?;
    Ok(connection)
}

/// A connection that writes, to a database that was opened before.
pub(super) async fn connect(place: &StorePlace) -> Result<Connection, sqlx::Error> {
    match place {
        StorePlace::File(path) => file::connect(path).await,
        StorePlace::Server(server) => server::connect(server).await,
    }
}

/// A connection that only reads, beside a gateway that may be running.
pub(super) async fn open_to_read(place: &StorePlace) -> Result<Connection, StoreError> {
    let opened = match place {
        StorePlace::File(path) => file::connect_to_read(path).await,
        StorePlace::Server(server) => server::connect_to_read(server).await,
    };
    opened.map_err(|source| StoreError::unreadable(place, source))
}

#[cfg(test)]
pub(super) use server::session;
