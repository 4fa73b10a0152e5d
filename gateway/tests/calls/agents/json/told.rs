//! What a page is told of a call that comes in besides who calls: headers, and who was called before.

use std::time::Duration;

use serde_json::{Value, json};
use webtrunk_codecs::CodecId;
use webtrunk_codecs::g711::Law;
use webtrunk_loadtest::agent::{JsonPage, PageError, Phone};

use super::page::{
    OTHER_HZ, Placed, assert_page_hears, assert_talk_and_end, call, connect, connected, hang_up, media,
    pages, place, stage_of, stage_with_carrier, take,
};
use crate::agents::stage::{CALLER_HZ, LEVEL_DBM0, Stage, phone};
use crate::sip::rtp_peer::RtpPeer;
use crate::sip::sipp::Sipp;
use crate::support::gateway::PATIENCE;
use crate::support::host::Host;
use crate::support::tools;

/// Where the RTP of who calls is.
const RTP_PORT: u16 = 7000;

/// By a Diversion the latest stands first; who wants to be kept private is among them.
const DIVERSION: &str = "\nDiversion: \"Ann\" <sip:200@there.test>;reason=no-answer;counter=2\n\
     Diversion: <sip:secret@there.test>;reason=unconditional;privacy=full\n\
     Diversion: <sip:100@there.test>;reason=user-busy";

/// A stage with another trunk, which calls by these actions. The lines are those of pages, of that trunk, and of the
/// carrier.
fn stage_with_desk(desk: &Host, [own, of_desk, of_carrier]: [&str; 3], actions: &str) -> Stage {
    let rule = format!("destination = '701'\nfrom_trunk = 'desk'\nactions = [{actions}]");
    let out = "destination = '81'\n\
         actions = [{ bridge = { trunk = 'carrier', number = '9100', headers = { set = { X-From = 'page' } } } }]";
    let config = pages(own).sip("headers_allow = ['X-*']\ndiversion = 'both'");
    let config = config.trunk("desk", desk, &["PCMU"]).last_trunk(of_desk).rule(&rule).rule(out);
    stage_with_carrier(config, of_carrier)
}

/// Calls by this number, and says this besides.
fn dial(stage: &Stage, from: &Host, number: &str, said: &str) -> Sipp {
    Sipp::caller(from, "caller_talks", stage.gateway.sip(), number, &[("MORE", said)])
}

/// The page lifts, and both hear each other until the caller hangs up.
async fn talk(stage: &Stage, page: &mut JsonPage, incoming: &Value, caller: Sipp, from: &Host) {
    let mut sound = RtpPeer::new(from, RTP_PORT);
    let placed = take(page, incoming, media(stage, CALLER_HZ)).await;
    let port = caller.wait_for("200").audio_port().expect("audio is described");
    sound.say((stage.gateway.sip().ip(), port).into(), Law::Mu, OTHER_HZ.into());
    assert_page_hears(&placed.media, OTHER_HZ).await;
    sound.await_tone(Law::Mu, CALLER_HZ.into());
    let level = sound.level_of_next(Law::Mu, CALLER_HZ.into(), Duration::from_secs(1));
    assert!((level - LEVEL_DBM0).abs() <= 1.0, "{CALLER_HZ} Hz with {level:.2} dBm0");
    caller.go_on();
    let ended = page.event("ended", PATIENCE).await.expect("its end");
    assert_eq!((&ended["callId"], &ended["cause"]), (&json!(placed.call_id), &json!("hangup")));
    caller.finish();
}

/// The office's trunk is not configured to tell, and so is not believed.
#[tokio::test(flavor = "multi_thread")]
async fn a_page_is_told_who_was_called_before_by_a_trunk_and_by_the_dial_plan() {
    if tools::command("sipp").is_none() {
        return;
    }
    let desk = Host::new();
    let actions = "{ bridge = { user = 'bob' } }, { bridge = { user = 'alice' } }";
    let stage = stage_with_desk(&desk, ["", "diversion = 'diversion'", ""], actions);
    let (mut alice, _) = connect(&stage.gateway, "alice").await;
    let (mut bob, _) = connect(&stage.gateway, "bob").await;
    let told = [json!({ "user": "100", "reason": "busy" }), json!({ "user": "200", "reason": "noAnswer" })];
    let caller = dial(&stage, &desk, "701", DIVERSION);
    let incoming = bob.event("incoming", PATIENCE).await.expect("a call");
    assert_eq!(incoming["diversions"], json!(told));
    let busy = json!({ "callId": incoming["callId"], "cause": "busy" });
    bob.request("reject", busy).await.expect("it waits");
    let incoming = alice.event("incoming", PATIENCE).await.expect("a call");
    let [first, second] = &told;
    assert_eq!(incoming["diversions"], json!([first, second, { "user": "bob", "reason": "busy" }]));
    talk(&stage, &mut alice, &incoming, caller, &desk).await;

    let caller = dial(&stage, &stage.office, "700", DIVERSION);
    let incoming = alice.event("incoming", PATIENCE).await.expect("a call");
    assert_eq!(incoming["diversions"], json!([]), "it is not configured to tell");
    talk(&stage, &mut alice, &incoming, caller, &stage.office).await;
    stage.gateway.assert_all_is_over(2);
}

/// Calls with these headers, and nobody is called: the field that the refusal names.
async fn refused(page: &mut JsonPage, headers: Value) -> String {
    match page.request("call", json!({ "to": "81", "sdp": "v=0", "headers": headers })).await {
        Err(PageError::Refused { code: -32602, field: Some(field), message }) => {
            assert!(message.contains(&field), "{message}");
            field
        }
        other => panic!("{other:?}"),
    }
}

