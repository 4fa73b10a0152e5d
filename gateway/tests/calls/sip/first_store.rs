//! A store as the first version left it: all that has become of its tables since is done before anybody is called.

use std::borrow::Cow;
use std::path::Path;
use std::time::{Duration, SystemTime};

use sqlx::any::AnyConnectOptions;
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::{ConnectOptions, Connection};
use tempfile::TempDir;

use super::devices::assert_call;
use crate::support::gateway::{Gateway, GatewayConfig};
use crate::support::gateway_config::SIP_PORT;
use crate::support::host::Host;
use crate::support::tools;

/// The only step that there was.
const STEP: &str = include_str!("../../../src/store/migrations/sqlite/0001_registrations.sql");

/// Makes one in which alice's phone at `home` has registered, at the gateway at `own`.
async fn make(path: &Path, own: &Host, home: &Host) {
    sqlx::any::install_default_drivers();
    let options: AnyConnectOptions =
        format!("sqlite:{}?mode=rwc", path.display()).parse().expect("an address");
    let mut connection = options.connect().await.expect("the folder is ours");
    let words = Cow::Borrowed("registrations");
    let step = Migration::new(1, words, MigrationType::Simple, Cow::Borrowed(STEP), false);
    let steps = Migrator { migrations: vec![step].into(), ..Migrator::DEFAULT };
    steps.run_direct(&mut connection).await.expect("a table");
    let until = SystemTime::now() + Duration::from_secs(600);
    let since_epoch = until.duration_since(SystemTime::UNIX_EPOCH).expect("it is later than 1970");
    sqlx::query(
        "INSERT INTO registrations (key, user, contact, local, remote, user_agent, call_id, cseq, expires_at_ms) \
         VALUES (1, 'alice', $1, $2, $3, 'a phone', 'first', 1, $4)",
    )
    .bind(format!("<sip:alice@{}>", home.at(SIP_PORT)))
    .bind(own.at(SIP_PORT).to_string())
    .bind(home.at(SIP_PORT).to_string())
    .bind(i64::try_from(since_epoch.as_millis()).expect("it is of our days"))
    .execute(&mut connection)
    .await
    .expect("a row");
    connection.close().await.expect("it was open");
}

/// Fails when a step is left out, or loses what is there; the second start finds what the first one made of it.
#[tokio::test(flavor = "multi_thread")]
async fn a_phone_that_a_store_of_the_first_version_knows_is_called_and_both_hear_each_other() {
    if tools::command("sipp").is_none() {
        return;
    }
    let [own, office, home] = std::array::from_fn(|_| Host::new());
    let folder = TempDir::new().expect("a folder");
    let store = folder.path().join("webtrunk.db");
    make(&store, &own, &home).await;
    let config =
        GatewayConfig::default().user("alice").trunk("office", &office, &["PCMU"]).store(&store).rule(
            "destination = 'alice'\nfrom_trunk = 'office'\nactions = [{ bridge = { user = 'alice' } }]",
        );
    let mut stage = (Gateway::start_at(own, &config), office);
    for _ in 0..2 {
        assert_eq!(stage.0.status()["registered_users"], 1, "{}", stage.0.status());
        assert_call(&stage, &home, "alice", &[]);
        stage.0.assert_all_is_over(1);
        stage.0.stop_and_start_again();
    }
}
