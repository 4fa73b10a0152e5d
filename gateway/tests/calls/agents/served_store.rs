//! A gateway whose store is in PostgreSQL: what is there after a kill, and what a database that goes away costs.

use std::fs;

use serde_json::Value;
use tempfile::TempDir;
use webtrunk_codecs::CodecId;
use webtrunk_signalling::auth::digest::Algorithm;

use super::ear::assert_hears;
use super::records::records;
use super::stage::{CALLEE_HZ, Stage, phone, talk_from_webrtc, webrtc};
use crate::sip::raw_phone::RawPhone;
use crate::support::cluster::{Cluster, DATABASE};
use crate::support::gateway::{Gateway, GatewayConfig, PATIENCE, password};
use crate::support::host::Host;
use crate::support::process::wait_until;

/// What the database has of calls that are over: how many, and why they ended.
const ENDS: &str = "SELECT count(*), string_agg(DISTINCT record::json->'end'->>'cause', ' ') FROM calls";

fn config(folder: &TempDir, cluster: &Cluster) -> GatewayConfig {
    let at = |name: &str| folder.path().join(name);
    GatewayConfig::default()
        .store_in(cluster)
        .records(&at("calls.jsonl"))
        .spare_records(&at("spare.jsonl"))
        .user("bob")
        .rule("destination = 'bob'\nactions = [{ bridge = { user = 'bob' } }]")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_leaves_a_call_one_record_in_postgresql_and_phones_registered() {
    let (folder, host) = (TempDir::new().expect("a folder"), Host::new());
    let Some(cluster) = Cluster::at(host.ip()) else { return };
    let mut stage = Stage::with(&["PCMU"], config(&folder, &cluster));
    let office = Host::new();
    let mut bob = RawPhone::new(&office, &stage.gateway, "bob");
    let registered = bob.register(Algorithm::Sha256, &password("bob"), "Expires: 3600\r\n");
    assert!(registered.starts_with("SIP/2.0 200 "), "{registered}");
    let (alice, callee) = (webrtc(stage.alice()).await, phone(stage.callee(CodecId::Pcmu)).await);
    let (call, lifted) = talk_from_webrtc(&alice, &callee).await;
    assert_hears(&call, CALLEE_HZ).await;
    let is_open = || cluster.tell(DATABASE, "SELECT count(*) FROM open_calls") == "1";
    assert!(wait_until(PATIENCE, is_open), "it is known while it goes on");
    stage.gateway.kill_and_start_again();
    assert_eq!(stage.gateway.status()["registered_users"], 1, "bob, who has not registered since");
    assert_eq!(cluster.tell(DATABASE, ENDS), "1|crash");
    lifted.ended(PATIENCE).await.expect("the phone hears BYE of the call that the kill ended");
    assert_eq!(records(folder.path()).len(), 1);
    let alice = webrtc(stage.alice()).await;
    let _dialled = alice.dial("bob").await.expect("the gateway listens");
    let invite = bob.receive();
    assert!(invite.starts_with("INVITE sip:bob@"), "{invite}");
    let log = stage.gateway.log();
    assert_eq!(log.count(&["sesame"]), 0, "no password is told");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_goes_away_disturbs_no_call_and_has_its_record_when_it_is_back() {
    let (folder, host) = (TempDir::new().expect("a folder"), Host::new());
    let Some(mut cluster) = Cluster::at(host.ip()) else { return };
    let stage = Stage::with(&["PCMU"], config(&folder, &cluster));
    let (alice, callee) = (webrtc(stage.alice()).await, phone(stage.callee(CodecId::Pcmu)).await);
    let (call, lifted) = talk_from_webrtc(&alice, &callee).await;
    cluster.stop();
    stage.gateway.log().wait_for(&["the store cannot be written"], PATIENCE);
    assert_hears(&call, CALLEE_HZ).await;
    let (second, second_lifted) = talk_from_webrtc(&alice, &callee).await;
    assert_hears(&second, CALLEE_HZ).await;
    for (call, lifted) in [(&call, &lifted), (&second, &second_lifted)] {
        call.hang_up().await.expect("confirmed");
        lifted.ended(PATIENCE).await.expect("hung up");
    }
    let spare = folder.path().join("spare.jsonl");
    // Those that go on when it is written wait there too.
    let is_over =
        |line: &&str| serde_json::from_str::<Value>(line).is_ok_and(|record| record["end"].is_object());
    let waiting = || fs::read_to_string(&spare).unwrap_or_default().lines().filter(is_over).count();
    assert!(wait_until(PATIENCE, || waiting() == 2), "{}", waiting());
    cluster.start("");
    stage.gateway.log().wait_for(&["the store can be written again"], PATIENCE);
    assert_eq!((cluster.tell(DATABASE, ENDS), spare.exists()), ("2|hangup".to_owned(), false));
    assert_eq!(records(folder.path()).len(), 2);
    assert_eq!(stage.gateway.log().count(&["the store cannot be written"]), 1, "it is told once");
}

/// The database takes longer to commit than anybody waits, and commits.
#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_which_a_database_does_not_tell_in_time_is_told_so_and_found_when_it_was_made() {
    const SLOW: &str = "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(7); RETURN NULL; END $$; \
        CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON users DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION slow()";
    let (folder, host) = (TempDir::new().expect("a folder"), Host::new());
    let Some(cluster) = Cluster::at(host.ip()) else { return };
    let key = "5ea1ed".repeat(10) + "5ea1";
    let config = GatewayConfig::default().store_in(&cluster).store_key("WEBTRUNK_TEST_STORE_KEY", &key);
    let gateway = Gateway::start(&config.token_in(folder.path()));
    cluster.tell(DATABASE, SLOW);
    let told = gateway.operate("user add", &["carol"]);
    let error = String::from_utf8(told.stderr).expect("text");
    assert_eq!(told.status.code(), Some(1), "{error}");
    assert!(error.contains("may have been made") && error.contains("look before you repeat it"), "{error}");
    let list = || String::from_utf8(gateway.operate("user list", &[]).stdout).expect("text");
    assert!(wait_until(PATIENCE, || list().contains("carol  store")), "{}", list());
    cluster.tell(DATABASE, "DROP TRIGGER slow ON users");
    assert!(gateway.operate("user remove", &["carol"]).status.success());
    assert!(!list().contains("carol"));
}
