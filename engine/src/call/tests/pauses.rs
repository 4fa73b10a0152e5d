//! Pauses: comfort noise and DTX of either side, and those of which nobody tells.

use std::time::Duration;

use proptest::prelude::*;
use webtrunk_codecs::comfort_noise::{NoiseGenerator, Sid};
use webtrunk_codecs::opus::OpusEncoderConfig;
use webtrunk_codecs::{CodecId, EncoderConfig, SampleRate, encoder};

use super::{Bench, FRAME, Heard, Phone, tone};
use crate::call::{CallEvent, KeyMode};
use crate::media::quality::AudioState;
use crate::rtp::{PayloadType, RtpHeader, RtpPacket};

/// The room behind the voice, up to 24 kHz, and what of it is narrow band.
const BACKGROUND: f32 = -55.0;
const NARROW_BACKGROUND: f32 = BACKGROUND - 7.8;

fn phone(index: u8, codec: CodecId, has_noise: bool) -> Phone {
    Phone { has_noise, ..Phone::new(index, codec) }
}

fn between(left: Phone, right: Phone) -> Bench {
    Bench::between(left, right, KeyMode::Events)
}

/// A pause of the sender in its own stream: time passes.
fn keep_silent(bench: &mut Bench, frames: u32) {
    for _ in 0..frames {
        let ticks = bench.phones[0].codec.clock_rate().hz() / 50;
        bench.phones[0].timestamp = bench.phones[0].timestamp.plus(ticks);
        bench.pass(FRAME);
    }
}

/// Sends a silence descriptor; it fills no time.
fn send_noise(bench: &mut Bench, sid: &Sid) {
    let mut payload = [0; 13];
    let length = sid.write_to(&mut payload).expect("room for it");
    let timestamp = bench.phones[0].timestamp;
    let packet = bench.phones[0].packet(&payload[..length]);
    bench.phones[0].timestamp = timestamp;
    let packet = RtpPacket::parse(&packet).expect("a whole packet");
    let header = RtpHeader {
        payload_type: PayloadType::new(13).expect("seven bits"),
        marker: false,
        sequence: packet.sequence(),
        timestamp: packet.timestamp(),
        ssrc: packet.ssrc(),
    };
    let mut bytes = vec![0; RtpHeader::LEN];
    header.write_to(&mut bytes);
    bytes.extend_from_slice(packet.payload());
    bench.deliver(0, &mut bytes);
}

fn speak(bench: &mut Bench, frames: usize) {
    for payload in tone(bench.phones[0].codec, frames) {
        bench.send(0, &payload);
        bench.pass(FRAME);
    }
}

/// Opus as browsers send it with DTX: a tone, a background, a tone again, before the same room.
fn opus_with_pause(frames: [usize; 3]) -> Vec<Vec<u8>> {
    let rate = SampleRate::HZ_48000;
    let opus = OpusEncoderConfig { dtx: true, ..OpusEncoderConfig::default() };
    let mut encoder = encoder(CodecId::Opus, rate, &EncoderConfig { opus }).expect("an encoder");
    let mut room = NoiseGenerator::new(rate, 3);
    room.update(&Sid::white(BACKGROUND));
    let mut at = 0;
    let mut payloads = Vec::new();
    for (part, frames) in frames.into_iter().enumerate() {
        for _ in 0..frames {
            let mut frame = [0; 960];
            room.fill(&mut frame);
            for sample in &mut frame {
                at += 1;
                // Pulses of a voice, which nobody takes for music.
                let pulse = 1.0 - (at % 384) as f32 / 192.0;
                let swell = (at as f32 / 9600.0 * std::f32::consts::PI).sin().abs();
                *sample += if part == 1 { 0 } else { (6000.0 * pulse * swell) as i16 };
            }
            let mut payload = [0; 1275];
            let length = encoder.encode(&frame, &mut payload).expect("20 ms");
            payloads.push(payload[..length].to_vec());
        }
    }
    payloads
}

/// Sends what a browser would: of what need not be sent, the first.
fn send_with_dtx(bench: &mut Bench, payloads: &[Vec<u8>]) -> usize {
    let mut sent = 0;
    for (index, payload) in payloads.iter().enumerate() {
        let is_silence = |payload: &Vec<u8>| payload.len() <= 2;
        if is_silence(payload) && index > 0 && is_silence(&payloads[index - 1]) {
            keep_silent(bench, 1);
            continue;
        }
        sent += 1;
        bench.send(0, payload);
        bench.pass(FRAME);
    }
    sent
}

fn level_dbov(samples: &[i16]) -> f32 {
    crate::media::quality::level_dbov(samples)
}

