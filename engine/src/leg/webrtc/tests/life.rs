//! What keeps a connected transport alive, and what ends it.

use std::time::Duration;

use super::super::{DtlsRole, TransportEvent};
use super::pair::{Direction, Pair, gateway_address, peer_address, rtp};
use super::peer_dtls::{Abilities, Version};
use crate::net::demux::DatagramKind;
use crate::rtp::DropReason;

fn every_ability() -> impl Iterator<Item = Abilities> {
    [DtlsRole::Client, DtlsRole::Server].into_iter().flat_map(Abilities::all)
}

#[test]
fn a_peer_that_vanished_is_lost_after_half_a_minute() {
    let mut pair = Pair::connected(Abilities::browser_like(DtlsRole::Client, Version::Dtls13));
    pair.run_for(Duration::from_secs(60));
    assert!(pair.gateway.is_ready(), "checks alone keep it alive");
    pair.events.clear();
    pair.peer.is_dead = true;
    let died_at = pair.now;
    pair.run_until(Duration::from_secs(120), |pair| pair.events.contains(&TransportEvent::Lost));
    assert_eq!(pair.events, [TransportEvent::Silent, TransportEvent::Lost]);
    // The last check may be a keep-alive interval older than the death.
    let lost_after = pair.now - died_at;
    assert!((27..=30).contains(&lost_after.as_secs()), "{lost_after:?}");
    assert!(!pair.gateway.is_ready());
    assert_eq!(pair.gateway.poll_timeout(), None);
    assert!(pair.gateway.protect_rtp(&mut [0x80; 64], 20).is_err(), "consent is gone");
}

#[test]
fn authenticated_media_keeps_a_peer_alive_that_does_not_check() {
    let mut pair = Pair::connected(Abilities::browser_like(DtlsRole::Client, Version::Dtls13));
    pair.lose = Box::new(|_, datagram| DatagramKind::of(datagram) == Some(DatagramKind::Stun));
    for second in 0..90 {
        pair.peer.say_rtp(&rtp(second));
        pair.run_for(Duration::from_secs(1));
    }
    assert_eq!(pair.heard.len(), 90);
    assert!(pair.gateway.is_ready());
    pair.events.clear();
    pair.run_until(Duration::from_secs(40), |pair| pair.events.contains(&TransportEvent::Lost));
    assert_eq!(pair.events, [TransportEvent::Silent, TransportEvent::Lost]);
}

#[test]
fn media_and_checks_that_are_not_authentic_keep_nobody_alive() {
    let mut pair = Pair::connected(Abilities::browser_like(DtlsRole::Client, Version::Dtls13));
    pair.peer.is_dead = true;
    pair.events.clear();
    let mut sequence = 0;
    pair.attack(peer_address(), Duration::from_millis(500), move || {
        sequence += 1;
        if sequence % 2 == 0 { rtp(sequence) } else { vec![0, 1, 0, 0, 0x21, 0x12, 0xA4, 0x42] }
    });
    pair.run_until(Duration::from_secs(40), |pair| pair.events.contains(&TransportEvent::Lost));
    assert_eq!(pair.events, [TransportEvent::Silent, TransportEvent::Lost]);
    assert_eq!(pair.heard, Vec::<Vec<u8>>::new());
}

#[test]
fn goodbye_is_heard_and_said_at_once() {
    for abilities in every_ability() {
        let mut pair = Pair::connected(abilities.clone());
        pair.events.clear();
        let now = pair.now;
        pair.peer.say_goodbye(now);
        pair.run_for(Duration::from_millis(10));
        assert_eq!(pair.events, [TransportEvent::Closed], "{abilities:?}");
        assert!(!pair.gateway.is_ready());

        let mut pair = Pair::connected(abilities.clone());
        pair.events.clear();
        pair.gateway.close();
        pair.run_for(Duration::from_millis(10));
        assert!(pair.peer.heard_goodbye(), "{abilities:?}");
        assert_eq!(pair.events, [], "who closes needs not be told");
        assert!(!pair.gateway.is_ready());
    }
}

