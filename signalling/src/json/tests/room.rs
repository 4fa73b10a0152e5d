//! Calls of pages for which there is no room, beside those of others.

use std::num::NonZeroU32;
use std::sync::Arc;

use serde_json::json;
use webtrunk_engine::EndCause;

use super::page::{Bench, SDP, description};
use crate::adapter::{Command, Event, Origin};
use crate::json::JsonConfig;
use crate::room::{Crowded, MediaLoad, RefusedCalls, Room};

/// Media threads that are late.
struct Late;

impl MediaLoad for Late {
    fn has_room(&self) -> Result<(), Crowded> {
        Err(Crowded::Late)
    }
}

fn config() -> JsonConfig {
    JsonConfig { passwords: true, ..JsonConfig::default() }
}

fn calls(bench: &Bench) -> usize {
    bench.events.iter().filter(|event| matches!(event, Event::Incoming(_))).count()
}

#[test]
fn pages_and_phones_share_the_calls_that_may_begin_in_a_second() {
    let refused = Arc::new(RefusedCalls::default());
    let room = Room::new(NonZeroU32::new(2), None, Arc::clone(&refused));
    let mut bench = Bench::with_room(config(), room.clone());
    let (flow, _) = bench.page("alice");
    bench.call(flow, "100");
    let of_phone = Origin::User("bob".to_owned());
    assert_eq!(room.admit(&of_phone, "100", bench.now), Ok(()));
    let answer = bench.ask(flow, "call", json!({ "to": "100", "sdp": SDP }));
    assert_eq!((&answer["error"]["code"], calls(&bench)), (&json!(1010), 1), "{answer}");
    assert_eq!(refused.count_of(Crowded::Rate), 1);
    bench.wait(1);
    bench.call(flow, "100");
    bench.call(flow, "100");
    assert_eq!(room.admit(&of_phone, "100", bench.now), Err(Crowded::Rate), "the page had both");
}

#[test]
fn a_page_begins_no_call_while_media_threads_are_late_and_keeps_those_that_it_has() {
    let refused = Arc::new(RefusedCalls::default());
    let late = Room::new(None, Some(Arc::new(Late)), Arc::clone(&refused));
    let mut bench = Bench::with_room(config(), late);
    let (flow, _) = bench.page("alice");
    let binding = bench.located["alice"][0];
    let leg = bench.dial("alice", binding);
    let call_id = bench.event(flow, "incoming")["callId"].clone();
    bench.ask(flow, "answer", json!({ "callId": call_id, "sdp": SDP }));
    let answer = bench.ask(flow, "call", json!({ "to": "100", "sdp": SDP }));
    assert_eq!((&answer["error"]["code"], refused.count_of(Crowded::Late)), (&json!(1010), 1), "{answer}");
    let answer = bench.ask(flow, "call", json!({ "to": "112", "sdp": SDP }));
    assert!(answer["error"].is_null(), "an emergency: {answer}");
    bench.ask(flow, "rejoin", json!({ "callId": call_id, "sdp": SDP }));
    bench.command(Command::Answer { leg: bench.last_incoming(), description: description() });
    assert!(matches!(&bench.events[..], [.., Event::Incoming(call)] if call.replaces == Some(leg)));
    assert!(!bench.ends().contains(&(leg, EndCause::Overloaded)));
}
