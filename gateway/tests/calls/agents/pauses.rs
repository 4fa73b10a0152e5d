//! Pauses of either side: DTX of a WebRTC caller, comfort noise of a phone (RFC 3389).

use std::time::{Duration, SystemTime};

use webtrunk_codecs::comfort_noise::{NoiseGenerator, Sid};
use webtrunk_codecs::g711::Law;
use webtrunk_codecs::opus::OpusEncoderConfig;
use webtrunk_codecs::tone::{Tone, ToneGenerator, goertzel_dbm0};
use webtrunk_codecs::{CodecId, EncoderConfig, SampleRate, encoder};
use webtrunk_loadtest::agent::{Call, Dialect, Heard, PhoneConfig, ScriptStep, Voice, WebrtcConfig};

use super::conference;
use super::ear::assert_is_one_stream_but_for_stalls;
use super::stage::{CALLER_HZ, LEVEL_DBM0, Stage, phone, talk, talk_from_webrtc, webrtc};
use crate::support::gateway::{GatewayConfig, PATIENCE};

/// The room behind the voice, dBov.
const BACKGROUND_DBOV: f32 = -62.0;

/// A second and a half of voice, three of background.
const VOICE_FRAMES: usize = 75;
const PAUSE_FRAMES: usize = 150;

/// What a browser with DTX sends of a voice that pauses: of what need not be sent, the first.
fn voice_with_dtx() -> Voice {
    let rate = SampleRate::HZ_8000;
    let opus = OpusEncoderConfig { dtx: true, expected_loss_percent: 0, ..OpusEncoderConfig::default() };
    let mut encoder = encoder(CodecId::Opus, rate, &EncoderConfig { opus }).expect("an encoder");
    let mut room = NoiseGenerator::new(rate, 1);
    room.update(&Sid::white(BACKGROUND_DBOV));
    let mut tone = ToneGenerator::new(Tone::sine(CALLER_HZ.into(), LEVEL_DBM0), rate);
    let (mut steps, mut is_silent) = (Vec::new(), false);
    for frame in 0..VOICE_FRAMES + PAUSE_FRAMES {
        let (mut voice, mut noise) = ([0; 160], [0; 160]);
        room.fill(&mut noise);
        if frame < VOICE_FRAMES {
            tone.fill(&mut voice);
        }
        let samples: Vec<i16> = voice.iter().zip(noise).map(|(voice, noise)| voice + noise).collect();
        let mut payload = [0; 1275];
        let length = encoder.encode(&samples, &mut payload).expect("20 ms");
        let was_silent = std::mem::replace(&mut is_silent, length <= 2);
        steps.push(if is_silent && was_silent {
            ScriptStep::Pause(20)
        } else {
            ScriptStep::Voice(payload[..length].into(), 20)
        });
    }
    let paused = steps.iter().filter(|step| matches!(step, ScriptStep::Pause(_))).count();
    assert!(paused > PAUSE_FRAMES / 2, "{paused} frames of a pause");
    Voice::scripted(steps)
}

/// A second and a half of a tone, a silence descriptor, three seconds of nothing.
fn voice_with_comfort_noise(level_dbov: f32) -> Voice {
    let rate = SampleRate::HZ_8000;
    let mut encoder = encoder(CodecId::Pcmu, rate, &EncoderConfig::default()).expect("an encoder");
    let mut tone = ToneGenerator::new(Tone::sine(CALLER_HZ.into(), LEVEL_DBM0), rate);
    let mut steps: Vec<ScriptStep> = (0..75)
        .map(|_| {
            let (mut frame, mut payload) = ([0; 160], [0; 160]);
            tone.fill(&mut frame);
            encoder.encode(&frame, &mut payload).expect("20 ms");
            ScriptStep::Voice(payload.into(), 20)
        })
        .collect();
    let mut sid = [0; 13];
    let length = Sid::white(level_dbov).write_to(&mut sid).expect("room for it");
    steps.push(ScriptStep::Noise(sid[..length].into()));
    steps.push(ScriptStep::Pause(3000));
    Voice::scripted(steps)
}

