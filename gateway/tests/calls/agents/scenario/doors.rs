//! Every door of the gateway: UDP, TCP, TLS, WebSockets with and without it, and media by each kind of keys.

use tempfile::TempDir;
use webtrunk_loadtest::report::Ending;

use super::{PATIENT, TO_BOB, TWO_CALLS, account, assert_all_are_heard, play};
use crate::agents::doors::TLS_PORT;
use crate::agents::json::page::address;
use crate::agents::stage::Stage;
use crate::support::certificate::pair;
use crate::support::gateway::{GatewayConfig, password};
use crate::support::gateway_config::SIP_PORT;
use crate::support::host::Host;

#[tokio::test(flavor = "multi_thread")]
async fn a_scenario_through_every_door_hears_every_call() {
    let config = GatewayConfig::default().sections("[json]\npasswords = true\n").user("bob").rule(TO_BOB);
    let stage = Stage::with(&["PCMU"], config);
    let (gateway, carrier) = (&stage.gateway, stage.carrier.at(SIP_PORT));
    let text = format!(
        "[limits]\ncalls = 8\nseconds = 30\n\
         [target]\nsip = \"{}\"\nsip_ws = \"{}\"\njson = \"{}\"\n\
         [[agents]]\nname = \"browsers\"\nkind = \"webrtc\"\nrole = \"caller\"\ncount = 2\n{alice}\n\
         [[agents]]\nname = \"pages\"\nkind = \"json\"\nrole = \"caller\"\ncount = 2\n{alice}\n\
         [[agents]]\nname = \"users\"\nkind = \"webrtc\"\nrole = \"answerer\"\n{bob}\n\
         [[agents]]\nname = \"office\"\nkind = \"phone\"\nrole = \"caller\"\nbind = \"{}\"\n\
         [[agents]]\nname = \"carrier\"\nkind = \"phone\"\nrole = \"answerer\"\nbind = \"{carrier}\"\ncodecs = [\"pcmu\"]\n\
         [[traffic]]\nfrom = \"browsers\"\nto = \"carrier\"\ndestination = \"91{{call}}\"\n{TWO_CALLS}\n\
         steps = [{{ after = 1, digits = \"12#\" }}, {{ after = 2.5, hold = 0.5 }}]\n\
         [[traffic]]\nfrom = \"pages\"\nto = \"carrier\"\ndestination = \"92{{call}}\"\n{TWO_CALLS}\n\
         steps = [{{ after = 1, digits = \"7\" }}, {{ after = 2.5, hold = 0.5 }}]\nhangs_up = \"answerer\"\n\
         [[traffic]]\nfrom = \"office\"\nto = \"carrier\"\ndestination = \"93{{call}}\"\n{TWO_CALLS}\n\
         [[traffic]]\nfrom = \"browsers\"\nto = \"users\"\ndestination = \"{{user}}\"\n\
         arrival = {{ closed = 1 }}\nlength = {{ fixed = 4 }}\nsteps = [{{ after = 1, digits = \"5\" }}]\n{PATIENT}",
        gateway.sip(),
        gateway.websocket(),
        address(gateway),
        stage.office.at(SIP_PORT),
        alice = account("alice"),
        bob = account("bob"),
    );
    let report = play(gateway, &text).await;

    assert_eq!(report.ending, Ending::Completed, "{}", report.sentence());
    let all = report.calls.len();
    assert!((7..=8).contains(&all), "{}", report.sentence());
    assert_eq!(report.summary.ok, all, "{:?}: {:#?}", report.summary.causes, report.calls);
    for call in &report.calls {
        let verdict = call.verdict.as_ref().expect("it was up");
        let other = verdict.to_answerer.as_ref().expect("somebody answers");
        assert!(verdict.to_caller.is_heard && other.is_heard, "{call:?}");
        assert!(other.delay_ms.is_some() && other.mos.is_some_and(|mos| mos > 1.5), "{call:?}");
        let expected = match call.traffic.as_str() {
            "browsers to carrier" => "12#",
            "pages to carrier" => "7",
            // A browser is told of keys by INFO.
            "browsers to users" => "5",
            _ => "",
        };
        assert_eq!(other.digits, expected, "{call:?}");
    }
    gateway.assert_all_is_over(all);
}

