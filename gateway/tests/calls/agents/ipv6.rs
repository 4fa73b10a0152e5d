//! Calls without IPv4: signalling and media of both sides, over every transport.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use webtrunk_codecs::CodecId;
use webtrunk_loadtest::agent::{Credentials, PhoneConfig, Voice, WebrtcConfig};

use super::doors::Doors;
use super::ear::assert_hears;
use super::stage::{CALLEE_HZ, CALLER_HZ, LEVEL_DBM0, lift, phone, webrtc};
use super::stream_phone::{StreamPhone, Way};
use crate::support::gateway::{Gateway, GatewayConfig, password};
use crate::support::host::Host;
use crate::support::machine::Machine;

fn config() -> GatewayConfig {
    GatewayConfig::default()
        .origin("https://phone.example")
        .user("alice")
        .user("bob")
        .rule("destination = 'bob'\nactions = [{ bridge = { user = 'bob' } }]")
}

/// A WebRTC caller and a phone at an address, to both of which the gateway is at another, or the same.
async fn hear_each_other(gateway: &Gateway, at: IpAddr) {
    let bob = phone(PhoneConfig {
        bind: SocketAddr::new(at, 0),
        server: Some(gateway.sip()),
        user: "bob".to_owned(),
        credentials: Some(Credentials::new("bob", &password("bob"))),
        codecs: vec![CodecId::Pcmu],
        voice: Some(Voice::tone(CALLEE_HZ, LEVEL_DBM0)),
        ..PhoneConfig::default()
    })
    .await;
    bob.register().await.expect("the password is right");
    let alice = webrtc(WebrtcConfig {
        media_address: Some(at),
        voice: Some(Voice::tone(CALLER_HZ, LEVEL_DBM0)),
        ..WebrtcConfig::new(&gateway.websocket(), "alice", &password("alice"))
    })
    .await;
    let (call, lifted) = tokio::join!(alice.call("bob"), lift(&bob));
    let call = call.expect("an answer");
    assert_hears(&call, CALLEE_HZ).await;
    assert_hears(&lifted, CALLER_HZ).await;
    for end in [&call, &lifted] {
        assert_eq!(end.remote_description().expect("a description").address.ip(), gateway.sip().ip());
    }
    call.hang_up().await.expect("confirmed");
}

#[tokio::test(flavor = "multi_thread")]
async fn webrtc_and_a_phone_hear_each_other() {
    let gateway = Gateway::start_at(Host::ipv6(), &config());
    hear_each_other(&gateway, Ipv6Addr::LOCALHOST.into()).await;
    gateway.assert_all_is_over(1);
}

#[test]
fn they_do_where_there_is_no_other_network() {
    let [inside, outside] = [Machine::new(), Machine::new()];
    inside.lay_cable("office", &["fd00:99::1/64"], &outside, &["fd00:99::2/64"]);
    let gateway = inside.run(|| Gateway::start_at(Host::machine("fd00:99::1"), &config()));
    outside.block_on(async || hear_each_other(&gateway, "fd00:99::2".parse().expect("an address")).await);
    inside.run(|| gateway.assert_all_is_over(1));
}

/// A gateway on a machine that has no IPv4 but loopback's, and the hosts of two phones.
fn over_streams(machine: &Machine) -> (Doors, [Host; 2]) {
    let [own, first, second] = [1, 2, 3].map(|host| {
        machine.ip(&format!("address add fd00:99::{host}/128 dev lo nodad"));
        machine.run(|| Host::among_others(&format!("fd00:99::{host}")))
    });
    let to_bob = "destination = 'bob'\nactions = [{ bridge = { user = 'bob' } }]";
    let config = GatewayConfig::default().user("bob").rule(to_bob);
    (machine.run(|| Doors::at(own, config)), [first, second])
}

/// One phone calls the other, by either way; both hear each other.
async fn hear_each_other_by(doors: &Doors, [first, second]: &[Host; 2], ways: [Way; 2]) {
    let mut alice = StreamPhone::of("alice", CALLER_HZ, doors, ways[0], first).await;
    let mut bob = StreamPhone::of("bob", CALLEE_HZ, doors, ways[1], second).await;
    alice.register().await;
    bob.register().await;
    let (_, invite) = tokio::join!(alice.call("bob"), bob.lift());
    assert!(invite.contains("\r\nc=IN IP6 fd00:99::1\r\n"), "{invite}");
    let (mut alice, mut bob) = tokio::join!(alice.hears(CALLEE_HZ), bob.hears(CALLER_HZ));
    tokio::join!(bob.hang_up(&invite), alice.is_hung_up());
}

#[test]
fn phones_hear_each_other_by_tcp_and_by_tls() {
    let machine = Machine::new();
    let (doors, hosts) = over_streams(&machine);
    for (calls, ways) in [[Way::Tcp; 2], [Way::Tls; 2], [Way::Tcp, Way::Tls]].into_iter().enumerate() {
        machine.block_on(async || hear_each_other_by(&doors, &hosts, ways).await);
        machine.run(|| doors.stage.gateway.assert_all_is_over(calls + 1));
    }
    let told = |flow: &str| doors.stage.gateway.log().count(&["call came in", flow]);
    assert_eq!([told("TCP:[fd00:99::2]"), told("TLS:[fd00:99::2]")], [2, 1]);
}
