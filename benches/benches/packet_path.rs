//! The whole way of a packet between a browser and a phone, without sockets: SRTP, RTP, order,
//! transcoding, the output stream; and the reorder step alone.

mod measured;

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use webtrunk_codecs::tone::{Tone, ToneGenerator};
use webtrunk_codecs::{CodecId, EncoderConfig, SampleRate, decoder, encoder};
use webtrunk_engine::media::{Inserted, OutputStream, ReorderBuffer, Transcoder};
use webtrunk_engine::rtp::{PayloadType, RtpHeader, RtpPacket, SequenceNumber, Ssrc, Timestamp};
use webtrunk_engine::srtp::{ProtectionProfile, SrtpContext};

const FRAME: Duration = Duration::from_millis(20);
const FRAMES: usize = 500;

/// One direction of a bridge: what its legs keep, and the packets that come.
struct Way {
    unprotect: Option<SrtpContext>,
    reorder: ReorderBuffer,
    transcoder: Transcoder,
    output: OutputStream,
    protect: Option<SrtpContext>,
    buffer: [u8; 1500],
    now: Instant,
}

impl Way {
    fn new(from: CodecId, to: CodecId, webrtc: End) -> Self {
        let rate = SampleRate::HZ_8000;
        let decoder = decoder(from, rate).expect("a decoder at 8 kHz");
        let encoder = encoder(to, rate, &config()).expect("an encoder at 8 kHz");
        Self {
            unprotect: (webrtc == End::Input).then(context),
            reorder: ReorderBuffer::default(),
            transcoder: Transcoder::new(decoder, encoder, from.clock_rate(), 20),
            output: OutputStream::new(to.clock_rate()),
            protect: (webrtc == End::Output).then(context),
            buffer: [0; 1500],
            now: Instant::now(),
        }
    }

    /// Carries one packet across; returns the bytes that would be sent.
    fn carry(&mut self, packet: &mut [u8]) -> usize {
        self.now += FRAME;
        let Self { unprotect, reorder, transcoder, output, protect, buffer, now } = self;
        let plain: &[u8] = match unprotect {
            Some(context) => context.unprotect_rtp(packet).expect("a packet of this stream"),
            None => packet,
        };
        let packet = RtpPacket::parse(plain).expect("a whole packet");
        assert_eq!(reorder.insert(&packet, plain, *now), Inserted::Deliver);
        let ticks = output.clock().hz() / 50;
        let mut sent = 0;
        transcoder.handle_packet(packet.payload(), packet.timestamp().0, 0, false, |coded| {
            let header = output.next_header(PayloadType::PCMU, ticks, coded.payload.len(), *now);
            header.write_to(buffer);
            let length = RtpHeader::LEN + coded.payload.len();
            buffer[RtpHeader::LEN..length].copy_from_slice(coded.payload);
            sent = match protect {
                Some(context) => context.protect_rtp(buffer, length).expect("a new packet"),
                None => length,
            };
            output.advance_past(ticks, *now);
        });
        sent
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Input,
    Output,
}

fn context() -> SrtpContext {
    let profile = ProtectionProfile::Aes128CmHmacSha1_80;
    SrtpContext::new(profile, &[7; 16], &[9; 14]).expect("key and salt of the profile's lengths")
}

fn config() -> EncoderConfig {
    let mut config = EncoderConfig::default();
    config.opus.expected_loss_percent = 0;
    config
}

/// Ten seconds of packets as they come from the wire.
fn packets(codec: CodecId, is_protected: bool) -> Vec<Vec<u8>> {
    let mut tone = ToneGenerator::new(Tone::sine(440.0, -12.0), SampleRate::HZ_8000);
    let mut encoder = encoder(codec, SampleRate::HZ_8000, &config()).expect("an encoder at 8 kHz");
    let mut context = is_protected.then(context);
    let mut header = RtpHeader {
        payload_type: PayloadType::PCMU,
        marker: false,
        sequence: SequenceNumber(1),
        timestamp: Timestamp(1),
        ssrc: Ssrc(1),
    };
    let mut next = || {
        let mut frame = [0; 160];
        tone.fill(&mut frame);
        let mut packet = vec![0; 1500];
        header.write_to(&mut packet);
        let length = encoder.encode(&frame, &mut packet[RtpHeader::LEN..]).expect("a frame of the codec");
        let length = RtpHeader::LEN + length;
        let length = match &mut context {
            Some(context) => context.protect_rtp(&mut packet, length).expect("a new packet"),
            None => length,
        };
        packet.truncate(length);
        header.sequence = header.sequence.next();
        header.timestamp = header.timestamp.plus(codec.clock_rate().hz() / 50);
        packet
    };
    (0..FRAMES).map(|_| next()).collect()
}

fn whole_path(c: &mut Criterion) {
    let mut group = c.benchmark_group("packet path, 10 s of one direction");
    group.throughput(Throughput::Elements(FRAMES as u64)).sample_size(10);
    let ways = [
        ("WebRTC Opus -> RTP PCMU", CodecId::Opus, CodecId::Pcmu, End::Input),
        ("RTP PCMU -> WebRTC Opus", CodecId::Pcmu, CodecId::Opus, End::Output),
    ];
    for (name, from, to, webrtc) in ways {
        let packets = packets(from, webrtc == End::Input);
        group.bench_function(name, |bencher| {
            bencher.iter_batched(
                || (Way::new(from, to, webrtc), packets.clone()),
                |(mut way, mut packets)| {
                    for packet in &mut packets {
                        black_box(way.carry(packet));
                    }
                    (way, packets)
                },
                criterion::BatchSize::LargeInput,
            );
        });
    }
}

fn reorder_step(c: &mut Criterion) {
    let mut group = c.benchmark_group("reorder");
    let packets = packets(CodecId::Pcmu, false);
    group.throughput(Throughput::Elements(FRAMES as u64));
    group.bench_function("500 packets in order", |bencher| {
        bencher.iter(|| {
            let mut buffer = ReorderBuffer::default();
            let mut now = Instant::now();
            for bytes in &packets {
                now += FRAME;
                let packet = RtpPacket::parse(bytes).expect("a whole packet");
                black_box(buffer.insert(&packet, bytes, now));
            }
        });
    });
    group.bench_function("500 packets, neighbours swapped", |bencher| {
        bencher.iter(|| {
            let mut buffer = ReorderBuffer::default();
            let mut now = Instant::now();
            for pair in packets.chunks_exact(2) {
                now += FRAME * 2;
                for bytes in [&pair[1], &pair[0]] {
                    let packet = RtpPacket::parse(bytes).expect("a whole packet");
                    black_box(buffer.insert(&packet, bytes, now));
                    while black_box(buffer.next_ready(now)).is_some() {}
                }
            }
        });
    });
}

criterion_group! {
    name = benches;
    config = measured::criterion();
    targets = whole_path, reorder_step
}
criterion_main!(benches);
