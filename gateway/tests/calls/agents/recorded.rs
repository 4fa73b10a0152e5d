//! Recordings of real calls: read back, and judged side by side.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

use nix::sys::signal::Signal;
use tempfile::TempDir;
use webtrunk_codecs::CodecId;
use webtrunk_codecs::SampleRate;
use webtrunk_codecs::tone::goertzel_dbm0;
use webtrunk_loadtest::agent::{Call, Phone, WebrtcCaller};

use super::ear::{assert_hears_no_gap, assert_is_one_stream, assert_mostly_hears};
use super::stage::{CALLEE_HZ, CALLER_HZ, LEVEL_DBM0, Stage, lift, phone, webrtc};
use crate::support::gateway::{GatewayConfig, PATIENCE};
use crate::support::small_disk::SmallDisk;
use crate::support::tools;

/// How far the length of a recording may be from the time that the call took as its ends see it.
const OFF_MAX: Duration = Duration::from_millis(500);

/// How far the level of a tone may be off in a file that holds what was said.
pub(super) const WAV_OFF_MAX_DB: f64 = 0.3;
/// The same for Opus, which is made for speech: the level of a steady tone moves with its bits.
const OGG_OFF_MAX_DB: f64 = 1.0;

/// What a kill may cost, and what this machine may be late by.
const LOST_MAX: Duration = Duration::from_millis(1000 + 500);

/// A stage on which calls to 81 and a format are recorded as that, to this folder.
pub(super) fn stage(folder: &Path) -> Stage {
    stage_with(GatewayConfig::default(), folder)
}

/// The same with what a configuration has already.
pub(super) fn stage_with(config: GatewayConfig, folder: &Path) -> Stage {
    let mut config = config.recording(folder);
    for format in ["wav", "ogg"] {
        for from in ["", "from_trunk = 'office'"] {
            config = config.rule(&format!(
                "destination = '81{format}'\n{from}\nactions = [{{ record = {{ format = '{format}' }} }}, \
                 {{ bridge = {{ trunk = 'carrier', number = '9100' }} }}]"
            ));
        }
    }
    Stage::with(&["PCMU"], config)
}

pub(super) async fn talk(alice: &WebrtcCaller, callee: &Phone, format: &str) -> (Call, Call) {
    let number = format!("81{format}");
    let (call, lifted) = tokio::join!(alice.call(&number), lift(callee));
    (call.expect("an answer"), lifted)
}

/// The one recording in a folder.
pub(crate) fn recording(folder: &Path, format: &str) -> PathBuf {
    let paths: Vec<_> =
        fs::read_dir(folder).expect("our folder").map(|entry| entry.expect("a file").path()).collect();
    let [path] = &paths[..] else { panic!("{paths:?}") };
    assert!(path.extension().is_some_and(|ending| ending == format), "{paths:?}");
    path.clone()
}

/// Left and right of a WAV file, by another reader than ours.
pub(crate) fn read_wav(path: &Path) -> ([Vec<i16>; 2], SampleRate) {
    let mut reader = hound::WavReader::open(path).expect("a WAV file");
    assert_eq!(reader.spec().channels, 2);
    let rate = SampleRate::new(reader.spec().sample_rate).expect("not zero");
    let samples: Vec<i16> = reader.samples().map(|sample| sample.expect("16 bits")).collect();
    (sides(&samples), rate)
}

/// Left and right of an Ogg-Opus file, by another reader than ours.
fn read_ogg(opusdec: &Path, path: &Path) -> ([Vec<i16>; 2], SampleRate) {
    let folder = TempDir::new().expect("a folder");
    let wav = folder.path().join("decoded.wav");
    let decoded = Command::new(opusdec)
        .args(["--quiet", "--rate", "48000"])
        .args([path, &wav])
        .output()
        .expect("it runs");
    assert!(decoded.status.success(), "{decoded:?}");
    read_wav(&wav)
}

fn sides(samples: &[i16]) -> [Vec<i16>; 2] {
    [0, 1].map(|side| samples.iter().skip(side).step_by(2).copied().collect())
}

