//! Calls of pages: both ways, many at a time, and none of another session's.

use serde_json::json;
use webtrunk_engine::EndCause;

use super::page::{Bench, FRAGMENT, SDP, description, sdp};
use crate::adapter::{Command, Delivery, Event};

#[test]
fn a_page_calls_hears_early_media_and_is_connected_once() {
    let mut bench = Bench::new();
    let (flow, _) = bench.page("alice");
    let (call_id, leg) = bench.call(flow, "100");
    bench.command(Command::Ring { leg, description: None });
    bench.command(Command::Ring { leg, description: Some(description()) });
    bench.command(Command::Answer { leg, description: description() });
    assert_eq!(bench.told(flow), ["trying", "ringing", "earlyMedia", "connected"]);
    assert_eq!(bench.event(flow, "earlyMedia")["sdp"], sdp());
    assert_eq!(bench.event(flow, "connected")["sdp"], json!(null), "it was told before");
    bench.command(Command::Hangup { leg, cause: EndCause::Hangup });
    let ended = bench.event(flow, "ended");
    assert_eq!((ended["callId"].as_str(), ended["cause"].as_str()), (Some(call_id.as_str()), Some("hangup")));
    assert_eq!((ended["q850"].as_u64(), ended["sipStatus"].as_u64()), (Some(16), Some(200)));
    assert_eq!(bench.ends(), [(leg, EndCause::Hangup)]);
    bench.command(Command::Hangup { leg, cause: EndCause::Hangup });
    assert_eq!(bench.ends().len(), 1, "a leg ends once");
}

#[test]
fn a_call_that_comes_in_rings_at_every_page_and_one_of_them_takes_it() {
    let mut bench = Bench::new();
    let ((one, _), (other, _)) = (bench.page("alice"), bench.page("alice"));
    let bindings = bench.located["alice"].clone();
    let legs: Vec<_> = bindings.iter().map(|binding| bench.dial("alice", *binding)).collect();
    for flow in [one, other] {
        let incoming = bench.event(flow, "incoming");
        assert_eq!((&incoming["from"], &incoming["displayName"]), (&json!("100"), &json!("Carol")));
        assert_eq!((&incoming["sdp"], &incoming["headers"]), (&json!(sdp()), &json!({ "X-Card": "7" })));
        assert_eq!(incoming["diversions"], json!([{ "user": "200", "reason": "noAnswer" }]));
    }
    let rings = bench.events.iter().filter(|event| matches!(event, Event::Progress { is_ringing: true, .. }));
    assert_eq!(rings.count(), 2);
    let call_id = bench.event(one, "incoming")["callId"].clone();
    assert_eq!(bench.ask(one, "answer", json!({ "callId": call_id, "sdp": SDP }))["result"], json!({}));
    bench.command(Command::Hangup { leg: legs[1], cause: EndCause::AnsweredElsewhere });
    assert_eq!(bench.event(other, "ended")["cause"], "answeredElsewhere");
    assert_eq!(bench.told(one), ["incoming", "connected"]);
    let answer = bench.ask(one, "answer", json!({ "callId": call_id, "sdp": SDP }));
    assert_eq!(answer["error"]["code"], 1005);
}

#[test]
fn no_page_reaches_a_call_of_another_session() {
    let mut bench = Bench::new();
    let ((alice, _), (bob, _)) = (bench.page("alice"), bench.page("bob"));
    let (call_id, leg) = bench.call(alice, "100");
    bench.command(Command::Answer { leg, description: description() });
    let before = bench.events.len();
    for (method, params) in [
        ("answer", json!({ "callId": call_id, "sdp": SDP })),
        ("reject", json!({ "callId": call_id })),
        ("hangup", json!({ "callId": call_id })),
        ("hold", json!({ "callId": call_id, "sdp": SDP })),
        ("resumeMedia", json!({ "callId": call_id, "sdp": SDP })),
        ("update", json!({ "callId": call_id, "sdp": SDP })),
        ("rejoin", json!({ "callId": call_id, "sdp": SDP })),
        ("candidate", json!({ "callId": call_id, "fragment": FRAGMENT })),
        ("sendDtmf", json!({ "callId": call_id, "digits": "1" })),
        ("mute", json!({ "callId": call_id, "muted": true })),
        ("transfer", json!({ "callId": call_id, "to": "101" })),
        ("record", json!({ "callId": call_id, "wish": "on" })),
        ("statistics", json!({ "callId": call_id })),
    ] {
        assert_eq!(bench.ask(bob, method, params)["error"]["code"], 1004, "{method}");
    }
    let (own, leg) = bench.call(bob, "101");
    bench.command(Command::Answer { leg, description: description() });
    let answer = bench.ask(bob, "transfer", json!({ "callId": own, "withCall": call_id }));
    assert_eq!(answer["error"]["code"], 1004, "not as the other call either");
    assert_eq!(bench.events.len(), before + 1, "the gateway heard of bob's own call alone");
}

