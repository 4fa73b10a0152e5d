//! A phone has several flows: a call goes by the next one where nothing comes of it by one, and is the phone's to refuse
//! (RFC 5626 5.3).

use std::time::Duration;

use webtrunk_engine::EndCause;

use super::peer::Peer;
use crate::adapter::{Event, Origin};
use crate::sip::agent::{Alternative, OtherFlow};
use crate::sip::flow::{ConnectionId, Flow};
use crate::sip::message::{HeaderName, NameAddr, Request, Uri};

const PATIENCE: Duration = Duration::from_secs(2);

/// The Request-URI, and the Route, by the phone's other flow.
const OTHER: (&str, &str) = ("sip:ann@198.51.100.7", "<sip:edge.example;lr>");

/// A phone is called over a WebSocket, and has another.
fn called() -> (Peer, Request) {
    let mut peer = Peer::over_websocket();
    let flow = Flow { connection: Some(ConnectionId(2)), ..peer.flow };
    let request_uri = OTHER.0.parse().expect("a URI");
    let edge: Uri = "sip:edge.example;lr".parse().expect("a URI");
    let route_set = vec![NameAddr::new(edge)];
    peer.alternatives = vec![Alternative::Flow(Box::new(OtherFlow { request_uri, route_set, flow }))];
    let (_, invite) = peer.called(Origin::User("ann".to_owned()));
    (peer, invite)
}

fn last_invite(peer: &mut Peer) -> Request {
    peer.sent_requests().pop().expect("a request")
}

/// The call has gone over to the other flow, and is answered there.
fn assert_goes_on(mut peer: Peer, first: &Request, why: &str) {
    let second = last_invite(&mut peer);
    let by = (second.uri.to_string(), second.headers.get(&HeaderName::Route));
    assert_eq!((by.0.as_str(), by.1), (OTHER.0, Some(OTHER.1)), "{why}");
    assert_eq!(second.headers.call_id(), first.headers.call_id(), "{why}");
    assert_eq!(second.headers.from(), first.headers.from(), "{why}");
    assert_eq!(second.headers.cseq().map(|cseq| cseq.number), Ok(2), "{why}");
    assert_eq!(second.headers.max_forwards(), first.headers.max_forwards(), "{why}");
    assert_eq!(second.body, first.body, "{why}");
    peer.flow.connection = Some(ConnectionId(2));
    peer.respond(&second, 200, "two");
    assert!(matches!(peer.told.last(), Some(Event::Answered { .. })), "{why}: {:?}", peer.told);
    assert_eq!(peer.sent_flows().last().and_then(|flow| flow.connection), Some(ConnectionId(2)), "{why}");
    assert_eq!(peer.agent.poll_hop(), None, "it is no host of a trunk");
}

#[test]
fn it_does_where_a_proxy_says_that_the_flow_is_gone_or_that_nobody_answers_there() {
    for status in [430, 408] {
        let (mut peer, first) = called();
        peer.respond(&first, 100, "one");
        peer.respond(&first, status, "one");
        assert_goes_on(peer, &first, &status.to_string());
    }
}

#[test]
fn it_does_where_nothing_is_heard_for_two_seconds() {
    let (mut peer, first) = called();
    peer.run_for(PATIENCE - Duration::from_millis(1));
    assert!(peer.lines().is_empty(), "it is not over yet");
    peer.run_for(Duration::from_millis(1));
    assert_goes_on(peer, &first, "silent");
}

#[test]
fn it_does_at_once_where_the_stream_closes_before_anything_is_heard() {
    let (mut peer, first) = called();
    peer.agent.flow_closed(ConnectionId(1), peer.now);
    peer.flush();
    assert_goes_on(peer, &first, "closed");
}

#[test]
fn what_rings_is_waited_for_though_its_stream_closes() {
    let (mut peer, first) = called();
    peer.respond(&first, 180, "one");
    peer.agent.flow_closed(ConnectionId(1), peer.now);
    peer.run_for(PATIENCE);
    assert!(peer.lines().is_empty(), "it would ring twice");
}

#[test]
fn where_it_has_rung_and_nobody_lifted_it_does_not_ring_by_another_one() {
    let (mut peer, first) = called();
    peer.respond(&first, 180, "one");
    peer.respond(&first, 408, "one");
    assert_eq!(peer.lines(), ["ACK"]);
    assert!(matches!(peer.told.last(), Some(Event::Ended { cause: EndCause::NoAnswer, .. })));
}

#[test]
fn any_other_refusal_is_the_phones_word() {
    for (status, cause) in [
        (486, EndCause::Busy),
        (480, EndCause::Unavailable),
        (503, EndCause::Overloaded),
        (603, EndCause::Declined),
    ] {
        let (mut peer, first) = called();
        peer.respond(&first, status, "one");
        assert_eq!(peer.lines(), ["ACK"], "{status}");
        assert!(matches!(peer.told.last(), Some(Event::Ended { cause: it, .. }) if *it == cause), "{status}");
    }
}

#[test]
fn the_last_flow_that_is_gone_leaves_the_phone_unavailable() {
    let (mut peer, first) = called();
    peer.respond(&first, 430, "one");
    let second = last_invite(&mut peer);
    peer.respond(&second, 430, "two");
    assert!(matches!(peer.told.last(), Some(Event::Ended { cause: EndCause::Unavailable, .. })));
}
