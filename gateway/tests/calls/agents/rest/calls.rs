//! Calls that back ends see, make and end by an API key, which knows of its customer's alone.

use std::time::Duration;

use nix::sys::signal::Signal;
use serde_json::json;
use webtrunk_codecs::tone::goertzel_dbm0;
use webtrunk_codecs::{CodecId, SampleRate};
use webtrunk_loadtest::agent::{Call, Phone};

use super::back_end::BackEnd;
use crate::agents::ear::assert_hears;
use crate::agents::stage::{CALLEE_HZ, CALLER_HZ, LEVEL_DBM0, Stage, lift, phone, talk_from_webrtc, webrtc};
use crate::support::gateway::{GatewayConfig, PATIENCE};
use crate::support::process::wait_until;

/// Numbers that begin with 8 are the office's, for users; the others are those of the stage.
const OFFICE: &str = "destination = '8\\d+'\nactions = [{ bridge = { trunk = 'office', number = '$0' } }]";

const ALL: &str = "\"calls:read\", \"calls:write\", \"registrations:read\"";

fn stage(entries: &str) -> Stage {
    stage_of(GatewayConfig::default(), entries)
}

/// The same with what a configuration has already.
fn stage_of(config: GatewayConfig, entries: &str) -> Stage {
    let config = config.sections(&format!("[rest]\n{entries}")).rule(OFFICE);
    Stage::with(&["PCMU"], config)
}

/// Fails unless the last second that is heard, of what comes from now on, is this tone.
async fn assert_hears_now(call: &Call, hz: u16) {
    let before = call.heard().await.expect("a log").samples(SampleRate::HZ_8000).len() / 160;
    call.heard_packets(before + 120, PATIENCE).await.expect("audio");
    let heard = call.heard().await.expect("a log").samples(SampleRate::HZ_8000);
    let level = goertzel_dbm0(&heard[heard.len() - 8000..], SampleRate::HZ_8000, hz.into());
    assert!((level - LEVEL_DBM0).abs() <= 1.0, "{hz} Hz with {level:.2} dBm0");
}

