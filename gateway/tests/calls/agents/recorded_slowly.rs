//! A recording whose writer stands still or fails, as with a disk that does not answer or is broken: the call does not notice.

use std::fs;
use std::process::{Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;
use webtrunk_codecs::CodecId;

use super::recorded::{WAV_OFF_MAX_DB, assert_call_goes_on, assert_sides, read_wav, recording, stage, talk};
use super::recorded_on_demand;
use super::stage::{lift, phone, webrtc};
use crate::support::gateway::PATIENCE;
use crate::support::process::Process;
use crate::support::stall::{Stall, first_of};
use crate::support::tools;

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_stands_still_costs_the_recording_packets_and_the_call_none() {
    let folder = TempDir::new().expect("a folder");
    let stage = stage(folder.path());
    let (alice, callee) = (webrtc(stage.alice()).await, phone(stage.callee(CodecId::Pcmu)).await);
    let (call, lifted) = talk(&alice, &callee, "wav").await;
    call.heard_packets(75, PATIENCE).await.expect("audio");
    let stall = Stall::of(stage.gateway.process.id(), "recorder");
    // Longer than the ring holds: 128 KiB, of some 14 kB a second.
    tokio::time::sleep(Duration::from_secs(12)).await;
    drop(stall);
    stage.gateway.log().wait_for(&["recording misses packets: the disk is too slow"], PATIENCE);
    assert!(stage.gateway.overflows("recorded_packets") > 0);
    assert_call_goes_on(&call, &lifted, 50).await;
    call.hang_up().await.expect("confirmed");
    stage.gateway.log().wait_for(&["recording stopped", "CallEnded"], PATIENCE);
    let (sides, rate) = read_wav(&recording(folder.path(), "wav"));
    let seconds = sides[0].len() as f64 / f64::from(rate.hz());
    assert!(seconds > 13.0, "the file follows the clock past the standstill: {seconds:.2} s");
    stage.gateway.assert_all_is_over(1);
}

/// More recordings than may wait to be begun.
const ASKED_FOR: usize = 130;

/// Fails when what waits for the disk has no bound, or somebody who talks waits for it.
#[tokio::test(flavor = "multi_thread")]
async fn recordings_that_would_wait_for_a_disk_past_a_bound_are_refused_and_counted_and_the_call_goes_on() {
    let folder = TempDir::new().expect("a folder");
    let stage = recorded_on_demand::stage(folder.path());
    let (caller, callee) =
        (phone(stage.caller(CodecId::Pcmu)).await, phone(stage.callee(CodecId::Pcmu)).await);
    let (call, lifted) = tokio::join!(caller.call("82"), lift(&callee));
    let call = call.expect("an answer");
    let stall = Stall::of(stage.gateway.process.id(), "recorder");
    for _ in 0..ASKED_FOR {
        call.ask_to_record("on").await.expect("it may");
        call.ask_to_record("off").await.expect("it may");
    }
    stage.gateway.log().wait_for(&["recording cannot be started: the disk does not answer"], PATIENCE);
    assert!(stage.gateway.overflows("recordings") > 0);
    assert_call_goes_on(&call, &lifted, 75).await;
    drop(stall);
    stage.gateway.log().wait_for(&["recording started"], PATIENCE);
    call.ask_to_record("on").await.expect("it may");
    assert_call_goes_on(&call, &lifted, 100).await;
    call.hang_up().await.expect("confirmed");
    stage.gateway.log().wait_for(&["recording stopped", "CallEnded"], PATIENCE);
    // Those that were ended as soon as they were begun hold next to nothing.
    let files = fs::read_dir(folder.path()).expect("our folder").map(|file| file.expect("a file").path());
    let longest = files.max_by_key(|file| fs::metadata(file).map_or(0, |it| it.len())).expect("a recording");
    let (sides, rate) = read_wav(&longest);
    assert_sides(&sides, rate, WAV_OFF_MAX_DB);
}

/// Every write fails as on a broken disk from the third second on.
#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_breaks_ends_the_recording_and_not_the_call() {
    let Some(strace) = tools::command("strace") else { return };
    let folder = TempDir::new().expect("a folder");
    let stage = stage(folder.path());
    let (alice, callee) = (webrtc(stage.alice()).await, phone(stage.callee(CodecId::Pcmu)).await);
    let (call, lifted) = talk(&alice, &callee, "wav").await;
    call.heard_packets(150, PATIENCE).await.expect("audio");
    let recorder = first_of(stage.gateway.process.id(), "recorder").to_string();
    let failing = ["-e", "trace=write,pwrite64", "-e", "inject=write,pwrite64:error=EIO"];
    let mut breaking = Command::new(strace);
    // Of this file alone: the log is written by this thread too.
    breaking.args(["-q", "-o", "/dev/null", "-p", &recorder, "-P"]).arg(recording(folder.path(), "wav"));
    breaking.args(failing).stdin(Stdio::null());
    let _breaking = Process::start(&mut breaking);
    stage.gateway.log().wait_for(&["recording stopped, and its call goes on", "os error 5"], PATIENCE);
    assert_call_goes_on(&call, &lifted, 150).await;
    call.hang_up().await.expect("confirmed");
    let (sides, rate) = read_wav(&recording(folder.path(), "wav"));
    assert!(sides[0].len() > rate.samples_in_ms(1500), "{} samples are left", sides[0].len());
    drop(stage);
}
