//! What `webtrunk explain` tells of a call is what becomes of it.

use serde_json::Value;
use tempfile::TempDir;
use webtrunk_codecs::CodecId;
use webtrunk_loadtest::agent::{Incoming, Phone, PhoneConfig};

use super::doors::Doors;
use super::ear::assert_hears;
use super::stage::{CALLEE_HZ, CALLER_HZ, Stage, phone, webrtc};
use super::stream_phone::{StreamPhone, Way};
use crate::support::gateway::{GatewayConfig, PATIENCE};
use crate::support::host::Host;
use crate::support::sdp_shape::shape;

/// A codec as `explain` writes it.
async fn codec(call: &webtrunk_loadtest::agent::Call) -> Value {
    call.codec().await.map(|codec| codec.encoding_name()).into()
}

async fn called(phone: &Phone) -> Incoming {
    tokio::time::timeout(PATIENCE, phone.next_incoming()).await.expect("in time").expect("a call")
}

/// What the call is like that came to a phone, in the words of `explain`.
fn assert_is(incoming: &Incoming, destination: &Value) {
    assert_eq!(incoming.to, destination["number"], "{destination}");
    let from = destination["from"].as_str().expect("it is told");
    assert!(incoming.invite.contains(&format!("From: {from}")), "{from}: {}", incoming.invite);
    let told = ["identity", "headers"].map(|kind| destination[kind].as_array().expect("a list"));
    for header in told.into_iter().flatten().map(|header| header.as_str().expect("a text")) {
        assert!(incoming.invite.contains(&format!("\n{header}\r\n")), "{header}: {}", incoming.invite);
    }
    let formats = incoming.offer.iter().flat_map(|offer| &offer.formats);
    let is_codec = |name: &&str| !["telephone-event", "CN"].contains(name);
    let offered: Vec<_> = formats.map(|format| format.name.as_str()).filter(is_codec).collect();
    assert_eq!(Value::from(offered), destination["codecs"]);
}

