//! Recordings of what the gateway itself says to the recorded party: prompts, tones, music on hold, conferences.

use std::path::Path;

use tempfile::TempDir;
use webtrunk_codecs::tone::goertzel_dbm0;
use webtrunk_codecs::{CodecId, SampleRate};
use webtrunk_loadtest::agent::{Call, CallEnd, Direction, Voice, WebrtcConfig};

use super::played::Prompts;
use super::recorded::{WAV_OFF_MAX_DB, assert_sides, read_wav, recording};
use super::stage::{CALLEE_HZ, CALLER_HZ, LEVEL_DBM0, Stage, lift, phone, webrtc};
use crate::support::gateway::{GatewayConfig, PATIENCE, password};

const PROMPT_HZ: u16 = 620;
const TONE_HZ: u16 = 1200;
const MUSIC_HZ: u16 = 1500;
const BOB_HZ: u16 = 1870;

/// A stage whose rules are for users and for the office, each with these actions.
fn stage(folder: &Path, media: &str, rules: &[(&str, String)]) -> Stage {
    let mut config = GatewayConfig::default().recording(folder).user("bob").media(media);
    for (number, actions) in rules {
        for from in ["", "from_trunk = 'office'"] {
            config = config.rule(&format!("destination = '{number}'\n{from}\nactions = [{actions}]"));
        }
    }
    Stage::with(&["PCMU"], config)
}

/// How much of a channel holds a tone at about its level, in seconds.
fn seconds_of(samples: &[i16], rate: SampleRate, hz: u16) -> f64 {
    let level = |part: &[i16]| goertzel_dbm0(part, rate, hz.into());
    let parts = samples.chunks_exact(rate.samples_in_ms(50));
    parts.filter(|part| (level(part) - LEVEL_DBM0).abs() < 1.0).count() as f64 * 0.05
}

fn assert_lasts(what: &str, seconds: f64, expected: f64) {
    assert!((seconds - expected).abs() <= 0.3, "{what} is recorded for {seconds:.2} s, not {expected} s");
}

async fn end_of_recording(stage: &Stage, folder: &Path) -> ([Vec<i16>; 2], SampleRate) {
    stage.gateway.log().wait_for(&["recording stopped"], PATIENCE);
    read_wav(&recording(folder, "wav"))
}

async fn prompts_are_recorded(is_browser: bool) {
    let (folder, prompts) = (TempDir::new().expect("a folder"), Prompts::new());
    let wav = prompts.wav(PROMPT_HZ, 8000);
    let actions = format!(
        "'answer', {{ record = {{ format = 'wav' }} }}, {{ play = {{ prompt = {wav:?} }} }}, \
         {{ tone = {{ frequency_hz = {TONE_HZ}, level_dbm0 = -10, duration_ms = 2000 }} }}, 'hangup'"
    );
    let stage = stage(folder.path(), "", &[("83", actions)]);
    let call = match is_browser {
        true => webrtc(stage.alice()).await.call("83").await,
        false => phone(stage.caller(CodecId::Pcmu)).await.call("83").await,
    };
    let call = call.expect("an answer");
    assert!(matches!(call.ended(PATIENCE).await, Ok(CallEnd::ByPeer { .. })));
    let ([left, right], rate) = end_of_recording(&stage, folder.path()).await;
    assert_lasts("the prompt", seconds_of(&right, rate, PROMPT_HZ), 2.0);
    assert_lasts("the tone", seconds_of(&right, rate, TONE_HZ), 2.0);
    assert!(seconds_of(&left, rate, CALLER_HZ) > 3.0, "the caller is on the left all the time");
    let halves = right.split_at(right.len() / 2);
    assert!(
        seconds_of(halves.0, rate, PROMPT_HZ) > seconds_of(halves.1, rate, PROMPT_HZ),
        "the prompt is first"
    );
    assert!(seconds_of(&left, rate, PROMPT_HZ) + seconds_of(&right, rate, CALLER_HZ) < 0.1);
    stage.gateway.assert_all_is_over(1);
}