/// Two users of a list, of whom each calls the other and is called by it: agents of this kind.
async fn assert_call_each_other(kind: &str) {
    let to_alice = "destination = 'alice'\nactions = [{ bridge = { user = 'alice' } }]";
    let config = GatewayConfig::default().user("bob").rule(TO_BOB).rule(to_alice);
    let stage = Stage::with(&["PCMU"], config);
    let listed = |user: &str| format!("{{ user = \"{user}\", password = \"{}\" }}", password(user));
    let text = format!(
        "[limits]\ncalls = 4\nseconds = 60\n[target]\nsip = \"{}\"\nsip_ws = \"{}\"\n\
         [[agents]]\nname = \"users\"\nkind = \"{kind}\"\nrole = \"both\"\ncount = 2\n\
         accounts = {{ list = [{}, {}] }}\n\
         [[traffic]]\nfrom = \"users\"\nto = \"users\"\ndestination = \"{{user}}\"\n\
         arrival = {{ closed = 1 }}\nlength = {{ fixed = 3 }}\n{PATIENT}",
        stage.gateway.sip(),
        stage.gateway.websocket(),
        listed("alice"),
        listed("bob"),
    );
    let report = play(&stage.gateway, &text).await;
    assert_all_are_heard(&report, 4);
    let dialled: Vec<_> = report.calls.iter().map(|it| it.destination.as_str()).collect();
    assert_eq!(dialled, ["bob", "alice", "bob", "alice"]);
    stage.gateway.assert_all_is_over(4);
}

