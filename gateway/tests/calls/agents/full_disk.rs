//! A gateway that is started while the disk of all that it keeps is full.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use webtrunk_codecs::CodecId;

use super::ear::assert_hears;
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
