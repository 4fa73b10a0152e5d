//! Several calls in one, calls of others, and what others do.

use std::sync::Arc;

use serde_json::json;
use webtrunk_engine::EndCause;

use super::page::{Bench, SDP, description, sdp};
use crate::adapter::{Command, Event, News, SupervisorMode, TransferProgress};
use crate::commons::Commons;
use crate::json::JsonConfig;
use crate::presence::{Activity, Presence};
use crate::room::Room;
use crate::sip::agent::TextConfig;
use crate::sip::subscription::WatchRights;
use crate::text_rates::TextRates;

/// A page with two calls that are up.
fn two_calls(bench: &mut Bench) -> (u64, [(String, webtrunk_engine::LegId); 2]) {
    let (flow, _) = bench.page("alice");
    let calls = ["100", "200"].map(|to| {
        let (call_id, leg) = bench.call(flow, to);
        bench.command(Command::Answer { leg, description: description() });
        (call_id, leg)
    });
    (flow, calls)
}

#[test]
fn a_merge_is_answered_when_all_hear_each_other_or_nobody_does() {
    for (progress, answer) in [
        (TransferProgress::Done, json!({ "result": {} })),
        (TransferProgress::Failed(EndCause::Forbidden), json!({ "error": 1011 })),
    ] {
        let mut bench = Bench::new();
        let (flow, [(one, leg), (other, with)]) = two_calls(&mut bench);
        assert!(bench.ask(flow, "merge", json!({ "callId": one, "withCall": other })).is_null());
        let asked = bench.last_id();
        let Some(Event::MergeAsked { leg: by, with: told, peer }) = bench.events.last() else {
            panic!("a merge")
        };
        assert_eq!((*by, *told, peer.as_str()), (leg, with, "200"));
        let again = bench.ask(flow, "merge", json!({ "callId": one, "withCall": other }));
        assert_eq!(again["error"]["code"], 1006, "one at a time");
        bench.command(Command::TransferProgress { leg, progress: TransferProgress::Began });
        assert!(bench.answer(flow, asked).is_none());
        bench.command(Command::TransferProgress { leg, progress });
        let told = bench.answer(flow, asked).expect("an answer");
        match told.get("result") {
            Some(result) => assert_eq!(*result, answer["result"]),
            None => assert_eq!(told["error"]["code"], answer["error"]),
        }
        assert!(!bench.told(flow).contains(&"transferProgress"), "it is no transfer");
    }
}

#[test]
fn a_merge_whose_call_ends_is_refused_and_one_with_itself_or_a_strangers_is_none() {
    let mut bench = Bench::new();
    let (flow, [(one, leg), (other, _)]) = two_calls(&mut bench);
    let itself = bench.ask(flow, "merge", json!({ "callId": one, "withCall": one }));
    assert_eq!(itself["error"]["data"]["field"], "withCall");
    let (bob, _) = bench.page("bob");
    let (strange, _) = bench.call(bob, "100");
    for (a, b) in [(&one, &strange), (&strange, &one)] {
        let answer = bench.ask(flow, "merge", json!({ "callId": a, "withCall": b }));
        assert_eq!(answer["error"]["code"], 1004);
    }
    bench.ask(flow, "merge", json!({ "callId": one, "withCall": other }));
    let asked = bench.last_id();
    bench.command(Command::Hangup { leg, cause: EndCause::Hangup });
    assert_eq!(bench.answer(flow, asked).expect("an answer")["error"]["code"], 1004);
}

#[test]
fn a_supervisor_calls_nobody_and_is_answered_as_a_caller_is() {
    let mut bench = Bench::new();
    let (flow, _) = bench.page("alice");
    let answer = bench.ask(flow, "supervise", json!({ "user": "bob", "mode": "whisper", "sdp": SDP }));
    let call_id = answer["result"]["callId"].as_str().expect("a call").to_owned();
    let Some(Event::Supervising(asked)) = bench.events.last() else { panic!("it is asked for") };
    assert_eq!((asked.user.as_str(), asked.mode), ("bob", SupervisorMode::Whisper));
    let leg = asked.incoming.leg;
    let early = bench.ask(flow, "setMode", json!({ "callId": call_id, "mode": "barge" }));
    assert_eq!(early["error"]["code"], 1005);
    bench.command(Command::Answer { leg, description: description() });
    assert_eq!(bench.event(flow, "connected")["sdp"], sdp());
    bench.ask(flow, "setMode", json!({ "callId": call_id, "mode": "barge" }));
    assert!(matches!(bench.events.last(),
        Some(Event::ModeAsked { leg: of, mode: SupervisorMode::Barge }) if *of == leg));
    bench
        .command(Command::Tell { leg, news: News::Speaker { name: Some("bob".to_owned()), is_self: false } });
    assert_eq!(
        bench.event(flow, "speaker"),
        json!({ "seq": 0, "callId": call_id, "name": "bob", "isSelf": false })
    );
    bench.command(Command::Tell { leg, news: News::OneWay { is_self_unheard: true } });
    assert_eq!(bench.event(flow, "oneWay"), json!({ "seq": 0, "callId": call_id, "isSelfUnheard": true }));
    bench.command(Command::Hangup { leg, cause: EndCause::Hangup });
    assert_eq!(bench.event(flow, "ended")["callId"], call_id);
}

