//! A server that is gone, stands still, is another gateway's, or lets nobody in.

use std::fs;
use std::time::Duration;

use nix::sys::signal::{Signal, kill as send};
use nix::unistd::Pid;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use sqlx::Connection as _;
use webtrunk_signalling::sip::registrar::Change;

use super::super::database;
use super::super::registrations::{self, tests::record};
use super::cluster::{Cluster, DATABASE, PASSWORD};
use super::place::{at, cluster, keeping};
use super::*;
use crate::config::Secret;

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(20);

async fn wait_until(mut is_so: impl AsyncFnMut() -> bool) {
    let looked = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, looked).await.expect("in time");
}

/// A place in a cluster that the test may stop.
fn place_in(cluster: &Cluster) -> Place {
    let folder = tempfile::TempDir::new().expect("a folder");
    Place { folder, place: at(&cluster.by_socket(DATABASE)) }
}

async fn refusal(place: &StorePlace) -> String {
    Store::open(&keeping(place), None).await.map(drop).expect_err("it cannot be used").to_string()
}

#[tokio::test]
async fn what_a_server_that_is_gone_does_not_take_waits_in_the_spare_file_and_is_in_the_store_when_it_is_back()
 {
    let Some(mut cluster) = cluster() else { return };
    let place = place_in(&cluster);
    let store = place.open().await;
    let (keeper, bindings) = (store.cdr_keeper().expect("records are kept"), store.keeper());
    written(&keeper, [open("goes on"), closed("a")]).await;
    cluster.stop();
    let expires_at = SystemTime::now() + Duration::from_secs(600);
    bindings.keep(Change::Set(Box::new(record(7, expires_at))));
    written(&keeper, ["b", "c"].map(closed)).await;
    wait_until(async || names(&place.spare()) == ["b", "c"]).await;
    assert!(store.health().failures() > 0 && store.health().lost() == 0);
    cluster.start("");
    wait_until(async || !place.spare().exists()).await;
    written(&keeper, [closed("goes on")]).await;
    store.finish().await;
    assert_eq!(place.kept().await, pairs(&["a", "b", "c", "goes on"].map(|name| (name, "hangup"))));
    assert_eq!(place.names(), ["a", "b", "c", "goes on"]);
    let kept = place.open().await.take_kept();
    assert_eq!(kept.iter().map(|record| record.key).collect::<Vec<_>>(), [7]);
}

/// Nothing that is sent there fails: it only never comes back.
#[tokio::test]
async fn a_server_that_stands_still_is_given_up_and_taken_up_again() {
    let Some(cluster) = cluster() else { return };
    let place = place_in(&cluster);
    let store = place.open().await;
    let keeper = store.cdr_keeper().expect("records are kept");
    written(&keeper, [closed("a")]).await;
    let ours = "SELECT pid FROM pg_stat_activity WHERE application_name = 'webtrunk'";
    let process = Pid::from_raw(cluster.tell(DATABASE, ours).parse().expect("one session"));
    send(process, Signal::SIGSTOP).expect("it is there");
    written(&keeper, [closed("b")]).await;
    wait_until(async || names(&place.spare()) == ["b"]).await;
    send(process, Signal::SIGCONT).expect("it is there");
    wait_until(async || !place.spare().exists()).await;
    store.finish().await;
    assert_eq!(place.names(), ["a", "b"]);
}

#[tokio::test]
async fn what_a_server_does_not_take_at_the_end_is_in_the_spare_file_in_time() {
    let Some(cluster) = cluster() else { return };
    let place = place_in(&cluster);
    let store = place.open().await;
    let keeper = store.cdr_keeper().expect("records are kept");
    let ours = "SELECT pid FROM pg_stat_activity WHERE application_name = 'webtrunk'";
    let process = Pid::from_raw(cluster.tell(DATABASE, ours).parse().expect("one session"));
    send(process, Signal::SIGSTOP).expect("it is there");
    keeper.file(closed("last"));
    store.finish().await;
    assert_eq!(names(&place.spare()), ["last"]);
    send(process, Signal::SIGCONT).expect("it is there");
    place.open().await.finish().await;
    assert_eq!(place.names(), ["last"]);
}

#[tokio::test]
async fn two_gateways_do_not_share_a_database_and_who_only_reads_is_let_in() {
    let Some(place) = Place::at_server() else { return };
    let first = place.connection().await;
    let told = refusal(&place.place).await;
    assert!(told.contains("another gateway has it; end the gateway that has it"), "{told}");
    let mut reading = database::open_to_read(&place.place).await.expect("nothing is in the way");
    let count: i64 =
        sqlx::query_scalar("SELECT count(*) FROM calls").fetch_one(&mut reading).await.expect("a count");
    assert_eq!(count, 0);
    assert!(sqlx::query("DELETE FROM cdr_state").execute(&mut reading).await.is_err(), "it reads alone");
    first.close().await.expect("it was open");
    place.connection().await;
}

