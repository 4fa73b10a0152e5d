//! baresip with SRTP keyed in the description, insisting on it or only offering it, as caller and as callee.

use webtrunk_codecs::tone::goertzel_dbm0;
use webtrunk_codecs::{CodecId, SampleRate};
use webtrunk_loadtest::agent::{Call, Phone, PhoneConfig, Voice};

use crate::support::baresip::Baresip;
use crate::support::gateway::{Gateway, GatewayConfig, PATIENCE};
use crate::support::gateway_config::SIP_PORT;
use crate::support::host::Host;
use crate::support::sound::{PEAK_AT_10_DBM0, Sound};

const BARESIP_HZ: f64 = 1400.0;
const PHONE_HZ: u16 = 850;
const LEVEL_DBM0: f64 = -10.0;

/// baresip's words for the two: `RTP/SAVP`, and `RTP/AVP` with a key beside it.
const MANNERS: [&str; 2] = [";mediaenc=srtp-mand", ";mediaenc=srtp"];

async fn phone(host: &Host, gateway: &Gateway) -> Phone {
    let config = PhoneConfig {
        bind: host.at(SIP_PORT),
        server: Some(gateway.sip()),
        codecs: vec![CodecId::Pcmu],
        voice: Some(Voice::tone(PHONE_HZ, LEVEL_DBM0)),
        ..PhoneConfig::default()
    };
    Phone::new(config).await.expect("the host is ours")
}

fn said() -> Sound {
    Sound::tone(8000, BARESIP_HZ, PEAK_AT_10_DBM0, 60.0)
}

/// The phone hears baresip and the gateway says that baresip's leg is encrypted; then the call ends.
async fn assert_hears(call: &Call, gateway: &Gateway) {
    call.heard_packets(150, PATIENCE).await.expect("audio");
    let heard = call.heard().await.expect("a log").samples(SampleRate::HZ_8000);
    let level = goertzel_dbm0(&heard[8000..16_000], SampleRate::HZ_8000, BARESIP_HZ);
    assert!((level - LEVEL_DBM0).abs() <= 0.3, "{level:.2} dBm0");
    assert_eq!(gateway.log().count(&["\"media is encrypted\""]), 1, "plain");
    call.hang_up().await.expect("confirmed");
}

fn assert_baresip_heard(baresip: Baresip) {
    baresip.wait_for_the_end_of_its_call();
    baresip.heard().last_seconds(2.0).assert_tone(f64::from(PHONE_HZ), PEAK_AT_10_DBM0, 0.3);
}

#[tokio::test(flavor = "multi_thread")]
async fn baresip_calls_with_srtp_and_both_hear() {
    for manner in MANNERS {
        let host = Host::new();
        let config = GatewayConfig::default()
            .user("bob")
            // baresip gives up at a challenge for SHA-256, also where one for MD5 follows.
            .md5_only()
            .trunk("carrier", &host, &["PCMU"])
            .rule("destination = '9100'\nactions = [{ bridge = { trunk = 'carrier', number = '$0' } }]");
        let gateway = Gateway::start(&config);
        let phone = phone(&host, &gateway).await;
        let bob = Baresip::calling_with("bob", "PCMU", manner, gateway.sip(), "9100", &said());
        let Some(bob) = bob else { return };
        let incoming = tokio::time::timeout(PATIENCE, phone.next_incoming()).await;
        let call = incoming.expect("in time").expect("a call").answer().await.expect("a codec in common");
        assert_hears(&call, &gateway).await;
        assert_baresip_heard(bob);
        gateway.assert_all_is_over(1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn baresip_is_called_with_srtp_and_both_hear() {
    for (manner, srtp) in [(MANNERS[0], "require"), (MANNERS[1], "require"), (MANNERS[1], "offer")] {
        let Some(baresip) = Baresip::answering_with("phone", "PCMU", manner, &said()) else { return };
        let host = Host::new();
        let config = GatewayConfig::default()
            .trunk("office", &host, &["PCMU"])
            .trunk_at("baresip", baresip.address(), &["PCMU"])
            .last_trunk(&format!("srtp = '{srtp}'"))
            .rule(
                "destination = '9100'\nfrom_trunk = 'office'\n\
                 actions = [{ bridge = { trunk = 'baresip', number = 'phone' } }]",
            );
        let gateway = Gateway::start(&config);
        let phone = phone(&host, &gateway).await;
        let call = phone.call("9100").await.expect("an answer");
        assert_hears(&call, &gateway).await;
        assert_baresip_heard(baresip);
        gateway.assert_all_is_over(1);
    }
}