/// Fails unless the caller is on the left and the callee on the right, neither on both, and each as loud as it spoke but
/// for so many dB.
pub(super) fn assert_sides([left, right]: &[Vec<i16>; 2], rate: SampleRate, off_max_db: f64) {
    let level_of = |heard: &[i16], hz: u16| goertzel_dbm0(heard, rate, hz.into());
    for (samples, own, other) in [(left, CALLER_HZ, CALLEE_HZ), (right, CALLEE_HZ, CALLER_HZ)] {
        // A part in which no sender was late: on a busy machine some are.
        let parts = samples.windows(rate.samples_in_ms(400)).step_by(rate.samples_in_ms(100));
        let heard = parts
            .max_by(|one, other| level_of(one, own).total_cmp(&level_of(other, own)))
            .expect("the call was longer than that");
        let level = level_of(heard, own);
        assert!((level - LEVEL_DBM0).abs() <= off_max_db, "{own} Hz with {level:.2} dBm0");
        let crossed = level_of(heard, other);
        assert!(crossed < -50.0, "{other} Hz with {crossed:.2} dBm0 on the other side");
    }
}

/// Fails unless a recording is as long as the call was since its answer.
pub(super) fn assert_length(samples: usize, rate: SampleRate, lasted: Duration) {
    let recorded = Duration::from_secs_f64(samples as f64 / f64::from(rate.hz()));
    assert!(recorded.abs_diff(lasted) < OFF_MAX, "{recorded:?} are recorded of {lasted:?}");
}

/// Fails unless both ends hear so many packets more, and nothing of what became of their recording.
pub(super) async fn assert_call_goes_on(call: &Call, lifted: &Call, packets: usize) {
    let so_far = call.heard().await.expect("a log").packets.len();
    for (end, hz) in [(call, CALLEE_HZ), (lifted, CALLER_HZ)] {
        end.heard_packets(so_far + packets, PATIENCE).await.expect("audio");
        assert_mostly_hears(end, hz).await;
        assert_hears_no_gap(end).await;
        assert_is_one_stream(end).await;
    }
}

fn since_answer(call: &Call) -> Duration {
    let answered_at = call.answered_at().expect("it was answered");
    SystemTime::now().duration_since(answered_at).expect("time goes on")
}

