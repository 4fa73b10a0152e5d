//! What happens to sessions whose connections are lost.

use std::sync::Arc;

use serde_json::{Value, json};
use webtrunk_engine::EndCause;

use super::page::{Bench, FRAGMENT, SDP, description, sdp};
use crate::adapter::{Command, Event};
use crate::json::JsonConfig;
use crate::json::adapter::outbox::{Outbox, ToPage};

/// Comes back by a new connection; the connection and the answer.
fn resume(bench: &mut Bench, token: &Value, last_seen: u64) -> (u64, Value) {
    let flow = bench.open();
    let answer = bench.ask(flow, "resume", json!({ "token": token, "lastSeen": last_seen }));
    (flow, answer)
}

#[test]
fn a_page_that_comes_back_is_told_what_it_missed_in_order_and_has_its_calls() {
    let mut bench = Bench::new();
    let (flow, session) = bench.page("alice");
    let (call_id, leg) = bench.call(flow, "100");
    let seen = bench.event(flow, "trying")["seq"].as_u64().expect("a number");
    bench.lose(flow);
    bench.command(Command::Ring { leg, description: None });
    bench.command(Command::Answer { leg, description: description() });
    bench.wait(59);
    let (flow, answer) = resume(&mut bench, &session["resumeToken"], seen);
    let result = &answer["result"];
    let call = json!([{ "callId": call_id, "peer": "100", "state": "connected" }]);
    assert_eq!((&result["session"], &result["calls"]), (&session["session"], &call), "{answer}");
    assert_eq!(result["eventsLost"], false);
    assert_eq!(bench.told(flow), ["ringing", "connected"]);
    assert!(bench.ends().is_empty());
    bench.wait(1000);
    assert!(bench.ends().is_empty(), "it is there");
}

#[test]
fn all_that_is_kept_for_a_page_has_a_place_in_the_outbox_of_its_new_connection() {
    let mut bench = Bench::new();
    let (flow, session) = bench.page("alice");
    let (_, leg) = bench.call(flow, "100");
    bench.lose(flow);
    for _ in 0..300 {
        bench.command(Command::Ring { leg, description: None });
    }
    let (flow, answer) = resume(&mut bench, &session["resumeToken"], 0);
    assert_eq!((bench.told(flow).len(), &answer["result"]["eventsLost"]), (256, &json!(true)));
    let (outbox, _outgoing) = Outbox::channel(&Arc::default());
    outbox.push(ToPage::Known).expect("there is room");
    for message in &bench.sent[&flow] {
        outbox.push(ToPage::Text(message.to_string())).expect("there is room");
    }
}

#[test]
fn a_page_that_does_not_come_back_in_time_loses_its_calls() {
    let mut bench = Bench::new();
    let (flow, session) = bench.page("alice");
    let (_, leg) = bench.call(flow, "100");
    bench.command(Command::Answer { leg, description: description() });
    bench.lose(flow);
    bench.wait(59);
    assert!(bench.ends().is_empty());
    assert_eq!(bench.located["alice"].len(), 1, "it can be called while it waits");
    bench.wait(1);
    assert_eq!(bench.ends(), [(leg, EndCause::SignallingLost)]);
    assert!(bench.located["alice"].is_empty());
    let (_, answer) = resume(&mut bench, &session["resumeToken"], 0);
    assert_eq!(answer["error"]["code"], 1009);
}

#[test]
fn a_resume_token_is_good_once_and_the_next_one_is_another() {
    let mut bench = Bench::new();
    let (flow, session) = bench.page("alice");
    bench.lose(flow);
    let (flow, answer) = resume(&mut bench, &session["resumeToken"], 0);
    let next = answer["result"]["resumeToken"].clone();
    assert_ne!(next, session["resumeToken"]);
    bench.ask(flow, "ping", json!({}));
    bench.lose(flow);
    let (_, answer) = resume(&mut bench, &session["resumeToken"], 0);
    assert_eq!(answer["error"]["code"], 1009, "it was used");
    for wrong in [json!(""), json!("0".repeat(64))] {
        assert_eq!(resume(&mut bench, &wrong, 0).1["error"]["code"], 1009);
    }
    assert!(resume(&mut bench, &next, 0).1.get("result").is_some());
}

#[test]
fn a_page_that_never_read_the_answer_to_its_resume_comes_back_by_the_same_token() {
    let mut bench = Bench::new();
    let (flow, session) = bench.page("alice");
    let (_, leg) = bench.call(flow, "100");
    bench.command(Command::Answer { leg, description: description() });
    bench.lose(flow);
    let mut unread = Vec::new();
    for _ in 0..100 {
        let (flow, answer) = resume(&mut bench, &session["resumeToken"], 0);
        unread.push(answer["result"]["resumeToken"].clone());
        bench.lose(flow);
        bench.wait(30);
    }
    let (flow, answer) = resume(&mut bench, &session["resumeToken"], 0);
    assert_eq!(answer["result"]["calls"][0]["state"], "connected", "{answer}");
    assert!(bench.ends().is_empty());
    bench.ask(flow, "ping", json!({}));
    bench.lose(flow);
    for used in unread.iter().chain([&session["resumeToken"]]) {
        assert_eq!(resume(&mut bench, used, 0).1["error"]["code"], 1009, "the page has the next one");
    }
    assert!(resume(&mut bench, &answer["result"]["resumeToken"], 0).1.get("result").is_some());
}

