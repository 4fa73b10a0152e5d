//! linphone, which has registered at the gateway, and a phone of ours at a trunk.

use std::time::Duration;

use tempfile::TempDir;
use webtrunk_loadtest::agent::{Call, Phone};

use super::ear::{await_no_tone, await_tone};
use super::linphone::{Linphone, LinphoneConfig};
use super::network::lift;
use super::offices::{self, OFFICE_HZ, THIRD_HZ, assert_put_through, phone};
use super::plan::TLS_PORT;
use crate::support::gateway::{Gateway, GatewayConfig, PATIENCE};
use crate::support::host::Host;
use crate::support::process::wait_until;
use crate::support::sound::{PEAK_AT_10_DBM0, Sound};

const LINPHONE_HZ: f64 = 1400.0;

struct Stage {
    gateway: Gateway,
    linphone: Linphone,
    office: Phone,
    /// At another trunk, whose numbers begin with 8.
    third: Phone,
    _kept: ([Host; 2], TempDir),
}

/// How linphone is to reach the gateway, and what else it is told.
#[derive(Default)]
struct Manner {
    is_secure: bool,
    lines: &'static str,
    sip: &'static str,
}

impl Stage {
    async fn new(manner: Manner) -> Option<Self> {
        let [own, office, third] = std::array::from_fn(|_| Host::new());
        let folder = TempDir::new().expect("a folder for the test");
        let mut config = offices::config("lin", [&office, &third], manner.sip);
        if manner.is_secure {
            config = offices::secured(config, &own, &folder);
        }
        let gateway = Gateway::start_at(own, &config);
        let says = Sound::tone(8000, LINPHONE_HZ, PEAK_AT_10_DBM0, 120.0);
        let mut at = gateway.sip();
        if manner.is_secure {
            at.set_port(TLS_PORT);
        }
        let transport = if manner.is_secure { "tls" } else { "udp" };
        let config = LinphoneConfig { user: "lin", gateway: at, transport, lines: manner.lines, says: &says };
        let linphone = Linphone::start(&config)?;
        let is_registered = wait_until(PATIENCE, || gateway.status()["registered_users"] == 1);
        assert!(is_registered, "{}", gateway.status());
        Some(Self {
            office: phone(&office, &gateway, OFFICE_HZ).await,
            third: phone(&third, &gateway, THIRD_HZ).await,
            gateway,
            linphone,
            _kept: ([office, third], folder),
        })
    }

    /// linphone has said that it only sends: its file, which is its music on hold too.
    fn await_hold(&self) {
        let log = self.gateway.log();
        let is_held = || log.count(&["\"agreed\"", "RecvOnly"]) > 0;
        assert!(tokio::task::block_in_place(|| wait_until(PATIENCE, is_held)), "no hold");
    }

    /// The office calls, linphone answers.
    async fn called(&self) -> Call {
        self.office.call("lin").await.expect("an answer")
    }

    /// The office hangs up; nothing is left, and linphone heard it to the end.
    async fn end(self, call: Call) {
        call.hang_up().await.expect("confirmed");
        self.gateway.assert_all_is_over(1);
        assert_heard(self.linphone, OFFICE_HZ);
    }
}

async fn await_linphone(call: &Call) {
    await_tone(call, LINPHONE_HZ).await;
}

/// Most of what linphone recorded at the end is the tone.
fn assert_heard(linphone: Linphone, hz: u16) {
    let heard = linphone.heard();
    let share = heard.last_seconds(1.0).share_of_tone(hz.into());
    assert!(share > 0.8, "{hz} Hz in {:.0} % of the last of {:.1} s", share * 100.0, heard.seconds());
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "make interop"]
async fn it_registers_is_called_and_both_hear_each_other() {
    let Some(stage) = Stage::new(Manner::default()).await else { return };
    let call = stage.called().await;
    await_linphone(&call).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    stage.end(call).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "make interop"]
async fn it_calls_and_both_hear_each_other() {
    let Some(mut stage) = Stage::new(Manner::default()).await else { return };
    stage.linphone.tell("call 9100 --audio-only");
    let call = lift(&stage.office).await;
    await_linphone(&call).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    stage.linphone.tell("terminate");
    call.ended(PATIENCE).await.expect("an end");
    stage.gateway.assert_all_is_over(1);
    assert_heard(stage.linphone, OFFICE_HZ);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "make interop"]
async fn it_holds_and_is_held() {
    let Some(mut stage) = Stage::new(Manner::default()).await else { return };
    let call = stage.called().await;
    await_linphone(&call).await;
    stage.linphone.tell("pause");
    stage.await_hold();
    stage.linphone.wait_for("is now paused");
    stage.linphone.tell("resume");
    // Both legs were agreed on once before.
    let is_resumed = || stage.gateway.log().count(&["\"agreed\"", "SendRecv"]) == 3;
    assert!(tokio::task::block_in_place(|| wait_until(PATIENCE, is_resumed)), "still on hold");
    await_linphone(&call).await;
    call.hold().await.expect("agreed");
    await_no_tone(&call, LINPHONE_HZ).await;
    call.resume().await.expect("agreed");
    await_linphone(&call).await;
    tokio::time::sleep(Duration::from_secs(4)).await;
    stage.end(call).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "make interop"]
