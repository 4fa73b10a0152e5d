//! What the gateway plays: files of several kinds one after another, until a digit, and while on hold.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use tempfile::TempDir;
use webtrunk_codecs::tone::{Tone, ToneGenerator, goertzel_dbm0};
use webtrunk_codecs::{CodecId, SampleRate};
use webtrunk_loadtest::agent::{Call, CallEnd, Direction};

use super::stage::{CALLER_HZ, LEVEL_DBM0, Stage, phone, talk, talk_from_webrtc, webrtc};
use crate::support::gateway::{GatewayConfig, PATIENCE};
use crate::support::tools;

const WAV_HZ: u16 = 620;
const OGG_HZ: u16 = 1200;
const MUSIC_HZ: u16 = 1500;

/// How long each prompt is.
const SECONDS: u32 = 2;

/// Prompts in a folder.
pub(super) struct Prompts(TempDir);

impl Prompts {
    pub(super) fn new() -> Self {
        Self(TempDir::new().expect("a folder"))
    }

    /// A tone in both channels of a WAV file.
    pub(super) fn wav(&self, hz: u16, rate: u32) -> PathBuf {
        let path = self.0.path().join(format!("{hz}-{rate}.wav"));
        let spec = hound::WavSpec {
            channels: 2,
            sample_rate: rate,
            bits_per_sample: 16,
            sample_format: hound::SampleFormat::Int,
        };
        let mut file = hound::WavWriter::create(&path, spec).expect("a file");
        let mut samples = vec![0; (rate * SECONDS) as usize];
        let sample_rate = SampleRate::new(rate).expect("not zero");
        ToneGenerator::new(Tone::sine(hz.into(), LEVEL_DBM0), sample_rate).fill(&mut samples);
        samples.iter().for_each(|sample| (0..2).for_each(|_| file.write_sample(*sample).expect("room")));
        file.finalize().expect("room");
        path
    }

    /// The same as an Ogg-Opus file, by another encoder than ours.
    fn ogg(&self, opusenc: &Path, hz: u16) -> PathBuf {
        let (wav, ogg) = (self.wav(hz, 48_000), self.0.path().join(format!("{hz}.opus")));
        let encoded = Command::new(opusenc).arg("--quiet").args([&wav, &ogg]).output().expect("it runs");
        assert!(encoded.status.success(), "{encoded:?}");
        ogg
    }
}

