//! What an end asks for in its description and its reports, and what the gateway sends to it then.

use std::time::Duration;

use webtrunk_codecs::comfort_noise::{NoiseGenerator, Sid};
use webtrunk_codecs::l16::L16Rate;
use webtrunk_codecs::tone::{Tone, ToneGenerator, goertzel_dbm0};
use webtrunk_codecs::wav::Clip;
use webtrunk_codecs::{CodecId, EncoderConfig, SampleRate, decoder, encoder};
use webtrunk_loadtest::agent::{
    Call, CallEnd, Dialect, Heard, HeardPacket, PhoneConfig, ScriptStep, Voice, WebrtcConfig,
};

use super::ear::assert_mostly_hears;
use super::played::Prompts;
use super::stage::{CALLEE_HZ, CALLER_HZ, LEVEL_DBM0, Stage, lift_webrtc, phone, talk_from_webrtc, webrtc};
use crate::support::gateway::{GatewayConfig, PATIENCE};

const NARROW: SampleRate = SampleRate::HZ_8000;

/// A tone in packets of so many milliseconds, for longer than any test listens.
fn tone_in(codec: CodecId, hz: u16, ms: u32) -> Voice {
    const WHOLE_MS: u32 = 12_000;
    let mut encoder = encoder(codec, NARROW, &EncoderConfig::default()).expect("an encoder");
    let mut tone = ToneGenerator::new(Tone::sine(hz.into(), LEVEL_DBM0), NARROW);
    let mut frame = vec![0; NARROW.samples_in_ms(ms)];
    let steps = (0..WHOLE_MS / ms).map(|_| {
        let mut payload = [0; 1275];
        tone.fill(&mut frame);
        let length = encoder.encode(&frame, &mut payload).expect("a frame of the codec");
        ScriptStep::Voice(payload[..length].into(), ms)
    });
    Voice::scripted(steps.collect())
}

/// A tone in stereo packets, by equal channels.
fn stereo_tone() -> Voice {
    let channels = opus::Channels::Stereo;
    let mut encoder = opus::Encoder::new(48_000, channels, opus::Application::Voip).expect("an encoder");
    encoder.set_bitrate(opus::Bitrate::Bits(48_000)).expect("in range");
    encoder.set_force_channels(Some(channels)).expect("two channels");
    let mut tone = ToneGenerator::new(Tone::sine(CALLER_HZ.into(), LEVEL_DBM0), SampleRate::HZ_48000);
    let steps = (0..600).map(|_| {
        let mut frame = [0; 960];
        tone.fill(&mut frame);
        let both: Vec<i16> = frame.iter().flat_map(|&sample| [sample, sample]).collect();
        let payload = encoder.encode_vec(&both, 1275).expect("20 ms");
        assert_ne!(payload[0] & 4, 0, "stereo (RFC 6716 3.1)");
        ScriptStep::Voice(payload.into(), 20)
    });
    Voice::scripted(steps.collect())
}

/// White noise, which takes all the bits that there are.
fn noise() -> Voice {
    let mut samples = vec![0; 8000];
    let mut generator = NoiseGenerator::new(NARROW, 1);
    generator.update(&Sid::white(-20.0));
    generator.fill(&mut samples);
    Voice::from_clip(Clip { samples, rate: NARROW }).expect("a second")
}

/// Samples of a voice, for the codec: periods of 8 ms that swell and fade.
fn spoken(samples: u32) -> Vec<i16> {
    let sample = |n: u32| {
        let pulse = 1.0 - f64::from(n % 64) / 32.0;
        let swell = (f64::from(n) / 1600.0 * std::f64::consts::PI).sin().abs();
        (8000.0 * pulse * swell) as i16
    };
    (0..samples).map(sample).collect()
}

/// A voice without pauses.
pub(super) fn speech() -> Voice {
    Voice::from_clip(Clip { samples: spoken(8000), rate: NARROW }).expect("a second")
}

/// A voice, and silence, of two seconds each.
fn speech_with_pauses() -> Voice {
    let mut samples = spoken(2 * 8000);
    samples.resize(4 * 8000, 0);
    Voice::from_clip(Clip { samples, rate: NARROW }).expect("four seconds")
}

/// What a call has heard once so much of it came, of packets of so many milliseconds.
async fn heard_of(call: &Call, seconds: usize, ms: usize) -> Heard {
    call.heard_packets(seconds * 1000 / ms, PATIENCE).await.expect("audio");
    call.heard().await.expect("a log")
}

