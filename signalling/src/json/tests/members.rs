//! Which member is wrong, of what can be read and cannot be done.

use serde_json::{Value, json};

use super::page::{Bench, FRAGMENT, SDP, description, token};
use crate::adapter::{Command, Delivery, Event};

/// The code of a refusal, and the member that it names.
fn told(answer: &Value) -> (i64, Option<&str>) {
    (answer["error"]["code"].as_i64().unwrap_or_default(), answer["error"]["data"]["field"].as_str())
}

#[test]
fn every_method_names_the_parameter_that_it_cannot_meet() {
    let mut bench = Bench::new();
    let (flow, _) = bench.page("alice");
    let (up, leg) = bench.call(flow, "100");
    bench.command(Command::Answer { leg, description: description() });
    let (calling, _) = bench.call(flow, "200");
    let audio_alone = SDP.replace("UDP/TLS/RTP/SAVPF", "RTP/AVP");
    for (method, params, code, field) in [
        ("call", json!({ "to": "", "sdp": SDP }), -32602, "to"),
        ("call", json!({ "to": "100", "sdp": "v=1" }), -32602, "sdp"),
        ("call", json!({ "to": "100", "sdp": audio_alone }), 1008, "sdp"),
        ("answer", json!({ "callId": "x", "sdp": SDP }), 1004, "callId"),
        ("answer", json!({ "callId": up, "sdp": SDP }), 1005, "callId"),
        ("reject", json!({ "callId": "x" }), 1004, "callId"),
        ("reject", json!({ "callId": up }), 1005, "callId"),
        ("hangup", json!({ "callId": "x" }), 1004, "callId"),
        ("hold", json!({ "callId": "x", "sdp": SDP }), 1004, "callId"),
        ("resumeMedia", json!({ "callId": calling, "sdp": SDP }), 1005, "callId"),
        ("update", json!({ "callId": up, "sdp": audio_alone }), 1008, "sdp"),
        ("rejoin", json!({ "callId": up, "sdp": "v=1" }), -32602, "sdp"),
        ("candidate", json!({ "callId": "x", "fragment": FRAGMENT }), 1004, "callId"),
        ("candidate", json!({ "callId": up, "fragment": "x" }), -32602, "fragment"),
        ("mute", json!({ "callId": calling, "muted": true }), 1005, "callId"),
        ("sendDtmf", json!({ "callId": up, "digits": "x" }), -32602, "digits"),
        ("sendDtmf", json!({ "callId": up, "digits": "1", "durationMs": 1 }), -32602, "durationMs"),
        ("transfer", json!({ "callId": up }), -32602, "to"),
        ("transfer", json!({ "callId": up, "to": "a\nb" }), -32602, "to"),
        ("transfer", json!({ "callId": up, "withCall": up }), -32602, "withCall"),
        ("transfer", json!({ "callId": up, "withCall": "x" }), 1004, "withCall"),
        ("merge", json!({ "callId": up, "withCall": calling }), 1005, "withCall"),
        ("merge", json!({ "callId": "x", "withCall": up }), 1004, "callId"),
        ("supervise", json!({ "user": "bob", "mode": "listen", "sdp": "v=1" }), -32602, "sdp"),
        ("setMode", json!({ "callId": "x", "mode": "listen" }), 1004, "callId"),
        ("record", json!({ "callId": calling, "wish": "on" }), 1005, "callId"),
        ("statistics", json!({ "callId": "x" }), 1004, "callId"),
        ("watch", json!({ "users": ["eve"] }), 1003, "users[0]"),
        ("message", json!({ "to": "", "text": "x" }), -32602, "to"),
        ("message", json!({ "to": "100", "text": "" }), -32602, "text"),
    ] {
        let answer = bench.ask(flow, method, params);
        assert_eq!(told(&answer), (code, Some(field)), "{method}: {answer}");
    }
}

#[test]
fn what_is_refused_later_names_its_member_too() {
    let mut bench = Bench::new();
    let (flow, _) = bench.page("alice");
    let (up, leg) = bench.call(flow, "100");
    bench.command(Command::Answer { leg, description: description() });
    let later = |bench: &Bench, id| bench.answer(flow, id).expect("an answer");
    bench.ask(flow, "hold", json!({ "callId": up, "sdp": SDP }));
    let id = bench.last_id();
    bench.command(Command::RefuseReoffer { leg, cause: webtrunk_engine::EndCause::NotAcceptable });
    assert_eq!(told(&later(&bench, id)), (1008, Some("sdp")));
    bench.ask(flow, "record", json!({ "callId": up, "wish": "on" }));
    let id = bench.last_id();
    bench.command(Command::AnswerRecord { leg, is_done: false });
    assert_eq!(told(&later(&bench, id)), (1003, Some("wish")));
    bench.ask(flow, "message", json!({ "to": "100", "text": "long" }));
    let id = bench.last_id();
    let Some(Event::Texted(text)) = bench.events.last() else { panic!("a message") };
    let text = text.leg;
    bench.command(Command::AnswerText { leg: text, delivery: Delivery::TooLarge });
    assert_eq!(told(&later(&bench, id)), (1011, Some("text")));
    bench.ask(flow, "statistics", json!({ "callId": up }));
    let id = bench.last_id();
    bench.command(Command::Hangup { leg, cause: webtrunk_engine::EndCause::Hangup });
    assert_eq!(told(&later(&bench, id)), (1004, Some("callId")));
}

#[test]
fn who_is_not_let_in_is_told_by_which_member_and_no_more() {
    let mut bench = Bench::new();
    let flow = bench.open();
    let of = |token: &str| json!({ "proof": { "kind": "token", "token": token } });
    for params in [of("x"), of(&token(json!({ "recording": "always" })))] {
        assert_eq!(told(&bench.ask(flow, "connect", params)), (1002, Some("proof")));
    }
    assert_eq!(
        told(&bench.ask(flow, "resume", json!({ "token": "x", "lastSeen": 0 }))),
        (1009, Some("token"))
    );
    let limited = token(json!({ "destinations": ["910*"] }));
    bench.ask(flow, "connect", of(&limited));
    let answer = bench.ask(flow, "call", json!({ "to": "100", "sdp": SDP }));
    assert_eq!(told(&answer), (1003, Some("to")));
}