#[test]
fn a_page_whose_session_was_taken_over_uses_up_no_token_of_it() {
    let mut bench = Bench::new();
    let (flow, session) = bench.page("alice");
    bench.lose(flow);
    let (old, _) = resume(&mut bench, &session["resumeToken"], 0);
    let (new, _) = resume(&mut bench, &session["resumeToken"], 0);
    bench.ask(old, "ping", json!({}));
    bench.lose(new);
    assert!(resume(&mut bench, &session["resumeToken"], 0).1.get("result").is_some());
}

#[test]
fn who_resumes_a_session_that_is_connected_takes_it_over() {
    let mut bench = Bench::new();
    let (old, session) = bench.page("alice");
    let (call_id, leg) = bench.call(old, "100");
    let (new, answer) = resume(&mut bench, &session["resumeToken"], 0);
    assert!(answer.get("result").is_some());
    assert_eq!((bench.told(old).last(), bench.closed[&old].as_str()), (Some(&"replacedSession"), "Replaced"));
    bench.lose(old);
    bench.command(Command::Answer { leg, description: description() });
    assert_eq!(bench.event(new, "connected")["callId"], call_id.as_str());
}

#[test]
fn a_call_that_comes_in_while_the_page_is_away_rings_when_it_is_back() {
    let mut bench = Bench::new();
    let (flow, session) = bench.page("alice");
    let binding = bench.located["alice"][0];
    bench.lose(flow);
    let leg = bench.dial("alice", binding);
    let rings = |bench: &Bench| bench.events.iter().filter(|it| matches!(it, Event::Progress { .. })).count();
    assert_eq!(rings(&bench), 0, "nobody hears it");
    let (flow, answer) = resume(&mut bench, &session["resumeToken"], 1);
    assert_eq!((bench.told(flow), rings(&bench)), (vec!["incoming"], 1));
    assert_eq!(answer["result"]["calls"][0]["sdp"], sdp(), "for a page that was reloaded");
    let call_id = bench.event(flow, "incoming")["callId"].clone();
    bench.ask(flow, "answer", json!({ "callId": call_id, "sdp": SDP }));
    assert!(matches!(bench.events.last(), Some(Event::Answered { leg: own, .. }) if *own == leg));
}

#[test]
fn a_reloaded_page_joins_its_call_by_a_new_leg_and_the_old_one_goes_unheard() {
    let mut bench = Bench::new();
    let (flow, session) = bench.page("alice");
    let (call_id, old) = bench.call(flow, "100");
    bench.command(Command::Answer { leg: old, description: description() });
    bench.lose(flow);
    let (flow, _) = resume(&mut bench, &session["resumeToken"], 99);
    bench.ask(flow, "rejoin", json!({ "callId": call_id, "sdp": SDP }));
    let id = bench.last_id();
    let new = bench.last_incoming();
    assert!(matches!(bench.events.last(), Some(Event::Incoming(call)) if call.replaces == Some(old)));
    bench.command(Command::Answer { leg: new, description: description() });
    assert_eq!(bench.answer(flow, id).expect("an answer")["result"]["sdp"], sdp());
    bench.command(Command::Hangup { leg: old, cause: EndCause::Hangup });
    assert_eq!(bench.ends(), [(old, EndCause::Hangup)]);
    assert!(!bench.told(flow).contains(&"ended"), "the call goes on");
    bench.ask(flow, "hangup", json!({ "callId": call_id }));
    assert_eq!(bench.ends()[1], (new, EndCause::Hangup));
    assert_eq!(bench.event(flow, "ended")["callId"], call_id.as_str());
}

#[test]
fn what_waits_for_the_leg_from_before_a_reload_is_refused_when_the_new_one_has_its_place() {
    let mut bench = Bench::new();
    let (flow, _) = bench.page("alice");
    let (call_id, old) = bench.call(flow, "100");
    bench.command(Command::Answer { leg: old, description: description() });
    bench.ask(flow, "rejoin", json!({ "callId": call_id, "sdp": SDP }));
    let new = bench.last_incoming();
    bench.ask(flow, "statistics", json!({ "callId": call_id }));
    let id = bench.last_id();
    bench.command(Command::Answer { leg: new, description: description() });
    assert_eq!(bench.answer(flow, id).expect("an answer")["error"]["code"], 1005);
}