async fn it_presses_keys_and_hears_them() {
    let Some(mut stage) = Stage::new(Manner::default()).await else { return };
    let call = stage.called().await;
    await_linphone(&call).await;
    for key in ["1", "4", "#"] {
        stage.linphone.tell(key);
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    call.heard_digits(3, PATIENCE).await.expect("digits");
    assert_eq!(call.heard().await.expect("a log").digits_text(), "14#");
    call.send_digits("79").await.expect("events are agreed on");
    stage.linphone.wait_for("Receiving tone 7");
    stage.linphone.wait_for("Receiving tone 9");
    call.hang_up().await.expect("confirmed");
    stage.gateway.assert_all_is_over(1);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "make interop"]
async fn it_transfers_its_call() {
    let Some(mut stage) = Stage::new(Manner::default()).await else { return };
    let call = stage.called().await;
    await_linphone(&call).await;
    stage.linphone.tell("transfer 8100");
    let third = lift(&stage.third).await;
    assert_put_through(&stage.gateway, call, third, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "make interop"]
async fn it_puts_through_whom_it_talks_with() {
    let Some(mut stage) = Stage::new(Manner::default()).await else { return };
    let call = stage.called().await;
    await_linphone(&call).await;
    stage.linphone.tell("pause");
    stage.await_hold();
    stage.linphone.tell("call 8100 --audio-only");
    let third = lift(&stage.third).await;
    await_linphone(&third).await;
    stage.linphone.tell("transfer 1 --to-call 2");
    assert_put_through(&stage.gateway, call, third, 2).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "make interop"]
async fn it_hears_early_media_and_gives_up() {
    let Some(mut stage) = Stage::new(Manner::default()).await else { return };
    stage.linphone.tell("call 9100 --audio-only");
    let incoming = tokio::time::timeout(PATIENCE, stage.office.next_incoming()).await.expect("in time");
    let mut incoming = incoming.expect("a call");
    incoming.early_media().await.expect("a codec in common");
    tokio::time::sleep(Duration::from_secs(5)).await;
    stage.linphone.tell("terminate");
    incoming.ended(PATIENCE).await.expect("it is cancelled");
    stage.gateway.assert_all_is_over(1);
    assert_heard(stage.linphone, OFFICE_HZ);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "make interop"]
async fn it_is_refreshed_in_a_call_of_90_seconds() {
    let manner = Manner { sip: "session_expires_s = 90", ..Manner::default() };
    let Some(stage) = Stage::new(manner).await else { return };
    let call = stage.called().await;
    await_linphone(&call).await;
    tokio::time::sleep(Duration::from_secs(94)).await;
    await_linphone(&call).await;
    let log = stage.gateway.log();
    assert!(log.count(&["session refresh is due"]) >= 2, "one for each leg");
    assert_eq!(log.count(&["refresh refused"]), 0);
    stage.end(call).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "make interop"]
async fn it_refreshes_a_call_of_90_seconds() {
    let lines = "session_expires_enabled=1\nsession_expires_value=90\nsession_expires_min_value=90\n\
                 session_expires_refresher_value=1";
    let Some(stage) = Stage::new(Manner { lines, sip: "session_expires_s = 90", ..Manner::default() }).await
    else {
        return;
    };
    let call = stage.called().await;
    await_linphone(&call).await;
    tokio::time::sleep(Duration::from_secs(94)).await;
    await_linphone(&call).await;
    assert_eq!(stage.gateway.log().count(&["session refresh is due"]), 2, "of the office alone");
    stage.end(call).await;
}

/// Over TLS, and no call without keys.
const SECURE: Manner =
    Manner { is_secure: true, lines: "media_encryption=srtp\nmedia_encryption_mandatory=1", sip: "" };

#[tokio::test(flavor = "multi_thread")]
#[ignore = "make interop"]
async fn it_is_called_over_tls_and_srtp() {
    // It refuses keys beside RTP/AVP, as they are offered where it is left open.
    let Some(stage) = Stage::new(Manner { sip: "phone_srtp = 'require'", ..SECURE }).await else { return };
    let call = stage.called().await;
    await_linphone(&call).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(stage.gateway.log().count(&["\"media is encrypted\""]), 1, "plain");
    stage.end(call).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "make interop"]
async fn it_speaks_tls_and_srtp() {
    let Some(mut stage) = Stage::new(SECURE).await else { return };
    stage.linphone.tell("call 9100 --audio-only");
    let call = lift(&stage.office).await;
    await_linphone(&call).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(stage.gateway.log().count(&["\"media is encrypted\""]), 1, "plain");
    stage.end(call).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "make interop"]
async fn it_hears_the_echo_over_ipv6() {
    let config =
        GatewayConfig::default().user("lin").rule("destination = '9196'\nactions = ['answer', 'echo']");
    let gateway = Gateway::start_at(Host::ipv6(), &config);
    let says = Sound::tone(8000, LINPHONE_HZ, PEAK_AT_10_DBM0, 120.0);
    let config =
        LinphoneConfig { user: "lin", gateway: gateway.sip(), transport: "udp", lines: "", says: &says };
    let Some(mut linphone) = Linphone::start(&config) else { return };
    assert!(wait_until(PATIENCE, || gateway.status()["registered_users"] == 1), "{}", gateway.status());
    linphone.tell("call 9196 --audio-only");
    linphone.wait_for("connected");
    tokio::time::sleep(Duration::from_secs(5)).await;
    linphone.tell("terminate");
    gateway.assert_all_is_over(1);
    assert_heard(linphone, LINPHONE_HZ as u16);
}
