//! A caller that speaks one SRTP profile only gets just that one, whoever is the DTLS client.

use webtrunk_codecs::SampleRate;
use webtrunk_codecs::tone::goertzel_dbm0;
use webtrunk_loadtest::agent::{SrtpProfile, Voice, WebrtcCaller, WebrtcConfig};

use super::caller::SAID_HZ;
use crate::support::gateway::{Gateway, GatewayConfig, PATIENCE, password};

const LEVEL_DBM0: f64 = -10.0;

async fn hears_its_echo(gateway: &Gateway, profile: SrtpProfile, insists_on_dtls_client: bool) {
    let config = WebrtcConfig {
        media_address: Some(gateway.sip().ip()),
        voice: Some(Voice::tone(SAID_HZ, LEVEL_DBM0)),
        profiles: vec![profile],
        insists_on_dtls_client,
        ..WebrtcConfig::new(&gateway.websocket(), "alice", &password("alice"))
    };
    let alice = WebrtcCaller::new(config).await.expect("the gateway listens");
    let call = alice.call("9196").await.expect("it is answered");
    call.heard_packets(100, PATIENCE).await.expect("audio");
    assert_eq!(call.srtp_profile(), Some(profile));
    let heard = call.heard().await.expect("a log").samples(SampleRate::HZ_8000);
    let level = goertzel_dbm0(&heard[8000..16_000], SampleRate::HZ_8000, SAID_HZ.into());
    assert!((level - LEVEL_DBM0).abs() <= 0.5, "{profile:?}: {level:.2} dBm0");
    call.hang_up().await.expect("confirmed");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_srtp_profile_alone_carries_audio() {
    let rule = "destination = '9196'\nactions = ['answer', 'echo']";
    let gateway = Gateway::start(&GatewayConfig::default().user("alice").rule(rule));
    let mut calls = 0;
    for profile in SrtpProfile::ALL {
        for insists_on_dtls_client in [false, true] {
            hears_its_echo(&gateway, profile, insists_on_dtls_client).await;
            calls += 1;
        }
    }
    gateway.assert_all_is_over(calls);
}
