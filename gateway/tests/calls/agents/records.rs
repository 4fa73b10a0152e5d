//! Records of calls: what is kept of real ones.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use nix::sys::signal::Signal;
use serde_json::Value;
use tempfile::TempDir;
use webtrunk_codecs::CodecId;
use webtrunk_loadtest::agent::Call;

use super::conference::{BOB_HZ, levels, user};
use super::ear::{assert_hears, assert_hears_no_gap, assert_mostly_hears};
use super::stage::{CALLEE_HZ, LEVEL_DBM0, Stage, lift_webrtc, phone, talk_from_webrtc, webrtc};
use crate::support::gateway::{GatewayConfig, PATIENCE};
use crate::support::process::wait_until;
use crate::support::small_disk::SmallDisk;

/// By how much a record may be off from what the ends of a call see: what this machine may be late by.
pub(super) const OFF_MAX_MS: u64 = 500;

/// How much longer the scale of wide band is (ITU-T G.107.1 Annex A).
const WIDE: f64 = 1.29;

/// How long the callee holds the call.
const HOLD: Duration = Duration::from_millis(1200);

pub(super) fn config(folder: &Path) -> GatewayConfig {
    GatewayConfig::default().store(&folder.join("webtrunk.db")).records(&lines(folder))
}

fn lines(folder: &Path) -> PathBuf {
    folder.join("calls.jsonl")
}

/// The records in the file, in their order. A line that is being written is none yet.
pub(super) fn records(folder: &Path) -> Vec<Value> {
    let text = fs::read_to_string(lines(folder)).unwrap_or_default();
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    whole.lines().map(|line| serde_json::from_str(line).expect("a record")).collect()
}

/// Waits for so many records.
pub(super) fn wait_for_records(folder: &Path, count: usize) -> Vec<Value> {
    wait_until(PATIENCE, || records(folder).len() >= count);
    let records = records(folder);
    assert_eq!(records.len(), count, "{records:#?}");
    records
}

pub(super) fn ms(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| panic!("{value} is no time"))
}

pub(super) fn since_answer_ms(call: &Call) -> u64 {
    let answered_at = call.answered_at().expect("it was answered");
    let since = SystemTime::now().duration_since(answered_at).expect("time goes on");
    u64::try_from(since.as_millis()).expect("a short call")
}

/// Fails unless the stretches of the call and of each leg follow each other and add up.
pub(super) fn assert_adds_up(record: &Value) {
    let legs = record["legs"].as_array().expect("legs");
    for part in legs.iter().chain([record]) {
        let segments = part["timeline"]["segments"].as_array().expect("segments");
        let mut at = ms(&segments[0]["begin_ms"]);
        let begin = at;
        for segment in segments {
            assert_eq!(ms(&segment["begin_ms"]), at, "{part:#}");
            at += ms(&segment["duration_ms"]);
        }
        assert_eq!(ms(&part["duration_ms"]), at - begin, "{part:#}");
    }
}

/// The mean opinion score of an R factor (ITU-T G.107 Annex B).
fn opinion_score(r: f64) -> f64 {
    if r >= 100.0 { 4.5 } else { 1.0 + 0.035 * r + r * (r - 60.0) * (100.0 - r) * 7e-6 }
}