#[tokio::test(flavor = "multi_thread")]
async fn browsers_that_call_and_answer_call_each_other() {
    assert_call_each_other("webrtc").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn phones_that_call_and_answer_call_each_other() {
    assert_call_each_other("phone").await;
}

/// Accounts by a pattern: users with numbers in their names, and passwords likewise.
#[tokio::test(flavor = "multi_thread")]
async fn users_by_a_pattern_call_each_other() {
    let to = |user: &str| format!("destination = '{user}'\nactions = [{{ bridge = {{ user = '{user}' }} }}]");
    let config = GatewayConfig::default().user("desk100").user("desk101");
    let config = config.rule(&to("desk100")).rule(&to("desk101"));
    let stage = Stage::with(&["PCMU"], config);
    let text = format!(
        "[limits]\ncalls = 4\nseconds = 60\n[target]\nsip_ws = \"{}\"\n\
         [[agents]]\nname = \"desks\"\nkind = \"webrtc\"\nrole = \"both\"\ncount = 2\n\
         accounts = {{ user = \"desk{{n}}\", password = \"{}\", first = 100 }}\n\
         [[traffic]]\nfrom = \"desks\"\nto = \"desks\"\ndestination = \"{{user}}\"\n\
         arrival = {{ closed = 1 }}\nlength = {{ fixed = 3 }}\n{PATIENT}",
        stage.gateway.websocket(),
        password("desk{n}"),
    );
    let report = play(&stage.gateway, &text).await;
    assert_all_are_heard(&report, 4);
    let dialled: Vec<_> = report.calls.iter().map(|it| it.destination.as_str()).collect();
    assert_eq!(dialled, ["desk101", "desk100", "desk101", "desk100"]);
    stage.gateway.assert_all_is_over(4);
}

#[tokio::test(flavor = "multi_thread")]
async fn phones_over_tls_call_and_are_called() {
    let (own, folder) = (Host::new(), TempDir::new().expect("a folder for the test"));
    let (certificate, key) = pair(&folder, "own", own.ip());
    let secure = own.at(TLS_PORT);
    let config = GatewayConfig::default()
        .user("bob")
        .rule(TO_BOB)
        .tls(&certificate, &key)
        .sip(&format!("[[sip.listeners]]\ntransport = 'tls'\nbind = '{secure}'"));
    let stage = Stage::at(own, &["PCMU"], config, "");
    let carrier = stage.carrier.at(SIP_PORT);
    let text = format!(
        "[limits]\ncalls = 4\nseconds = 30\n[target]\nsip_tls = \"{secure}\"\nca = {certificate:?}\n\
         [[agents]]\nname = \"desks\"\nkind = \"phone\"\ntransport = \"tls\"\nrole = \"caller\"\ncount = 2\n{}\n\
         [[agents]]\nname = \"shop\"\nkind = \"phone\"\ntransport = \"tls\"\nrole = \"answerer\"\n{}\n\
         [[agents]]\nname = \"carrier\"\nkind = \"phone\"\nrole = \"answerer\"\nbind = \"{carrier}\"\ncodecs = [\"pcmu\"]\n\
         [[traffic]]\nfrom = \"desks\"\nto = \"carrier\"\ndestination = \"91{{call}}\"\n{TWO_CALLS}\n\
         [[traffic]]\nfrom = \"desks\"\nto = \"shop\"\ndestination = \"{{user}}\"\n{TWO_CALLS}\n{PATIENT}",
        account("alice"),
        account("bob"),
    );
    let report = play(&stage.gateway, &text).await;
    assert_all_are_heard(&report, 4);
    assert_eq!(stage.gateway.log().count(&["call refused"]), 0);
    stage.gateway.assert_all_is_over(4);
}

#[tokio::test(flavor = "multi_thread")]
async fn phones_over_tcp_call_and_are_called() {
    let stage = Stage::with(&["PCMU"], GatewayConfig::default().user("bob").rule(TO_BOB));
    let carrier = stage.carrier.at(SIP_PORT);
    let text = format!(
        "[limits]\ncalls = 4\nseconds = 30\n[target]\nsip = \"{}\"\n\
         [[agents]]\nname = \"desks\"\nkind = \"phone\"\ntransport = \"tcp\"\nrole = \"caller\"\ncount = 2\n{}\n\
         [[agents]]\nname = \"shop\"\nkind = \"phone\"\ntransport = \"tcp\"\nrole = \"answerer\"\n{}\n\
         [[agents]]\nname = \"carrier\"\nkind = \"phone\"\nrole = \"answerer\"\nbind = \"{carrier}\"\ncodecs = [\"pcmu\"]\n\
         [[traffic]]\nfrom = \"desks\"\nto = \"carrier\"\ndestination = \"91{{call}}\"\n{TWO_CALLS}\n\
         [[traffic]]\nfrom = \"desks\"\nto = \"shop\"\ndestination = \"{{user}}\"\n\
         arrival = {{ closed = 1 }}\nlength = {{ fixed = 3 }}\n{PATIENT}",
        stage.gateway.sip(),
        account("alice"),
        account("bob"),
    );
    let report = play(&stage.gateway, &text).await;
    assert_all_are_heard(&report, 4);
    stage.gateway.assert_all_is_over(4);
}

/// Browsers and pages over one port with a certificate, which both trust by name.
#[tokio::test(flavor = "multi_thread")]
async fn browsers_and_pages_call_by_secure_websockets() {
    let (own, folder) = (Host::new(), TempDir::new().expect("a folder for the test"));
    let (certificate, key) = pair(&folder, "own", own.ip());
    let config = GatewayConfig::default().sections("[json]\npasswords = true\n").tls(&certificate, &key);
    let stage = Stage::at(own, &["PCMU"], config, "");
    let (websocket, carrier) = (stage.gateway.secure_websocket(), stage.carrier.at(SIP_PORT));
    let text = format!(
        "[limits]\ncalls = 4\nseconds = 30\n\
         [target]\nsip_ws = \"{websocket}\"\njson = \"{}\"\nca = {certificate:?}\n\
         [[agents]]\nname = \"browsers\"\nkind = \"webrtc\"\nrole = \"caller\"\ncount = 2\nsrtp = [\"gcm256\"]\n{alice}\n\
         [[agents]]\nname = \"pages\"\nkind = \"json\"\nrole = \"caller\"\ncount = 2\nsrtp = [\"cm128\"]\n{alice}\n\
         [[agents]]\nname = \"carrier\"\nkind = \"phone\"\nrole = \"answerer\"\nbind = \"{carrier}\"\ncodecs = [\"pcmu\"]\n\
         [[traffic]]\nfrom = \"browsers\"\nto = \"carrier\"\ndestination = \"91{{call}}\"\n{TWO_CALLS}\n\
         [[traffic]]\nfrom = \"pages\"\nto = \"carrier\"\ndestination = \"92{{call}}\"\n{TWO_CALLS}\n{PATIENT}",
        websocket.replace("/sip", "/api/v1"),
        alice = account("alice"),
    );
    let report = play(&stage.gateway, &text).await;
    assert_all_are_heard(&report, 4);
    for call in &report.calls {
        let expected =
            if call.traffic == "pages to carrier" { "Aes128CmHmacSha1_80" } else { "AeadAes256Gcm" };
        assert_eq!(call.srtp.as_deref(), Some(expected), "{call:?}");
    }
    stage.gateway.assert_all_is_over(4);
}

/// Phones at both trunks encrypt, each by a profile of its own, with keys in their descriptions.
#[tokio::test(flavor = "multi_thread")]
async fn phones_with_srtp_call_phones_with_srtp() {
    let stage = Stage::with(&["PCMU"], GatewayConfig::default().trunk_srtp("require"));
    let (office, carrier) = (stage.office.at(SIP_PORT), stage.carrier.at(SIP_PORT));
    let text = format!(
        "[limits]\ncalls = 2\nseconds = 30\n[target]\nsip = \"{}\"\n\
         [[agents]]\nname = \"office\"\nkind = \"phone\"\nrole = \"caller\"\nbind = \"{office}\"\nsrtp = [\"gcm128\"]\ncodecs = [\"pcmu\"]\n\
         [[agents]]\nname = \"carrier\"\nkind = \"phone\"\nrole = \"answerer\"\nbind = \"{carrier}\"\nsrtp = [\"cm128\"]\ncodecs = [\"pcmu\"]\n\
         [[traffic]]\nfrom = \"office\"\nto = \"carrier\"\ndestination = \"91{{call}}\"\n{TWO_CALLS}\n\
         steps = [{{ after = 2, hold = 0.5, by = \"answerer\" }}]\n{PATIENT}",
        stage.gateway.sip(),
    );
    let report = play(&stage.gateway, &text).await;
    assert_all_are_heard(&report, 2);
    assert!(
        report.calls.iter().all(|call| call.srtp.as_deref() == Some("AeadAes128Gcm")),
        "{:?}",
        report.calls
    );
    stage.gateway.assert_all_is_over(2);
}