/// Fails unless a tone is heard from the second second on, at its level, whatever a busy machine does to single
/// tenths of a second.
fn assert_tone(heard: &Heard, hz: u16, about: &str) {
    let samples = heard.samples(NARROW);
    let tenths = samples[8000..].chunks_exact(800);
    let mut levels: Vec<f64> = tenths.map(|tenth| goertzel_dbm0(tenth, NARROW, hz.into())).collect();
    levels.sort_by(f64::total_cmp);
    let level = levels[levels.len() / 2];
    assert!((level - LEVEL_DBM0).abs() <= 0.3, "{hz} Hz with {level:.2} dBm0, {about}");
}

/// Fails unless all came in one stream of packets of so many milliseconds, none of which is missing.
fn assert_made_in(heard: &Heard, ms: u32, about: &str) {
    assert_eq!(heard.ssrcs().len(), 1, "{about}");
    let step = heard.packets[0].codec.clock_rate().hz() / 1000 * ms;
    for pair in heard.packets.windows(2) {
        assert_eq!(pair[1].sequence, pair[0].sequence.wrapping_add(1), "{about}");
        assert_eq!(pair[1].timestamp.wrapping_sub(pair[0].timestamp), step, "{about}");
    }
}

/// A caller whose packets have one length, and a phone that asks for another and sends that.
async fn lengths_are_changed(from_ms: u32, asked_ms: u16) {
    let about = format!("{from_ms} ms to who asks for {asked_ms} ms");
    let stage = Stage::new(&["PCMU"]);
    let voice = Some(tone_in(CodecId::Opus, CALLER_HZ, from_ms));
    let alice = webrtc(WebrtcConfig { voice, ..stage.alice() }).await;
    let dialect = Dialect { ptime_ms: Some(asked_ms), ..Dialect::default() };
    let voice = Some(tone_in(CodecId::Pcmu, CALLEE_HZ, asked_ms.into()));
    let callee = phone(PhoneConfig { dialect, voice, ..stage.callee(CodecId::Pcmu) }).await;
    let (call, lifted) = talk_from_webrtc(&alice, &callee).await;
    let heard = heard_of(&lifted, 3, asked_ms.into()).await;
    assert_made_in(&heard, asked_ms.into(), &about);
    assert!(heard.packets.iter().all(|it| it.payload.len() == 8 * usize::from(asked_ms)), "{about}");
    assert_tone(&heard, CALLER_HZ, &about);
    let heard = heard_of(&call, 3, 20).await;
    assert_made_in(&heard, 20, &about);
    assert_tone(&heard, CALLEE_HZ, &about);
    call.hang_up().await.expect("confirmed");
    stage.gateway.assert_all_is_over(1);
}

