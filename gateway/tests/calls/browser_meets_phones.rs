//! A browser and phones of ours: in a conference, and one whose media is encrypted by keys in the description.

use webtrunk_codecs::{CodecId, SampleRate};
use webtrunk_loadtest::agent::{Call, LaterKeys, Phone, PhoneConfig, PhoneSrtp, SrtpProfile, Voice};

use crate::support::browser::Browser;
use crate::support::gateway::{Gateway, GatewayConfig, PATIENCE};
use crate::support::gateway_config::SIP_PORT;
use crate::support::host::Host;
use crate::support::page::{LineConfig, Microphone, Page};
use crate::support::sound::{PEAK_AT_10_DBM0, Sound};

const PAGE_HZ: f64 = 1020.0;
const PHONES_HZ: [u16; 2] = [440, 1870];
const LEVEL_DBM0: f64 = -10.0;

fn alice(browser: &Browser, gateway: &Gateway) -> Page {
    let alice = browser.open();
    let microphone = Microphone::Tone { hz: PAGE_HZ, peak: PEAK_AT_10_DBM0 };
    alice.register(gateway, "alice", &LineConfig { microphone, ..LineConfig::default() });
    alice
}

async fn phone(host: &Host, gateway: &Gateway, codec: CodecId, hz: u16, srtp: Option<PhoneSrtp>) -> Phone {
    let config = PhoneConfig {
        bind: host.at(SIP_PORT),
        server: Some(gateway.sip()),
        codecs: vec![codec],
        voice: Some(Voice::tone(hz, LEVEL_DBM0)),
        srtp,
        ..PhoneConfig::default()
    };
    Phone::new(config).await.expect("the host is ours")
}

/// The level of a tone in the last second that a phone has heard.
async fn level(call: &Call, hz: f64) -> f64 {
    let so_far = call.heard().await.expect("a log").packets.len();
    call.heard_packets(so_far + 75, PATIENCE).await.expect("audio");
    let heard = call.heard().await.expect("a log").samples(SampleRate::HZ_8000);
    Sound::telephone(heard).last_seconds(1.0).dbm0_at(hz)
}

fn is_heard(level_dbm0: f64) -> bool {
    (level_dbm0 - LEVEL_DBM0).abs() < 1.5
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_and_two_phones_hear_each_other_in_a_conference() {
    let Some(browser) = Browser::shared() else { return };
    let hosts = [Host::new(), Host::new()];
    let meet = "actions = ['answer', { conference = { room = '$0' } }]";
    let config = GatewayConfig::default()
        .origin(browser.origin())
        .user("alice")
        .trunk("office", &hosts[0], &["PCMU"])
        .trunk("carrier", &hosts[1], &["G722"])
        .rule(&format!("destination = '8100'\n{meet}"))
        .rule(&format!("destination = '8100'\nfrom_trunk = 'office|carrier'\n{meet}"));
    let gateway = Gateway::start(&config);
    let alice = alice(&browser, &gateway);
    alice.call_through("8100");
    let narrow = phone(&hosts[0], &gateway, CodecId::Pcmu, PHONES_HZ[0], None).await;
    let wide = phone(&hosts[1], &gateway, CodecId::G722, PHONES_HZ[1], None).await;
    let calls = [narrow.call("8100").await.expect("an answer"), wide.call("8100").await.expect("an answer")];
    for (call, [own, other]) in calls.iter().zip([PHONES_HZ, [PHONES_HZ[1], PHONES_HZ[0]]]) {
        assert!(is_heard(level(call, PAGE_HZ).await), "the phone of {own} Hz hears the browser");
        assert!(is_heard(level(call, other.into()).await), "it hears the other phone");
        assert!(level(call, own.into()).await < LEVEL_DBM0 - 25.0, "it does not hear itself");
    }
    let heard = alice.listen(3.0).last_seconds(2.0);
    for hz in PHONES_HZ {
        let gain_db = heard.level_at(hz.into()) - 20.0 * PEAK_AT_10_DBM0.log10();
        assert!(gain_db.abs() < 1.5, "the browser hears {hz} Hz with a gain of {gain_db:.2} dB");
    }
    let itself_db = heard.level_at(PAGE_HZ) - 20.0 * PEAK_AT_10_DBM0.log10();
    assert!(itself_db < -25.0, "the browser does not hear itself");
    for call in &calls {
        call.hang_up().await.expect("confirmed");
    }
    alice.hangup();
    alice.next("ended");
    gateway.assert_all_is_over(3);
    gateway.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_and_a_phone_with_keys_in_its_description_hear_each_other() {
    let Some(browser) = Browser::shared() else { return };
    for profile in [SrtpProfile::Aes128CmHmacSha1_80, SrtpProfile::AeadAes256Gcm] {
        let host = Host::new();
        let config = GatewayConfig::default()
            .origin(browser.origin())
            .user("alice")
            .trunk("office", &host, &["PCMU"])
            .last_trunk("srtp = 'require'")
            .rule("destination = '9100'\nactions = [{ bridge = { trunk = 'office', number = '$0' } }]")
            .rule("destination = '4711'\nfrom_trunk = 'office'\nactions = [{ bridge = { user = 'alice' } }]");
        let gateway = Gateway::start(&config);
        let alice = alice(&browser, &gateway);
        let srtp = Some(PhoneSrtp { profile, is_optional: false, later: LaterKeys::Kept });
        let phone = phone(&host, &gateway, CodecId::Pcmu, PHONES_HZ[0], srtp).await;

        alice.call("9100");
        let incoming = tokio::time::timeout(PATIENCE, phone.next_incoming()).await;
        let call = incoming.expect("in time").expect("a call").answer().await.expect("a codec in common");
        assert_both_hear(&alice, &call, profile).await;
        alice.hangup();
        alice.next("ended");

        let dialing = phone.dial("4711").await.expect("a number");
        tokio::task::block_in_place(|| {
            alice.next("incoming");
            alice.answer();
        });
        let call = dialing.answered(PATIENCE).await.expect("an answer");
        assert_both_hear(&alice, &call, profile).await;
        alice.hangup();
        alice.next("ended");
        gateway.assert_all_is_over(2);
        gateway.stop();
    }
}

async fn assert_both_hear(alice: &Page, call: &Call, profile: SrtpProfile) {
    assert!(is_heard(level(call, PAGE_HZ).await), "the phone hears the browser under {profile:?}");
    assert_eq!(call.srtp_profile(), Some(profile));
    tokio::task::block_in_place(|| {
        alice.await_tone(PHONES_HZ[0].into());
        alice.assert_hears(PHONES_HZ[0].into(), PEAK_AT_10_DBM0, 0.5);
    });
}
