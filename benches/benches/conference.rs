//! The clock-driven half of the media engine: a packet through the jitter buffer, a frame out of it,
//! and a tick of the mixer.

mod measured;

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use webtrunk_codecs::{ClockRate, CodecId, SampleRate, decoder};
use webtrunk_engine::media::jitter::{Content, JitterConfig, JitterWriter, Playout, jitter_buffer};
use webtrunk_engine::media::mixer::{Mixer, Role};
use webtrunk_engine::rtp::{PayloadType, RtpHeader, RtpPacket, SequenceNumber, Ssrc, Timestamp};

const TICK: Duration = Duration::from_millis(20);

criterion_group! {
    name = benches;
    config = measured::criterion();
    targets = jitter, mixer
}
criterion_main!(benches);

/// Sends 20 ms of G.711 at a time.
struct Sender {
    writer: JitterWriter,
    number: u32,
}

impl Sender {
    fn send(&mut self, now: Instant) {
        let mut bytes = [0x55; RtpHeader::LEN + 160];
        let header = RtpHeader {
            payload_type: PayloadType::PCMU,
            marker: false,
            sequence: SequenceNumber(self.number as u16),
            timestamp: Timestamp(self.number.wrapping_mul(160)),
            ssrc: Ssrc(1),
        };
        header.write_to(&mut bytes);
        self.number += 1;
        let packet = RtpPacket::parse(&bytes).expect("a whole packet");
        self.writer.insert(&packet, Content::Voice, now).expect("there is room");
    }
}

fn jitter(c: &mut Criterion) {
    let mut now = Instant::now();
    let clock = ClockRate::HZ_8000;
    let (writer, mut reader) = jitter_buffer(JitterConfig::default(), clock, now);
    let mut sender = Sender { writer, number: 0 };
    c.bench_function("jitter buffer insert and pull", |b| {
        b.iter(|| {
            sender.send(now);
            now += TICK;
            black_box(reader.pull(now, |payload| u32::try_from(payload.len()).ok()));
        });
    });

    let (writer, reader) = jitter_buffer(JitterConfig::default(), clock, now);
    let mut sender = Sender { writer, number: 0 };
    let mut playout =
        Playout::new(reader, decoder(CodecId::Pcmu, SampleRate::HZ_8000).expect("8 kHz"), clock);
    let mut frame = [0; 160];
    c.bench_function("playout insert and pull frame, pcmu", |b| {
        b.iter(|| {
            sender.send(now);
            now += TICK;
            black_box(playout.pull_frame(now, &mut frame));
        });
    });
}

fn mixer(c: &mut Criterion) {
    let cases = [
        ("8 kHz", [SampleRate::HZ_8000; 3]),
        ("16 kHz", [SampleRate::HZ_16000; 3]),
        ("8, 16 and 48 kHz", [SampleRate::HZ_8000, SampleRate::HZ_16000, SampleRate::HZ_48000]),
    ];
    for (name, rates) in cases {
        // All of them talk, and three of them do.
        for (parties, talkers) in [(3, 3), (10, 10), (50, 50), (50, 3)] {
            let mut mixer = Mixer::new(parties);
            let slots: Vec<_> = (0..parties)
                .map(|n| mixer.join(rates[n % rates.len()], Role::Party).expect("there is room"))
                .collect();
            let mut now = Instant::now();
            c.bench_function(&format!("mixer tick {name}, {talkers} of {parties} talk"), |b| {
                b.iter(|| {
                    for slot in &slots[..talkers] {
                        for (sample, at) in mixer.input(*slot).expect("it is there").iter_mut().zip(0_i32..) {
                            *sample = ((at * 701) % 4000 - 2000) as i16;
                        }
                    }
                    mixer.tick(now);
                    now += TICK;
                    black_box(mixer.output(slots[0]));
                });
            });
        }
    }
}