/// One stream: nothing lost, and time goes forward.
fn assert_whole(heard: &[Heard]) {
    for pair in heard.windows(2) {
        assert_eq!(pair[1].sequence, pair[0].sequence.wrapping_add(1));
        assert_eq!(pair[1].ssrc, pair[0].ssrc);
        let step = pair[1].timestamp.wrapping_sub(pair[0].timestamp).cast_signed();
        // What a descriptor tells begins where it stands: voice may begin there too.
        assert!(step > 0 || step == 0 && pair[0].payload_type == 13, "{step} ticks");
    }
}

#[test]
fn a_pause_of_opus_is_told_as_comfort_noise_to_a_phone_that_takes_it() {
    let mut bench = between(phone(1, CodecId::Opus, false), phone(2, CodecId::Pcmu, true));
    let payloads = opus_with_pause([100, 300, 50]);
    let sent = send_with_dtx(&mut bench, &payloads);
    assert!(sent < 250, "the pause was one: {sent} packets");
    let heard = &bench.phones[1].heard;
    assert_whole(heard);
    let noise: Vec<_> = heard.iter().filter(|packet| packet.payload_type == 13).collect();
    let voice = heard.len() - noise.len();
    assert!((8..=40).contains(&noise.len()) && voice < 200, "{} descriptors, {voice} of voice", noise.len());
    for packet in &noise[1..] {
        let told = Sid::parse(&packet.payload).expect("a descriptor").level_dbov();
        assert!((told - NARROW_BACKGROUND).abs() < 4.0, "{told} dBov");
    }
    for pair in heard.windows(2).filter(|pair| pair[0].payload_type == 13) {
        assert_eq!(pair[1].marker, pair[1].payload_type == 0, "the voice that comes back is marked");
    }
    let all = heard[heard.len() - 1].timestamp.wrapping_sub(heard[0].timestamp);
    assert_eq!(all, 449 * 160, "time passed as it does");
}

#[test]
fn a_pause_of_opus_is_heard_as_its_background_by_a_phone_without_comfort_noise() {
    let mut bench = between(phone(1, CodecId::Opus, false), phone(2, CodecId::Pcmu, false));
    send_with_dtx(&mut bench, &opus_with_pause([100, 300, 50]));
    let right = &bench.phones[1];
    assert!(right.heard.iter().all(|packet| packet.payload_type == 0));
    right.assert_unbroken(160);
    assert_eq!(right.heard.len(), 450);
    for second in right.sound()[3 * 8000..7 * 8000].chunks(8000) {
        let level = level_dbov(second);
        assert!((level - NARROW_BACKGROUND).abs() < 3.0, "{level} dBov");
    }
}

#[test]
fn comfort_noise_of_a_phone_is_heard_at_its_level_in_an_unbroken_stream() {
    for (codec, ticks) in [(CodecId::Opus, 960), (CodecId::Pcma, 160)] {
        let mut bench = between(phone(1, CodecId::Pcmu, true), phone(2, codec, false));
        speak(&mut bench, 50);
        send_noise(&mut bench, &Sid::white(-50.0));
        keep_silent(&mut bench, 100);
        send_noise(&mut bench, &Sid::white(-60.0));
        keep_silent(&mut bench, 100);
        speak(&mut bench, 50);
        let right = &bench.phones[1];
        assert_eq!(right.heard.len(), 300, "{codec:?}");
        right.assert_unbroken(ticks);
        let sound = right.sound();
        for (second, expected) in [(1, -50.0), (2, -50.0), (3, -60.0), (4, -60.0), (5, -16.2)] {
            let level = level_dbov(&sound[second * 8000 + 1600..][..6400]);
            assert!((level - expected).abs() < 2.5, "{codec:?}: {level} dBov in second {second}");
        }
    }
}

#[test]
fn comfort_noise_is_passed_on_where_both_take_it_and_made_up_where_one_does() {
    let sid = Sid::white(-52.0).with_spectrum(&[-0.5, 0.3]);
    for (output, has_noise) in
        [(CodecId::Pcmu, true), (CodecId::Pcma, true), (CodecId::Pcmu, false), (CodecId::Pcma, false)]
    {
        let mut bench = between(phone(1, CodecId::Pcmu, true), phone(2, output, has_noise));
        speak(&mut bench, 50);
        send_noise(&mut bench, &sid);
        keep_silent(&mut bench, 50);
        speak(&mut bench, 50);
        let heard = &bench.phones[1].heard;
        assert_whole(heard);
        let noise: Vec<_> = heard.iter().filter(|packet| packet.payload_type == 13).collect();
        let all = heard[heard.len() - 1].timestamp.wrapping_sub(heard[0].timestamp);
        assert_eq!(all, 149 * 160, "{output:?}");
        if has_noise {
            assert!(noise.iter().all(|packet| Sid::parse(&packet.payload) == Some(sid)));
            let most = if output == CodecId::Pcmu { 1 } else { 3 };
            assert!((1..=most).contains(&noise.len()), "{} descriptors", noise.len());
            let resumed =
                heard.windows(2).find(|pair| pair[0].payload_type == 13 && pair[1].payload_type != 13);
            assert!(resumed.is_some_and(|pair| pair[1].marker));
        } else {
            assert_eq!((noise.len(), heard.len()), (0, 150), "{output:?}");
            let level = level_dbov(&bench.phones[1].sound()[9600..14_400]);
            assert!((level + 52.0).abs() < 1.5, "{level} dBov");
        }
    }
}