/// Fails unless there is a sentence for each choice of a codec: by which the caller is answered, and how either end is heard.
fn assert_says_why(told: &Value, is_transcoded: bool) {
    let codec = |leg: usize| told["legs"][leg]["codec"].as_str().expect("one is spoken");
    let way = if is_transcoded { "is transcoded to" } else { "is passed on as it is, in" };
    for (leg, words) in [
        (0, format!("It is answered with {}", codec(0))),
        (0, format!("What it hears {way} {}: ", codec(0))),
        (1, format!("What it hears {way} {}: ", codec(1))),
    ] {
        let mut sentences = told["legs"][leg]["sentences"].as_array().expect("a list").iter();
        let is_it = |sentence: &Value| sentence.as_str().is_some_and(|text| text.starts_with(&words));
        assert!(sentences.any(is_it), "{words}: {told:#}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_goes_where_explain_says_by_the_numbers_callers_and_codecs_that_it_says() {
    let second = Host::new();
    let group = "trunks = ['carrier', 'second'], number = '+49$1', headers = { set = { X-Number = '$1' } }";
    let config = GatewayConfig::default()
        .rule("destination = '7(\\d+)'\nfrom_listeners = ['udp']\nactions = [{ reject = 'busy' }]")
        .rule(&format!("destination = '7(\\d+)'\nactions = [{{ bridge = {{ {group} }} }}]"))
        .trunk("second", &second, &["PCMU", "G722"])
        .last_trunk(
            "caller_id = 'p-asserted-identity'\nrewrite = [{ number = 'called', direction = 'out', pattern = '\\+(.*)', \
             to = '00$1' }, { number = 'caller', direction = 'out', pattern = 'alice', to = '4930' }]",
        );
    let stage = Stage::with(&["PCMU"], config);
    let gateway = &stage.gateway;
    let first = phone(stage.callee(CodecId::Pcmu)).await;
    let at_second = phone(PhoneConfig { bind: second.at(5060), ..stage.callee(CodecId::Pcmu) }).await;
    let alice = webrtc(stage.alice()).await;

    let told = gateway.explain(&["--from", "alice", "--to", "7100", "--failing", "carrier"]);
    assert_eq!(
        (&told["decision"]["rule"], &told["looked_at"][0]["matches"]),
        (&"rule 1".into(), &false.into())
    );
    let destinations = &told["destinations"];
    let trunks = [&destinations[0]["trunk"], &destinations[1]["trunk"]];
    assert_eq!(
        (trunks, destinations.as_array().map(Vec::len)),
        ([&"carrier".into(), &"second".into()], Some(2))
    );

    let dialling = alice.dial("7100").await.expect("a number");
    let failing = called(&first).await;
    assert_is(&failing, &destinations[0]);
    failing.reject(503).await.expect("it waits");
    let incoming = called(&at_second).await;
    assert_is(&incoming, &destinations[1]);
    let lifted = incoming.answer().await.expect("a codec in common");
    let call = dialling.answered(PATIENCE).await.expect("the second trunk answers");
    assert_hears(&call, CALLEE_HZ).await;
    assert_hears(&lifted, CALLER_HZ).await;
    assert_eq!(
        [codec(&call).await, codec(&lifted).await],
        [0, 1].map(|leg| told["legs"][leg]["codec"].clone())
    );
    let is_transcoded = stage.paths().1 > 0;
    assert_eq!(told["is_transcoded"], is_transcoded);
    assert_says_why(&told, is_transcoded);
    assert_eq!(gateway.log().count(&["\"message\":\"call began\"", "\"rule\":\"rule 1\""]), 1);
    call.hang_up().await.expect("confirmed");

    // A trunk's call to another trunk, with the caller's own description.
    let told = gateway.explain(&["--trunk", "office", "--from", "2001", "--to", "9100"]);
    let office = phone(stage.caller(CodecId::Pcmu)).await;
    let dialling = office.dial("9100").await.expect("a number");
    let incoming = called(&first).await;
    assert_is(&incoming, &told["destinations"][0]);
    let lifted = incoming.answer().await.expect("a codec in common");
    let call = dialling.answered(PATIENCE).await.expect("the carrier answers");
    assert_hears(&lifted, CALLER_HZ).await;
    assert_eq!(
        [codec(&call).await, codec(&lifted).await],
        [0, 1].map(|leg| told["legs"][leg]["codec"].clone())
    );
    assert_eq!(told["is_transcoded"], false);
    assert_says_why(&told, false);
    call.hang_up().await.expect("confirmed");

    // Who is refused is so by the same rule, or by none.
    for (words, number) in
        [(&["--trunk", "office", "--from", "2001"], "7100"), (&["--trunk", "office", "--from", "2001"], "5")]
    {
        let told = gateway.explain(&[&words[..], &["--to", number]].concat());
        let refused = office.dial(number).await.expect("a number").answered(PATIENCE).await;
        let status = refused.err().and_then(|error| error.status());
        assert_eq!(told["decision"]["status"], status.expect("it is refused"), "{told}");
    }
    gateway.assert_all_is_over(2);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_descriptions_that_explain_prints_for_a_phone_are_those_of_its_call() {
    let doors = Doors::new(GatewayConfig::default().sip("phone_srtp = 'forbid'"));
    let (home, gateway) = (Host::new(), &doors.stage.gateway);
    let carrier = phone(doors.stage.callee(CodecId::Pcmu)).await;
    let mut alice = StreamPhone::connect(&doors, Way::Tcp, &home).await;
    alice.register().await;
    let ([offer, answer], (offered, lifted)) = tokio::join!(alice.call("9100"), async {
        let incoming = called(&carrier).await;
        let offered = incoming.offer.as_ref().expect("an offer").text.clone();
        (offered, incoming.answer().await.expect("a codec in common"))
    });
    let mut alice = alice.hears(CALLEE_HZ).await;
    // Its tone is the callee's of other tests.
    assert_hears(&lifted, CALLEE_HZ).await;

    let folder = TempDir::new().expect("a folder");
    let file = folder.path().join("offer.sdp");
    std::fs::write(&file, &offer).expect("the folder is ours");
    let file = file.to_str().expect("it is text");
    let told = gateway.explain(&["--from", "alice", "--to", "9100", "--listener", "tcp", "--sdp", file]);
    let text = |leg: usize, what: &str| told["legs"][leg][what].as_str().expect("it is told").to_owned();
    assert_eq!(shape(&text(0, "offer")), shape(&offer));
    assert_eq!(shape(&text(0, "answer")), shape(&answer));
    assert_eq!(shape(&text(1, "offer")), shape(&offered));
    let (ended, _) = tokio::join!(lifted.hang_up(), alice.is_hung_up());
    ended.expect("confirmed");
    gateway.assert_all_is_over(1);
}