#[tokio::test]
async fn a_database_of_a_newer_version_is_refused() {
    let Some(place) = Place::at_server() else { return };
    let mut connection = place.connection().await;
    let newer = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
                 VALUES (999, 'to come', true, '', 0)";
    sqlx::query(newer).execute(&mut connection).await.expect("a row");
    connection.close().await.expect("it was open");
    let told = refusal(&place.place).await;
    assert!(
        told.contains("999") && told.contains("run the version that wrote it, or name another"),
        "{told}"
    );
    assert!(told.contains("(store.url)"), "{told}");
}

#[tokio::test]
async fn a_server_that_lets_nobody_in_is_told_with_its_cure_and_no_password() {
    let Some(mut cluster) = cluster() else { return };
    let with = |url: &str, word: &str| {
        let StorePlace::Server(server) = at(url) else { unreachable!("it is one") };
        StorePlace::Server(StoreServer { password: Some(Secret::new(word.to_owned())), ..server })
    };
    let by_tcp = cluster.by_tcp(DATABASE);
    Store::open(&keeping(&with(&by_tcp, PASSWORD)), None).await.expect("it is let in").finish().await;
    let told = refusal(&with(&by_tcp, "lentils of the test")).await;
    assert!(told.starts_with(&by_tcp) && told.contains("correct the user in store.url"), "{told}");
    assert!(!told.contains("lentils") && !told.contains("sesame"), "{told}");
    let told = refusal(&at(&cluster.by_socket("nothing"))).await;
    assert!(told.contains("createdb") && told.contains("(store.url)"), "{told}");
    cluster.stop();
    let told = refusal(&with(&by_tcp, PASSWORD)).await;
    assert!(told.contains("see that the database runs and is reached from here (store.url)"), "{told}");
    assert!(!told.contains("sesame"), "{told}");
}

#[tokio::test]
async fn a_server_is_known_by_its_certificate() {
    let Some(mut cluster) = cluster() else { return };
    let made = |name: String| generate_simple_self_signed([name]).expect("a certificate");
    let CertifiedKey { cert, signing_key } = made(cluster.address().to_string());
    let at_folder = |name: &str| cluster.folder().join(name);
    let [certificate, key, other] = ["own.pem", "key.pem", "other.pem"].map(at_folder);
    fs::write(&certificate, cert.pem()).expect("ours");
    fs::write(&other, made("127.0.0.1".to_owned()).cert.pem()).expect("ours");
    cluster.give("key.pem", &signing_key.serialize_pem());
    cluster.stop();
    let files = format!("-c ssl_cert_file={} -c ssl_key_file={}", certificate.display(), key.display());
    cluster.start(&format!("-c ssl=on {files}"));
    let StorePlace::Server(server) = at(&cluster.by_tcp(DATABASE)) else { unreachable!("it is one") };
    let server =
        StoreServer { password: Some(Secret::new(PASSWORD.to_owned())), is_encrypted: true, ..server };
    let trusting = |file: &Path| {
        StorePlace::Server(StoreServer { trusted_certificates: Some(file.to_owned()), ..server.clone() })
    };
    let store = Store::open(&keeping(&trusting(&certificate)), None).await.expect("it is known");
    let is_encrypted = cluster.tell(DATABASE, "SELECT bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE application_name = 'webtrunk'");
    assert_eq!(is_encrypted, "t");
    store.finish().await;
    for stranger in [trusting(&other), StorePlace::Server(server.clone())] {
        let told = refusal(&stranger).await;
        assert!(told.to_lowercase().contains("certificate"), "{told}");
    }
    cluster.stop();
    cluster.start("");
    let told = refusal(&trusting(&certificate)).await;
    assert!(told.contains("TLS"), "without TLS nothing is said: {told}");
}

#[tokio::test]
async fn a_text_with_a_nul_keeps_no_other_row_back() {
    for place in Place::each() {
        let mut connection = place.connection().await;
        let expires_at = SystemTime::now() + Duration::from_secs(600);
        let mut odd = record(1, expires_at);
        odd.user_agent = "phone\0".to_owned();
        let changes = [odd, record(2, expires_at)].map(|it| (it.key, Change::Set(Box::new(it))));
        registrations::write(&mut connection, &changes.into()).await.expect("both are taken");
        let kept = registrations::load(&mut connection, SystemTime::now()).await.expect("rows");
        assert_eq!(kept.len(), 2);
    }
}
