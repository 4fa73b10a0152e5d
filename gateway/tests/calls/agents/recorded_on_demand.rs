//! Recordings that parties begin, pause, mark and end while they talk.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use tempfile::TempDir;
use webtrunk_codecs::tone::goertzel_dbm0;
use webtrunk_codecs::{CodecId, SampleRate};
use webtrunk_loadtest::agent::{AgentError, Call};

use super::ear::assert_is_one_stream;
use super::recorded::{WAV_OFF_MAX_DB, assert_length, assert_sides, read_wav, recording};
use super::stage::{CALLEE_HZ, CALLER_HZ, LEVEL_DBM0, Stage, lift, phone, webrtc};
use crate::support::gateway::{GatewayConfig, PATIENCE};

/// How far a moment of the file may be from when this end of the call asked for it.
const OFF_MAX: Duration = Duration::from_millis(300);

/// A stage on which calls to 82 are recorded when somebody asks: a user, and from the office anybody.
pub(super) fn stage(folder: &Path) -> Stage {
    let mut config = GatewayConfig::default().recording(folder);
    for (from, by) in [("", "users"), ("from_trunk = 'office'", "all")] {
        config = config.rule(&format!(
            "destination = '82'\n{from}\nactions = [{{ record = {{ format = 'wav', begin = 'asked', info = true, \
             by = '{by}', keys = {{ record = '*1', pause = '*2', mark = '*3' }} }} }}, \
             {{ bridge = {{ trunk = 'carrier', number = '9100' }} }}]"
        ));
    }
    Stage::with(&["PCMU"], config)
}

/// Presses keys in signalling, and lets the call go on for a while.
async fn press(call: &Call, keys: &str, then_ms: u64) -> SystemTime {
    for key in keys.chars() {
        call.send_info_digit(key).await.expect("the gateway takes digits");
    }
    let pressed_at = SystemTime::now();
    tokio::time::sleep(Duration::from_millis(then_ms)).await;
    pressed_at
}

fn between(from: SystemTime, to: SystemTime) -> Duration {
    to.duration_since(from).expect("time goes on")
}

/// Where the longest silence begins and how long it is: samples that are zero to the bit on both sides.
pub(super) fn silence([left, right]: &[Vec<i16>; 2], rate: SampleRate) -> (Duration, Duration) {
    let mut longest = (0, 0);
    let mut begin = 0;
    for at in 0..=left.len() {
        if at < left.len() && left[at] == 0 && right[at] == 0 {
            continue;
        }
        if at - begin > longest.1 {
            longest = (begin, at - begin);
        }
        begin = at + 1;
    }
    let time = |samples: usize| Duration::from_secs_f64(samples as f64 / f64::from(rate.hz()));
    (time(longest.0), time(longest.1))
}

fn assert_is_near(what: &str, found: Duration, expected: Duration) {
    assert!(found.abs_diff(expected) <= OFF_MAX, "{what} is {found:?}, not {expected:?}");
}