/// What a call has heard after so many seconds.
async fn heard_after(call: &Call, seconds: u64) -> Heard {
    call.heard_packets(1, PATIENCE).await.expect("audio");
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    call.heard().await.expect("a log")
}

/// Sequence number, timestamp and marker of all that came, comfort noise among it (which has none), in order.
fn stream(heard: &Heard) -> Vec<(u16, u32, Option<bool>)> {
    let voice = heard.packets.iter().map(|it| (it.sequence, it.timestamp, Some(it.marker)));
    let noise = heard.noise.iter().map(|it| (it.sequence, it.timestamp, None));
    let first = heard.packets[0].sequence;
    let mut all: Vec<_> = voice.chain(noise).collect();
    all.sort_by_key(|(sequence, ..)| sequence.wrapping_sub(first));
    all
}

/// Fails unless it is one stream: no number is missing, and time goes forward.
fn assert_whole(heard: &Heard) {
    assert_eq!(heard.ssrcs().len(), 1);
    for pair in stream(heard).windows(2) {
        let ((before, then, _), (after, now, marker)) = (pair[0], pair[1]);
        assert_eq!(after, before.wrapping_add(1));
        assert!(now.wrapping_sub(then).cast_signed() >= 0, "{then} and {now}");
        assert!(pair[0].2.is_some() || marker != Some(false), "voice behind comfort noise is marked");
    }
}

/// The level of each tenth of a second, in dBov.
fn levels_dbov(heard: &Heard) -> Vec<f64> {
    let samples = heard.samples(SampleRate::HZ_8000);
    let power = |tenth: &[i16]| {
        tenth.iter().map(|sample| (f64::from(*sample) / 32_768.0).powi(2)).sum::<f64>() / tenth.len() as f64
    };
    samples.chunks_exact(800).map(|tenth| 10.0 * power(tenth).max(1e-13).log10()).collect()
}

/// A second of a tone, and then packets of silence for longer than any test listens.
fn voice_that_falls_silent() -> Voice {
    let mut tone = ToneGenerator::new(Tone::sine(CALLER_HZ.into(), LEVEL_DBM0), SampleRate::HZ_8000);
    let steps = (0..1500).map(|packet| {
        let mut frame = [0; 160];
        if packet < 50 {
            tone.fill(&mut frame);
        }
        ScriptStep::Voice(frame.map(|sample| Law::Mu.encode(sample)).into(), 20)
    });
    Voice::scripted(steps.collect())
}

/// The phone at the carrier, which takes comfort noise or does not.
fn callee(stage: &Stage, codec: CodecId, comfort_noise: bool) -> PhoneConfig {
    PhoneConfig { dialect: Dialect { comfort_noise, ..Dialect::default() }, ..stage.callee(codec) }
}

