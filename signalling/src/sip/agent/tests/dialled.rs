//! What the dial plan says of a call that we place: headers, and that another is called where nobody answers.

use std::time::Duration;

use webtrunk_engine::EndCause;

use super::pair::{Pair, Side};
use super::peer::Peer;
use crate::adapter::{Event, HOPS_MAX, HeaderChange, Origin};
use crate::sip::message::Request;

fn set(name: &str, value: &str) -> HeaderChange {
    HeaderChange { name: name.to_owned(), value: Some(value.to_owned()) }
}

fn remove(name: &str) -> HeaderChange {
    HeaderChange { name: name.to_owned(), value: None }
}

#[test]
fn headers_are_set_and_taken_out_but_never_those_that_are_ours() {
    let mut pair = Pair::new();
    let headers = vec![
        set("X-Tenant", "acme"),
        set("x-tenant", "acme\r\nVia: 7"),
        set("From", "<sip:nobody@example.com>"),
        set("v", "SIP/2.0/UDP 192.0.2.9"),
        set("Max-Forwards", "99"),
        set("s", "a call"),
        remove("Call-ID"),
        remove("Privacy"),
    ];
    pair.dial_with(|dial| {
        dial.caller.user = "anonymous".to_owned();
        dial.headers = headers;
    });
    pair.run_for(Duration::from_millis(100));
    let incoming = pair.incoming();
    assert_eq!(incoming.caller.user, "anonymous");
    assert!(incoming.hops < HOPS_MAX);
    let said = |name: &str| -> Vec<&str> {
        let of_name = incoming.headers.iter().filter(|header| header.name == name);
        of_name.map(|header| header.value.as_str()).collect()
    };
    assert_eq!(said("x-tenant"), ["acme  Via: 7"], "one, in one line");
    assert_eq!(said("Subject"), ["a call"]);
    assert!(said("Privacy").is_empty() && said("Call-ID").len() == 1);
}

/// A call that nobody answered in time, half a minute later.
fn given_up() -> (Peer, Request) {
    let mut peer = Peer::new();
    let (leg, invite) = peer.called(Origin::User("bob".to_owned()));
    peer.run_for(Duration::from_secs(32));
    let ended = peer.told.iter().any(|event| matches!(event, Event::Ended { leg: told, .. } if *told == leg));
    assert!(ended, "nobody answered in time");
    peer.run_for(Duration::from_secs(30));
    peer.lines();
    (peer, invite)
}

#[test]
fn a_refusal_of_a_call_that_was_given_up_is_acknowledged() {
    let (mut peer, invite) = given_up();
    for _ in 0..2 {
        peer.respond(&invite, 486, "late");
        assert_eq!(peer.lines(), ["ACK"]);
    }
}

#[test]
fn an_answer_to_a_call_that_was_given_up_is_acknowledged_and_ended() {
    let (mut peer, invite) = given_up();
    peer.respond(&invite, 200, "late");
    assert_eq!(peer.lines(), ["ACK", "BYE"]);
    peer.respond(&invite, 200, "late");
    assert_eq!(peer.lines()[0], "ACK", "the first was lost");
    peer.run_for(Duration::from_secs(100));
    peer.lines();
    peer.respond(&invite, 200, "late");
    assert_eq!(peer.lines(), [""; 0], "nothing is left of it");
}

#[test]
fn a_host_that_says_nothing_is_given_up_after_two_seconds_where_another_trunk_is_called_then() {
    for (has_successor, within) in [(true, 2), (false, 32)] {
        let mut pair = Pair::over(super::pair::Link { loss: 1.0, ..super::pair::Link::GOOD });
        let leg = pair.dial_with(|dial| dial.has_successor = has_successor);
        pair.run_for(Duration::from_secs(within) - Duration::from_millis(1));
        assert_eq!(pair.ended(Side::Caller, leg), None);
        pair.run_for(Duration::from_millis(1));
        assert_eq!(pair.ended(Side::Caller, leg), Some(EndCause::GatewayFailure));
    }
}
