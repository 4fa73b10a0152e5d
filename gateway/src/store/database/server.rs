//! PostgreSQL at a server.
//!
//! ```text
//! connect ---> a session, whose lock no other gateway's has (pg_advisory_lock) ---> what is written, in that session alone
//! ```
//!
//! A session that breaks loses the lock, and another gateway may have it by then: who comes back is told so, and writes nothing.

use std::time::Duration;

use sqlx::any::AnyConnectOptions;
use sqlx::{ConnectOptions, Connection as _};
use tokio::time::{Instant, timeout};

use super::super::cure::Taken;
use super::{BUSY, Connection, LOOK};
use crate::store::StoreServer;

/// The number of the lock: "webtrunk". A database has its own.
const LOCK: i64 = i64::from_be_bytes(*b"webtrunk");

/// How long a server may take to let us in. Chosen by us: less than a stop waits for the last changes.
const ADMISSION: Duration = Duration::from_secs(3);

/// After so many seconds of silence the server asks whether we live, so many seconds apart, so often: a gateway whose machine has
/// lost its power has the lock no longer than that.
const PROBES: [(&str, &str); 3] =
    [("tcp_keepalives_idle", "5"), ("tcp_keepalives_interval", "2"), ("tcp_keepalives_count", "3")];

/// A session that writes, and that no other gateway has; it is waited for as long as one that was just killed may have it.
pub(super) async fn connect_patiently(server: &StoreServer) -> Result<Connection, sqlx::Error> {
    let deadline = Instant::now() + BUSY;
    loop {
        match connect(server).await {
            Err(sqlx::Error::Configuration(source)) if source.is::<Taken>() && Instant::now() < deadline => {
                tokio::time::sleep(LOOK).await;
            }
            outcome => return outcome,
        }
    }
}

/// A session that writes, and that no other gateway has.
pub(super) async fn connect(server: &StoreServer) -> Result<Connection, sqlx::Error> {
    let mut connection = session(server).await?;
    let is_ours = sqlx::query_scalar::<_, bool>("SELECT pg_try_advisory_lock($1)").bind(LOCK);
    if is_ours.fetch_one(&mut connection).await? {
        return Ok(connection);
    }
    // What it says at its end is of no use to anybody.
    let _ = connection.close().await;
    Err(sqlx::Error::Configuration(Taken.into()))
}

/// A session that only reads.
pub(super) async fn connect_to_read(server: &StoreServer) -> Result<Connection, sqlx::Error> {
    let mut connection = session(server).await?;
    sqlx::query("SET default_transaction_read_only = on").execute(&mut connection).await?;
    Ok(connection)
}

/// A session that has no lock.
pub(in crate::store) async fn session(server: &StoreServer) -> Result<Connection, sqlx::Error> {
    sqlx::any::install_default_drivers();
    let options = options(server)?;
    match timeout(ADMISSION, options.connect()).await {
        Ok(admitted) => admitted,
        Err(_) => {
            let late = std::io::Error::new(std::io::ErrorKind::TimedOut, "it has not answered in 3 s");
            Err(late.into())
        }
    }
}

/// All that is said of the connection, as the library takes it: in one address.
fn options(server: &StoreServer) -> Result<AnyConnectOptions, sqlx::Error> {
    let mut url = server.url.clone();
    let unfit = || sqlx::Error::Configuration("the address takes no password".into());
    if let Some(password) = &server.password {
        url.set_password(Some(password.expose())).map_err(|()| unfit())?;
    }
    let mut pairs = url.query_pairs_mut();
    pairs.append_pair("application_name", "webtrunk");
    pairs.append_pair("sslmode", if server.is_encrypted { "verify-full" } else { "disable" });
    if let Some(file) = &server.trusted_certificates {
        pairs.append_pair("sslrootcert", &file.to_string_lossy());
    }
    for (key, value) in PROBES {
        pairs.append_pair(&format!("options[{key}]"), value);
    }
    drop(pairs);
    Ok(AnyConnectOptions::from_url(&url)?.disable_statement_logging())
}