/// Told are ten seconds of packets in which nobody speaks any more, and silence descriptors alone from the begin.
#[tokio::test(flavor = "multi_thread")]
async fn a_party_that_falls_silent_and_one_that_only_pauses_are_told() {
    let stage = Stage::new(&["PCMU"]);
    let pauses = Some(Voice::scripted(vec![ScriptStep::Noise([60].into()), ScriptStep::Pause(500)]));
    let silent = Some(voice_that_falls_silent());
    let caller = phone(PhoneConfig { voice: silent, ..stage.caller(CodecId::Pcmu) }).await;
    let callee = phone(PhoneConfig { voice: pauses, ..callee(&stage, CodecId::Pcmu, true) }).await;
    let (call, lifted) = talk(&caller, &callee).await;
    let heard = heard_after(&lifted, 2).await;
    let voice = &heard.samples(SampleRate::HZ_8000)[2400..7200];
    let level = goertzel_dbm0(voice, SampleRate::HZ_8000, CALLER_HZ.into());
    assert!((level - LEVEL_DBM0).abs() <= 0.3, "{level:.2} dBm0");
    let log = stage.gateway.log();
    for (before, now) in [("Waiting", "ComfortNoise"), ("Speech", "Silent")] {
        let [before, now] =
            [("before", before), ("now", now)].map(|(key, state)| format!("\"{key}\":\"{state}\""));
        log.wait_for(&["another thing is heard of the party", &before, &now], PATIENCE);
    }
    call.hang_up().await.expect("confirmed");
    stage.gateway.assert_all_is_over(1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_of_a_webrtc_caller_is_comfort_noise_to_a_phone_that_takes_it() {
    let stage = Stage::new(&["PCMU"]);
    let alice = webrtc(WebrtcConfig { voice: Some(voice_with_dtx()), ..stage.alice() }).await;
    let callee = phone(callee(&stage, CodecId::Pcmu, true)).await;
    let (call, lifted) = talk_from_webrtc(&alice, &callee).await;
    let heard = heard_after(&lifted, 9).await;
    assert_whole(&heard);
    assert!((6..40).contains(&heard.noise.len()), "{} packets of comfort noise", heard.noise.len());
    assert!(heard.packets.len() < 300, "{} packets of voice in nine seconds", heard.packets.len());
    for noise in &heard.noise[1..] {
        let level = Sid::parse(&noise.payload).expect("a descriptor").level_dbov();
        assert!((level - BACKGROUND_DBOV).abs() <= 4.0, "{level} dBov");
    }
    let voice = &heard.samples(SampleRate::HZ_8000)[3200..8000];
    let level = goertzel_dbm0(voice, SampleRate::HZ_8000, CALLER_HZ.into());
    assert!((level - LEVEL_DBM0).abs() <= 0.3, "{level:.2} dBm0");
    call.hang_up().await.expect("confirmed");
    stage.gateway.assert_all_is_over(1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_of_a_webrtc_caller_is_its_background_to_a_phone_without_comfort_noise() {
    let stage = Stage::new(&["PCMU"]);
    let alice = webrtc(WebrtcConfig { voice: Some(voice_with_dtx()), ..stage.alice() }).await;
    let callee = phone(callee(&stage, CodecId::Pcmu, false)).await;
    let (call, lifted) = talk_from_webrtc(&alice, &callee).await;
    let heard = heard_after(&lifted, 9).await;
    assert_whole(&heard);
    assert_eq!((heard.noise.len(), heard.unexpected), (0, 0));
    assert!(heard.packets.len() > 430, "{} packets in nine seconds", heard.packets.len());
    let levels = levels_dbov(&heard);
    let quiet: Vec<_> = levels.iter().filter(|level| **level < -35.0).collect();
    assert!(quiet.len() > 40, "{levels:?}");
    let near = quiet.iter().filter(|level| (**level - f64::from(BACKGROUND_DBOV)).abs() <= 4.0).count();
    assert!(near * 10 > quiet.len() * 9, "no hole and no burst in the background: {levels:?}");
    call.hang_up().await.expect("confirmed");
    stage.gateway.assert_all_is_over(1);
}

#[tokio::test(flavor = "multi_thread")]
async fn comfort_noise_of_a_phone_is_heard_by_a_webrtc_caller_at_its_level() {
    // The pause is longer than what would be a dead leg.
    let stage = Stage::with(&["PCMU"], GatewayConfig::default().media("media_timeout_s = 2"));
    let alice = webrtc(stage.alice()).await;
    let callee = callee(&stage, CodecId::Pcmu, true);
    let callee = phone(PhoneConfig { voice: Some(voice_with_comfort_noise(-48.0)), ..callee }).await;
    let (call, lifted) = talk_from_webrtc(&alice, &callee).await;
    let heard = heard_after(&call, 8).await;
    assert_whole(&heard);
    assert!(heard.packets.len() > 380, "{} packets in eight seconds", heard.packets.len());
    let levels = levels_dbov(&heard);
    let (loud, quiet): (Vec<f64>, Vec<f64>) = levels.iter().partition(|level| **level > -30.0);
    assert!(loud.len() > 20 && quiet.len() > 30, "{levels:?}");
    let near = quiet.iter().filter(|level| (*level + 48.0).abs() <= 4.0).count();
    assert!(near * 10 > quiet.len() * 9, "{levels:?}");
    assert!(!lifted.heard().await.expect("a log").packets.is_empty());
    call.hang_up().await.expect("confirmed");
    stage.gateway.assert_all_is_over(1);
    let figures = stage.figures("rtp");
    assert_eq!(figures["lost"], 0, "{figures}");
}

#[tokio::test(flavor = "multi_thread")]
async fn comfort_noise_crosses_between_phones_that_both_take_it() {
    let stage = Stage::new(&["PCMU"]);
    let dialect = Dialect { comfort_noise: true, ..Dialect::default() };
    let caller =
        PhoneConfig { dialect, voice: Some(voice_with_comfort_noise(-52.0)), ..stage.caller(CodecId::Pcmu) };
    let (caller, callee) = (phone(caller).await, phone(callee(&stage, CodecId::Pcmu, true)).await);
    let (call, lifted) = talk(&caller, &callee).await;
    let heard = heard_after(&lifted, 6).await;
    assert_whole(&heard);
    assert_eq!(stage.paths(), (2, 0), "passed through");
    assert!(
        !heard.noise.is_empty() && heard.noise.iter().all(|noise| *noise.payload == [52]),
        "{:?}",
        heard.noise
    );
    call.hang_up().await.expect("confirmed");
    stage.gateway.assert_all_is_over(1);
}

#[tokio::test(flavor = "multi_thread")]
async fn comfort_noise_of_a_phone_in_a_conference_is_heard_by_the_others_at_its_level() {
    let stage = conference::stage("");
    let dialect = Dialect { comfort_noise: true, ..Dialect::default() };
    let voice = Some(voice_with_comfort_noise(-48.0));
    let speaker = phone(PhoneConfig { dialect, voice, ..stage.caller(CodecId::Pcmu) }).await;
    let listener = phone(PhoneConfig { voice: None, ..callee(&stage, CodecId::Pcmu, true) }).await;
    let alice = webrtc(WebrtcConfig { voice: None, ..stage.alice() }).await;
    let speaker = speaker.call("8100").await.expect("an answer");
    let listener = listener.call("8100").await.expect("an answer");
    let browser = alice.call("8100").await.expect("an answer");
    browser.heard_packets(100, PATIENCE).await.expect("audio");
    let from = SystemTime::now();
    tokio::time::sleep(Duration::from_secs(9)).await;
    for (who, call) in [("the browser", &browser), ("the phone", &listener)] {
        let heard = call.heard().await.expect("a log");
        assert_eq!((heard.noise.len(), heard.unexpected), (0, 0), "{who} is sent the mix");
        let heard = heard.since(from);
        assert!(heard.packets.len() > 400, "{who}: {} packets in nine seconds", heard.packets.len());
        let levels = levels_dbov(&heard);
        let (loud, quiet): (Vec<f64>, Vec<f64>) = levels.iter().partition(|level| **level > -30.0);
        assert!(loud.len() > 20 && quiet.len() > 40, "{who}: {levels:?}");
        // A sine of full scale has 3.17 dBm0 and -3.01 dBov.
        let spoken = loud.iter().filter(|level| (*level - LEVEL_DBM0 + 6.18).abs() <= 1.0).count();
        let near = quiet.iter().filter(|level| (*level + 48.0).abs() <= 4.0).count();
        assert!(spoken * 10 > loud.len() * 7 && near * 10 > quiet.len() * 9, "{who}: {levels:?}");
        assert_is_one_stream_but_for_stalls(call).await;
    }
    for call in [speaker, listener, browser] {
        call.hang_up().await.expect("confirmed");
    }
    stage.gateway.assert_all_is_over(3);
}