/// The level of a tone in what is heard, from so many milliseconds on, for as many.
async fn level(call: &Call, [from_ms, for_ms]: [u32; 2], hz: u16) -> f64 {
    let rate = SampleRate::HZ_8000;
    let heard = call.heard().await.expect("a log").samples(rate);
    goertzel_dbm0(&heard[rate.samples_in_ms(from_ms)..][..rate.samples_in_ms(for_ms)], rate, hz.into())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sequence_of_files_is_heard_at_its_level_without_a_gap() {
    let Some(opusenc) = tools::command("opusenc") else { return };
    let prompts = Prompts::new();
    let (wav, ogg) = (prompts.wav(WAV_HZ, 44_100), prompts.ogg(&opusenc, OGG_HZ));
    let play = format!("actions = ['answer', {{ play = {{ prompts = [{wav:?}, {ogg:?}] }} }}, 'hangup']");
    let config = GatewayConfig::default()
        .rule(&format!("destination = '701'\n{play}"))
        .rule(&format!("destination = '701'\nfrom_trunk = 'office'\n{play}"));
    let stage = Stage::with(&["PCMU"], config);
    let (alice, caller) = (webrtc(stage.alice()).await, phone(stage.caller(CodecId::Pcmu)).await);
    for call in [alice.call("701").await, caller.call("701").await] {
        let call = call.expect("an answer");
        assert!(matches!(call.ended(PATIENCE).await, Ok(CallEnd::ByPeer { .. })));
        for (from_ms, hz) in [(500, WAV_HZ), (2500, OGG_HZ)] {
            let level = level(&call, [from_ms, 1000], hz).await;
            assert!((level - LEVEL_DBM0).abs() <= 0.3, "{hz} Hz with {level:.2} dBm0");
        }
        let heard = call.heard().await.expect("a log");
        let packets = heard.packets.len();
        assert!((199..=202).contains(&packets), "{packets} packets of four seconds");
    }
    stage.gateway.assert_all_is_over(2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_digit_ends_a_prompt_and_the_plan_goes_on() {
    let prompts = Prompts::new();
    let wav = prompts.wav(WAV_HZ, 8000);
    let play = format!(
        "actions = ['answer', {{ play = {{ prompt = {wav:?}, repeat = true, interrupt = 'digits' }} }}, \
         {{ tone = {{ frequency_hz = {OGG_HZ}, level_dbm0 = -10, duration_ms = 2000 }} }}, 'hangup']"
    );
    let config = GatewayConfig::default()
        .rule(&format!("destination = '702'\n{play}"))
        .rule(&format!("destination = '702'\nfrom_trunk = 'office'\n{play}"));
    let stage = Stage::with(&["PCMU"], config);
    let (alice, caller) = (webrtc(stage.alice()).await, phone(stage.caller(CodecId::Pcmu)).await);
    for (is_in_media, call) in [(false, alice.call("702").await), (true, caller.call("702").await)] {
        let call = call.expect("an answer");
        // Longer than the prompt: it is repeated.
        call.heard_packets(150, PATIENCE).await.expect("audio");
        let pressed = if is_in_media { call.send_digits("5").await } else { call.send_info_digit('5').await };
        pressed.expect("the gateway takes digits");
        assert!(matches!(call.ended(PATIENCE).await, Ok(CallEnd::ByPeer { .. })));
        let before = level(&call, [1500, 1000], WAV_HZ).await;
        assert!((before - LEVEL_DBM0).abs() <= 0.5, "{before:.2} dBm0 before the digit");
        let rate = SampleRate::HZ_8000;
        let heard = call.heard().await.expect("a log").samples(rate);
        let last = &heard[heard.len() - rate.samples_in_ms(1500)..][..rate.samples_in_ms(1000)];
        let after = goertzel_dbm0(last, rate, OGG_HZ.into());
        assert!((after - LEVEL_DBM0).abs() <= 0.5, "{after:.2} dBm0 after the digit");
    }
    stage.gateway.assert_all_is_over(2);
}

/// Fails unless a tone is heard from a moment on, after half a second.
async fn assert_hears_since(call: &Call, since: SystemTime, hz: u16) {
    let count = call.heard().await.expect("a log").since(since).packets.len();
    let so_far = call.heard().await.expect("a log").packets.len();
    call.heard_packets(so_far + 100_usize.saturating_sub(count), PATIENCE).await.expect("audio");
    let rate = SampleRate::HZ_8000;
    let heard = call.heard().await.expect("a log").since(since).samples(rate);
    let level = goertzel_dbm0(&heard[rate.samples_in_ms(500)..rate.samples_in_ms(1500)], rate, hz.into());
    assert!((level - LEVEL_DBM0).abs() <= 0.5, "{hz} Hz with {level:.2} dBm0");
}

#[tokio::test(flavor = "multi_thread")]
async fn music_is_heard_while_on_hold() {
    let prompts = Prompts::new();
    let music = prompts.wav(MUSIC_HZ, 44_100);
    let config = GatewayConfig::default().media(&format!("music_on_hold = {music:?}"));
    let stage = Stage::with(&["PCMU"], config);
    let (alice, callee) = (webrtc(stage.alice()).await, phone(stage.callee(CodecId::Pcmu)).await);
    let (call, lifted) = talk_from_webrtc(&alice, &callee).await;
    lifted.heard_packets(50, PATIENCE).await.expect("audio");
    call.hold().await.expect("agreed");
    assert_hears_since(&lifted, SystemTime::now(), MUSIC_HZ).await;
    call.resume().await.expect("agreed");
    assert_hears_since(&lifted, SystemTime::now(), CALLER_HZ).await;
    call.hang_up().await.expect("confirmed");

    // A phone that neither sends nor hears; one that still sends is heard with its own music.
    let caller = phone(stage.caller(CodecId::Pcmu)).await;
    let (call, lifted) = talk(&caller, &callee).await;
    call.change(Direction::Inactive).await.expect("agreed");
    assert_hears_since(&lifted, SystemTime::now(), MUSIC_HZ).await;
    call.change(Direction::SendOnly).await.expect("agreed");
    assert_hears_since(&lifted, SystemTime::now(), CALLER_HZ).await;
    call.hang_up().await.expect("confirmed");
    stage.gateway.assert_all_is_over(2);
}