#[test]
fn a_description_that_is_none_or_no_browsers_is_refused_by_its_name() {
    let mut bench = Bench::new();
    let (flow, _) = bench.page("alice");
    let answer = bench.ask(flow, "call", json!({ "to": "100", "sdp": "v=1" }));
    assert_eq!(
        (&answer["error"]["code"], &answer["error"]["data"]["field"]),
        (&json!(-32602), &json!("sdp"))
    );
    let plain =
        "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 9 RTP/AVP 0\r\n";
    let answer = bench.ask(flow, "call", json!({ "to": "100", "sdp": plain }));
    assert_eq!((&answer["error"]["code"], &answer["error"]["data"]["field"]), (&json!(1008), &json!("sdp")));
    for to in ["", "a\r\nb", &"1".repeat(129)] {
        let answer = bench.ask(flow, "call", json!({ "to": to, "sdp": SDP }));
        assert_eq!(answer["error"]["data"]["field"], "to");
    }
}

#[test]
fn candidates_before_the_answer_are_told_after_it() {
    let mut bench = Bench::new();
    let (flow, _) = bench.page("alice");
    let (call_id, leg) = bench.call(flow, "100");
    let told =
        |bench: &Bench| bench.events.iter().filter(|it| matches!(it, Event::CandidatesTold { .. })).count();
    let answer = bench.ask(flow, "candidate", json!({ "callId": call_id, "fragment": FRAGMENT }));
    assert_eq!((&answer["result"], told(&bench)), (&json!({}), 0));
    bench.command(Command::Answer { leg, description: description() });
    assert_eq!(told(&bench), 1);
    bench.command(Command::AnswerCandidates { leg, refused: None });
    let answer = bench.ask(flow, "candidate", json!({ "callId": call_id, "fragment": "a=mid:0" }));
    assert_eq!(answer["error"]["data"]["field"], "fragment");
    bench.ask(flow, "candidate", json!({ "callId": call_id, "fragment": FRAGMENT }));
    let id = bench.last_id();
    assert_eq!(bench.answer(flow, id), None, "the gateway looks at it");
    bench.command(Command::AnswerCandidates { leg, refused: None });
    assert_eq!(bench.answer(flow, id).expect("an answer")["result"], json!({}));
}

#[test]
fn a_message_is_answered_by_what_became_of_it_and_told_where_it_comes_in() {
    let mut bench = Bench::new();
    let (flow, _) = bench.page("alice");
    for (delivery, code) in [(Delivery::Done, None), (Delivery::Failed(EndCause::Unavailable), Some(1011))] {
        bench.ask(flow, "message", json!({ "to": "bob", "text": "hello" }));
        let Some(Event::Texted(text)) = bench.events.last() else { panic!("a message") };
        let leg = text.leg;
        assert_eq!(text.content.body.as_ref(), b"hello");
        bench.command(Command::AnswerText { leg, delivery });
        let answer = bench.answer(flow, bench.last_id()).expect("an answer");
        assert_eq!(answer["error"]["code"].as_i64(), code, "{answer}");
    }
    assert_eq!(
        bench.ask(flow, "message", json!({ "to": "bob", "text": "" }))["error"]["data"]["field"],
        "text"
    );
}

#[test]
fn who_asks_without_end_is_told_to_wait() {
    let mut bench = Bench::new();
    let (flow, _) = bench.page("alice");
    let ping = |bench: &mut Bench| bench.ask(flow, "ping", json!({}))["error"]["code"].as_i64();
    assert!((0..200).all(|_| ping(&mut bench).is_none()));
    assert_eq!(ping(&mut bench), Some(1007));
    bench.wait(1);
    assert_eq!(ping(&mut bench), None);
}

#[test]
fn keys_are_pressed_in_their_order_and_heard() {
    let mut bench = Bench::new();
    let (flow, _) = bench.page("alice");
    let (call_id, leg) = bench.call(flow, "100");
    let press = |bench: &mut Bench, digits: &str| {
        bench.ask(flow, "sendDtmf", json!({ "callId": call_id, "digits": digits, "durationMs": 80 }))
    };
    assert_eq!(press(&mut bench, "1")["error"]["code"], 1005, "nobody has answered");
    bench.command(Command::Answer { leg, description: description() });
    assert_eq!(press(&mut bench, "12#D")["result"], json!({}));
    let digit = |event: &Event| match event {
        Event::DigitPressed { digit, .. } => Some(*digit),
        _ => None,
    };
    assert_eq!(bench.events.iter().filter_map(digit).collect::<String>(), "12#D");
    for wrong in ["", "12x", "1 2", &"1".repeat(33)] {
        assert_eq!(press(&mut bench, wrong)["error"]["data"]["field"], "digits", "{wrong}");
    }
    bench.command(Command::SendDigit { leg, digit: '5', duration: std::time::Duration::from_millis(120) });
    let heard = bench.event(flow, "dtmf");
    assert_eq!((&heard["digit"], &heard["durationMs"]), (&json!("5"), &json!(120)));
}
