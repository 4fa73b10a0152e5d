//! ICE restarts under a connected transport: nothing but the path may change.

use std::net::SocketAddr;
use std::time::Duration;

use super::super::{DtlsRole, RemoteChanged, TransportEvent};
use super::pair::{Direction, Pair, peer_address, rtp};
use super::peer_dtls::{Abilities, Version};
use crate::ice::{RemoteIce, SourceChange, StunRoute};
use crate::net::demux::DatagramKind;

fn other_address() -> SocketAddr {
    SocketAddr::from(([10, 88, 0, 7], 41_000))
}

/// Says one packet each way, and asserts that both are heard.
fn assert_both_hear(pair: &mut Pair, sequence: u16) {
    (pair.heard, pair.peer.heard) = (Vec::new(), Vec::new());
    pair.peer.say_rtp(&rtp(sequence));
    pair.gateway_says(&rtp(sequence));
    pair.run_for(Duration::from_millis(20));
    assert_eq!((&pair.heard, &pair.peer.heard), (&vec![rtp(sequence)], &vec![rtp(sequence)]), "{sequence}");
}

fn connected() -> Pair {
    let mut pair = Pair::connected(Abilities::browser_like(DtlsRole::Client, Version::Dtls13));
    pair.run_for(Duration::from_secs(1));
    pair.events.clear();
    pair
}

#[test]
fn media_goes_on_by_the_old_path_until_the_restart_is_checked() {
    let mut pair = connected();
    for round in 0..5_u16 {
        let former = pair.gateway.local_ufrag().to_owned();
        pair.gateway.restart_ice(pair.now);
        let proposed = pair.gateway.local_ufrag().to_owned();
        assert_both_hear(&mut pair, 100 * round);
        pair.restart_peer();
        // The first checks are lost: the old path carries on.
        pair.lose = Box::new(|direction, datagram| {
            direction == Direction::ToGateway && DatagramKind::of(datagram) == Some(DatagramKind::Stun)
        });
        pair.run_for(Duration::from_millis(300));
        pair.gateway_says(&rtp(100 * round + 1));
        pair.run_for(Duration::from_millis(20));
        assert!(pair.peer.heard.contains(&rtp(100 * round + 1)));
        pair.lose = Box::new(|_, _| false);
        pair.run_for(Duration::from_secs(2));
        let (added, removed) = (StunRoute::Added(proposed), StunRoute::Removed(former));
        assert_eq!(pair.events, [added, removed].map(TransportEvent::Route), "no new keys, no new handshake");
        pair.events.clear();
        assert_both_hear(&mut pair, 100 * round + 2);
    }
}

#[test]
fn a_peer_on_another_network_is_followed_after_its_restart() {
    let mut pair = connected();
    pair.peer_at = other_address();
    pair.gateway.restart_ice(pair.now);
    pair.restart_peer();
    pair.run_for(Duration::from_secs(2));
    assert!(
        pair.events.contains(&TransportEvent::Source(SourceChange::Added(other_address()))),
        "{:?}",
        pair.events
    );
    assert_both_hear(&mut pair, 1);
    assert_eq!(pair.strays.iter().filter(|(to, _)| *to != peer_address()).count(), 0);
}

#[test]
fn a_restart_that_the_peer_does_not_agree_to_changes_nothing() {
    let mut pair = connected();
    let former = pair.gateway.local_ufrag().to_owned();
    pair.gateway.restart_ice(pair.now);
    pair.gateway.give_up_restart();
    assert_eq!(pair.gateway.local_ufrag(), former);
    pair.run_for(Duration::from_secs(40));
    assert!(pair.gateway.is_ready(), "its checks are answered");
    assert_both_hear(&mut pair, 1);
    let (ufrag, password) = ("unasked", "credentials that nobody asked for");
    let prints = vec![pair.peer.fingerprint()];
    let changed =
        pair.gateway.set_remote(RemoteIce::new(ufrag, password), prints, DtlsRole::Client, pair.now);
    assert_eq!(changed, Err(RemoteChanged::IceRestart));
}

#[test]
fn a_peer_that_answers_a_restart_with_its_old_credentials_goes_on_by_them() {
    let mut pair = connected();
    pair.gateway.restart_ice(pair.now);
    pair.describe_peer();
    pair.run_for(Duration::from_secs(40));
    assert!(pair.gateway.is_ready());
    assert_both_hear(&mut pair, 1);
}
