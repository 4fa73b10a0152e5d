//! Calls without IPv4: signalling and media of both sides.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use webtrunk_codecs::CodecId;
use webtrunk_loadtest::agent::{Credentials, PhoneConfig, Voice, WebrtcConfig};

use super::ear::assert_hears;
use super::stage::{CALLEE_HZ, CALLER_HZ, LEVEL_DBM0, lift, phone, webrtc};
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