/// Whether both parties of the one call have reported what they hear of us.
fn is_reported_by_both(stage: &Stage) -> bool {
    let calls = stage.gateway.admin("GET", "/calls").1;
    let name = calls["calls"][0]["id"].as_str().expect("a call");
    let call = stage.gateway.admin("GET", &format!("/calls/{name}")).1;
    let legs = call["legs"].as_array().expect("legs");
    legs.len() == 2 && legs.iter().all(|leg| leg["quality"]["mos_out"].is_number())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_call_has_a_record_with_how_it_was_heard_both_ways_and_who_ended_it() {
    let folder = TempDir::new().expect("a folder");
    let stage = Stage::with(&["PCMU"], config(folder.path()));
    let (alice, callee) = (webrtc(stage.alice()).await, phone(stage.callee(CodecId::Pcmu)).await);
    let (call, lifted) = talk_from_webrtc(&alice, &callee).await;
    lifted.heard_packets(300, PATIENCE).await.expect("audio");
    call.heard_packets(300, PATIENCE).await.expect("audio");
    assert_mostly_hears(&call, CALLEE_HZ).await;
    assert!(wait_until(PATIENCE, || is_reported_by_both(&stage)), "nobody reports what it hears of us");
    lifted.hold().await.expect("the gateway agrees");
    tokio::time::sleep(HOLD).await;
    lifted.resume().await.expect("the gateway agrees");
    let talked = since_answer_ms(&call);
    call.hang_up().await.expect("confirmed");
    let [record] = &wait_for_records(folder.path(), 1)[..] else { panic!("one") };
    assert_adds_up(record);
    assert!(ms(&record["talked_ms"]).abs_diff(talked) < OFF_MAX_MS, "{talked}, {record:#}");
    assert!(ms(&record["duration_ms"]) >= ms(&record["talked_ms"]));
    let told = ["origin", "destination", "clock_step"].map(|key| &record[key]);
    assert_eq!(told, [&serde_json::json!({"user": "alice"}), &"9100".into(), &false.into()]);
    assert_eq!(record["end"], serde_json::json!({"cause": "hangup", "by": "caller", "q850": 16}));
    let [browser, trunk] = &record["legs"].as_array().expect("legs")[..] else { panic!("two: {record:#}") };
    assert_eq!((&browser["way"], &trunk["way"]), (&"in".into(), &"out".into()));
    assert_eq!(trunk["party"], serde_json::json!({"trunk": "carrier"}));
    for (leg, transport, codec) in [(browser, "webrtc", "opus"), (trunk, "rtp", "PCMU")] {
        let quality = &leg["quality"];
        assert_eq!(quality["transport"], transport, "{record:#}");
        for key in ["codec_in", "codec_out"] {
            let told = quality[key].as_str().unwrap_or_default();
            assert!(told.eq_ignore_ascii_case(codec), "{key} {quality:#}");
        }
        assert!(ms(&quality["packets_in"]) >= 250 && ms(&quality["packets_out"]) >= 250, "{quality:#}");
        for [mos, r] in [["mos_in", "r_in"], ["mos_out", "r_out"]] {
            let [mos, r] = [mos, r].map(|key| quality[key].as_f64().expect("it was heard"));
            assert!((3.0..=4.5).contains(&mos) && (50.0..=129.0).contains(&r), "{quality:#}");
            // One says what the other does, by one of the two scales.
            assert!([r, r / WIDE].into_iter().any(|r| (opinion_score(r) - mos).abs() < 0.01), "{quality:#}");
        }
    }
    let segments = trunk["timeline"]["segments"].as_array().expect("segments");
    let stages: Vec<_> = segments.iter().filter_map(|it| it["stage"].as_str()).collect();
    assert_eq!(stages[..5], ["trying", "ringing", "talking", "on_hold", "talking"], "{record:#}");
    let hold = u64::try_from(HOLD.as_millis()).expect("short");
    assert!(ms(&segments[3]["duration_ms"]).abs_diff(hold) < OFF_MAX_MS, "{record:#}");

    // The callee's own words are told, and not only what they mean to us.
    let (refused, _) = tokio::join!(alice.call("9100"), async {
        let incoming = callee.next_incoming().await.expect("a call");
        incoming.reject(606).await.expect("it is heard");
    });
    assert!(refused.is_err());
    let refused = &wait_for_records(folder.path(), 2)[1];
    assert_eq!(refused["legs"][1]["end"]["sip_status"], 606, "{refused:#}");
    assert_eq!(
        (&refused["end"]["by"], &refused["end"]["cause"]),
        (&"callee".into(), &"not_acceptable".into())
    );

    // Nobody has this number, which a spreadsheet would count with; a rule would have to say otherwise.
    assert!(alice.call("+5").await.is_err());
    let refused = &wait_for_records(folder.path(), 3)[2];
    assert_eq!((&refused["end"]["by"], &refused["talked_ms"]), (&"gateway".into(), &0.into()), "{refused:#}");
    assert_eq!(refused["destination"], "+5", "{refused:#}");
    assert!(refused["end"]["sip_status"].as_u64() >= Some(400), "{refused:#}");

    // Another process reads them while the gateway runs.
    let csv = stage.gateway.export_records(&["--format", "csv"]);
    let rows: Vec<_> = csv.split_terminator("\r\n").collect();
    assert_eq!(rows.len(), 4, "{csv}");
    assert!(rows[0].starts_with("\"id\",") && rows[1].contains("\"9100\""), "{csv}");
    assert!(rows[3].contains(",\"'+5\",") && !csv.contains("\"+5"), "{csv}");
    let json = stage.gateway.export_records(&["--format", "json", "--since", "2020-01-01"]);
    let exported: Vec<Value> = json.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(exported, records(folder.path()));
    assert!(stage.gateway.export_records(&["--format", "json", "--until", "2020-01-01"]).is_empty());
}

/// What is heard before the answer is a stretch of its own, and where somebody was sent stands beside who sent.
#[tokio::test(flavor = "multi_thread")]
async fn a_record_tells_what_was_heard_before_the_answer_and_who_was_sent_where() {
    let folder = TempDir::new().expect("a folder");
    let rule = "destination = 'bob'\nactions = [{ bridge = { user = 'bob' } }]";
    let stage = Stage::with(&["PCMU"], config(folder.path()).user("bob").rule(rule));
    let callee = phone(stage.callee(CodecId::Pcmu)).await;
    let (alice, bob) = (webrtc(stage.alice()).await, user(&stage, "bob", BOB_HZ).await);
    bob.register().await.expect("the password is right");
    let (call, lifted) = tokio::join!(alice.call("9100"), async {
        let incoming = callee.next_incoming().await.expect("a call");
        incoming.early_media().await.expect("a codec in common");
        tokio::time::sleep(HOLD).await;
        incoming.answer().await.expect("a codec in common")
    });
    let call = call.expect("an answer");
    call.heard_packets(100, PATIENCE).await.expect("audio");
    call.transfer("bob").await.expect("it is taken");
    let taken = lift_webrtc(&bob).await;
    call.ended(PATIENCE).await.expect("another has its place");
    let [level] = levels(&lifted, [BOB_HZ]).await;
    assert!((level - LEVEL_DBM0).abs() <= 1.0, "{level:.2} dBm0 of who was sent for");
    assert_hears(&taken, CALLEE_HZ).await;
    lifted.hang_up().await.expect("confirmed");
    let [record] = &wait_for_records(folder.path(), 1)[..] else { panic!("one") };
    assert_adds_up(record);
    let segments = record["legs"][1]["timeline"]["segments"].as_array().expect("segments");
    let early = segments.iter().find(|segment| segment["stage"] == "early");
    let early = early.unwrap_or_else(|| panic!("nothing was heard before the answer: {record:#}"));
    let hold = u64::try_from(HOLD.as_millis()).expect("short");
    assert!(ms(&early["duration_ms"]).abs_diff(hold) < OFF_MAX_MS, "{record:#}");
    let notes = record["legs"][0]["timeline"]["notes"].as_array().expect("notes");
    let told: Vec<_> = notes.iter().map(|note| (&note["event"], &note["destination"])).collect();
    assert_eq!(
        told,
        [(&"transfer_asked".into(), &"bob".into()), (&"transferred".into(), &Value::Null)],
        "{record:#}"
    );
    // Who came is a leg from then on, and who left is none any more.
    let [alice, carrier, bob] = &record["legs"].as_array().expect("legs")[..] else {
        panic!("three: {record:#}")
    };
    let parties = [alice, carrier, bob].map(|leg| (&leg["way"], &leg["party"]));
    let [user, trunk] = ["user", "trunk"].map(|kind| move |name: &str| serde_json::json!({ kind: name }));
    assert_eq!(
        parties,
        [(&"in".into(), &user("alice")), (&"out".into(), &trunk("carrier")), (&"out".into(), &user("bob"))],
        "{record:#}"
    );
    let segments = bob["timeline"]["segments"].as_array().expect("segments");
    let stages: Vec<_> = segments.iter().filter_map(|it| it["stage"].as_str()).collect();
    assert_eq!(stages[..3], ["trying", "ringing", "talking"], "{record:#}");
    let [asked_ms, came_ms] = [&notes[0], &notes[1]].map(|note| ms(&note["at_ms"]));
    assert!((asked_ms..=came_ms).contains(&ms(&segments[0]["begin_ms"])), "{record:#}");
    assert!(ms(&alice["duration_ms"]) < ms(&record["duration_ms"]), "{record:#}");
    assert_eq!(
        (&record["end"]["cause"], &record["end"]["by"]),
        (&"hangup".into(), &"callee".into()),
        "{record:#}"
    );
}

/// A stop in order ends calls, and their records say so before the process is gone.
#[tokio::test(flavor = "multi_thread")]
async fn calls_that_a_stop_ends_have_their_records() {
    let folder = TempDir::new().expect("a folder");
    let stage = Stage::with(&["PCMU"], config(folder.path()));
    let (alice, callee) = (webrtc(stage.alice()).await, phone(stage.callee(CodecId::Pcmu)).await);
    let (call, _lifted) = talk_from_webrtc(&alice, &callee).await;
    call.heard_packets(50, PATIENCE).await.expect("audio");
    stage.gateway.process.signal(Signal::SIGTERM);
    let [record] = &wait_for_records(folder.path(), 1)[..] else { panic!("one") };
    assert_eq!(record["end"]["cause"], "shutting_down", "{record:#}");
    assert_eq!(record["end"]["by"], "gateway", "{record:#}");
    assert!(record["legs"][0]["quality"]["packets_in"].as_u64() > Some(0), "{record:#}");
}

/// The store's disk is full while a call goes on and ends: nothing is heard of it, and its record waits on another disk.
#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_disturbs_no_call_and_loses_no_record() {
    let Some(disk) = SmallDisk::new(512) else { return };
    let folder = TempDir::new().expect("a folder");
    let spare = folder.path().join("waiting.jsonl");
    let stage = Stage::with(&["PCMU"], config(disk.path()).spare_records(&spare));
    let (alice, callee) = (webrtc(stage.alice()).await, phone(stage.callee(CodecId::Pcmu)).await);
    let (call, lifted) = talk_from_webrtc(&alice, &callee).await;
    let filler = disk.path().join("filler");
    let mut file = fs::File::create(&filler).expect("the disk is ours");
    while file.write_all(&[0; 1024]).is_ok() {}
    lifted.heard_packets(300, PATIENCE).await.expect("audio");
    for end in [&call, &lifted] {
        assert_hears_no_gap(end).await;
    }
    call.hang_up().await.expect("confirmed");
    // As far as it was stands before it.
    let waiting = || fs::read_to_string(&spare).unwrap_or_default();
    let last = || waiting().lines().last().and_then(|line| serde_json::from_str::<Value>(line).ok());
    let over = || last().filter(|record| record["end"].is_object());
    assert!(wait_until(PATIENCE, || over().is_some()), "it waits where there is room");
    assert_eq!(records(disk.path()).len(), 0);
    let told = over().expect("its record");
    fs::remove_file(&filler).expect("it is there");
    drop(file);
    assert_eq!(wait_for_records(disk.path(), 1), [told]);
    assert!(wait_until(PATIENCE, || !spare.exists()));
    assert_eq!(stage.gateway.status()["calls"], 0);
}