/// A bench where alice and bob share a group, and carol none.
fn watching() -> (Bench, Presence) {
    let presence = Presence::default();
    let group = |name: &str| [name.to_owned()].into();
    let groups = [("alice", "sales"), ("bob", "sales"), ("carol", "board")];
    presence.set_rights(WatchRights {
        groups: groups.map(|(user, name)| (user.to_owned(), group(name))).into(),
        ..WatchRights::default()
    });
    let (room, texts) = (Room::new(None, None, Arc::default()), TextRates::new(TextConfig::default()));
    let commons = Commons { presence: presence.clone(), ..Commons::new(room, texts) };
    let config = JsonConfig { passwords: true, ..JsonConfig::default() };
    (Bench::with_commons(config, commons), presence)
}

#[test]
fn a_page_is_told_what_those_do_whom_it_may_watch_until_it_watches_others() {
    let (mut bench, _) = watching();
    let (flow, session) = bench.page("alice");
    let refused = bench.ask(flow, "watch", json!({ "users": ["bob", "carol"] }));
    assert_eq!(
        (&refused["error"]["code"], &refused["error"]["data"]["field"]),
        (&json!(1003), &json!("users[1]"))
    );
    bench.activity("bob", Activity::Talking);
    assert!(bench.told(flow).is_empty(), "nobody is watched");
    assert_eq!(bench.ask(flow, "watch", json!({ "users": ["bob", "alice"] }))["result"], json!({}));
    assert_eq!(bench.told(flow), ["presence", "presence"]);
    bench.activity("bob", Activity::Ringing);
    assert_eq!(bench.event(flow, "presence"), json!({ "seq": 0, "user": "bob", "state": "ringing" }));
    bench.activity("carol", Activity::Ringing);
    assert_eq!(bench.told(flow).len(), 3);
    bench.lose(flow);
    bench.activity("bob", Activity::Idle);
    let back = bench.open();
    bench.ask(back, "resume", json!({ "token": session["resumeToken"], "lastSeen": 9 }));
    let told = bench.told(back);
    assert_eq!(told.iter().filter(|name| **name == "presence").count(), 2, "as it is then: {told:?}");
    bench.ask(back, "watch", json!({ "users": [] }));
    bench.sent.clear();
    bench.activity("bob", Activity::Talking);
    assert!(bench.told(back).is_empty());
    let many: Vec<_> = (0..201).map(|n| format!("user{n}")).collect();
    assert_eq!(bench.ask(back, "watch", json!({ "users": many }))["error"]["data"]["field"], "users");
}

#[test]
fn a_report_tells_the_session_and_what_was_said_and_no_secret() {
    let mut bench = Bench::new();
    let (flow, [(one, leg), _]) = two_calls(&mut bench);
    bench.ask(flow, "sendDtmf", json!({ "callId": one, "digits": "4711" }));
    let report = bench.ask(flow, "report", json!({}))["result"].clone();
    assert_eq!((&report["user"], &report["address"]), (&json!("alice"), &json!("192.0.2.1")));
    let calls = report["calls"].as_array().expect("calls");
    let own = calls.iter().find(|call| call["callId"] == one.as_str()).expect("its call");
    assert_eq!((&own["state"], &own["leg"]), (&json!("connected"), &json!(leg.to_string())));
    let said: Vec<_> = report["ladder"].as_array().expect("a ladder").iter().map(|it| &it["said"]).collect();
    let begin =
        ["registration", "call", "trying", "connected", "call", "trying", "connected", "sendDtmf", "report"];
    assert_eq!(said, begin);
    let text = report.to_string();
    for secret in ["password-of-alice", "0123456789abcdefghijkl", "4711", "sha-256"] {
        assert!(!text.contains(secret), "{secret}: {text}");
    }
}