/// Both phones, of which the first is called at once and the second when that has answered.
async fn phones(stage: &Stage) -> (Phone, Phone) {
    (phone(stage.caller(CodecId::Pcmu)).await, phone(stage.callee(CodecId::Pcmu)).await)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_back_end_sees_its_customers_calls_alone_and_hangs_one_up() {
    let (own, acme, reader) = (BackEnd::new("own"), BackEnd::new("acme-crm"), BackEnd::new("reader"));
    let entries = own.entry(ALL, "")
        + &acme.entry(ALL, "customer = 'acme'")
        + &reader.entry("\"calls:read\"", "")
        + "[[customers]]\nname = 'acme'\n";
    let stage = stage(&entries);
    let gateway = &stage.gateway;
    let (alice, callee) = (webrtc(stage.alice()).await, phone(stage.callee(CodecId::Pcmu)).await);
    alice.register().await.expect("the password is right");
    let (call, lifted) = talk_from_webrtc(&alice, &callee).await;
    assert_hears(&call, CALLEE_HZ).await;

    let (status, told) = own.ask(gateway, "GET", "/calls?state=running", None);
    assert_eq!((status, told["items"].as_array().map(Vec::len)), (200, Some(1)), "{told}");
    let seen = &told["items"][0];
    assert_eq!((&seen["state"], &seen["origin"]["user"]), (&"talking".into(), &"alice".into()), "{seen}");
    assert_eq!(
        (&seen["destination"], &seen["legs"][1]["party"]["trunk"]),
        (&"9100".into(), &"carrier".into())
    );
    let id = seen["id"].as_str().expect("a name").to_owned();
    assert_eq!(own.read(gateway, &id)["rule"], "rule 1");
    let (_, places) = own.ask(gateway, "GET", "/registrations", None);
    assert_eq!(places["items"][0]["user"], "alice", "{places}");
    assert_eq!(places["items"][0]["contacts"][0]["media"], "webrtc", "{places}");

    // To another customer's key there is no such call, whatever it asks for.
    for (method, path) in [("GET", format!("/calls/{id}")), ("DELETE", format!("/calls/{id}"))] {
        let (status, told) = acme.ask(gateway, method, &path, None);
        assert_eq!((status, &told["type"]), (404, &"urn:webtrunk:problem:not-found".into()), "{told}");
    }
    for path in ["/calls", "/calls?state=ended", "/registrations", "/registrations?user=alice"] {
        assert_eq!(acme.ask(gateway, "GET", path, None), (200, json!({"items": []})), "{path}");
    }
    // A key does what its scopes hold.
    assert_eq!(reader.ask(gateway, "DELETE", &format!("/calls/{id}"), None).0, 403);
    assert_eq!(own.ask(gateway, "GET", "/calls/none", None).0, 404);

    assert_eq!(own.ask(gateway, "DELETE", &format!("/calls/{id}"), None).0, 202);
    call.ended(PATIENCE).await.expect("it is hung up");
    lifted.ended(PATIENCE).await.expect("it is hung up");
    let over = own.read_over(gateway, &id);
    assert_eq!((&over["end"]["cause"], &over["end"]["by"]), (&"hangup".into(), &"gateway".into()), "{over}");
    assert_eq!(own.ask(gateway, "GET", "/calls?state=running", None).1, json!({"items": []}));
    assert_eq!(own.ask(gateway, "GET", "/calls?state=ended", None).1["items"][0]["id"], id.as_str());
    gateway.assert_all_is_over(1);

    // A key that is taken out is refused from the reload on, and none stands in the log.
    gateway.reload(|text| text.replace(&reader.entry("\"calls:read\"", ""), ""));
    assert_eq!(reader.ask(gateway, "GET", "/calls", None).0, 401);
    assert_eq!(own.ask(gateway, "GET", "/calls", None).0, 200);
    for key in [&own, &acme, &reader] {
        assert_eq!(gateway.log().count(&[&key.key]), 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_back_end_has_two_parties_called_one_after_the_other_which_hear_each_other() {
    let own = BackEnd::new("own");
    let stage = stage(&own.entry(ALL, ""));
    let gateway = &stage.gateway;
    let (first, second) = phones(&stage).await;
    let asked = json!({"user": "alice", "from": "8100", "to": "9100", "caller_id": "+49301"});
    let named = [("Idempotency-Key", "once")];
    let (status, told) = own.ask_with(gateway, "POST", "/calls", Some(&asked), &named);
    assert_eq!(status, 201, "{told}");
    let id = told["id"].as_str().expect("a name").to_owned();

    let ringing =
        tokio::time::timeout(PATIENCE, first.next_incoming()).await.expect("in time").expect("a call");
    ringing.ring();
    assert!(wait_until(PATIENCE, || own.read(gateway, &id)["state"] == "ringing"));
    // Sent again it makes no other call; another may not have its name.
    assert_eq!(own.ask_with(gateway, "POST", "/calls", Some(&asked), &named), (201, json!({"id": id})));
    let other = json!({"user": "alice", "from": "8100", "to": "9101"});
    assert_eq!(own.ask_with(gateway, "POST", "/calls", Some(&other), &named).0, 409);
    assert_eq!(own.read(gateway, &id)["legs"].as_array().map(Vec::len), Some(1), "the second waits");

    let call = ringing.answer().await.expect("a codec in common");
    let ringing =
        tokio::time::timeout(PATIENCE, second.next_incoming()).await.expect("in time").expect("a call");
    ringing.ring();
    assert_hears_ringing(&call).await;
    let lifted = ringing.answer().await.expect("a codec in common");
    assert_hears(&lifted, CALLER_HZ).await;
    assert_hears_now(&call, CALLEE_HZ).await;

    let seen = own.read(gateway, &id);
    assert_eq!((&seen["state"], &seen["originated_by"]), (&"talking".into(), &"own".into()), "{seen}");
    assert_eq!((&seen["caller"], &seen["destination"]), (&"+49301".into(), &"9100".into()), "{seen}");
    assert_eq!(own.ask(gateway, "DELETE", &format!("/calls/{id}"), None).0, 202);
    call.ended(PATIENCE).await.expect("it is hung up");
    lifted.ended(PATIENCE).await.expect("it is hung up");

    let over = own.read_over(gateway, &id);
    assert_eq!((&over["end"]["cause"], &over["end"]["by"]), (&"hangup".into(), &"gateway".into()), "{over}");
    let legs: Vec<_> = over["legs"].as_array().expect("legs").iter().map(|leg| &leg["number"]).collect();
    assert_eq!(legs, ["8100", "9100"], "{over}");
    assert!(over["talked_ms"].as_u64() > Some(1000), "{over}");
    assert_eq!(gateway.log().count(&["\"level\":\"ERROR\""]), 0);
}

/// The first party hears ringing tone while the second's phone rings.
async fn assert_hears_ringing(call: &Call) {
    // A second of it in five.
    let heard = async {
        loop {
            let samples = call.heard().await.expect("a log").samples(SampleRate::HZ_8000);
            let levels =
                samples.chunks_exact(1600).map(|fifth| goertzel_dbm0(fifth, SampleRate::HZ_8000, 425.0));
            if levels.fold(f64::NEG_INFINITY, f64::max) > LEVEL_DBM0 - 2.0 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(PATIENCE, heard).await.expect("ringing tone");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_a_back_end_made_ends_with_who_is_busy_and_what_may_not_be_called_is_told() {
    let own = BackEnd::new("own");
    let stage = stage(&own.entry(ALL, ""));
    let gateway = &stage.gateway;
    let (first, second) = phones(&stage).await;

    // The first party is busy: the second hears nothing of it.
    let asked = json!({"user": "alice", "from": "8100", "to": "9100"});
    let id = own.call(gateway, &asked);
    let ringing =
        tokio::time::timeout(PATIENCE, first.next_incoming()).await.expect("in time").expect("a call");
    ringing.reject(486).await.expect("it is refused");
    let over = own.read_over(gateway, &id);
    assert_eq!((&over["end"]["cause"], &over["end"]["sip_status"]), (&"busy".into(), &486.into()), "{over}");

    // The second is.
    let id = own.call(gateway, &asked);
    let call = lift(&first).await;
    let ringing =
        tokio::time::timeout(PATIENCE, second.next_incoming()).await.expect("in time").expect("a call");
    ringing.reject(486).await.expect("it is refused");
    call.ended(PATIENCE).await.expect("nobody is there to talk to");
    let over = own.read_over(gateway, &id);
    assert_eq!(
        (&over["end"]["cause"], &over["legs"][1]["cause"]),
        (&"busy".into(), &"busy".into()),
        "{over}"
    );

    // Nobody is called by the rights of who is not there.
    for asked in
        [json!({"user": "mallory", "to": "9100"}), json!({"user": "mallory", "from": "8100", "to": "9100"})]
    {
        let (status, told) = own.ask(gateway, "POST", "/calls", Some(&asked));
        assert_eq!((status, &told["type"]), (422, &"urn:webtrunk:problem:no-user".into()), "{told}");
    }

    // The dial plan knows no such number.
    let (status, told) =
        own.ask(gateway, "POST", "/calls", Some(&json!({"user": "alice", "from": "7", "to": "9100"})));
    assert_eq!((status, &told["type"]), (422, &"urn:webtrunk:problem:refused".into()), "{told}");
    let id = own.call(gateway, &json!({"user": "alice", "from": "8100", "to": "7"}));
    let call = lift(&first).await;
    call.ended(PATIENCE).await.expect("the second may not be called");
    assert_eq!(own.read_over(gateway, &id)["end"]["cause"], "not_found");
    for body in
        [json!({"user": "alice"}), json!({"user": "alice", "to": "9100", "deep": [[[[]]]]}), json!([])]
    {
        let (status, told) = own.ask(gateway, "POST", "/calls", Some(&body));
        assert_eq!((status, &told["status"]), (400, &400.into()), "{body}: {told}");
    }
    assert_eq!(gateway.log().count(&["\"level\":\"ERROR\""]), 0);
}

/// Fails when a back end's call begins while the gateway drains, or who asks is not told how long to wait.
#[tokio::test(flavor = "multi_thread")]
async fn while_the_gateway_drains_it_makes_no_call_for_a_back_end_and_the_one_that_is_up_goes_on() {
    let own = BackEnd::new("own");
    let mut stage = stage_of(GatewayConfig::default().drain_timeout(600), &own.entry(ALL, ""));
    let (first, second) = phones(&stage).await;
    let alice = webrtc(stage.alice()).await;
    let (call, lifted) = talk_from_webrtc(&alice, &second).await;
    stage.gateway.process.signal(Signal::SIGTERM);
    assert!(wait_until(PATIENCE, || stage.gateway.public("/readyz").0 == 503), "it drains");
    let asked = json!({"user": "alice", "from": "8100", "to": "9100"});
    let head = own.head(&stage.gateway, "POST", "/calls", &asked.to_string());
    assert!(head.starts_with("http/1.1 503 "), "{head}");
    let wait = head.lines().find_map(|line| line.strip_prefix("retry-after: ")).expect("how long to wait");
    assert!((1..=10).contains(&wait.parse::<u32>().expect("seconds")), "{head}");
    let (status, told) = own.ask(&stage.gateway, "POST", "/calls", Some(&asked));
    assert_eq!((status, &told["type"]), (503, &"urn:webtrunk:problem:no-room".into()), "{told}");
    let called = tokio::time::timeout(Duration::from_millis(500), first.next_incoming()).await;
    assert!(called.is_err(), "nobody is called");
    assert_hears_now(&call, CALLEE_HZ).await;
    assert_hears_now(&lifted, CALLER_HZ).await;
    call.hang_up().await.expect("confirmed");
    let status = stage.gateway.process.wait(PATIENCE).expect("it ends when the call is over");
    assert_eq!(status.code(), Some(0));
}
