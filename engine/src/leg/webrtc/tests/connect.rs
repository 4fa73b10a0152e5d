//! Connections that come about, and some that must not.

use std::ops::Range;
use std::time::Duration;

use rtc_dtls::extension::extension_use_srtp::SrtpProtectionProfile;

use super::super::{DtlsRole, RemoteChanged, TransportError, TransportEvent};
use super::pair::{Direction, Pair, peer_address, rtcp, rtp};
use super::peer_dtls::{Abilities, Stack, Version};
use crate::dtls::HandshakeError;
use crate::ice::{RemoteIce, SourceChange};
use crate::net::demux::DatagramKind;
use crate::sdp::{Fingerprint, HashFunction};
use crate::srtp::ProtectionProfile;

const ROLES: [DtlsRole; 2] = [DtlsRole::Client, DtlsRole::Server];

fn speaking_only(gateway_role: DtlsRole, profile: SrtpProtectionProfile) -> Abilities {
    Abilities { gateway_role, stack: Stack::Rtc(vec![profile]) }
}

#[test]
fn every_role_and_profile_connects_and_carries_media_both_ways() {
    let profiles = [
        (SrtpProtectionProfile::Srtp_Aes128_Cm_Hmac_Sha1_80, ProtectionProfile::Aes128CmHmacSha1_80),
        (SrtpProtectionProfile::Srtp_Aead_Aes_128_Gcm, ProtectionProfile::AeadAes128Gcm),
        (SrtpProtectionProfile::Srtp_Aead_Aes_256_Gcm, ProtectionProfile::AeadAes256Gcm),
    ];
    for role in ROLES {
        for (offered, profile) in profiles {
            let mut pair = Pair::connected(speaking_only(role, offered));
            assert_eq!(
                pair.events,
                [
                    TransportEvent::Source(SourceChange::Added(peer_address())),
                    TransportEvent::Ready { profile }
                ]
            );
            let said: Vec<Vec<u8>> = (65_530..=u16::MAX).chain(0..6).map(rtp).chain([rtcp()]).collect();
            for packet in &said {
                pair.gateway_says(packet);
                if packet[1] == 201 {
                    pair.peer.say_rtcp(packet);
                } else {
                    pair.peer.say_rtp(packet);
                }
            }
            pair.run_for(Duration::from_millis(100));
            assert_eq!(pair.heard, said, "{role:?} {profile:?} at the gateway");
            assert_eq!(pair.peer.heard, said, "{role:?} {profile:?} at the peer");
            assert_eq!(pair.strays, []);
        }
    }
}

#[test]
fn a_wrong_fingerprint_fails_loudly_and_no_key_is_used() {
    for role in ROLES {
        let mut pair = Pair::strangers(Abilities::rtc(role));
        let (ufrag, password) = pair.peer.credentials();
        let announced = vec![Fingerprint::of(HashFunction::Sha256, b"another certificate")];
        pair.gateway
            .set_remote(RemoteIce::new(&ufrag, &password), announced, role, pair.now)
            .expect("the first description");
        pair.peer.start(&pair.gateway, pair.now);
        pair.run_for(Duration::from_secs(5));
        let mismatch = TransportError::Handshake(HandshakeError::FingerprintMismatch);
        assert_eq!(
            pair.events,
            [TransportEvent::Source(SourceChange::Added(peer_address())), TransportEvent::Failed(mismatch)]
        );
        assert!(!pair.gateway.is_ready());
        assert!(pair.gateway.protect_rtp(&mut [0x80; 64], 20).is_err());
    }
}

#[test]
fn a_peer_without_fingerprint_is_nobody() {
    let mut pair = Pair::strangers(Abilities::rtc(DtlsRole::Client));
    let (ufrag, password) = pair.peer.credentials();
    pair.gateway
        .set_remote(RemoteIce::new(&ufrag, &password), Vec::new(), DtlsRole::Client, pair.now)
        .expect("the first");
    pair.peer.start(&pair.gateway, pair.now);
    pair.run_for(Duration::from_secs(5));
    let mismatch = TransportError::Handshake(HandshakeError::FingerprintMismatch);
    assert_eq!(pair.events.last(), Some(&TransportEvent::Failed(mismatch)));
}

#[test]
fn checks_and_client_hello_may_come_before_the_description() {
    for role in ROLES {
        let mut pair = Pair::strangers(Abilities::rtc(role));
        pair.peer.start(&pair.gateway, pair.now);
        pair.run_for(Duration::from_millis(700));
        assert_eq!(
            pair.events,
            [TransportEvent::Source(SourceChange::Added(peer_address()))],
            "validated, and no more"
        );
        pair.describe_peer();
        pair.run_until_ready();
        assert!(pair.elapsed() < Duration::from_secs(2), "{:?}", pair.elapsed());
    }
}

