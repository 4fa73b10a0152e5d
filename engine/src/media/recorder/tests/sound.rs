//! What is heard in a recording.

use std::time::{Duration, Instant};

use webtrunk_codecs::l16::L16Rate;
use webtrunk_codecs::tone::{FULL_SCALE_DBM0, goertzel_dbm0};
use webtrunk_codecs::{CodecId, SampleRate};

use super::super::feed::{Heard, Side, Tap, tap};
use super::super::sink::Sink;
use super::super::take::Take;
use super::super::{RATE, RecordingEnd, RecordingFormat};
use super::disk::Memory;
use super::party::{Party, tone};

const LEFT_HZ: f64 = 440.0;
const RIGHT_HZ: f64 = 850.0;

/// The level of [`tone`]: 0.3 of 32000, in dBm0.
const LEVEL_DBM0: f64 = FULL_SCALE_DBM0 - 10.66;

/// Two parties that are recorded.
struct Talk {
    now: Instant,
    begun_at: Instant,
    parties: [Party; 2],
    tap: Tap,
    take: Take<Memory>,
    disk: Memory,
}

impl Talk {
    fn new(parties: [Party; 2]) -> Self {
        let now = Instant::now();
        let (tap, feed) = tap(now);
        let disk = Memory::default();
        let sink = Sink::begin(disk.clone(), RecordingFormat::Wav, 1).expect("there is room");
        Self { now, begun_at: now, parties, tap, take: Take::new(feed, sink), disk }
    }

    fn run_for(&mut self, frames: usize) {
        for frame in 0..frames {
            self.now += Duration::from_millis(20);
            for (side, hz, party) in [Side::Left, Side::Right]
                .into_iter()
                .zip([LEFT_HZ, RIGHT_HZ])
                .zip(&mut self.parties)
                .map(|((side, hz), party)| (side, hz, party))
            {
                let codec = party.codec();
                let Some(came) = party.say(tone(hz)) else { continue };
                let heard = Heard {
                    side,
                    codec,
                    timestamp: came.timestamp,
                    lost_before: came.lost_before,
                    payload: &came.payload,
                };
                self.tap.hear(heard, self.begun_at + Duration::from_micros(came.at_us));
            }
            if frame % 10 == 0 {
                let now_us = (self.now - self.begun_at).as_micros() as u64;
                assert_eq!(self.take.step(now_us), None);
            }
        }
    }

    fn end(mut self) -> [Vec<i16>; 2] {
        self.tap.stop(self.now);
        assert_eq!(self.take.step(0), Some(RecordingEnd::Stopped));
        let length = (self.now - self.begun_at).as_millis() as usize * 16;
        let channels = self.disk.wav();
        assert_eq!([channels[0].len(), channels[1].len()], [length; 2], "the length is that of the clock");
        channels
    }
}

fn level(samples: &[i16], from_ms: u32, hz: f64) -> f64 {
    goertzel_dbm0(&samples[RATE.samples_in_ms(from_ms)..][..RATE.samples_in_ms(200)], RATE, hz)
}

#[test]
fn each_party_is_on_its_side_at_its_level_whatever_the_codec() {
    // 20 ms of samples at 48 kHz fit no packet.
    let codecs = CodecId::ALL.into_iter().filter(|codec| *codec != CodecId::L16(L16Rate::Full));
    for (seed, codec) in codecs.enumerate() {
        let mut talk = Talk::new([Party::new(codec, 0.0, seed as u64), Party::new(CodecId::Pcma, 0.0, 99)]);
        talk.run_for(100);
        let [left, right] = talk.end();
        for (samples, own, other) in [(left, LEFT_HZ, RIGHT_HZ), (right, RIGHT_HZ, LEFT_HZ)] {
            let heard = level(&samples, 1000, own);
            assert!((heard - LEVEL_DBM0).abs() < 0.3, "{codec:?}: {own} Hz at {heard} dBm0");
            let crossed = level(&samples, 1000, other);
            assert!(crossed < -50.0, "{codec:?}: {other} Hz at {crossed} dBm0");
        }
    }
}

#[test]
fn lost_packets_leave_no_gap() {
    let lossy = |codec, seed| Party::new(codec, 0.0, seed).over(0.05, 0);
    let mut talk = Talk::new([lossy(CodecId::Opus, 3), lossy(CodecId::Pcmu, 4)]);
    talk.run_for(500);
    for (samples, hz) in talk.end().into_iter().zip([LEFT_HZ, RIGHT_HZ]) {
        let faintest = (2..48).map(|fifth| level(&samples, fifth * 200, hz)).fold(f64::INFINITY, f64::min);
        assert!(faintest > LEVEL_DBM0 - 6.0, "{hz} Hz sinks to {faintest} dBm0");
    }
}

#[test]
fn a_pause_is_silence_and_what_follows_is_in_its_place() {
    let mut talk = Talk::new([Party::new(CodecId::Pcmu, 0.0, 5), Party::new(CodecId::Opus, 0.0, 6)]);
    talk.run_for(100);
    talk.tap.pause();
    talk.run_for(100);
    talk.tap.resume();
    talk.run_for(100);
    let marked = talk.tap.mark(talk.now);
    talk.run_for(20);
    assert_eq!(talk.take.take_marks(), [marked]);
    for (samples, hz) in talk.end().into_iter().zip([LEFT_HZ, RIGHT_HZ]) {
        assert!(
            samples[RATE.samples_in_ms(2100)..RATE.samples_in_ms(3900)].iter().all(|sample| *sample == 0)
        );
        for from_ms in [1500, 4200, 5500] {
            let heard = level(&samples, from_ms, hz);
            assert!((heard - LEVEL_DBM0).abs() < 0.5, "{hz} Hz at {heard} dBm0 after {from_ms} ms");
        }
    }
}

#[test]
fn a_party_that_says_nothing_is_silence_of_the_same_length() {
    let now = Instant::now();
    let (tap, feed) = tap(now);
    let disk = Memory::default();
    let mut take =
        Take::new(feed, Sink::begin(disk.clone(), RecordingFormat::Ogg, 1).expect("there is room"));
    tap.leave(now + Duration::from_millis(1234));
    assert_eq!(take.step(0), Some(RecordingEnd::CallEnded));
    let channels = disk.ogg();
    assert_eq!(channels.iter().map(Vec::len).collect::<Vec<_>>(), [1234 * 48; 2]);
    assert!(channels.iter().flatten().all(|sample| sample.abs() < 10));
    assert_eq!(RATE, SampleRate::HZ_16000);
}