#[tokio::test(flavor = "multi_thread")]
async fn packets_of_10_ms_go_to_a_phone_that_asks_for_30() {
    lengths_are_changed(10, 30).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn packets_of_20_ms_go_to_a_phone_that_asks_for_60() {
    lengths_are_changed(20, 60).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn packets_of_40_ms_go_to_a_phone_that_asks_for_30() {
    lengths_are_changed(40, 30).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn packets_of_60_ms_go_to_a_phone_that_asks_for_20() {
    lengths_are_changed(60, 20).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn packets_of_60_ms_go_to_a_phone_that_asks_for_10() {
    lengths_are_changed(60, 10).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn packets_of_10_ms_go_to_a_phone_that_asks_for_40() {
    lengths_are_changed(10, 40).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn packets_of_20_ms_go_to_a_phone_that_asks_for_50() {
    lengths_are_changed(20, 50).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_gets_packets_of_the_length_that_it_asks_for() {
    for asked_ms in [10, 40, 60] {
        let stage = Stage::new(&["PCMU"]);
        let dialect = Dialect { ptime_ms: Some(asked_ms), ..Dialect::default() };
        let alice = webrtc(WebrtcConfig { dialect, ..stage.alice() }).await;
        let callee = phone(stage.callee(CodecId::Pcmu)).await;
        let (call, lifted) = talk_from_webrtc(&alice, &callee).await;
        let about = format!("asked for {asked_ms} ms");
        let heard = heard_of(&call, 3, asked_ms.into()).await;
        assert_made_in(&heard, asked_ms.into(), &about);
        assert_tone(&heard, CALLEE_HZ, &about);
        assert_tone(&heard_of(&lifted, 3, 20).await, CALLER_HZ, &about);
        call.hang_up().await.expect("confirmed");
        stage.gateway.assert_all_is_over(1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn stereo_of_a_browser_is_heard_at_its_level() {
    let stage = Stage::new(&["PCMU"]);
    let opus = Some("minptime=10;useinbandfec=1;stereo=1;sprop-stereo=1".to_owned());
    let dialect = Dialect { opus, ..Dialect::default() };
    let alice = webrtc(WebrtcConfig { dialect, voice: Some(stereo_tone()), ..stage.alice() }).await;
    let callee = phone(stage.callee(CodecId::Pcmu)).await;
    let (call, lifted) = talk_from_webrtc(&alice, &callee).await;
    let heard = heard_of(&lifted, 3, 20).await;
    assert_made_in(&heard, 20, "stereo");
    assert_tone(&heard, CALLER_HZ, "stereo");
    assert_tone(&heard_of(&call, 3, 20).await, CALLEE_HZ, "to who takes stereo");
    call.hang_up().await.expect("confirmed");
    stage.gateway.assert_all_is_over(1);
}

/// An end that numbers its payload types from there on, whatever an offer says.
fn renumbered(from: u8) -> Dialect {
    Dialect { payload_types_from: Some(from), ..Dialect::default() }
}

/// Fails if the offer that this end has answered numbers a codec as its answer did.
fn assert_differs(answerer: &Call, codec: CodecId, answered: u8) {
    let offer = answerer.remote_description().expect("an offer");
    let offered: Vec<_> = offer.formats.iter().filter(|it| it.codec() == Some(codec)).collect();
    assert!(!offered.is_empty() && offered.iter().all(|it| it.payload_type != answered), "{offered:?}");
}

/// Fails unless both hear each other, and a key that the caller and the callee press.
async fn assert_they_understand(
    browser: &Call,
    browser_hears: u16,
    phone: (&Call, CodecId),
    phone_hears: u16,
) {
    let (phone, codec) = phone;
    let heard = heard_of(browser, 3, 20).await;
    assert_tone(&heard, browser_hears, "the browser");
    assert_eq!((heard.codec(), heard.unexpected), (Some(CodecId::Opus), 0));
    assert_tone(&heard_of(phone, 3, 20).await, phone_hears, "the phone");
    browser.send_digits("7").await.expect("sent");
    phone.heard_digits(1, PATIENCE).await.expect("a digit");
    phone.send_digits("4").await.expect("sent");
    let told = async {
        while browser.info_digits() != "4" {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, told).await.expect("a digit for the browser");
    let heard = phone.heard().await.expect("a log");
    assert_eq!((heard.digits_text(), heard.codec(), heard.unexpected), ("7".to_owned(), Some(codec), 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_may_number_its_payload_types_otherwise_than_the_gateway() {
    let bridge = "destination = 'bob'\nfrom_trunk = 'office'\nactions = [{ bridge = { user = 'bob' } }]";
    let stage = Stage::with(&["PCMU"], GatewayConfig::default().user("bob").rule(bridge));
    let bob = webrtc(WebrtcConfig { dialect: renumbered(97), ..stage.bob() }).await;
    bob.register().await.expect("registered");
    let caller = phone(stage.caller(CodecId::Pcmu)).await;
    let (call, lifted) = tokio::join!(caller.call("bob"), lift_webrtc(&bob));
    let call = call.expect("an answer");
    assert_differs(&lifted, CodecId::Opus, 97);
    assert_they_understand(&lifted, CALLER_HZ, (&call, CodecId::Pcmu), CALLEE_HZ).await;
    call.hang_up().await.expect("confirmed");
    stage.gateway.assert_all_is_over(1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_phone_may_number_its_payload_types_otherwise_than_the_gateway() {
    const L16: CodecId = CodecId::L16(L16Rate::Wide);
    let stage = Stage::new(&["L16/16000"]);
    let alice = webrtc(stage.alice()).await;
    let callee = phone(PhoneConfig { dialect: renumbered(120), ..stage.callee(L16) }).await;
    let (call, lifted) = talk_from_webrtc(&alice, &callee).await;
    assert_differs(&lifted, L16, 120);
    assert_they_understand(&call, CALLEE_HZ, (&lifted, L16), CALLER_HZ).await;
    call.hang_up().await.expect("confirmed");
    stage.gateway.assert_all_is_over(1);
}

/// The codec has the number that everybody gives it; the keys have not.
#[tokio::test(flavor = "multi_thread")]
async fn a_phone_may_number_its_keys_alone_otherwise_than_the_gateway() {
    let stage = Stage::new(&["PCMU"]);
    let alice = webrtc(stage.alice()).await;
    let callee = phone(PhoneConfig { dialect: renumbered(96), ..stage.callee(CodecId::Pcmu) }).await;
    let (call, lifted) = talk_from_webrtc(&alice, &callee).await;
    let offer = lifted.remote_description().expect("an offer");
    let keys: Vec<_> = offer.formats.iter().filter(|format| format.is_events()).collect();
    assert!(keys.len() == 1 && keys[0].payload_type != 96, "{keys:?}");
    assert_they_understand(&call, CALLEE_HZ, (&lifted, CodecId::Pcmu), CALLER_HZ).await;
    call.hang_up().await.expect("confirmed");
    stage.gateway.assert_all_is_over(1);
}

/// What a caller hears of a phone that says this at a trunk of this codec, when it asks for that of Opus.
async fn asking(opus: &str, trunk: (CodecId, &str), voice: Voice, seconds: usize) -> Heard {
    let stage = Stage::new(&[trunk.1]);
    let dialect = Dialect { opus: Some(opus.to_owned()), ..Dialect::default() };
    let alice = webrtc(WebrtcConfig { dialect, ..stage.alice() }).await;
    let callee = phone(PhoneConfig { voice: Some(voice), ..stage.callee(trunk.0) }).await;
    let (call, _lifted) = talk_from_webrtc(&alice, &callee).await;
    call.heard_packets(1, PATIENCE).await.expect("audio");
    tokio::time::sleep(Duration::from_secs(seconds as u64)).await;
    let heard = call.heard().await.expect("a log");
    call.hang_up().await.expect("confirmed");
    stage.gateway.assert_all_is_over(1);
    heard
}

const PCMU: (CodecId, &str) = (CodecId::Pcmu, "PCMU");
const G722: (CodecId, &str) = (CodecId::G722, "G722");

/// Of packets of 20 ms.
fn bitrate_bps(heard: &Heard) -> usize {
    let packets = &heard.packets[50..];
    packets.iter().map(|packet| packet.payload.len()).sum::<usize>() * 8 * 50 / packets.len()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_gets_the_bitrate_that_it_asks_for() {
    let free = bitrate_bps(&asking("useinbandfec=1", PCMU, noise(), 3).await);
    let bounded = bitrate_bps(&asking("useinbandfec=1;maxaveragebitrate=12000", PCMU, noise(), 3).await);
    assert!(free > 24_000 && (9000..13_000).contains(&bounded), "{free} and {bounded} bit/s");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_that_asks_for_a_constant_bitrate_gets_packets_of_one_size() {
    let heard = asking("cbr=1;maxaveragebitrate=16000", PCMU, speech(), 3).await;
    assert!(heard.packets.len() > 100, "{} packets", heard.packets.len());
    let sizes: Vec<_> = heard.packets.iter().map(|packet| packet.payload.len()).collect();
    assert!(sizes.iter().all(|size| *size == 40), "{sizes:?}");
    let heard = asking("maxaveragebitrate=16000", PCMU, speech(), 3).await;
    assert!(heard.packets.iter().any(|packet| packet.payload.len() != 40), "else the size follows the voice");
}

/// Whether a packet has sound above 4 kHz (RFC 6716 table 2).
fn is_wider_than_narrow(packet: &HeardPacket) -> bool {
    !matches!(packet.payload[0] >> 3, 0..=3 | 16..=19)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_gets_no_more_bandwidth_than_it_plays() {
    let narrow = asking("maxplaybackrate=8000", G722, speech(), 3).await;
    assert!(narrow.packets.len() > 100 && !narrow.packets.iter().any(is_wider_than_narrow));
    let wide = asking("useinbandfec=1", G722, speech(), 3).await;
    assert!(wide.packets[50..].iter().all(is_wider_than_narrow));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_that_asks_for_pauses_is_sent_no_silence() {
    let heard = asking("usedtx=1", PCMU, speech_with_pauses(), 8).await;
    let packets = &heard.packets;
    assert!((200..320).contains(&packets.len()), "{} packets in eight seconds", packets.len());
    let mut pauses = 0;
    for pair in packets.windows(2) {
        assert_eq!(pair[1].sequence, pair[0].sequence.wrapping_add(1), "nothing is lost");
        let ticks = pair[1].timestamp.wrapping_sub(pair[0].timestamp);
        assert!(ticks >= 960 && ticks % 960 == 0, "{ticks} ticks");
        pauses += usize::from(ticks > 10 * 960);
    }
    assert!(pauses >= 4, "{pauses} pauses");
    let heard = asking("useinbandfec=1", PCMU, speech_with_pauses(), 8).await;
    assert!(heard.packets.len() > 380, "{} packets for who wants silence", heard.packets.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_that_asks_for_pauses_hears_a_phones_tone_to_its_end() {
    let heard = asking("usedtx=1", PCMU, Voice::tone(CALLEE_HZ, LEVEL_DBM0), 5).await;
    assert_made_in(&heard, 20, "a tone that does not change");
    assert_tone(&heard, CALLEE_HZ, "a tone that does not change");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_that_asks_for_pauses_hears_the_gateways_tones_and_prompts_to_their_end() {
    let prompts = Prompts::new();
    let prompt = prompts.wav(CALLER_HZ, 8000);
    let tone = format!("{{ tone = {{ frequency_hz = {CALLER_HZ}, level_dbm0 = -10, duration_ms = 4000 }} }}");
    let play = format!(
        "actions = ['answer', {tone}, {{ play = {{ prompts = [{prompt:?}, {prompt:?}] }} }}, 'hangup']"
    );
    let config = GatewayConfig::default().rule(&format!("destination = '703'\n{play}"));
    let stage = Stage::with(&["PCMU"], config);
    let dialect = Dialect { opus: Some("usedtx=1".to_owned()), ..Dialect::default() };
    let alice = webrtc(WebrtcConfig { dialect, ..stage.alice() }).await;
    let call = alice.call("703").await.expect("an answer");
    assert!(matches!(call.ended(PATIENCE).await, Ok(CallEnd::ByPeer { .. })));
    let heard = call.heard().await.expect("a log");
    let packets = heard.packets.len();
    // The tone begins before the browser's handshake is over.
    assert!((370..=402).contains(&packets), "{packets} packets of eight seconds");
    assert_tone(&heard, CALLER_HZ, "tone and prompts");
    stage.gateway.assert_all_is_over(1);
}

/// How many of the packets have a copy of the one before (RFC 6716 2.1.7).
fn redundant(packets: &[HeardPacket]) -> usize {
    let mut decoder = decoder(CodecId::Opus, NARROW).expect("a decoder");
    let mut out = [0; 160];
    let has_copy = |packet: &&HeardPacket| {
        let has_copy = decoder.recover(&packet.payload, &mut out);
        decoder.decode(&packet.payload, &mut out).expect("20 ms");
        has_copy
    };
    packets.iter().filter(has_copy).count()
}

/// From 15 % on the network is taken to be full. At a constant bitrate all packets are of one length.
#[tokio::test(flavor = "multi_thread")]
async fn a_browser_that_reports_congestion_gets_three_quarters_of_the_bitrate() {
    let stage = Stage::new(&["PCMU"]);
    let dialect = Dialect { opus: Some("cbr=1".to_owned()), ..Dialect::default() };
    let alice = webrtc(WebrtcConfig { dialect, ..stage.alice() }).await;
    let callee = phone(PhoneConfig { voice: Some(speech()), ..stage.callee(CodecId::Pcmu) }).await;
    let (call, lifted) = talk_from_webrtc(&alice, &callee).await;
    call.heard_packets(100, PATIENCE).await.expect("audio");
    let length = async || {
        let log = call.heard().await.expect("a log");
        log.packets.last().expect("audio").payload.len()
    };
    let whole = length().await;
    call.claim_loss(Some(20));
    call.heard_packets(250, PATIENCE).await.expect("audio");
    let congested = length().await;
    assert!((whole * 3 / 4).abs_diff(congested) <= 2, "{congested} of {whole} octets");
    assert_mostly_hears(&lifted, CALLER_HZ).await;
    call.hang_up().await.expect("confirmed");
    stage.gateway.assert_all_is_over(1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_that_reports_loss_gets_redundancy_until_it_reports_none() {
    let stage = Stage::new(&["PCMU"]);
    let alice = webrtc(stage.alice()).await;
    let callee = phone(PhoneConfig { voice: Some(speech()), ..stage.callee(CodecId::Pcmu) }).await;
    let (call, _lifted) = talk_from_webrtc(&alice, &callee).await;
    let mut heard = 0;
    // The share of redundant packets among a second's, after so many.
    let mut after = async |seconds: usize| {
        heard += 50 * (seconds + 1);
        call.heard_packets(heard, PATIENCE).await.expect("audio");
        let log = call.heard().await.expect("a log");
        redundant(&log.packets[log.packets.len() - 50..])
    };
    assert_eq!(after(1).await, 0, "nothing was lost yet");
    call.claim_loss(Some(10));
    let lossy = after(2).await;
    assert!(lossy > 20, "{lossy} of 50");
    call.claim_loss(Some(0));
    let healed = after(10).await;
    assert_eq!(healed, 0, "of 50");
    call.hang_up().await.expect("confirmed");
    stage.gateway.assert_all_is_over(1);
}