#[tokio::test(flavor = "multi_thread")]
async fn prompts_and_tones_are_recorded_as_a_browser_hears_them() {
    prompts_are_recorded(true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn prompts_and_tones_are_recorded_as_a_phone_hears_them() {
    prompts_are_recorded(false).await;
}

/// Lets so many more packets come.
async fn go_on(call: &Call, packets: usize) {
    let so_far = call.heard().await.expect("a log").packets.len();
    call.heard_packets(so_far + packets, PATIENCE).await.expect("audio");
}

#[tokio::test(flavor = "multi_thread")]
async fn music_on_hold_is_recorded_between_what_the_callee_says() {
    let (folder, prompts) = (TempDir::new().expect("a folder"), Prompts::new());
    let music = format!("music_on_hold = {:?}", prompts.wav(MUSIC_HZ, 16_000));
    let actions =
        "{ record = { format = 'wav' } }, { bridge = { trunk = 'carrier', number = '9100' } }".to_owned();
    let stage = stage(folder.path(), &music, &[("84", actions)]);
    let (alice, callee) = (webrtc(stage.alice()).await, phone(stage.callee(CodecId::Pcmu)).await);
    let (call, lifted) = tokio::join!(alice.call("84"), lift(&callee));
    let call = call.expect("an answer");
    go_on(&call, 75).await;
    lifted.change(Direction::Inactive).await.expect("agreed");
    go_on(&call, 100).await;
    lifted.change(Direction::SendRecv).await.expect("agreed");
    go_on(&call, 75).await;
    call.hang_up().await.expect("confirmed");
    let (sides, rate) = end_of_recording(&stage, folder.path()).await;
    assert_sides(&sides, rate, WAV_OFF_MAX_DB);
    let [left, right] = sides;
    assert_lasts("music", seconds_of(&right, rate, MUSIC_HZ), 2.0);
    let third = right.len() / 3;
    for part in [&right[..third], &right[2 * third..]] {
        assert!(seconds_of(part, rate, CALLEE_HZ) > 0.7, "the callee is heard before and after");
    }
    assert!(seconds_of(&left, rate, CALLER_HZ) > 3.0);
    stage.gateway.assert_all_is_over(1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_party_of_a_conference_is_recorded_with_the_mix_that_it_hears() {
    let folder = TempDir::new().expect("a folder");
    let room = "{ conference = { room = 'one' } }";
    let rules = [
        ("85", format!("'answer', {{ record = {{ format = 'wav' }} }}, {room}")),
        ("86", format!("'answer', {room}")),
    ];
    let stage = stage(folder.path(), "", &rules);
    let bob = webrtc(WebrtcConfig {
        voice: Some(Voice::tone(BOB_HZ, LEVEL_DBM0)),
        media_address: Some(stage.gateway.sip().ip()),
        ..WebrtcConfig::new(&stage.gateway.websocket(), "bob", &password("bob"))
    })
    .await;
    let bob = bob.call("86").await.expect("an answer");
    let caller = phone(stage.caller(CodecId::Pcmu)).await.call("85").await.expect("an answer");
    go_on(&caller, 100).await;
    let alice = WebrtcConfig { voice: Some(Voice::tone(CALLEE_HZ, LEVEL_DBM0)), ..stage.alice() };
    let alice = webrtc(alice).await.call("86").await.expect("an answer");
    go_on(&caller, 100).await;
    caller.hang_up().await.expect("confirmed");
    let ([left, right], rate) = end_of_recording(&stage, folder.path()).await;
    assert!(seconds_of(&left, rate, CALLER_HZ) > 3.0, "the party on the left");
    assert!(seconds_of(&right, rate, BOB_HZ) > 3.0, "on the right who was there before");
    assert_lasts("who came later", seconds_of(&right, rate, CALLEE_HZ), 2.0);
    assert!(seconds_of(&right, rate, CALLER_HZ) < 0.1, "nobody hears himself");
    assert!(seconds_of(&left, rate, BOB_HZ) < 0.1);
    alice.hang_up().await.expect("confirmed");
    bob.hang_up().await.expect("confirmed");
    stage.gateway.assert_all_is_over(3);
}
