//! Our SRTP against an independent one, both directions, every profile, over a lossy link.

#[path = "support/srtp_contexts.rs"]
mod srtp_contexts;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use webtrunk_engine::srtp::{ProtectionProfile, SRTCP_OVERHEAD_MAX, SRTP_OVERHEAD_MAX};

use srtp_contexts::{our_context, their_context};

/// How far the link reorders; the other implementation's replay list takes 64.
const REORDERED_BY: u64 = 12;

#[test]
fn they_unprotect_what_we_protect() {
    for profile in ProtectionProfile::ALL {
        let (mut ours, mut theirs) = (our_context(profile), their_context(profile));
        let sent = stream(7, |plain| {
            let mut buf = [plain, &[0; SRTP_OVERHEAD_MAX]].concat();
            let len = ours.protect_rtp(&mut buf, plain.len()).expect("our own packet");
            buf.truncate(len);
            buf
        });
        for Sent { index, plain, packet } in lossy_link(sent, 8) {
            let unprotected = theirs.decrypt_rtp(&packet).expect("authentic");
            assert_eq!(unprotected[..], plain, "{profile:?} at {index:#x}");
        }
    }
}

#[test]
fn we_unprotect_what_they_protect() {
    for profile in ProtectionProfile::ALL {
        let (mut ours, mut theirs) = (our_context(profile), their_context(profile));
        let sent = stream(9, |plain| theirs.encrypt_rtp(plain).expect("a well formed packet").to_vec());
        for Sent { index, plain, mut packet } in lossy_link(sent, 10) {
            assert_eq!(ours.unprotect_rtp(&mut packet), Ok(&plain[..]), "{profile:?} at {index:#x}");
        }
    }
}

#[test]
fn rtcp_passes_both_ways() {
    for profile in ProtectionProfile::ALL {
        let (mut our_tx, mut our_rx) = (our_context(profile), our_context(profile));
        let (mut their_tx, mut their_rx) = (their_context(profile), their_context(profile));
        for number in 0..200_u32 {
            let plain = report(number);
            let mut buf = [&plain[..], &[0; SRTCP_OVERHEAD_MAX]].concat();
            let len = our_tx.protect_rtcp(&mut buf, plain.len()).expect("our own packet");
            let unprotected = their_rx.decrypt_rtcp(&buf[..len]).expect("authentic");
            assert_eq!(unprotected[..], plain, "{profile:?}");

            let mut packet = their_tx.encrypt_rtcp(&plain).expect("a well formed packet").to_vec();
            assert_eq!(our_rx.unprotect_rtcp(&mut packet), Ok(&plain[..]), "{profile:?}");
        }
    }
}

/// A packet and where it stands in its stream.
struct Sent {
    index: u64,
    plain: Vec<u8>,
    packet: Vec<u8>,
}

/// Packets of one stream through several wraps, protected by `protect`.
fn stream(seed: u64, mut protect: impl FnMut(&[u8]) -> Vec<u8>) -> Vec<Sent> {
    let mut random = StdRng::seed_from_u64(seed);
    let mut index = 65_400_u64;
    let mut sent = Vec::new();
    while index < 6 << 16 {
        let plain = plain_packet(index, &mut random);
        sent.push(Sent { index, packet: protect(&plain), plain });
        // Neighbours around each wrap, long gaps elsewhere.
        let in_wrap = (index + 300) & 0xffff < 600;
        index += if in_wrap { 1 } else { random.random_range(1..300) };
    }
    sent
}

fn plain_packet(index: u64, random: &mut StdRng) -> Vec<u8> {
    let csrcs = random.random_range(0..4_u8);
    let has_extension = random.random_bool(0.5);
    let mut packet = vec![0x80 | u8::from(has_extension) << 4 | csrcs, 111];
    packet.extend_from_slice(&(index as u16).to_be_bytes());
    packet.extend_from_slice(&(index as u32).wrapping_mul(960).to_be_bytes());
    packet.extend_from_slice(&0xcafe_babe_u32.to_be_bytes());
    packet.extend(std::iter::repeat_n(0x33, 4 * usize::from(csrcs)));
    if has_extension {
        packet.extend_from_slice(&[0xbe, 0xde, 0, 1, 0x10, 0x2a, 0, 0]);
    }
    let payload_len = random.random_range(1..200);
    packet.extend((0..payload_len).map(|_| random.random::<u8>()));
    packet
}

/// Loses 5 % and lets packets overtake each other.
fn lossy_link(mut sent: Vec<Sent>, seed: u64) -> Vec<Sent> {
    let mut random = StdRng::seed_from_u64(seed);
    let first = sent.remove(0);
    sent.retain(|_| !random.random_bool(0.05));
    sent.sort_by_cached_key(|sent| sent.index + random.random_range(0..REORDERED_BY));
    sent.insert(0, first);
    sent
}

/// A receiver report with one block.
fn report(number: u32) -> Vec<u8> {
    let mut packet = vec![0x81, 201, 0, 7];
    packet.extend_from_slice(&0xcafe_babe_u32.to_be_bytes());
    for word in 0..6 {
        packet.extend_from_slice(&number.wrapping_mul(word + 1).to_be_bytes());
    }
    packet
}