/// Fails unless this part of the file holds both voices, each on its side: in a quarter of its frames at least.
/// On a busy machine senders are late, and each time the phase of what they send moves on.
pub(super) fn assert_both_are_heard(sides: &[Vec<i16>; 2], rate: SampleRate, [from, to]: [Duration; 2]) {
    let at = |time: Duration| (time.as_secs_f64() * f64::from(rate.hz())) as usize;
    for (samples, hz) in sides.iter().zip([CALLER_HZ, CALLEE_HZ]) {
        let frames = samples[at(from)..at(to)].chunks_exact(rate.samples_in_ms(40));
        let mut levels: Vec<f64> = frames.map(|frame| goertzel_dbm0(frame, rate, hz.into())).collect();
        levels.sort_by(f64::total_cmp);
        let level = levels[levels.len() * 3 / 4];
        assert!((level - LEVEL_DBM0).abs() <= 1.5, "{hz} Hz with {level:.2} dBm0 from {from:?} to {to:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_begin_pause_mark_and_end_a_recording_while_people_talk() {
    let folder = TempDir::new().expect("a folder");
    let stage = stage(folder.path());
    let (alice, callee) = (webrtc(stage.alice()).await, phone(stage.callee(CodecId::Pcmu)).await);
    let (call, lifted) = tokio::join!(alice.call("82"), lift(&callee));
    let call = call.expect("an answer");
    call.heard_packets(50, PATIENCE).await.expect("audio");
    let begun_at = press(&call, "*1", 2000).await;
    let paused_at = press(&call, "*2", 1500).await;
    let resumed_at = press(&call, "*2", 1200).await;
    let marked_at = press(&call, "*3", 800).await;
    let ended_at = press(&call, "*1", 0).await;
    stage.gateway.log().wait_for(&["recording stopped", "Stopped"], PATIENCE);

    let path = recording_of(folder.path());
    let (sides, rate) = read_wav(&path);
    assert_sides(&sides, rate, WAV_OFF_MAX_DB);
    assert_length(sides[0].len(), rate, between(begun_at, ended_at));
    let (silence_begins, silence_lasts) = silence(&sides, rate);
    assert_is_near("the begin of the pause", silence_begins, between(begun_at, paused_at));
    assert_is_near("the pause", silence_lasts, between(paused_at, resumed_at));
    let around = Duration::from_millis(200);
    assert_both_are_heard(&sides, rate, [around, silence_begins - around]);
    let goes_on = silence_begins + silence_lasts + around;
    assert_both_are_heard(&sides, rate, [goes_on, between(begun_at, ended_at) - around]);
    let marks = fs::read_to_string(path.with_extension("marks")).expect("it was marked");
    let mark: f64 = marks.trim_end().parse().expect("one mark, in seconds");
    assert_is_near("the mark", Duration::from_secs_f64(mark), between(begun_at, marked_at));

    assert_is_one_stream(&lifted).await;
    // The callee heard none of these keys, and hears those that are for it.
    press(&call, "*5", 0).await;
    lifted.heard_digits(2, PATIENCE).await.expect("they are passed on");
    assert_eq!(lifted.heard().await.expect("a log").digits_text(), "*5");
    // Without a key behind it the first is passed on after a while.
    press(&call, "*", 0).await;
    lifted.heard_digits(3, PATIENCE).await.expect("it is passed on");
    call.hang_up().await.expect("confirmed");
    stage.gateway.assert_all_is_over(1);
}

/// The one recording in a folder, beside its marks.
fn recording_of(folder: &Path) -> PathBuf {
    let files = fs::read_dir(folder).expect("our folder").map(|entry| entry.expect("a file").path());
    let recordings: Vec<_> = files.filter(|path| path.extension().is_some_and(|it| it == "wav")).collect();
    let [path] = &recordings[..] else { panic!("{recordings:?}") };
    path.clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_asks_for_a_recording_in_signalling_and_others_are_refused() {
    let folder = TempDir::new().expect("a folder");
    let stage = stage(folder.path());
    let callee = phone(stage.callee(CodecId::Pcmu)).await;
    let status = |asked: Result<(), AgentError>| asked.err().as_ref().and_then(AgentError::status);

    let alice = webrtc(stage.alice()).await;
    let (call, lifted) = tokio::join!(alice.call("82"), lift(&callee));
    let call = call.expect("an answer");
    assert_eq!(status(lifted.ask_to_record("on").await), Some(403), "a trunk's party may not");
    assert_eq!(status(call.ask_to_record("pause").await), Some(403), "there is nothing to pause");
    assert_eq!(status(call.ask_to_record("perhaps").await), Some(400));
    call.ask_to_record("off").await.expect("it is so");
    call.hang_up().await.expect("confirmed");
    assert_eq!(fs::read_dir(folder.path()).expect("our folder").count(), 0, "nobody began one");

    // By keys in media where the phone has them so, from a rule that lets trunks do it.
    let caller = phone(stage.caller(CodecId::Pcmu)).await;
    let (call, lifted) = tokio::join!(caller.call("82"), lift(&callee));
    let call = call.expect("an answer");
    call.ask_to_record("on").await.expect("it may");
    let begun_at = SystemTime::now();
    tokio::time::sleep(Duration::from_millis(1500)).await;
    call.send_digits("*2").await.expect("keys");
    let paused_at = SystemTime::now();
    tokio::time::sleep(Duration::from_millis(1000)).await;
    lifted.ask_to_record("resume").await.expect("it may, too");
    let resumed_at = SystemTime::now();
    tokio::time::sleep(Duration::from_millis(1000)).await;
    call.hang_up().await.expect("confirmed");
    stage.gateway.log().wait_for(&["recording stopped", "CallEnded"], PATIENCE);
    let (sides, rate) = read_wav(&recording(folder.path(), "wav"));
    assert_sides(&sides, rate, WAV_OFF_MAX_DB);
    let (silence_begins, silence_lasts) = silence(&sides, rate);
    assert_is_near("the begin of the pause", silence_begins, between(begun_at, paused_at));
    assert_is_near("the pause", silence_lasts, between(paused_at, resumed_at));
    assert!(lifted.heard().await.expect("a log").digits_text().is_empty());
    stage.gateway.assert_all_is_over(2);
}
