//! What is heard of the delay's changes: nothing.

use std::f64::consts::TAU;
use std::time::Duration;

use webtrunk_codecs::comfort_noise::Sid;
use webtrunk_codecs::{CodecId, EncoderConfig, SampleRate, decoder, encoder};

use super::super::{Content, JitterConfig, Played, Playout, PlayoutCounters, jitter_buffer};
use super::link::{Link, Sent, Weather, talk};
use crate::media::quality::level_dbov;

const TICK: Duration = Duration::from_millis(20);

/// 20 ms packets of a 200 Hz voice with overtones, in PCMU.
fn voice(packets: u32) -> Vec<Sent> {
    let mut encoder = encoder(CodecId::Pcmu, SampleRate::HZ_8000, &EncoderConfig::default()).expect("8 kHz");
    let sent = talk(packets).zip(0_u32..).map(|(packet, number)| {
        let sample = |n: u32| {
            let at = f64::from(number * 160 + n) / 8000.0 * TAU * 200.0;
            ((at.sin() + 0.5 * (2.0 * at).sin() + 0.25 * (3.0 * at).cos()) * 8000.0) as i16
        };
        let pcm: Vec<i16> = (0..160).map(sample).collect();
        let mut payload = vec![0; 160];
        encoder.encode(&pcm, &mut payload).expect("20 ms");
        Sent { payload, ..packet }
    });
    sent.collect()
}

/// The sound of a whole call, the delay at each tick, and what was done.
struct Heard {
    samples: Vec<i16>,
    delays: Vec<(Duration, Duration)>,
    played: Vec<Played>,
    counters: PlayoutCounters,
    concealed: u64,
}

fn play(link: Link, seconds: u32) -> Heard {
    play_codec(link, seconds, CodecId::Pcmu)
}

fn play_codec(mut link: Link, seconds: u32, codec: CodecId) -> Heard {
    let clock = codec.clock_rate();
    let (mut writer, reader) = jitter_buffer(JitterConfig::default(), clock, link.start);
    let decoder = decoder(codec, SampleRate::HZ_8000).expect("8 kHz");
    let mut playout = Playout::new(reader, decoder, clock);
    let (mut samples, mut delays, mut played) = (Vec::new(), Vec::new(), Vec::new());
    for tick in 0..seconds * 50 {
        let time = TICK * tick;
        link.deliver(time, &mut writer);
        let mut frame = [0; 160];
        played.push(playout.pull_frame(link.start + time, &mut frame));
        samples.extend_from_slice(&frame);
        delays.push((time, playout.playout_delay()));
    }
    Heard { samples, delays, played, counters: playout.counters(), concealed: playout.fates().concealed }
}

impl Heard {
    fn largest_step(&self) -> i32 {
        let steps = self.samples.windows(2).map(|pair| (i32::from(pair[1]) - i32::from(pair[0])).abs());
        steps.max().unwrap_or(0)
    }

    fn longest_delay(&self, from_s: u64, until_s: u64) -> Duration {
        let range = Duration::from_secs(from_s)..Duration::from_secs(until_s);
        let delays = self.delays.iter().filter(|(time, _)| range.contains(time)).map(|(_, delay)| *delay);
        delays.max().unwrap_or(Duration::ZERO)
    }
}

/// The largest step of the voice itself, by its samples.
const STEP_OF_VOICE: i32 = 4200;

#[test]
fn a_burst_of_delay_is_forgotten_within_five_seconds_and_nobody_hears_it() {
    let mut link = Link::new(voice(1500), Weather::default(), 1);
    for burst in 0..4_u64 {
        let at = Duration::from_millis(10_000 + burst * 300);
        link.stall(at, at + Duration::from_millis(140));
    }
    let heard = play(link, 28);
    assert!(heard.longest_delay(10, 13) > Duration::from_millis(100), "the burst is covered");
    let after = heard.longest_delay(16, 28);
    assert!(after < Duration::from_millis(60), "{after:?} five seconds after the burst");
    assert!(heard.counters.removed > 500, "{:?}", heard.counters);
    let step = heard.largest_step();
    assert!(step < STEP_OF_VOICE, "a step of {step}");
}

#[test]
fn jitter_is_played_smoothly() {
    for (jitter_ms, seed) in [(30, 2), (100, 3)] {
        let weather = Weather { jitter_ms, ..Weather::default() };
        let heard = play(Link::new(voice(3000), weather, seed), 58);
        let step = heard.largest_step();
        assert!(step < STEP_OF_VOICE, "a step of {step} at {jitter_ms} ms");
        assert!(heard.concealed < 60, "{} of 3000 packets invented at {jitter_ms} ms", heard.concealed);
        let delay = heard.longest_delay(5, 58);
        assert!(delay < Duration::from_millis(jitter_ms + 60), "{delay:?} at {jitter_ms} ms");
    }
}

