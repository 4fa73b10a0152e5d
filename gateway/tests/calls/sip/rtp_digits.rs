//! A phone's keys: RFC 4733 events, written and read here by the RFC's rules alone.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use webtrunk_codecs::SampleRate;
use webtrunk_codecs::g711::Law;
use webtrunk_codecs::tone::{Digit, DtmfDetector, DtmfEvent, Tone, ToneGenerator};

use super::rtp_peer::{Packet, RtpPeer};

/// Every digit, in the order of its event code (RFC 4733 3.2).
pub(crate) const DIGITS: &str = "0123456789*#ABCD";

/// What our phones agree on for events.
const PAYLOAD_TYPE: u8 = 101;

/// 20 ms at 8 kHz.
const STEP: u32 = 160;

/// Packets of silence before each digit, and of the digit before its end: 100 ms each.
const PACKETS: u32 = 5;

/// How long [`press`] holds each key, in milliseconds.
pub(crate) const HELD_MS: u16 = 20 * PACKETS as u16;

/// How often the end is told (RFC 4733 2.5.1.4).
const ENDS: u32 = 3;

/// Presses the keys one after the other, with silence in between, and returns when it is done.
pub(crate) fn press(peer: &RtpPeer, to: SocketAddr, digits: &str) {
    let mut stream =
        Stream { peer, to, ssrc: rand::random(), sequence: 1, timestamp: 0, next_at: Instant::now() };
    for digit in digits.chars() {
        let event = DIGITS.find(digit).and_then(|code| u8::try_from(code).ok()).expect("a key");
        for _ in 0..PACKETS {
            stream.send(0, false, stream.timestamp, &[0xff; STEP as usize]);
            stream.pass_time();
        }
        let began = stream.timestamp;
        for index in 1..=PACKETS {
            stream.send(PAYLOAD_TYPE, index == 1, began, &payload(event, false, index * STEP));
            stream.pass_time();
        }
        for _ in 0..ENDS {
            stream.send(PAYLOAD_TYPE, false, began, &payload(event, true, PACKETS * STEP));
        }
    }
}

/// Presses the keys one after the other as tones of 100 ms, with as long a silence between, and returns when it is
/// done.
pub(crate) fn press_tones(peer: &RtpPeer, to: SocketAddr, law: Law, digits: &str) {
    let rate = SampleRate::HZ_8000;
    let payload_type = if law == Law::Mu { 0 } else { 8 };
    let mut stream =
        Stream { peer, to, ssrc: rand::random(), sequence: 1, timestamp: 0, next_at: Instant::now() };
    for digit in digits.chars().filter_map(Digit::parse) {
        let mut key = ToneGenerator::new(Tone::key(digit), rate);
        for index in 0..2 * PACKETS {
            let mut samples = [0; STEP as usize];
            if index >= PACKETS {
                key.fill(&mut samples);
            }
            let payload = samples.map(|sample| law.encode(sample));
            stream.send(payload_type, false, stream.timestamp, &payload);
            stream.pass_time();
        }
    }
    for _ in 0..PACKETS {
        stream.send(payload_type, false, stream.timestamp, &[law.encode(0); STEP as usize]);
        stream.pass_time();
    }
}

/// The keys that sound in the voice of these packets.
pub(crate) fn tones(packets: &[Packet], law: Law) -> String {
    let mut detector = DtmfDetector::new(SampleRate::HZ_8000).expect("a rate of its own");
    let mut keys = String::new();
    for packet in packets.iter().filter(|packet| packet.payload_type == if law == Law::Mu { 0 } else { 8 }) {
        let samples: Vec<i16> = packet.payload.iter().map(|code| law.decode(*code)).collect();
        detector.push(&samples, |event| {
            if let DtmfEvent::Began { digit, .. } = event {
                keys.push(digit.to_char());
            }
        });
    }
    keys
}

/// The digits that these packets hold, each as often as it was pressed.
///
/// # Panics
/// When one has no end.
pub(crate) fn pressed(packets: &[Packet]) -> String {
    presses(packets).into_iter().map(|(digit, _)| digit).collect()
}

/// How long each digit in these packets was held, in milliseconds, by what is told at its end.
///
/// # Panics
/// When one has no end.
pub(crate) fn held_ms(packets: &[Packet]) -> Vec<u16> {
    presses(packets).into_iter().map(|(_, duration)| duration / 8).collect()
}

/// Every press: the digit, and its last duration in ticks at 8 kHz.
fn presses(packets: &[Packet]) -> Vec<(char, u16)> {
    let events = packets.iter().filter(|packet| packet.payload_type == PAYLOAD_TYPE);
    let events: Vec<(u32, &[u8])> = events.map(|packet| (packet.timestamp, &packet.payload[..])).collect();
    let presses = events.chunk_by(|(one, _), (other, _)| one == other);
    let digit = |press: &[(u32, &[u8])]| {
        let (_, payload) = press.last().expect("a chunk is not empty");
        assert!(payload[1] & 0x80 != 0, "the event {} has no end: {press:?}", payload[0]);
        let digit = DIGITS.chars().nth(payload[0].into()).expect("a digit's code");
        (digit, u16::from_be_bytes([payload[2], payload[3]]))
    };
    presses.map(digit).collect()
}

/// How many digits began in these packets.
pub(crate) fn count(packets: &[Packet]) -> usize {
    let mut began: Vec<u32> =
        packets.iter().filter(|it| it.payload_type == PAYLOAD_TYPE).map(|it| it.timestamp).collect();
    began.dedup();
    began.len()
}

/// RFC 4733 2.3.
fn payload(event: u8, is_end: bool, duration: u32) -> [u8; 4] {
    const VOLUME_DBM0: u8 = 10;
    let [.., high, low] = duration.to_be_bytes();
    [event, VOLUME_DBM0 | if is_end { 0x80 } else { 0 }, high, low]
}

struct Stream<'a> {
    peer: &'a RtpPeer,
    to: SocketAddr,
    ssrc: u32,
    sequence: u16,
    timestamp: u32,
    next_at: Instant,
}

impl Stream<'_> {
    fn send(&mut self, payload_type: u8, marker: bool, timestamp: u32, payload: &[u8]) {
        let mut packet = vec![0x80, payload_type | if marker { 0x80 } else { 0 }];
        packet.extend(self.sequence.to_be_bytes());
        packet.extend(timestamp.to_be_bytes());
        packet.extend(self.ssrc.to_be_bytes());
        packet.extend(payload);
        self.peer.send_packet(self.to, &packet);
        self.sequence = self.sequence.wrapping_add(1);
    }

    fn pass_time(&mut self) {
        self.timestamp = self.timestamp.wrapping_add(STEP);
        self.next_at += Duration::from_millis(20);
        std::thread::sleep(self.next_at.saturating_duration_since(Instant::now()));
    }
}