/// The carrier's phone lifts a call of the page's, both hear each other, and the page hangs up: what the INVITE said by
/// headers of nobody's.
async fn lift_and_talk(carrier: &Phone, page: &mut JsonPage, placed: Placed) -> Vec<String> {
    let incoming = carrier.next_incoming().await.expect("a call");
    let mut own: Vec<_> =
        incoming.invite.lines().filter(|line| line.starts_with("X-")).map(str::to_owned).collect();
    own.sort();
    let lifted = incoming.answer().await.expect("a codec in common");
    connected(page, &placed).await;
    assert_talk_and_end(page, placed, &lifted).await;
    own
}

/// Of each header that is not told one list says nothing, or the dial plan takes it out.
#[tokio::test(flavor = "multi_thread")]
async fn headers_go_both_ways_between_a_page_and_a_trunk_where_both_lists_name_them() {
    if tools::command("sipp").is_none() {
        return;
    }
    let desk = Host::new();
    let actions =
        "{ bridge = { user = 'alice', headers = { set = { X-Card = '7' }, remove = ['X-Tenant'] } } }";
    let lines = [
        "headers_allow = ['X-*', 'Subject']",
        "headers_allow = ['X-CRM-Id', 'X-Card', 'X-Tenant', 'P-Own']",
        "headers_allow = ['X-Tenant', 'X-From']",
    ];
    let stage = stage_with_desk(&desk, lines, actions);
    let carrier = phone(stage.callee(CodecId::Pcmu)).await;
    let (mut alice, _) = connect(&stage.gateway, "alice").await;
    let said = "\nX-CRM-Id: 4711\nX-Other: 1\nX-Card: 9\nX-Tenant: acme\nP-Own: 1\nSubject: lunch";
    let caller = dial(&stage, &desk, "701", said);
    let incoming = alice.event("incoming", PATIENCE).await.expect("a call");
    assert_eq!(incoming["headers"], json!({ "X-Card": "7", "X-CRM-Id": "4711" }), "{incoming}");
    talk(&stage, &mut alice, &incoming, caller, &desk).await;

    assert_eq!(refused(&mut alice, json!({ "X-Tenant": "acme", "Y-Own": "1" })).await, "headers.Y-Own");
    let two_lines = json!({ "X-Tenant": "acme\r\nX-From: mine" });
    assert_eq!(refused(&mut alice, two_lines).await, "headers.X-Tenant");
    let headers = json!({ "X-Tenant": "acme", "X-Other": "not for the carrier", "X-From": "mine" });
    let params = json!({ "to": "81", "headers": headers });
    let placed = place(&mut alice, media(&stage, CALLER_HZ), params).await;
    assert_eq!(lift_and_talk(&carrier, &mut alice, placed).await, ["X-From: page", "X-Tenant: acme"]);
    stage.gateway.assert_all_is_over(2);
}

/// Phones would be told the caller's too, since both lists name them.
#[tokio::test(flavor = "multi_thread")]
async fn a_page_whose_headers_no_list_names_is_told_the_dial_plans_alone_and_may_say_none() {
    if tools::command("sipp").is_none() {
        return;
    }
    let desk = Host::new();
    let actions = "{ bridge = { user = 'alice', headers = { set = { X-Card = '7' } } } }";
    let stage = stage_with_desk(&desk, ["", "headers_allow = ['X-*']", "headers_allow = ['X-*']"], actions);
    let carrier = phone(stage.callee(CodecId::Pcmu)).await;
    let (mut alice, _) = connect(&stage.gateway, "alice").await;
    let caller = dial(&stage, &desk, "701", "\nX-Tenant: acme\nX-Queue: sales\nSubject: lunch");
    let incoming = alice.event("incoming", PATIENCE).await.expect("a call");
    assert_eq!(incoming["headers"], json!({ "X-Card": "7" }), "{incoming}");
    talk(&stage, &mut alice, &incoming, caller, &desk).await;

    assert_eq!(refused(&mut alice, json!({ "X-Tenant": "acme" })).await, "headers.X-Tenant");
    let placed = call(&mut alice, media(&stage, CALLER_HZ), "81").await;
    assert_eq!(lift_and_talk(&carrier, &mut alice, placed).await, ["X-From: page"]);
    stage.gateway.assert_all_is_over(2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_page_says_with_its_call_another_page_is_told() {
    let stage = stage_of(pages("headers_allow = ['X-*']"));
    let (mut alice, _) = connect(&stage.gateway, "alice").await;
    let (mut bob, _) = connect(&stage.gateway, "bob").await;
    let params = json!({ "to": "bob", "headers": { "X-Case": "4711" } });
    let placed = place(&mut alice, media(&stage, CALLER_HZ), params).await;
    let incoming = bob.event("incoming", PATIENCE).await.expect("a call");
    assert_eq!(incoming["headers"], json!({ "X-Case": "4711" }));
    let taken = take(&mut bob, &incoming, media(&stage, OTHER_HZ)).await;
    connected(&mut alice, &placed).await;
    assert_page_hears(&placed.media, OTHER_HZ).await;
    assert_page_hears(&taken.media, CALLER_HZ).await;
    hang_up(&mut alice, placed).await;
    bob.event("ended", PATIENCE).await.expect("its end");
    taken.media.close();
    stage.gateway.assert_all_is_over(1);
}
