//! A configuration that is changed while people talk.

use webtrunk_codecs::CodecId;
use webtrunk_loadtest::agent::{AgentError, Dialing, PhoneConfig};

use super::ear::{assert_hears, assert_hears_no_gap};
use super::json::page::assert_phone_hears;
use super::stage::{CALLEE_HZ, CALLER_HZ, Stage, lift, lift_webrtc, phone, talk_from_webrtc, webrtc};
use crate::support::gateway::{GatewayConfig, PATIENCE};
use crate::support::host::Host;
use crate::support::process::wait_until;

const TONE: &str = "actions = ['answer', { tone = { frequency_hz = 850, level_dbm0 = -10 } }]";

/// Where a text stands in a configuration, as faults name it: by the line, counted from 1.
pub(super) fn line_of(text: &str, part: &str) -> String {
    let (before, _) = text.split_once(part).expect("it is there");
    format!("webtrunk.toml:{}: ", 1 + before.matches('\n').count())
}

async fn status_of(dialing: Result<Dialing, AgentError>) -> Option<u16> {
    let answered = dialing.expect("a number").answered(PATIENCE).await;
    answered.err().as_ref().and_then(AgentError::status)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_talks_through_reloads_and_new_calls_go_by_what_was_taken_up() {
    let config =
        GatewayConfig::default().media("media_timeout_s = 60").rule(&format!("destination = '700'\n{TONE}"));
    let stage = Stage::with(&["PCMU"], config);
    let gateway = &stage.gateway;
    let (alice, callee) = (webrtc(stage.alice()).await, phone(stage.callee(CodecId::Pcmu)).await);
    let (call, lifted) = talk_from_webrtc(&alice, &callee).await;
    assert_hears(&call, CALLEE_HZ).await;

    // What is wrong anywhere is refused as a whole, and all stays.
    let mut line = String::new();
    gateway.reload(|text| {
        let text = text.replace("'700'", "'70(0'").replace("'carrier'", "'nobody'");
        line = line_of(&text, "destination = '70(0'");
        text
    });
    assert_eq!(
        gateway.log().count(&["is not taken up", &format!("{line}rules[0].destination")]),
        1,
        "{line}"
    );
    assert!(gateway.log().count(&["is not taken up", "no trunk has this name"]) > 0);
    let old = alice.call("700").await.expect("the old rule is there");
    assert_hears(&old, CALLEE_HZ).await;
    old.hang_up().await.expect("confirmed");

    // A new user, rule and trunk; the old rule is gone, and so is the office.
    let second = Host::new();
    let added = GatewayConfig::default().user("bob").trunk("second", &second, &["PCMU"]).parts();
    let wider = format!(
        "{added}\n[[rules]]\nname = 'new'\ndestination = '5(.*)'\nactions = [{{ bridge = {{ trunk = 'second', number = '$1' }} }}]\n"
    );
    gateway.reload(|text| {
        let text = text
            .replace("'70(0'", "'701'")
            .replace("'nobody'", "'carrier'")
            .replace("media_timeout_s = 60", "media_timeout_s = 61");
        text.replace("name = \"office\"", "name = \"bureau\"")
            .replace("from_trunk = 'office'", "from_trunk = 'bureau'")
            + &wider
    });
    let told = |what: &str, change: &str| gateway.log().count(&["configuration changed", what, change]);
    assert_eq!(told("\"what\":\"users\"", "\\\"bob\\\""), 1, "{:?}", gateway.log().lines());
    assert_eq!(told("\"what\":\"trunks\"", "\\\"bureau\\\""), 1);
    assert_eq!(told("\"what\":\"rules\"", "\\\"rule 0\\\""), 1);
    assert_eq!(gateway.log().count(&["WARN", "media.media_timeout_s", "by a restart alone"]), 1);
    assert_eq!(status_of(alice.dial("700").await).await, Some(404));
    let bob = webrtc(stage.bob()).await;
    let at_second = phone(PhoneConfig { bind: second.at(5060), ..stage.callee(CodecId::Pcmu) }).await;
    let (new, taken) = tokio::join!(bob.call("5100"), lift(&at_second));
    let new = new.expect("the new trunk answers");
    assert_hears(&new, CALLEE_HZ).await;
    // bob says what the callee does.
    assert_hears(&taken, CALLEE_HZ).await;
    new.hang_up().await.expect("confirmed");

    // A limit counts what is there already.
    gateway.reload(|text| text.replace("name = \"second\"", "calls_max = 1\nname = \"second\""));
    let (one, _taken) = tokio::join!(bob.call("5100"), lift(&at_second));
    let one = one.expect("it has room for one");
    assert_eq!(status_of(bob.dial("5100").await).await, Some(503));
    one.hang_up().await.expect("confirmed");

    // Nobody who talked has noticed.
    for (end, hz) in [(&call, CALLEE_HZ), (&lifted, CALLER_HZ)] {
        assert_phone_hears(end, hz).await;
        assert_hears_no_gap(end).await;
    }
    call.hang_up().await.expect("confirmed");
    let count = |message: &str| gateway.log().count(&[&format!("\"message\":\"{message}\"")]);
    let is_over = || count("call began") == count("call over") && count("leg added") == count("leg removed");
    assert!(wait_until(PATIENCE, is_over), "{}", gateway.status());

    // What is logged changes too.
    let began = || gateway.log().count(&["call began"]);
    let so_far = began();
    gateway.reload(|text| text.replace("filter = \"debug", "filter = \"warn,webtrunk::reload=info"));
    let quiet = alice.call("701").await.expect("an answer");
    quiet.hang_up().await.expect("confirmed");
    assert_eq!(began(), so_far);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_registered_is_called_after_a_reload_without_having_registered_again() {
    let stage = Stage::with_bob(&["PCMU"]);
    let gateway = &stage.gateway;
    let (alice, bob) = (webrtc(stage.alice()).await, webrtc(stage.bob()).await);
    bob.register().await.expect("the password is right");
    let registrations = || gateway.log().count(&["\"registration\""]);
    let so_far = registrations();
    gateway.reload(|text| text + &GatewayConfig::default().user("carol").parts());
    assert_eq!(gateway.log().count(&["configuration changed", "\"what\":\"users\"", "\\\"carol\\\""]), 1);
    let (call, lifted) = tokio::join!(alice.call("bob"), lift_webrtc(&bob));
    let call = call.expect("bob is still there");
    assert_hears(&call, CALLEE_HZ).await;
    assert_hears(&lifted, CALLER_HZ).await;
    call.hang_up().await.expect("confirmed");
    assert_eq!(registrations(), so_far);
    gateway.assert_all_is_over(1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_sees_what_a_reload_would_change_before_it_changes_anything() {
    let config = GatewayConfig::default().rule(&format!("destination = '700'\n{TONE}"));
    let stage = Stage::with(&["PCMU"], config);
    let gateway = &stage.gateway;
    let alice = webrtc(stage.alice()).await;
    let reload = |arguments: &[&str]| {
        let output = gateway.operate("reload", arguments);
        let told = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8(told).expect("text"))
    };
    assert_eq!(reload(&["--dry-run"]), (Some(0), "nothing has changed\n".to_owned()));

    let other = GatewayConfig::default().user("bob").parts();
    gateway.rewrite(|text| {
        text.replace("'700'", "'701'").replace("[media]\n", "[media]\ncalls_max = 70\nshards = 1\n") + &other
    });
    let (status, told) = reload(&["--dry-run"]);
    assert_eq!(status, Some(0), "{told}");
    for line in [
        "would change:",
        "  media.calls_max: (none) -> 70",
        "  media.shards: (none) -> 1 (by a restart alone)",
        "  rules[\"rule 0\"].destination: \"700\" -> \"701\"",
        "  users[\"bob\"].ha1_md5: (none) -> (secret)",
        "  users[\"bob\"].name: (none) -> \"bob\"",
    ] {
        assert!(told.lines().any(|own| own == line), "{line}\n{told}");
    }
    let old = alice.call("700").await.expect("nothing has changed");
    old.hang_up().await.expect("confirmed");
    let (status, told) = reload(&[]);
    assert!(status == Some(0) && told.starts_with("changed:\n"), "{told}");
    assert_eq!(status_of(alice.dial("700").await).await, Some(404));
    let new = alice.call("701").await.expect("the new rule");
    new.hang_up().await.expect("confirmed");
    // What needs a restart is told again, and nothing else.
    let (_, told) = reload(&["--dry-run"]);
    assert_eq!(told, "would change:\n  media.shards: (none) -> 1 (by a restart alone)\n");

    // A faulty file is told as it is checked, and changes nothing, rehearsed or not.
    let mut line = String::new();
    gateway.rewrite(|text| {
        let text = text.replace("'701'", "'70(1'");
        line = line_of(&text, "destination = '70(1'");
        text
    });
    for arguments in [&["--dry-run"][..], &[]] {
        let (status, told) = reload(arguments);
        assert_eq!(status, Some(1), "{told}");
        assert!(told.contains("all stays as it is"), "{told}");
        assert!(told.contains(&format!("{line}rules[0].destination")), "{line} {told}");
    }
    let same = alice.call("701").await.expect("the rule in force");
    same.hang_up().await.expect("confirmed");
}