#[test]
fn a_closed_transport_is_deaf_and_silent() {
    let mut pair = Pair::connected(Abilities::browser_like(DtlsRole::Client, Version::Dtls13));
    pair.gateway.close();
    pair.run_for(Duration::from_secs(10));
    let now = pair.now;
    for mut datagram in [vec![0, 1], vec![22, 254, 253], rtp(1)] {
        let result = pair.gateway.handle_datagram(&mut datagram, peer_address(), gateway_address(), now);
        assert_eq!(result, Err(DropReason::NotReady));
    }
    assert_eq!(pair.gateway.poll_transmit(), None);
    assert_eq!(pair.gateway.poll_event(), None);
    pair.gateway.close();
    assert_eq!(pair.gateway.poll_transmit(), None, "one goodbye is enough");
}

#[test]
fn a_transport_may_be_closed_in_any_state() {
    for milliseconds in [0, 5, 15, 25, 100] {
        let mut pair = Pair::introduced(Abilities::rtc(DtlsRole::Client));
        pair.run_for(Duration::from_millis(milliseconds));
        pair.gateway.close();
        pair.events.clear();
        pair.run_for(Duration::from_secs(60));
        assert_eq!(pair.events, []);
        assert!(!pair.gateway.is_ready());
    }
    let mut stranger = Pair::strangers(Abilities::rtc(DtlsRole::Client));
    stranger.gateway.close();
    stranger.describe_peer();
    stranger.run_for(Duration::from_secs(60));
    assert_eq!(stranger.events, []);
}

#[test]
fn a_replayed_or_changed_packet_is_dropped_and_the_next_is_heard() {
    let mut pair = Pair::connected(Abilities::rtc(DtlsRole::Client));
    let mut taken: Option<Vec<u8>> = None;
    pair.lose = Box::new(move |direction, datagram| {
        if direction == Direction::ToPeer || DatagramKind::of(datagram) != Some(DatagramKind::Rtp) {
            return false;
        }
        match &taken {
            None => taken = Some(datagram.clone()),
            Some(first) => datagram.clone_from(first),
        }
        false
    });
    for sequence in 0..3 {
        pair.peer.say_rtp(&rtp(sequence));
    }
    pair.run_for(Duration::from_millis(20));
    assert_eq!(pair.heard, [rtp(0)], "the other two were replays of the first");
    pair.lose = Box::new(|direction, datagram| {
        if direction == Direction::ToGateway && DatagramKind::of(datagram) == Some(DatagramKind::Rtp) {
            datagram[20] ^= 1;
        }
        false
    });
    pair.peer.say_rtp(&rtp(3));
    pair.run_for(Duration::from_millis(20));
    pair.lose = Box::new(|_, _| false);
    pair.peer.say_rtp(&rtp(4));
    pair.run_for(Duration::from_millis(20));
    assert_eq!(pair.heard, [rtp(0), rtp(4)]);
}

#[test]
fn media_before_the_keys_is_dropped() {
    let mut pair = Pair::introduced(Abilities::rtc(DtlsRole::Client));
    pair.run_for(Duration::from_millis(6));
    let now = pair.now;
    let mut packet = rtp(1);
    let result = pair.gateway.handle_datagram(&mut packet, peer_address(), gateway_address(), now);
    assert_eq!(result, Err(DropReason::NotReady));
}

#[test]
fn a_silent_peer_is_told_once_and_again_in_the_next_silence() {
    let mut pair = Pair::connected(Abilities::browser_like(DtlsRole::Client, Version::Dtls13));
    pair.run_for(Duration::from_secs(30));
    pair.events.clear();
    for _ in 0..2 {
        pair.peer.is_dead = true;
        let died_at = pair.now;
        pair.run_until(Duration::from_secs(20), |pair| !pair.events.is_empty());
        assert_eq!(pair.events, [TransportEvent::Silent]);
        let told_after = pair.now - died_at;
        assert!((5..=8).contains(&told_after.as_secs()), "{told_after:?}");
        pair.run_for(Duration::from_secs(10));
        assert_eq!(pair.events.len(), 1);
        pair.peer.is_dead = false;
        pair.peer.say_rtp(&rtp(1));
        pair.run_for(Duration::from_secs(1));
        pair.events.clear();
    }
}