#[test]
fn a_pause_of_which_nobody_tells_leaves_nobody_without_packets() {
    let mut bench = Bench::talking(CodecId::Pcma, CodecId::Pcmu);
    speak(&mut bench, 50);
    keep_silent(&mut bench, 100);
    assert!(bench.phones[1].heard.len() >= 50 + 88, "{} packets", bench.phones[1].heard.len());
    speak(&mut bench, 50);
    let heard = &bench.phones[1].heard;
    assert_whole(heard);
    assert_eq!(heard[heard.len() - 1].timestamp.wrapping_sub(heard[0].timestamp), 199 * 160);
}

#[test]
fn comfort_noise_that_was_not_agreed_on_is_of_no_use() {
    let mut bench = Bench::talking(CodecId::Pcmu, CodecId::Opus);
    speak(&mut bench, 10);
    send_noise(&mut bench, &Sid::white(-50.0));
    assert_eq!(bench.call.stats()[0].drops.iter().map(|(_, count)| count).sum::<u64>(), 1);
}

#[test]
fn a_pause_that_was_announced_is_no_dead_leg_and_no_loss() {
    let minutes = |bench: &mut Bench, minutes: u32| {
        let mut told = Vec::new();
        for _ in 0..minutes * 60 {
            keep_silent(bench, 50);
            // Of the other party there is always something.
            bench.send(1, &[0xff; 160]);
            told.extend(bench.events());
        }
        told
    };
    let fails = |event: &CallEvent| matches!(event, CallEvent::LegFailed { .. });
    let mut bench = between(phone(1, CodecId::Pcmu, true), phone(2, CodecId::Opus, false));
    speak(&mut bench, 10);
    send_noise(&mut bench, &Sid::white(-50.0));
    let told = minutes(&mut bench, 5);
    assert!(!told.iter().any(fails), "{told:?}");
    let is_noise =
        |event: &CallEvent| matches!(event, CallEvent::AudioChanged { now: AudioState::ComfortNoise, .. });
    assert_eq!(bench.call.stats()[0].lost, 0);
    speak(&mut bench, 100);
    assert_eq!(bench.call.stats()[0].lost, 0);
    assert!(bench.call.stats()[0].heard.expect("packets came").total.loss < 1e-6);
    for _ in 0..12 {
        send_noise(&mut bench, &Sid::white(-50.0));
        keep_silent(&mut bench, 50);
    }
    assert!(bench.events().iter().any(is_noise), "comfort noise only");
    let told = minutes(&mut bench, 11);
    assert!(told.iter().any(fails), "nothing for more than ten minutes is dead: {told:?}");

    let mut bench = between(phone(1, CodecId::Pcmu, true), phone(2, CodecId::Opus, false));
    speak(&mut bench, 10);
    let told = minutes(&mut bench, 2);
    assert!(told.iter().any(fails), "nothing without a word is dead after one: {told:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]
    /// Voice, pauses and jitter in any order: one stream, whose time is that of the speaker.
    #[test]
    fn time_is_the_speakers_whatever_pauses_and_standstills_there_are(
        parts in prop::collection::vec((1_usize..40, 0_u32..60, 0_u64..19, any::<bool>()), 3..20),
        takes_noise in any::<bool>(),
    ) {
        let mut bench = between(phone(1, CodecId::Pcma, true), phone(2, CodecId::Pcmu, takes_noise));
        let mut frames = 0;
        for (voice, pause, late_ms, is_announced) in parts {
            // What comes of a burst comes late, all of it.
            let late = Duration::from_millis(late_ms);
            bench.pass(late);
            speak(&mut bench, voice);
            if is_announced {
                send_noise(&mut bench, &Sid::white(-50.0));
            }
            keep_silent(&mut bench, pause);
            frames += voice as u32 + pause;
        }
        speak(&mut bench, 1);
        let heard = &bench.phones[1].heard;
        assert_whole(heard);
        let all = heard[heard.len() - 1].timestamp.wrapping_sub(heard[0].timestamp);
        // Lateness adds up here, and is made up for in pauses that may have not come yet.
        prop_assert!(all >= frames * 160, "{all} ticks for {frames} frames");
        prop_assert!(all <= frames * 160 + 20 * 19 * 8 + 320, "{all} ticks for {frames} frames");
    }
}