async fn is_recorded_as(format: &str, off_max_db: f64, read: impl Fn(&Path) -> ([Vec<i16>; 2], SampleRate)) {
    let folder = TempDir::new().expect("a folder");
    let stage = stage(folder.path());
    let (alice, callee) = (webrtc(stage.alice()).await, phone(stage.callee(CodecId::Pcmu)).await);
    let (call, _lifted) = talk(&alice, &callee, format).await;
    call.heard_packets(200, PATIENCE).await.expect("audio");
    let lasted = since_answer(&call);
    call.hang_up().await.expect("confirmed");
    stage.gateway.log().wait_for(&["recording stopped", "CallEnded"], PATIENCE);
    let path = recording(folder.path(), format);
    let (sides, rate) = read(&path);
    assert_sides(&sides, rate, off_max_db);
    assert_length(sides[0].len(), rate, lasted);
    assert_eq!(fs::metadata(&path).expect("it is there").permissions().mode() & 0o777, 0o600);
    stage.gateway.assert_all_is_over(1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_is_recorded_as_wav() {
    is_recorded_as("wav", WAV_OFF_MAX_DB, read_wav).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_is_recorded_as_ogg() {
    let Some(opusdec) = tools::command("opusdec") else { return };
    is_recorded_as("ogg", OGG_OFF_MAX_DB, |path| read_ogg(&opusdec, path)).await;
}

/// Between two phones nothing is decoded on the packets' way, and nothing is because of a recording.
#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_is_passed_through_is_recorded_too() {
    let folder = TempDir::new().expect("a folder");
    let stage = stage(folder.path());
    let (caller, callee) =
        (phone(stage.caller(CodecId::Pcmu)).await, phone(stage.callee(CodecId::Pcmu)).await);
    let (call, lifted) = tokio::join!(caller.call("81wav"), lift(&callee));
    let call = call.expect("an answer");
    lifted.heard_packets(150, PATIENCE).await.expect("audio");
    let lasted = since_answer(&call);
    call.hang_up().await.expect("confirmed");
    stage.gateway.log().wait_for(&["recording stopped", "CallEnded"], PATIENCE);
    let (sides, rate) = read_wav(&recording(folder.path(), "wav"));
    assert_sides(&sides, rate, WAV_OFF_MAX_DB);
    assert_length(sides[0].len(), rate, lasted);
    assert_eq!(stage.paths(), (2, 0));
    stage.gateway.assert_all_is_over(1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_rule_stops_recording_is_recorded_no_further() {
    let folder = TempDir::new().expect("a folder");
    let config = GatewayConfig::default().recording(folder.path()).rule(
        "destination = '82'\nactions = ['answer', { record = { format = 'wav' } }, { wait_ms = 2500 }, \
         'stop_recording', { bridge = { trunk = 'carrier', number = '9100' } }]",
    );
    let stage = Stage::with(&["PCMU"], config);
    let (alice, callee) = (webrtc(stage.alice()).await, phone(stage.callee(CodecId::Pcmu)).await);
    let (call, lifted) = tokio::join!(alice.call("82"), lift(&callee));
    let call = call.expect("an answer");
    stage.gateway.log().wait_for(&["recording stopped", "Stopped"], PATIENCE);
    let path = recording(folder.path(), "wav");
    let recorded = fs::metadata(&path).expect("it is there").len();
    lifted.heard_packets(150, PATIENCE).await.expect("audio");
    assert_mostly_hears(&lifted, CALLER_HZ).await;
    call.hang_up().await.expect("confirmed");
    stage.gateway.assert_all_is_over(1);
    let path = recording(folder.path(), "wav");
    assert_eq!(fs::metadata(&path).expect("it is there").len(), recorded, "it grew");
    let ([left, right], rate) = read_wav(&path);
    assert_length(left.len(), rate, Duration::from_millis(2500));
    assert!(goertzel_dbm0(&right, rate, CALLEE_HZ.into()) < -50.0, "the callee is heard in it");
}

/// The process is killed as the kernel kills it, and its files are read as they are then.
async fn can_be_read_after_a_kill(
    format: &str,
    off_max_db: f64,
    read: impl Fn(&Path) -> ([Vec<i16>; 2], SampleRate),
) {
    let folder = TempDir::new().expect("a folder");
    let mut stage = stage(folder.path());
    let (alice, callee) = (webrtc(stage.alice()).await, phone(stage.callee(CodecId::Pcmu)).await);
    let (call, _lifted) = talk(&alice, &callee, format).await;
    call.heard_packets(250, PATIENCE).await.expect("audio");
    let lasted = since_answer(&call);
    stage.gateway.process.signal(Signal::SIGKILL);
    stage.gateway.process.wait(PATIENCE).expect("nothing survives that");
    let (sides, rate) = read(&recording(folder.path(), format));
    assert_sides(&sides, rate, off_max_db);
    let recorded = Duration::from_secs_f64(sides[0].len() as f64 / f64::from(rate.hz()));
    assert!(recorded + LOST_MAX >= lasted, "{recorded:?} are left of {lasted:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wav_file_can_be_read_after_a_kill() {
    can_be_read_after_a_kill("wav", WAV_OFF_MAX_DB, read_wav).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ogg_file_can_be_read_after_a_kill() {
    let Some(opusdec) = tools::command("opusdec") else { return };
    can_be_read_after_a_kill("ogg", OGG_OFF_MAX_DB, |path| read_ogg(&opusdec, path)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_ends_the_recording_and_not_the_call() {
    let Some(disk) = SmallDisk::new(192) else { return };
    let stage = stage(disk.path());
    let (alice, callee) = (webrtc(stage.alice()).await, phone(stage.callee(CodecId::Pcmu)).await);
    let (call, lifted) = talk(&alice, &callee, "wav").await;
    // Three seconds are 192 KiB.
    stage.gateway.log().wait_for(&["recording stopped, and its call goes on", "DiskFull"], PATIENCE);
    assert_call_goes_on(&call, &lifted, 150).await;
    call.hang_up().await.expect("confirmed");
    let (sides, rate) = read_wav(&recording(disk.path(), "wav"));
    assert_sides(&sides, rate, WAV_OFF_MAX_DB);
    assert!(sides[0].len() > rate.samples_in_ms(2000), "{} samples are left", sides[0].len());
    drop(stage);
}