#[test]
fn lost_opus_is_recovered_from_the_packet_after_it() {
    let rate = SampleRate::HZ_8000;
    let mut config = EncoderConfig::default();
    config.opus.expected_loss_percent = 20;
    config.opus.bitrate_bps = 24_000;
    let mut encoder = encoder(CodecId::Opus, rate, &config).expect("8 kHz");
    let sent: Vec<Sent> = (0..2000_u32)
        .map(|number| {
            let at = |n: u32| f64::from(number * 160 + n) / 8000.0 * TAU;
            // A voice whose pitch moves, so that what is recovered differs from what is repeated.
            let pcm: Vec<i16> = (0..160)
                .map(|n| ((at(n) * (180.0 + 40.0 * (at(n) / 9.0).sin())).sin() * 8000.0) as i16)
                .collect();
            let mut payload = vec![0; 500];
            let length = encoder.encode(&pcm, &mut payload).expect("20 ms");
            payload.truncate(length);
            Sent {
                ssrc: 1,
                sequence: number as u16,
                timestamp: number * 960,
                payload,
                content: Content::Voice,
                at: TICK * number,
            }
        })
        .collect();
    let link = Link::new(sent, Weather { loss: 0.1, jitter_ms: 5, ..Weather::default() }, 6);
    let repairable = link.repairable;
    let heard = play_codec(link, 39, CodecId::Opus);
    let recovered = heard.counters.recovered;
    assert!(recovered * 10 > repairable * 8, "{recovered} of {repairable} that could be");
    assert!(heard.concealed >= recovered && heard.counters.undecodable == 0);
}

#[test]
fn g722_has_two_samples_a_tick() {
    let rate = SampleRate::HZ_16000;
    let mut encoder = encoder(CodecId::G722, rate, &EncoderConfig::default()).expect("16 kHz");
    let sent: Vec<Sent> = talk(500)
        .zip(0_u32..)
        .map(|(packet, number)| {
            let at = |n: u32| f64::from(number * 320 + n) / 16_000.0 * TAU;
            let pcm: Vec<i16> = (0..320).map(|n| ((at(n) * 200.0).sin() * 8000.0) as i16).collect();
            let mut payload = vec![0; 160];
            encoder.encode(&pcm, &mut payload).expect("20 ms");
            Sent { payload, ..packet }
        })
        .collect();
    let mut link = Link::new(sent, Weather { loss: 0.02, ..Weather::default() }, 7);
    let clock = CodecId::G722.clock_rate();
    let (mut writer, reader) = jitter_buffer(JitterConfig::default(), clock, link.start);
    let mut playout = Playout::new(reader, decoder(CodecId::G722, rate).expect("16 kHz"), clock);
    let mut samples = Vec::new();
    for tick in 0..490 {
        link.deliver(TICK * tick, &mut writer);
        let mut frame = [0; 320];
        playout.pull_frame(link.start + TICK * tick, &mut frame);
        samples.extend_from_slice(&frame);
    }
    let fates = playout.fates();
    assert!(fates.concealed <= fates.lost && fates.played > 450, "{fates:?}");
    // The codec itself needs some milliseconds to grow accustomed.
    let steps = samples[3200..].windows(2).map(|pair| (i32::from(pair[1]) - i32::from(pair[0])).abs());
    assert!(steps.max() < Some(1000), "200 Hz at 16 kHz steps by 630 at most");
}

#[test]
fn drift_is_made_up_for_by_single_periods() {
    for drift_ppm in [-200, 200] {
        let weather = Weather { drift_ppm, jitter_ms: 5, ..Weather::default() };
        let heard = play(Link::new(voice(15_000), weather, 4), 295);
        // 295 s drift by 59 ms.
        let changed = if drift_ppm > 0 { heard.counters.removed } else { heard.counters.inserted };
        assert!((200..1500).contains(&changed), "{:?} at {drift_ppm} ppm", heard.counters);
        assert!(heard.largest_step() < STEP_OF_VOICE);
        assert!(heard.longest_delay(5, 295) < Duration::from_millis(60));
        assert!(heard.concealed < 10, "{} at {drift_ppm} ppm", heard.concealed);
    }
}

#[test]
fn the_end_of_speech_dies_away_and_its_begin_is_no_click() {
    let sent = voice(500).into_iter().filter(|packet| packet.at.as_millis() % 2000 < 1000);
    let sent = sent.zip(0_u16..).map(|(packet, sequence)| Sent { sequence, ..packet });
    let heard = play(Link::new(sent, Weather::default(), 5), 10);
    assert!(heard.played.contains(&Played::Silence) && heard.played.contains(&Played::Concealed));
    assert!(heard.largest_step() < STEP_OF_VOICE, "a step of {}", heard.largest_step());
    let silent = heard.samples.iter().filter(|sample| **sample == 0).count();
    assert!(silent > 4 * 8000 / 2, "{silent} samples of silence");
}

#[test]
fn comfort_noise_is_heard_until_the_voice_comes_back() {
    // A second of voice, two of a pause that is described once, a second of voice.
    let mut sent = voice(200);
    sent.drain(50..149);
    for (packet, sequence) in sent.iter_mut().zip(0..) {
        packet.sequence = sequence;
    }
    let mut payload = [0; 13];
    let length = Sid::white(-45.0).write_to(&mut payload).expect("room for it");
    sent[50] = Sent {
        payload: payload[..length].to_vec(),
        content: Content::Noise,
        timestamp: sent[49].timestamp + 160,
        at: sent[49].at + TICK,
        ..sent[50].clone()
    };
    let heard = play(Link::new(sent, Weather::default(), 1), 4);
    let level = |from_ms: usize, until_ms: usize| level_dbov(&heard.samples[from_ms * 8..until_ms * 8]);
    assert!(level(300, 900) > -15.0, "voice: {} dBov", level(300, 900));
    for half in 0..3 {
        let noise = level(1300 + half * 500, 1800 + half * 500);
        assert!((noise + 45.0).abs() < 1.5, "{noise} dBov");
    }
    assert!(level(3300, 3900) > -15.0, "voice again: {} dBov", level(3300, 3900));
    assert!(heard.largest_step() < STEP_OF_VOICE + 600, "a step of {}", heard.largest_step());
    assert_eq!(heard.concealed, 0);
}