#[test]
fn a_reloaded_page_that_cannot_join_keeps_its_call() {
    let mut bench = Bench::new();
    let (flow, _) = bench.page("alice");
    let (call_id, old) = bench.call(flow, "100");
    bench.command(Command::Answer { leg: old, description: description() });
    bench.ask(flow, "rejoin", json!({ "callId": call_id, "sdp": SDP }));
    let (id, new) = (bench.last_id(), bench.last_incoming());
    let answer = bench.ask(flow, "update", json!({ "callId": call_id, "sdp": SDP }));
    assert_eq!(answer["error"]["code"], 1006);
    bench.command(Command::Hangup { leg: new, cause: EndCause::Forbidden });
    assert_eq!(bench.answer(flow, id).expect("an answer")["error"]["code"], 1008);
    assert_eq!(bench.ends(), [(new, EndCause::Forbidden)]);
    bench.command(Command::Hangup { leg: old, cause: EndCause::Hangup });
    assert_eq!(bench.told(flow).last(), Some(&"ended"));
}

#[test]
fn a_restart_is_asked_of_a_page_that_is_there_and_put_off_for_one_that_is_not() {
    let mut bench = Bench::new();
    let (flow, _) = bench.page("alice");
    let (_, leg) = bench.call(flow, "100");
    bench.command(Command::Answer { leg, description: description() });
    let refused = |bench: &Bench| match bench.events.last() {
        Some(Event::ReofferRefused { cause, .. }) => *cause,
        other => panic!("{other:?}"),
    };
    bench.command(Command::Reoffer { leg, offer: description() });
    assert_eq!((bench.told(flow).last(), refused(&bench)), (Some(&"restartNeeded"), EndCause::NotAcceptable));
    bench.lose(flow);
    bench.command(Command::Reoffer { leg, offer: description() });
    assert_eq!(refused(&bench), EndCause::SignallingLost);
}

#[test]
fn a_user_with_too_many_sessions_loses_the_one_that_waits_or_the_oldest() {
    let mut bench =
        Bench::with(JsonConfig { passwords: true, sessions_per_user: 2, ..JsonConfig::default() });
    let ((one, _), (two, _)) = (bench.page("alice"), bench.page("alice"));
    bench.lose(two);
    let (three, _) = bench.page("alice");
    assert!(bench.closed.is_empty(), "the one that waits makes room");
    bench.page("alice");
    assert_eq!(bench.closed.get(&one).map(String::as_str), Some("Replaced"));
    assert_eq!(bench.located["alice"].len(), 2);
    assert!(!bench.closed.contains_key(&three));
}

#[test]
fn every_request_that_waits_is_refused_when_its_call_ends() {
    let asked = [
        ("hold", json!({ "sdp": SDP })),
        ("update", json!({ "sdp": SDP })),
        ("rejoin", json!({ "sdp": SDP })),
        ("candidate", json!({ "fragment": FRAGMENT })),
        ("record", json!({ "wish": "on" })),
        ("statistics", json!({})),
    ];
    for (method, mut params) in asked {
        let mut bench = Bench::new();
        let (flow, _) = bench.page("alice");
        let (call_id, leg) = bench.call(flow, "100");
        bench.command(Command::Answer { leg, description: description() });
        params["callId"] = call_id.into();
        assert_eq!(bench.ask(flow, method, params), Value::Null, "{method} waits");
        let id = bench.last_id();
        bench.command(Command::Hangup { leg, cause: EndCause::Hangup });
        let answer = bench.answer(flow, id).unwrap_or_else(|| panic!("{method} is answered"));
        assert_eq!(answer["error"]["code"], 1004, "{method}");
    }
}

#[test]
fn a_gateway_that_drains_takes_no_calls_and_ends_those_that_are_there() {
    let mut bench = Bench::new();
    let (flow, _) = bench.page("alice");
    let (_, leg) = bench.call(flow, "100");
    bench.command(Command::RefuseCalls);
    assert_eq!(bench.ask(flow, "call", json!({ "to": "100", "sdp": SDP }))["error"]["code"], 1010);
    bench.command(Command::Drain);
    assert!(bench.core.is_drained());
    assert_eq!(bench.ends(), [(leg, EndCause::ShuttingDown)]);
    assert_eq!(
        (bench.event(flow, "ended")["cause"].as_str(), bench.closed[&flow].as_str()),
        (Some("shuttingDown"), "GoesDown")
    );
}

#[test]
fn a_page_that_disconnects_hangs_up_and_cannot_come_back() {
    let mut bench = Bench::new();
    let (flow, session) = bench.page("alice");
    let (_, leg) = bench.call(flow, "100");
    assert_eq!(bench.ask(flow, "disconnect", json!({}))["result"], json!({}));
    assert_eq!((bench.ends(), bench.closed[&flow].as_str()), (vec![(leg, EndCause::Hangup)], "Done"));
    assert_eq!(resume(&mut bench, &session["resumeToken"], 0).1["error"]["code"], 1009);
}
