//! A fault of ours in one session of several.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use serde_json::json;
use webtrunk_engine::EndCause;

use super::page::{Bench, SDP};
use crate::adapter::Command;
use crate::json::JsonConfig;
use crate::room::{Crowded, MediaLoad, Room};

/// Breaks a promise of ours when somebody calls.
struct Broken;

impl MediaLoad for Broken {
    fn has_room(&self) -> Result<(), Crowded> {
        panic!("a promise of ours is broken")
    }
}

#[test]
fn a_panic_in_one_session_ends_that_one_and_the_others_go_on() {
    let config = JsonConfig { passwords: true, ..JsonConfig::default() };
    let mut bench = Bench::with_room(config, Room::new(None, Some(Arc::new(Broken)), Arc::default()));
    let ((alice, session), (bob, _)) = (bench.page("alice"), bench.page("bob"));
    let legs = ["alice", "bob"].map(|user| {
        let binding = bench.located[user][0];
        bench.dial(user, binding)
    });
    let call_id = bench.event(alice, "incoming")["callId"].clone();
    bench.ask(alice, "answer", json!({ "callId": call_id, "sdp": SDP }));
    let calling = AssertUnwindSafe(|| bench.ask(alice, "call", json!({ "to": "100", "sdp": SDP })));
    assert!(catch_unwind(calling).is_err());
    bench.give_up_broken();
    assert_eq!(bench.ends(), [(legs[0], EndCause::InternalError)]);
    assert_eq!((bench.closed[&alice].as_str(), bench.located["alice"].len()), ("Broken", 0));
    let back = bench.open();
    let params = json!({ "token": session["resumeToken"], "lastSeen": 0 });
    assert_eq!(bench.ask(back, "resume", params)["error"]["code"], 1009, "nothing is left of it");

    let call_id = bench.event(bob, "incoming")["callId"].clone();
    assert_eq!(bench.ask(bob, "answer", json!({ "callId": call_id, "sdp": SDP }))["result"], json!({}));
    bench.command(Command::Hangup { leg: legs[1], cause: EndCause::Hangup });
    assert_eq!(bench.ends()[1], (legs[1], EndCause::Hangup));
    let (again, _) = bench.page("alice");
    assert_eq!(bench.ask(again, "ping", json!({}))["result"], json!({}));
}
