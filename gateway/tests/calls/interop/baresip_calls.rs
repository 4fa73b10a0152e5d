//! baresip, which has registered at the gateway, and phones of ours at trunks: what it does in a call.

use std::net::SocketAddr;
use std::time::Duration;

use tempfile::TempDir;
use webtrunk_loadtest::agent::{Call, Phone};

use super::ear::{await_no_tone, await_tone};
use super::network::lift;
use super::offices::{self, OFFICE_HZ, THIRD_HZ, assert_put_through, phone};
use super::plan::TLS_PORT;
use crate::support::baresip::Baresip;
use crate::support::gateway::{Gateway, GatewayConfig, PATIENCE};
use crate::support::host::Host;
use crate::support::machine::Machine;
use crate::support::sound::{PEAK_AT_10_DBM0, Sound};

const BARESIP_HZ: f64 = 1400.0;

struct Stage {
    gateway: Gateway,
    baresip: Baresip,
    office: Phone,
    /// At another trunk, whose numbers begin with 8.
    third: Phone,
    _kept: ([Host; 2], TempDir),
}

/// How baresip reaches the gateway.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Manner {
    Plain,
    /// Over TLS, with keys in the descriptions.
    Secure,
}

impl Stage {
    async fn new(sip: &str) -> Option<Self> {
        Self::with(Manner::Plain, sip).await
    }

    async fn with(manner: Manner, sip: &str) -> Option<Self> {
        let own = Host::new();
        let hosts = std::array::from_fn(|_| Host::new());
        let folder = TempDir::new().expect("a folder for the test");
        // baresip gives up at a challenge for SHA-256, also where one for MD5 follows.
        let mut config = offices::config("bob", [&hosts[0], &hosts[1]], sip).md5_only();
        let secure_at = own.at(TLS_PORT);
        if manner == Manner::Secure {
            config = offices::secured(config.sip("phone_srtp = 'require'"), &own, &folder);
        }
        let gateway = Gateway::start_at(own, &config);
        let says = Sound::tone(8000, BARESIP_HZ, PEAK_AT_10_DBM0, 120.0);
        let baresip = match manner {
            Manner::Plain => Baresip::registered("bob", "PCMU", gateway.sip(), &says)?,
            Manner::Secure => Baresip::registered_securely("bob", "PCMU", secure_at, &says)?,
        };
        let office = phone(&hosts[0], &gateway, OFFICE_HZ).await;
        let third = phone(&hosts[1], &gateway, THIRD_HZ).await;
        Some(Self { gateway, baresip, office, third, _kept: (hosts, folder) })
    }

    /// The office calls, baresip answers and is heard.
    async fn talking(&self) -> Call {
        let call = self.office.call("bob").await.expect("an answer");
        await_tone(&call, BARESIP_HZ).await;
        call
    }

