//! Bytes that nobody meant.

use std::time::Duration;

use proptest::prelude::*;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::super::{DtlsRole, TransportEvent};
use super::pair::{Direction, Pair, peer_address, rtp};
use super::peer_dtls::{Abilities, Version};
use crate::net::demux::DatagramKind;

fn every_ability() -> impl Iterator<Item = Abilities> {
    [DtlsRole::Client, DtlsRole::Server].into_iter().flat_map(Abilities::all)
}

/// A pair in each state of its transport.
fn pairs(abilities: &Abilities) -> [Pair; 4] {
    let stranger = Pair::strangers(abilities.clone());
    let mut checking = Pair::introduced(abilities.clone());
    checking.lose = Box::new(|_, _| true);
    let mut handshaking = Pair::introduced(abilities.clone());
    handshaking.lose = Box::new(|_, datagram| DatagramKind::of(datagram) == Some(DatagramKind::Dtls));
    handshaking.run_for(Duration::from_millis(300));
    [stranger, checking, handshaking, Pair::connected(abilities.clone())]
}

#[test]
fn random_datagrams_do_no_harm_in_any_state() {
    let mut random = StdRng::seed_from_u64(7);
    for abilities in every_ability() {
        for mut pair in pairs(&abilities) {
            let was_ready = pair.is_ready();
            for _ in 0..500 {
                let mut datagram = vec![0; random.random_range(0..200)];
                random.fill(datagram.as_mut_slice());
                if let Some(first) = datagram.first_mut() {
                    *first = [0, 1, 20, 21, 22, 23, 25, 26, 32, 46, 63, 128, 144][random.random_range(0..13)];
                }
                // A header that is believed, so that the bytes behind it are read.
                if datagram.len() > 25 && random.random_bool(0.7) {
                    let length = (datagram.len() - 13) as u16;
                    datagram[1..5].copy_from_slice(&[0xFE, 0xFD, 0, random.random_range(0..3)]);
                    datagram[11..13].copy_from_slice(&length.to_be_bytes());
                }
                pair.inject(peer_address(), datagram);
            }
            pair.run_for(Duration::from_millis(500));
            assert_eq!(pair.is_ready(), was_ready, "{abilities:?}");
        }
    }
}

/// Every byte of a handshake may be damaged on its way; what comes of it is a connection or an
/// honest failure, and never another peer's keys.
#[test]
fn damaged_handshakes_end_well_or_fail_in_time() {
    let mut connected = 0;
    for (seed, abilities) in (0..8).flat_map(|seed| every_ability().map(move |abilities| (seed, abilities))) {
        let mut random = StdRng::seed_from_u64(seed);
        let mut pair = Pair::introduced(abilities.clone());
        pair.lose = Box::new(move |direction, datagram| {
            if direction == Direction::ToGateway
                && DatagramKind::of(datagram) != Some(DatagramKind::Stun)
                && random.random_bool(0.3)
            {
                let at = random.random_range(0..datagram.len());
                datagram[at] ^= 1 << random.random_range(0..8);
            }
            false
        });
        pair.run_until(Duration::from_secs(12), |pair| pair.is_ready() || pair.events.len() > 1);
        pair.lose = Box::new(|_, _| false);
        match pair.events.get(1) {
            Some(TransportEvent::Failed(_)) => assert!(!pair.gateway.is_ready()),
            _ => {
                pair.run_until_ready();
                pair.peer.say_rtp(&rtp(1));
                pair.run_for(Duration::from_millis(50));
                assert_eq!(pair.heard, [rtp(1)], "{abilities:?} seed {seed}");
                connected += 1;
            }
        }
    }
    assert!(connected > 16, "much damage is repaired by repetition: {connected} of 48");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn records_and_fragments_of_any_shape_do_no_harm(
        records in proptest::collection::vec(
            (20_u8..27, 0_u8..3, 0_u8..24, 0_u32..400, 0_u16..8, 0_u32..400,
             proptest::collection::vec(any::<u8>(), 0..300)),
            1..8,
        ),
        is_client: bool,
        is_dtls13: bool,
    ) {
        let role = if is_client { DtlsRole::Client } else { DtlsRole::Server };
        let version = if is_dtls13 { Version::Dtls13 } else { Version::Dtls12 };
        let mut pair = Pair::introduced(Abilities::browser_like(role, version));
        pair.run_for(Duration::from_millis(11));
        for (content_type, epoch, kind, length, message_seq, offset, body) in records {
            let mut message = vec![kind];
            message.extend(&length.to_be_bytes()[1..]);
            message.extend(message_seq.to_be_bytes());
            message.extend(&offset.to_be_bytes()[1..]);
            message.extend(&(body.len() as u32).to_be_bytes()[1..]);
            message.extend(&body);
            let mut record = vec![content_type, 0xFE, 0xFD, 0, epoch, 0, 0, 0, 0, 0, kind];
            record.extend((message.len() as u16).to_be_bytes());
            record.extend(message);
            pair.inject(peer_address(), record);
        }
        pair.run_for(Duration::from_millis(20));
    }
}
