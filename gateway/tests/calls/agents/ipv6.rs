//! A call without IPv4: signalling and media of both sides.

use std::net::{Ipv6Addr, SocketAddr};

use webtrunk_codecs::CodecId;
use webtrunk_loadtest::agent::{Credentials, PhoneConfig, Voice, WebrtcConfig};

use super::ear::assert_hears;
use super::stage::{CALLEE_HZ, CALLER_HZ, LEVEL_DBM0, lift, phone, webrtc};
use crate::support::gateway::{Gateway, GatewayConfig, password};
use crate::support::host::Host;

#[tokio::test(flavor = "multi_thread")]
async fn webrtc_and_a_phone_hear_each_other() {
    let config = GatewayConfig::default()
        .user("alice")
        .user("bob")
        .rule("destination = 'bob'\nactions = [{ bridge = { user = 'bob' } }]");
    let gateway = Gateway::start_at(Host::ipv6(), &config);
    let loopback = Ipv6Addr::LOCALHOST.into();
    let bob = phone(PhoneConfig {
        bind: SocketAddr::new(loopback, 0),
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
        media_address: Some(loopback),
        voice: Some(Voice::tone(CALLER_HZ, LEVEL_DBM0)),
        ..WebrtcConfig::new(&gateway.websocket(), "alice", &password("alice"))
    })
    .await;
    let (call, lifted) = tokio::join!(alice.call("bob"), lift(&bob));
    let call = call.expect("an answer");
    assert_hears(&call, CALLEE_HZ).await;
    assert_hears(&lifted, CALLER_HZ).await;
    for end in [&call, &lifted] {
        assert_eq!(end.remote_description().expect("a description").address.ip(), loopback);
    }
    call.hang_up().await.expect("confirmed");
    gateway.assert_all_is_over(1);
}