    /// The office hangs up, and baresip has heard it to the end.
    async fn end(self, call: Call) {
        tokio::time::sleep(Duration::from_secs(3)).await;
        call.hang_up().await.expect("confirmed");
        self.baresip.wait_for_the_end_of_its_call();
        self.gateway.assert_all_is_over(1);
        let share = self.baresip.heard().last_seconds(2.0).share_of_tone(OFFICE_HZ.into());
        assert!(share > 0.8, "{OFFICE_HZ} Hz in {:.0} %", share * 100.0);
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "make interop"]
async fn baresip_holds_and_is_held() {
    let Some(stage) = Stage::new("").await else { return };
    let call = stage.talking().await;
    stage.baresip.tell("hold", "");
    await_no_tone(&call, BARESIP_HZ).await;
    stage.baresip.tell("resume", "");
    await_tone(&call, BARESIP_HZ).await;
    call.hold().await.expect("agreed");
    await_no_tone(&call, BARESIP_HZ).await;
    call.resume().await.expect("agreed");
    await_tone(&call, BARESIP_HZ).await;
    // What it hears is in its recordings up to the hold alone: its recorder writes no more after it.
    call.hang_up().await.expect("confirmed");
    stage.gateway.assert_all_is_over(1);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "make interop"]
async fn baresip_presses_keys_and_hears_them() {
    let Some(stage) = Stage::new("").await else { return };
    let call = stage.talking().await;
    for key in ["1", "4", "#"] {
        stage.baresip.tell("sndcode", key);
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    call.heard_digits(3, PATIENCE).await.expect("digits");
    assert_eq!(call.heard().await.expect("a log").digits_text(), "14#");
    call.send_digits("79").await.expect("events are agreed on");
    stage.baresip.wait_for("received event: '7'");
    stage.baresip.wait_for("received event: '9'");
    stage.end(call).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "make interop"]
async fn baresip_transfers_its_call() {
    let Some(stage) = Stage::new("").await else { return };
    let call = stage.talking().await;
    stage.baresip.tell("transfer", &format!("sip:8100@{}", stage.gateway.sip()));
    let third = lift(&stage.third).await;
    assert_put_through(&stage.gateway, call, third, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "make interop"]
async fn baresip_hears_early_media_and_gives_up() {
    let Some(stage) = Stage::new("").await else { return };
    stage.baresip.tell("dial", &format!("sip:9100@{}", stage.gateway.sip()));
    let incoming = tokio::time::timeout(PATIENCE, stage.office.next_incoming()).await.expect("in time");
    let mut incoming = incoming.expect("a call");
    incoming.early_media().await.expect("a codec in common");
    tokio::time::sleep(Duration::from_secs(4)).await;
    stage.baresip.tell("hangup", "");
    incoming.ended(PATIENCE).await.expect("it is cancelled");
    stage.gateway.assert_all_is_over(1);
    let share = stage.baresip.heard().last_seconds(2.0).share_of_tone(OFFICE_HZ.into());
    assert!(share > 0.8, "{OFFICE_HZ} Hz in {:.0} %", share * 100.0);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "make interop"]
async fn baresip_is_refreshed_in_a_call_of_90_seconds() {
    let Some(stage) = Stage::new("session_expires_s = 90").await else { return };
    let call = stage.talking().await;
    tokio::time::sleep(Duration::from_secs(94)).await;
    await_tone(&call, BARESIP_HZ).await;
    let log = stage.gateway.log();
    assert!(log.count(&["session refresh is due"]) >= 2, "one for each leg");
    assert_eq!(log.count(&["refresh refused"]), 0);
    stage.end(call).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "make interop"]
async fn baresip_speaks_tls_and_srtp() {
    let Some(stage) = Stage::with(Manner::Secure, "").await else { return };
    let call = stage.talking().await;
    stage.end(call).await;
    let Some(stage) = Stage::with(Manner::Secure, "").await else { return };
    // baresip adds the transport of its account.
    let target = format!("sip:9100@{}", SocketAddr::new(stage.gateway.sip().ip(), TLS_PORT));
    stage.baresip.tell("dial", &target);
    let call = lift(&stage.office).await;
    await_tone(&call, BARESIP_HZ).await;
    assert_eq!(stage.gateway.log().count(&["\"media is encrypted\""]), 1, "plain");
    assert_eq!(stage.gateway.log().count(&["call came in", "TLS:"]), 1, "plain");
    stage.end(call).await;
}

#[test]
#[ignore = "make interop"]
fn baresip_hears_the_echo_over_ipv6() {
    let [inside, outside] = [Machine::new(), Machine::new()];
    inside.lay_cable("office", &["fd00:99::1/64"], &outside, &["fd00:99::2/64"]);
    let echo = "destination = '9196'\nactions = ['answer', 'echo']";
    let config = GatewayConfig::default().origin("https://phone.example").user("bob").md5_only().rule(echo);
    let gateway = inside.run(|| Gateway::start_at(Host::machine("fd00:99::1"), &config));
    let says = Sound::tone(8000, BARESIP_HZ, PEAK_AT_10_DBM0, 120.0);
    let ip = "fd00:99::2".parse().expect("an address");
    let baresip = outside.run(|| Baresip::registered_at(ip, "bob", "PCMU", gateway.sip(), &says));
    let Some(baresip) = baresip else { return };
    outside.run(|| baresip.tell("dial", &format!("sip:9196@{}", gateway.sip())));
    baresip.wait_for("Call established");
    std::thread::sleep(Duration::from_secs(4));
    outside.run(|| baresip.tell("hangup", ""));
    inside.run(|| gateway.assert_all_is_over(1));
    let share = baresip.heard().last_seconds(2.0).share_of_tone(BARESIP_HZ);
    assert!(share > 0.8, "{BARESIP_HZ} Hz in {:.0} %", share * 100.0);
}