#[test]
fn a_leg_without_a_path_fails_after_the_connect_timeout() {
    let mut pair = Pair::introduced(Abilities::rtc(DtlsRole::Client));
    pair.lose = Box::new(|_, _| true);
    pair.run_for(Duration::from_secs(60));
    assert_eq!(pair.events, [TransportEvent::Failed(TransportError::NoPath)]);
    assert_eq!(pair.gateway.poll_timeout(), None);
}

#[test]
fn a_handshake_that_never_ends_fails_after_its_deadline() {
    for role in ROLES {
        let mut pair = Pair::introduced(Abilities::rtc(role));
        pair.lose = Box::new(|_, datagram| DatagramKind::of(datagram) == Some(DatagramKind::Dtls));
        pair.run_until(Duration::from_secs(60), |pair| pair.events.len() == 2);
        assert_eq!(pair.events[1], TransportEvent::Failed(TransportError::NoHandshake));
        assert!((9..=11).contains(&pair.elapsed().as_secs()), "{:?}", pair.elapsed());
    }
}

#[test]
fn the_same_description_again_changes_nothing_and_another_is_refused() {
    for role in ROLES {
        let mut pair = Pair::connected(Abilities::rtc(role));
        let (ufrag, password) = pair.peer.credentials();
        let known = vec![pair.peer.fingerprint()];
        let other_role = if role == DtlsRole::Client { DtlsRole::Server } else { DtlsRole::Client };
        let other_print = vec![Fingerprint::of(HashFunction::Sha256, b"another certificate")];
        let now = pair.now;
        let mut again = |ufrag: &str, password: &str, prints: &[Fingerprint], role| {
            pair.gateway.set_remote(RemoteIce::new(ufrag, password), prints.to_vec(), role, now)
        };
        assert_eq!(again(&ufrag, &password, &known, role), Ok(()));
        assert_eq!(again("other", &password, &known, role), Err(RemoteChanged::IceRestart));
        assert_eq!(again(&ufrag, "other", &known, role), Err(RemoteChanged::IceRestart));
        assert_eq!(again(&ufrag, &password, &other_print, role), Err(RemoteChanged::Fingerprint));
        assert_eq!(again(&ufrag, &password, &[], role), Err(RemoteChanged::Fingerprint));
        assert_eq!(again(&ufrag, &password, &known, other_role), Err(RemoteChanged::Role));
        pair.peer.say_rtp(&rtp(1));
        pair.gateway_says(&rtp(2));
        pair.run_for(Duration::from_secs(5));
        assert_eq!((pair.heard, pair.peer.heard), (vec![rtp(1)], vec![rtp(2)]));
        assert_eq!(pair.events.len(), 2);
    }
}

#[test]
fn browser_like_peers_connect_without_a_timer() {
    for role in ROLES {
        for version in [Version::Dtls12, Version::Dtls13] {
            let mut pair = Pair::connected(Abilities::browser_like(role, version));
            // As client the peer waits for its own nomination.
            let limit = Duration::from_millis(if role == DtlsRole::Client { 60 } else { 260 });
            assert!(pair.elapsed() < limit, "{role:?} {version:?}: {:?}", pair.elapsed());
            pair.gateway_says(&rtp(1));
            pair.peer.say_rtp(&rtp(2));
            pair.run_for(Duration::from_millis(50));
            assert_eq!((pair.peer.heard, pair.heard), (vec![rtp(1)], vec![rtp(2)]));
        }
    }
}

/// Each of the first handshake datagrams lost in turn, in each direction; with a browser-like peer
/// also together with the next. (rtc-dtls forgets its timer when it gets a repeated message.)
#[test]
fn lost_handshake_datagrams_are_repeated() {
    for abilities in ROLES.into_iter().flat_map(Abilities::all) {
        for direction in [Direction::ToGateway, Direction::ToPeer] {
            for first in 0..6 {
                // rtc-dtls never repeats its HelloVerifyRequest.
                if first == 0 && direction == Direction::ToGateway && abilities.asks_for_cookie() {
                    continue;
                }
                for burst in 1..=abilities.survivable_burst() {
                    connects_despite_loss(&abilities, direction, first..first + burst);
                }
            }
        }
    }
}

fn connects_despite_loss(abilities: &Abilities, direction: Direction, lost: Range<usize>) {
    let case = format!("{abilities:?} {direction:?} {lost:?}");
    let mut pair = Pair::introduced(abilities.clone());
    let mut seen = 0..;
    pair.lose = Box::new(move |to, datagram| {
        to == direction
            && DatagramKind::of(datagram) == Some(DatagramKind::Dtls)
            && seen.next().is_some_and(|number| lost.contains(&number))
    });
    pair.run_until(Duration::from_secs(15), Pair::is_ready);
    assert!(pair.is_ready(), "{case}: {:?} {:?}", pair.gateway, pair.events);
    assert!(pair.elapsed() < Duration::from_millis(1500), "{case}: {:?}", pair.elapsed());
    pair.peer.say_rtp(&rtp(1));
    pair.run_for(Duration::from_millis(50));
    assert_eq!(pair.heard, [rtp(1)], "{case}");
}
