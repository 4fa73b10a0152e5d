//! The packet path's small steps: reading and writing RTP and RTCP, protecting and unprotecting
//! 160 bytes of payload, beside the same by an independent implementation.
#![allow(missing_docs, reason = "criterion_group makes a public function")]

mod measured;
#[path = "../../engine/tests/support/srtp_contexts.rs"]
mod srtp_contexts;

use std::hint::black_box;

use criterion::{BatchSize, BenchmarkId, Criterion, criterion_group, criterion_main};
use webtrunk_engine::rtp::rtcp::{Cname, CompoundPacket, CompoundReport, ReportBlock, SenderInfo};
use webtrunk_engine::rtp::{
    NtpTime, PayloadType, RtpHeader, RtpPacket, SequenceNumber, ShortNtpTime, Ssrc, Timestamp,
};
use webtrunk_engine::srtp::{ProtectionProfile, SRTP_OVERHEAD_MAX, SrtpContext};

use srtp_contexts::{our_context, their_context};

/// 20 ms of G.711.
const PAYLOAD_LEN: usize = 160;
const PLAIN_LEN: usize = RtpHeader::LEN + PAYLOAD_LEN;
const BUF_LEN: usize = PLAIN_LEN + SRTP_OVERHEAD_MAX;

/// Packets protected ahead of a measured run of unprotecting; they stay in the first cache.
const BATCH: BatchSize = BatchSize::NumIterations(64);

criterion_group! {
    name = benches;
    config = measured::criterion();
    targets = rtp, rtcp, protect, unprotect
}
criterion_main!(benches);

fn rtp(c: &mut Criterion) {
    let mut stream = Stream::new();
    let packet = *stream.next_packet();
    c.bench_function("rtp/parse", |b| b.iter(|| RtpPacket::parse(black_box(&packet[..PLAIN_LEN]))));
    c.bench_function("rtp/write_header", |b| b.iter(|| black_box(stream.next_packet()).len()));
}

fn rtcp(c: &mut Criterion) {
    let cname = Cname::from_random([0x5a; 12]);
    let report = CompoundReport {
        extended: None,
        ssrc: Ssrc(1),
        sender_info: Some(SenderInfo {
            ntp_time: NtpTime(1 << 40),
            rtp_timestamp: Timestamp(160),
            packet_count: 1,
            octet_count: 160,
        }),
        blocks: &[ReportBlock {
            ssrc: Ssrc(2),
            fraction_lost: 1,
            cumulative_lost: 2,
            highest_sequence: 3,
            jitter: 4,
            last_sender_report: ShortNtpTime(5),
            delay_since_last_sender_report: 6,
        }],
        cname: &cname,
        is_goodbye: false,
    };
    let mut buf = [0; 256];
    let len = report.write_to(&mut buf);
    c.bench_function("rtcp/write", |b| b.iter(|| black_box(&report).write_to(black_box(&mut buf))));
    c.bench_function("rtcp/parse", |b| {
        b.iter(|| CompoundPacket::parse(black_box(&buf[..len])).map(|compound| compound.packets().count()))
    });
}

/// The tag of CM_32 is cut from the one of CM_80: the cost is the same.
const PROFILES: [ProtectionProfile; 3] = [
    ProtectionProfile::Aes128CmHmacSha1_80,
    ProtectionProfile::AeadAes128Gcm,
    ProtectionProfile::AeadAes256Gcm,
];

fn protect(c: &mut Criterion) {
    let mut group = c.benchmark_group("srtp/protect");
    for profile in PROFILES {
        group.bench_function(BenchmarkId::new("webtrunk", format!("{profile:?}")), |b| {
            let (mut context, mut stream) = (our_context(profile), Stream::new());
            b.iter(|| context.protect_rtp(stream.next_packet(), PLAIN_LEN));
        });
        group.bench_function(BenchmarkId::new("rtc-srtp", format!("{profile:?}")), |b| {
            let (mut context, mut stream) = (their_context(profile), Stream::new());
            b.iter(|| context.encrypt_rtp(&stream.next_packet()[..PLAIN_LEN]));
        });
    }
}

fn unprotect(c: &mut Criterion) {
    let mut group = c.benchmark_group("srtp/unprotect");
    for profile in PROFILES {
        let protected_len = PLAIN_LEN + profile.rtp_tag_len();
        group.bench_function(BenchmarkId::new("webtrunk", format!("{profile:?}")), |b| {
            let (mut sender, mut stream) = (our_context(profile), Stream::new());
            let mut receiver = our_context(profile);
            b.iter_batched_ref(
                || stream.next_protected(&mut sender),
                |packet| receiver.unprotect_rtp(&mut packet[..protected_len]).expect("authentic").len(),
                BATCH,
            );
        });
        group.bench_function(BenchmarkId::new("rtc-srtp", format!("{profile:?}")), |b| {
            let (mut sender, mut stream) = (our_context(profile), Stream::new());
            let mut receiver = their_context(profile);
            b.iter_batched_ref(
                || stream.next_protected(&mut sender),
                |packet| receiver.decrypt_rtp(&packet[..protected_len]).expect("authentic").len(),
                BATCH,
            );
        });
    }
}

/// An endless stream of packets in one buffer.
struct Stream {
    header: RtpHeader,
    buf: [u8; BUF_LEN],
}

impl Stream {
    const fn new() -> Self {
        let header = RtpHeader {
            payload_type: PayloadType::PCMU,
            marker: false,
            sequence: SequenceNumber(0),
            timestamp: Timestamp(0),
            ssrc: Ssrc(0xcafe_babe),
        };
        Self { header, buf: [0x55; BUF_LEN] }
    }

    fn next_packet(&mut self) -> &mut [u8; BUF_LEN] {
        self.header.sequence = self.header.sequence.next();
        self.header.timestamp = self.header.timestamp.plus(PAYLOAD_LEN as u32);
        self.header.write_to(&mut self.buf);
        &mut self.buf
    }

    fn next_protected(&mut self, context: &mut SrtpContext) -> [u8; BUF_LEN] {
        let mut packet = *self.next_packet();
        context.protect_rtp(&mut packet, PLAIN_LEN).expect("the numbers go up");
        packet
    }
}
