//! Attackers: some who spoof the peer's address, some who do not even know it.

use std::net::SocketAddr;
use std::time::Duration;

use super::super::{DtlsRole, TransportEvent};
use super::forgery::{CLIENT_HELLOS, Forger, HARMLESS};
use super::pair::{Pair, peer_address, rtp};
use super::peer_dtls::{Abilities, Version};
use crate::ice::SourceChange;

/// 200 datagrams a second, as in the spike; on this wire more than two in each round trip.
const SPRAY: Duration = Duration::from_millis(5);

const CLIENT: DtlsRole = DtlsRole::Client;
const SERVER: DtlsRole = DtlsRole::Server;

fn spray(pair: &mut Pair, from: SocketAddr, interval: Duration, forgers: &[Forger]) {
    let forgers = forgers.to_vec();
    let mut number = 0_u32;
    pair.attack(from, interval, move || {
        number += 1;
        let (_, forge) = forgers[number as usize % forgers.len()];
        forge(number)
    });
}

/// Media flows both ways and nothing more was reported.
fn assert_in_service(pair: &mut Pair, case: &str) {
    assert_eq!(pair.events.len(), 2, "{case}: {:?}", pair.events);
    assert_eq!(pair.events[0], TransportEvent::Source(SourceChange::Added(peer_address())), "{case}");
    pair.peer.say_rtp(&rtp(7));
    pair.gateway_says(&rtp(8));
    pair.run_for(Duration::from_millis(50));
    assert_eq!(pair.heard, [rtp(7)], "{case}");
    assert_eq!(pair.peer.heard, [rtp(8)], "{case}");
}

fn survives(abilities: &Abilities, forgers: &[Forger], interval: Duration) {
    let names: Vec<_> = forgers.iter().map(|(name, _)| *name).collect();
    let case = format!("{abilities:?} against {names:?}");
    let mut pair = Pair::introduced(abilities.clone());
    spray(&mut pair, peer_address(), interval, forgers);
    pair.run_until(Duration::from_secs(5), Pair::is_ready);
    assert!(pair.is_ready(), "{case}: {:?} {:?}", pair.gateway, pair.events);
    pair.run_for(Duration::from_secs(2));
    assert_in_service(&mut pair, &case);
}

/// All kinds, but no HelloVerifyRequest for peers that send one themselves: which is theirs?
fn kinds(abilities: &Abilities) -> Vec<Forger> {
    let is_fair = |(name, _): &Forger| *name != "HelloVerifyRequest" || !abilities.asks_for_cookie();
    HARMLESS.into_iter().chain(CLIENT_HELLOS).filter(is_fair).collect()
}

#[test]
fn as_client_every_kind_of_forgery_is_survived() {
    for abilities in Abilities::all(CLIENT) {
        for forger in kinds(&abilities) {
            survives(&abilities, &[forger], SPRAY);
        }
    }
}

#[test]
fn as_client_a_mix_of_forgeries_is_survived_at_a_thousand_per_second() {
    for abilities in Abilities::all(CLIENT) {
        survives(&abilities, &kinds(&abilities), Duration::from_millis(1));
    }
}

#[test]
fn as_server_every_forgery_but_a_whole_client_hello_is_survived() {
    for abilities in Abilities::all(SERVER) {
        for forger in HARMLESS {
            survives(&abilities, &[forger], SPRAY);
        }
        survives(&abilities, &HARMLESS, SPRAY);
    }
}

#[test]
fn once_ready_nothing_forged_ends_it() {
    let mix: Vec<Forger> = HARMLESS.into_iter().chain(CLIENT_HELLOS).collect();
    for role in [CLIENT, SERVER] {
        for abilities in Abilities::all(role) {
            let mut pair = Pair::connected(abilities.clone());
            spray(&mut pair, peer_address(), Duration::from_millis(1), &mix);
            pair.run_for(Duration::from_secs(10));
            assert_in_service(&mut pair, &format!("{abilities:?}"));
            let now = pair.now;
            pair.peer.say_goodbye(now);
            pair.run_for(Duration::from_millis(20));
            assert_eq!(pair.events.last(), Some(&TransportEvent::Closed), "{abilities:?} still listens");
        }
    }
}

#[test]
fn an_address_that_was_never_validated_gets_not_one_byte() {
    let stranger = SocketAddr::from(([203, 0, 113, 9], 4444));
    let mut forgers: Vec<Forger> = HARMLESS.into_iter().chain(CLIENT_HELLOS).collect();
    forgers.push(("RTP", |n| rtp(n as u16)));
    forgers.push(("check without integrity", |_| {
        vec![0, 1, 0, 0, 0x21, 0x12, 0xA4, 0x42, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]
    }));
    for role in [CLIENT, SERVER] {
        let mut pair = Pair::introduced(Abilities::browser_like(role, Version::Dtls13));
        spray(&mut pair, stranger, Duration::from_millis(1), &forgers);
        pair.run_until_ready();
        pair.run_for(Duration::from_secs(2));
        assert_in_service(&mut pair, "a stranger");
        assert_eq!(pair.strays, []);
    }
}
