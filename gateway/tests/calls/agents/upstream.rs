//! A user with an account at a provider, which is a second gateway: her calls go out by that account, and calls to it
//! ring her.

use webtrunk_codecs::CodecId;
use webtrunk_loadtest::agent::{AgentError, Call, Phone, PhoneConfig, Voice, WebrtcConfig};

use super::ear::assert_mostly_hears;
use super::stage::{CALLEE_HZ, CALLER_HZ, LEVEL_DBM0, lift, lift_webrtc, phone, webrtc};
use crate::support::gateway::{Gateway, GatewayConfig, PATIENCE, password};
use crate::support::gateway_config::SIP_PORT;
use crate::support::host::Host;
use crate::support::process::wait_until;

/// Alice's account at the provider.
pub(crate) const ACCOUNT: &str = "4930123457";

async fn assert_talk(alice: &Call, phone: &Call) {
    for (call, hz) in [(alice, CALLEE_HZ), (phone, CALLER_HZ)] {
        call.heard_packets(150, PATIENCE).await.expect("audio");
        assert_mostly_hears(call, hz).await;
    }
}

/// The provider with the telephone network behind it, which lets nobody call or write but alice's account.
pub(crate) fn provider(network: &Host) -> Gateway {
    let config = GatewayConfig::default()
        .user(ACCOUNT)
        .trunk("network", network, &["PCMU"])
        .last_trunk("messages = true")
        .rule(&format!(
            "destination = '9\\d+'\nfrom_user = '{ACCOUNT}'\n\
             actions = [{{ bridge = {{ trunk = 'network', number = '$0' }} }}]"
        ))
        .rule(&format!(
            "destination = '7\\d+'\nfrom_trunk = 'network'\nactions = [{{ bridge = {{ user = '{ACCOUNT}' }} }}]"
        ));
    Gateway::start(&config)
}

/// A phone in the network behind the provider.
pub(super) async fn other_phone(network: &Host, provider: &Gateway) -> Phone {
    phone(PhoneConfig {
        bind: network.at(SIP_PORT),
        server: Some(provider.sip()),
        user: "100".to_owned(),
        codecs: vec![CodecId::Pcmu],
        voice: Some(Voice::tone(CALLEE_HZ, LEVEL_DBM0)),
        ..PhoneConfig::default()
    })
    .await
}

/// The gateway of alice, who has registered there by her account, and of bob, who has none.
pub(crate) fn customer(provider: &Gateway) -> Gateway {
    let (host, secret) = (provider.sip().ip(), password(ACCOUNT));
    let config = GatewayConfig::default()
        .user("alice")
        .user("bob")
        .user_lines(
            "alice",
            &format!(
                "upstream = [{{ trunk = 'provider', user = '{ACCOUNT}', expires_s = 60, \
                 credentials = {{ user = '{ACCOUNT}', password = '{secret}', realm = 'webtrunk' }} }}]"
            ),
        )
        .trunk_lines(&format!("name = 'provider'\nhost = '{host}'\ntransport = 'udp'\ncodecs = ['PCMU']"))
        .last_trunk("messages = true")
        .rule("destination = '9\\d+'\nactions = [{ bridge = { trunk = 'provider', number = '$0' } }]")
        .rule("destination = '[a-z]+'\nfrom_trunk = 'provider'\nactions = [{ bridge = { user = '$0' } }]");
    let gateway = Gateway::start(&config);
    let state = || gateway.status()["trunks"]["provider"]["registrations"][0].clone();
    assert!(wait_until(PATIENCE, || state()["state"] == "registered"), "{}", gateway.status());
    assert_eq!(state()["user"], ACCOUNT);
    gateway
}

#[tokio::test(flavor = "multi_thread")]
async fn a_users_calls_go_out_by_her_own_account_and_calls_to_it_ring_her() {
    let network = Host::new();
    let provider = provider(&network);
    let gateway = customer(&provider);

    let user = |name: &str| WebrtcConfig {
        media_address: Some(gateway.sip().ip()),
        voice: Some(Voice::tone(CALLER_HZ, LEVEL_DBM0)),
        ..WebrtcConfig::new(&gateway.websocket(), name, &password(name))
    };
    let alice = webrtc(user("alice")).await;
    alice.register().await.expect("the password is right");
    let other = other_phone(&network, &provider).await;
    let (call, lifted) = tokio::join!(alice.call("9100"), lift(&other));
    let call = call.expect("an answer");
    assert_talk(&call, &lifted).await;
    call.hang_up().await.expect("confirmed");

    let (call, lifted) = tokio::join!(other.call("7100"), lift_webrtc(&alice));
    let call = call.expect("an answer");
    assert_talk(&lifted, &call).await;
    call.hang_up().await.expect("confirmed");

    // Nobody else calls at her cost: bob has no account there, and the trunk has none of its own.
    let bob = webrtc(user("bob")).await;
    let dialing = bob.dial("9100").await.expect("a number");
    let refused = dialing.answered(PATIENCE).await.err();
    assert_eq!(refused.as_ref().and_then(AgentError::status), Some(403));
    assert_eq!(provider.log().count(&["call began", ACCOUNT]), 1);
    provider.assert_all_is_over(2);
}
