//! Who may be on the bus: by a password, by a token, over TLS; and that nobody reads the secrets.

use std::path::PathBuf;

use rcgen::CertifiedKey;
use webtrunk_loadtest::fleet::{Bus, BusConfig, BusError};

use crate::creds::{Account, Creds};
use crate::nats::NatsServer;

fn config(url: String) -> BusConfig {
    BusConfig {
        url,
        credentials: None,
        authority: None,
        identity: None,
        may_be_plain: false,
        fleet: "test".to_owned(),
        name: "test".to_owned(),
    }
}

async fn assert_shut_out(config: &BusConfig, secret: &str) {
    let error = Bus::connect(config).await.expect_err("it is not let in");
    assert!(matches!(error, BusError::Unreachable { .. }), "{error:?}");
    assert!(!format!("{error} {error:?}").contains(secret), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_the_password_is_let_in_by_the_url_or_a_file() {
    let Some(server) = NatsServer::start(&["--user", "lead", "--pass", "opensesame"]) else { return };
    let bus = Bus::connect(&config(server.url("nats", "lead:opensesame@"))).await.expect("its password");
    assert_eq!(bus.server(), server.url("nats", ""));
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("bus.txt");
    std::fs::write(&file, "lead:opensesame\n").expect("the folder is ours");
    let by_file = BusConfig { credentials: Some(file), ..config(server.url("nats", "")) };
    Bus::connect(&by_file).await.expect("its password");
    assert_shut_out(&config(server.url("nats", "lead:hushhush@")), "hushhush").await;
    assert_shut_out(&config(server.url("nats", "")), "opensesame").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_the_token_is_let_in() {
    let Some(server) = NatsServer::start(&["--auth", "s3cr3t0ken"]) else { return };
    Bus::connect(&config(server.url("nats", "s3cr3t0ken@"))).await.expect("its token");
    assert_shut_out(&config(server.url("nats", "an0ther0ne@")), "an0ther0ne").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_the_creds_of_an_account_that_the_server_trusts_is_let_in() {
    let folder = tempfile::tempdir().expect("a folder");
    let (trusted, other) = (Account::new(), Account::new());
    let config_file = folder.path().join("nats.conf");
    std::fs::write(&config_file, trusted.server_config()).expect("the folder is ours");
    let options = ["--config", config_file.to_str().expect("plain")];
    let Some(server) = NatsServer::start(&options) else { return };
    let by = |name: &str, creds: &Creds| {
        let file = folder.path().join(name);
        std::fs::write(&file, creds.to_string()).expect("the folder is ours");
        BusConfig { credentials: Some(file), ..config(server.url("nats", "")) }
    };
    let own = trusted.user();
    Bus::connect(&by("own.creds", &own)).await.expect("its account is trusted");
    let stranger = other.user();
    assert_shut_out(&by("stranger.creds", &stranger), stranger.seed()).await;
    let stolen = Creds::new(own.jwt(), stranger.seed());
    assert_shut_out(&by("stolen.creds", &stolen), stranger.seed()).await;
    assert_shut_out(&config(server.url("nats", "")), own.seed()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn over_tls_the_bus_has_to_be_the_one_that_is_meant() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str| folder.path().join(name);
    let made = || rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).expect("a certificate");
    let CertifiedKey { cert, signing_key } = made();
    let [certificate, key, other] = ["own.pem", "key.pem", "other.pem"].map(file);
    std::fs::write(&certificate, cert.pem()).expect("the folder is ours");
    std::fs::write(&key, signing_key.serialize_pem()).expect("the folder is ours");
    std::fs::write(&other, made().cert.pem()).expect("the folder is ours");
    let [cert_option, key_option] = [&certificate, &key].map(|it| it.to_str().expect("plain"));
    let Some(server) = NatsServer::start(&["--tls", "--tlscert", cert_option, "--tlskey", key_option]) else {
        return;
    };
    let by = |authority: &PathBuf| BusConfig {
        authority: Some(authority.clone()),
        ..config(server.url("tls", ""))
    };
    Bus::connect(&by(&certificate)).await.expect("it is the one");
    assert_shut_out(&by(&other), "PRIVATE KEY").await;
}
