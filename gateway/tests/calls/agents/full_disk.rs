//! A gateway that is started, or killed, while the disk of all that it keeps is full.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::time::Duration;

use tempfile::TempDir;
use webtrunk_codecs::CodecId;

use super::ear::assert_hears;
use super::records::{self, assert_adds_up, ms, wait_for_records};
use super::stage::{CALLEE_HZ, Stage, phone, talk};
use crate::support::gateway::{GatewayConfig, PATIENCE};
use crate::support::process::wait_until;
use crate::support::small_disk::SmallDisk;

/// Leaves no octet of the disk free, as long as the file is there.
fn fill(filler: &Path) {
    let mut file = File::options().create(true).append(true).open(filler).expect("the disk is ours");
    while file.write_all(&[0; 512]).is_ok() {}
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_without_room_for_the_token_of_operators_keeps_no_gateway_from_starting() {
    let Some(disk) = SmallDisk::new(512) else { return };
    let at = |name: &str| disk.path().join(name);
    let config =
        GatewayConfig::default().store(&at("webtrunk.db")).records(&at("calls.jsonl")).token_in(disk.path());
    let mut stage = Stage::with(&["PCMU"], config);
    let token = || fs::read_to_string(at("admin-token")).unwrap_or_default();
    let first = token();

    // Over the token of the start before there is room for this one's.
    fill(&at("filler"));
    stage.gateway.kill_and_start_again();
    assert!(token() != first && token().len() == first.len());
    assert_eq!(stage.gateway.admin("GET", "/calls").0, 200);

    // Without it there is none: people phone, and operators wait.
    fs::remove_file(at("admin-token")).expect("it is there");
    fill(&at("filler"));
    stage.gateway.kill_and_start_again();
    stage.gateway.log().wait_for(&["ERROR", "there is no room for the token of the admin API"], PATIENCE);
    let [caller, callee] =
        [phone(stage.caller(CodecId::Pcmu)).await, phone(stage.callee(CodecId::Pcmu)).await];
    let (call, lifted) = talk(&caller, &callee).await;
    assert_hears(&call, CALLEE_HZ).await;
    assert_eq!(token(), "");
    fs::remove_file(at("filler")).expect("it is there");
    assert!(wait_until(PATIENCE, || token().len() == first.len()), "{:?}", token());
    stage.gateway.log().wait_for(&["the token of the admin API is written"], PATIENCE);
    let (status, told) = stage.gateway.admin("GET", "/calls");
    assert_eq!((status, told["calls"].as_array().map(Vec::len)), (200, Some(1)), "{told}");
    call.hang_up().await.expect("confirmed");
    lifted.ended(PATIENCE).await.expect("hung up");
}

/// Fails when only calls that are over wait on the other disk.
#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_began_on_a_full_disk_has_its_record_after_a_kill() {
    let Some(disk) = SmallDisk::new(512) else { return };
    let folder = TempDir::new().expect("a folder");
    begin_and_kill(&disk, &folder.path().join("waiting.jsonl")).await;
}

/// Fails when the spare file has no room of its own.
#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_began_while_every_disk_was_full_has_its_record_after_a_kill() {
    let Some(disk) = SmallDisk::new(12 * 1024) else { return };
    begin_and_kill(&disk, &disk.path().join("waiting.jsonl")).await;
}

/// A call begins on a full disk, and the process is killed.
async fn begin_and_kill(disk: &SmallDisk, spare: &Path) {
    let mut stage = Stage::with(&["PCMU"], records::config(disk.path()).spare_records(spare));
    let filler = disk.path().join("filler");
    fill(&filler);
    let [caller, callee] =
        [phone(stage.caller(CodecId::Pcmu)).await, phone(stage.callee(CodecId::Pcmu)).await];
    let (call, lifted) = talk(&caller, &callee).await;
    call.heard_packets(100, PATIENCE).await.expect("audio");
    lifted.heard_packets(100, PATIENCE).await.expect("audio");
    let is_kept = || fs::read_to_string(spare).unwrap_or_default().contains("\"talking\"");
    assert!(wait_until(PATIENCE, is_kept), "it waits where there is room");
    // That it goes on is known to a second or two.
    tokio::time::sleep(Duration::from_secs(3)).await;
    stage.gateway.kill_and_start_again();
    assert!(records::records(disk.path()).is_empty(), "the disk is full still");
    fs::remove_file(&filler).expect("it is there");
    let [record] = &wait_for_records(disk.path(), 1)[..] else { panic!("one") };
    assert_eq!(
        (&record["end"]["cause"], &record["end"]["by"]),
        (&"crash".into(), &"crash".into()),
        "{record:#}"
    );
    assert_eq!(record["destination"], "9100", "{record:#}");
    assert!((2000..12_000).contains(&ms(&record["talked_ms"])), "{record:#}");
    assert_adds_up(record);
    assert!(wait_until(PATIENCE, || !spare.exists()));
}
