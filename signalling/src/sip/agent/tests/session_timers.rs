//! Session timers (RFC 4028) between two cores, and against peers that know more or less of them.

use std::time::Duration;

use webtrunk_engine::{EndCause, LegId};

use super::description;
use super::pair::{Pair, Side};
use super::peer::Peer;
use crate::adapter::{Command, Event, Origin};
use crate::sip::agent::Reach;
use crate::sip::flow::{ConnectionId, TransportKind};
use crate::sip::message::{HeaderName, Request, Response};

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);

#[test]
fn a_call_is_refreshed_for_a_day_and_ends_on_both_sides_when_the_link_dies() {
    let mut pair = Pair::new();
    let (caller, callee) = pair.connect();
    pair.run_for(24 * HOUR);
    let updates = [Side::Caller, Side::Callee]
        .map(|side| pair.lines(side).iter().filter(|line| *line == "UPDATE").count());
    assert_eq!(updates, [0, 95], "the callee refreshes, every quarter of an hour");
    assert_eq!((pair.ended(Side::Caller, caller), pair.ended(Side::Callee, callee)), (None, None));
    pair.cut();
    pair.run_for(HOUR);
    let lost = Some(EndCause::SignallingLost);
    assert_eq!((pair.ended(Side::Caller, caller), pair.ended(Side::Callee, callee)), (lost, lost));
    assert!(pair.is_silent());
}

#[test]
fn a_peer_whose_allow_lacks_update_is_refreshed_by_the_same_description() {
    let mut peer = Peer::new();
    let (leg, invite) = answered(&mut peer, &[("Session-Expires", "90;refresher=uac")]);
    for round in 1..=3 {
        peer.run_for(45 * SECOND);
        let again = peer.sent_request();
        assert_eq!((again.method.as_str(), &again.body), ("INVITE", &invite.body), "round {round}");
        assert_eq!(again.headers.get(&HeaderName::SessionExpires), Some("90;refresher=uac"));
        peer.respond_with(&again, 200, "one", |ok| {
            ok.headers.push(HeaderName::SessionExpires, "90;refresher=uac");
        });
        assert_eq!(peer.lines(), ["ACK"]);
    }
    assert!(
        !peer.told.iter().any(|event| matches!(event, Event::Ended { .. } | Event::ReofferAnswered { .. }))
    );
    peer.command(Command::Hangup { leg, cause: EndCause::Hangup });
    assert_eq!(peer.lines(), ["BYE"]);
}

#[test]
fn what_was_agreed_last_is_what_a_refresh_says() {
    let mut peer = Peer::new();
    let (leg, _) = answered(&mut peer, &[("Session-Expires", "90;refresher=uac")]);
    peer.command(Command::Reoffer { leg, offer: description(7) });
    let offer = peer.sent_request();
    peer.respond_with(&offer, 200, "one", |ok| {
        ok.headers.push(HeaderName::SessionExpires, "90;refresher=uac");
    });
    peer.lines();
    peer.command(Command::Reoffer { leg, offer: description(8) });
    let refused = peer.sent_request();
    peer.respond(&refused, 488, "one");
    peer.lines();
    peer.run_for(45 * SECOND);
    assert_eq!(peer.sent_request().body, description(7).to_string());
}

#[test]
fn a_peer_without_timers_is_refreshed_all_the_same() {
    let mut peer = Peer::new();
    answered(&mut peer, &[("Allow", "INVITE, ACK, BYE, UPDATE")]);
    peer.run_for(900 * SECOND);
    let update = peer.sent_request();
    assert_eq!(update.method.as_str(), "UPDATE");
    peer.respond(&update, 200, "one");
    peer.run_for(900 * SECOND);
    let update = peer.sent_request();
    assert_eq!(update.method.as_str(), "UPDATE");
    // Whoever knows nothing of the call ends it.
    peer.respond(&update, 481, "one");
    assert_eq!(peer.lines(), ["BYE"]);
    assert!(matches!(peer.told.last(), Some(Event::Ended { cause: EndCause::SignallingLost, .. })));
}

#[test]
fn a_refresh_without_response_ends_the_call() {
    let mut peer = Peer::new();
    answered(&mut peer, &[("Allow", "UPDATE"), ("Session-Expires", "1800;refresher=uac")]);
    peer.run_for(940 * SECOND);
    let lines = peer.lines();
    assert_eq!((lines[0].as_str(), lines.iter().any(|line| line == "BYE")), ("UPDATE", true));
    assert!(matches!(peer.told.last(), Some(Event::Ended { cause: EndCause::SignallingLost, .. })));
}

#[test]
fn update_that_is_not_known_after_all_gives_way_to_a_reinvite() {
    let mut peer = Peer::new();
    answered(&mut peer, &[("Allow", "UPDATE"), ("Session-Expires", "90;refresher=uac")]);
    peer.run_for(45 * SECOND);
    let update = peer.sent_request();
    peer.respond(&update, 405, "one");
    assert_eq!(peer.sent_request().method.as_str(), "INVITE");
}

#[test]
fn a_refresh_that_meets_an_offer_is_tried_again_after_the_wait_of_the_caller() {
    let mut peer = Peer::new();
    answered(&mut peer, &[("Session-Expires", "90;refresher=uac")]);
    peer.run_for(45 * SECOND);
    let refresh = peer.sent_request();
    peer.respond(&refresh, 491, "one");
    assert_eq!(peer.lines(), ["ACK"]);
    peer.run_for(2 * SECOND);
    assert_eq!(peer.lines(), [""; 0], "who made the Call-ID waits 2.1 s at least");
    peer.run_for(2 * SECOND);
    assert_eq!(peer.lines()[0], "INVITE");
}

#[test]
fn a_call_whose_peer_ought_to_refresh_ends_in_time_with_a_reason() {
    let mut peer = Peer::new();
    answered(&mut peer, &[("Session-Expires", "90;refresher=uas")]);
    peer.run_for(59 * SECOND);
    assert_eq!(peer.lines(), [""; 0]);
    peer.run_for(SECOND);
    let bye = peer.sent_request();
    assert_eq!(bye.headers.get(&HeaderName::Reason), Some("SIP;cause=408;text=\"Signalling lost\""));
}

#[test]
fn a_peers_refresh_by_update_or_reinvite_begins_the_interval_anew() {
    let mut peer = Peer::new();
    let call = peer.call_in_with(&[("Supported", "timer"), ("Session-Expires", "90;refresher=uac")]);
    for _ in 0..3 {
        peer.run_for(45 * SECOND);
        let mut update = peer.request_in(&call, "UPDATE");
        update.headers.push(HeaderName::Supported, "timer");
        update.headers.push(HeaderName::SessionExpires, "90;refresher=uac");
        peer.receive(update);
        let ok = peer.sent_response();
        assert_eq!(ok.headers.get(&HeaderName::SessionExpires), Some("90;refresher=uac"));
        assert_eq!(ok.headers.get(&HeaderName::Require), Some("timer"));
    }
    peer.run_for(61 * SECOND);
    assert_eq!(peer.lines()[0], "BYE");
    assert!(!peer.told.iter().any(|event| matches!(event, Event::Reoffered { .. })));
}

#[test]
fn too_short_an_interval_is_refused_before_anything_rings_and_in_a_call() {
    let mut peer = Peer::new();
    let mut invite = peer.request("INVITE");
    too_short(&mut invite);
    peer.receive(invite);
    let refusal = peer.sent_responses().pop().expect("a refusal");
    assert_eq!((refusal.status.code(), refusal.headers.get(&HeaderName::MinSe)), (422, Some("90")));
    assert!(peer.told.is_empty());
    let call = peer.call_in();
    let mut update = peer.request_in(&call, "UPDATE");
    too_short(&mut update);
    peer.receive(update);
    let refusal = peer.sent_response();
    assert_eq!((refusal.status.code(), refusal.headers.get(&HeaderName::MinSe)), (422, Some("90")));
}

#[test]
fn a_422_is_obeyed_once_and_not_for_ever() {
    let mut peer = Peer::new();
    let (leg, invite) = peer.called(Origin::Trunk("lab".to_owned()));
    assert_eq!(invite.headers.get(&HeaderName::SessionExpires), Some("1800"));
    peer.respond_with(&invite, 422, "one", |no| no.headers.push(HeaderName::MinSe, "3600"));
    let messages = peer.sent_messages();
    let Some(crate::sip::message::Message::Request(again)) = messages.last() else { panic!("{messages:?}") };
    assert_eq!(again.headers.get(&HeaderName::SessionExpires), Some("3600"));
    assert_eq!(again.headers.get(&HeaderName::MinSe), Some("3600"));
    assert_eq!(again.headers.cseq().expect("is whole").number, 2);
    assert_eq!((again.headers.get(&HeaderName::CallId), &again.body), {
        (invite.headers.get(&HeaderName::CallId), &invite.body)
    });
    peer.respond_with(again, 422, "two", |no| no.headers.push(HeaderName::MinSe, "3600"));
    assert_eq!(peer.lines(), ["ACK"]);
    assert!(matches!(peer.told.last(), Some(Event::Ended { leg: ended, .. }) if *ended == leg));
}

#[test]
fn a_peer_that_wants_a_longer_interval_each_time_is_asked_no_more_than_nine_times() {
    let wants_more = |peer: &mut Peer, request: &Request, nth: u32| {
        let min = (1800 + nth).to_string();
        peer.respond_with(request, 422, "one", |no| no.headers.push(HeaderName::MinSe, min));
        peer.sent_messages().into_iter().find_map(|message| match message {
            crate::sip::message::Message::Request(request) if request.method.as_str() != "ACK" => {
                Some(request)
            }
            _ => None,
        })
    };
    let mut peer = Peer::new();
    let (leg, invite) = peer.called(Origin::Trunk("lab".to_owned()));
    let mut asked = 1;
    let mut last = invite;
    while let Some(again) = wants_more(&mut peer, &last, asked) {
        asked += 1;
        last = again;
    }
    assert_eq!(asked, 9);
    assert!(matches!(peer.told.last(), Some(Event::Ended { leg: ended, .. }) if *ended == leg));
    // The refresh of a call that is up is given up too, and the call goes on.
    let mut peer = Peer::new();
    answered(&mut peer, &[("Allow", "UPDATE"), ("Session-Expires", "1800;refresher=uac")]);
    peer.run_for(900 * SECOND);
    let (mut asked, mut last) = (1, peer.sent_request());
    while let Some(again) = wants_more(&mut peer, &last, asked) {
        asked += 1;
        last = again;
    }
    assert_eq!(asked, 9);
    assert!(!peer.told.iter().any(|event| matches!(event, Event::Ended { .. })));
}

#[test]
fn a_browser_is_refreshed_by_us_and_one_that_lost_its_socket_waits_for_its_return() {
    let mut peer = Peer::over_websocket();
    let (_, invite) = peer.called(Origin::User("bob".to_owned()));
    assert_eq!(invite.headers.get(&HeaderName::SessionExpires), Some("1800;refresher=uac"));
    peer.respond_with(&invite, 200, "one", |ok| {
        ok.headers.push(HeaderName::Allow, "UPDATE");
        ok.headers.push(HeaderName::SessionExpires, "1800;refresher=uac");
    });
    peer.lines();
    let connection = peer.flow.connection.expect("a WebSocket");
    peer.agent.flow_closed(connection, peer.now);
    peer.run_for(1200 * SECOND);
    assert_eq!(peer.lines(), [""; 0]);
    assert!(!peer.told.iter().any(|event| matches!(event, Event::Ended { .. })));
    peer.run_for(600 * SECOND);
    assert!(matches!(peer.told.last(), Some(Event::Ended { cause: EndCause::SignallingLost, .. })));
}

/// Proxies close streams on which nothing came for two minutes.
#[test]
fn a_trunk_that_closed_its_stream_is_refreshed_by_another() {
    let mut peer = Peer::new();
    (peer.flow.kind, peer.flow.connection) = (TransportKind::Tcp, Some(ConnectionId(1)));
    let (_, invite) = peer.called_at(Origin::Trunk("lab".to_owned()), Reach::Target);
    let refreshed = |ok: &mut Response| {
        ok.headers.push(HeaderName::Allow, "UPDATE");
        ok.headers.push(HeaderName::SessionExpires, "90;refresher=uac");
    };
    peer.respond_with(&invite, 200, "one", refreshed);
    peer.lines();
    peer.agent.flow_closed(ConnectionId(1), peer.now);
    peer.run_for(45 * SECOND);
    let update = peer.sent_request();
    assert_eq!(update.method.as_str(), "UPDATE");
    peer.respond_with(&update, 200, "one", refreshed);
    peer.run_for(45 * SECOND);
    let flows = peer.sent_flows();
    let ways: Vec<_> = flows.iter().map(|flow| (flow.kind, flow.connection)).collect();
    assert_eq!(ways, [(TransportKind::Tcp, None)], "each is a stream of its own to the test's core");
    assert!(!peer.told.iter().any(|event| matches!(event, Event::Ended { .. })));
}

fn too_short(request: &mut Request) {
    request.headers.push(HeaderName::Supported, "timer");
    request.headers.push(HeaderName::SessionExpires, "60");
}

/// The core calls a trunk, which answers with these headers.
fn answered(peer: &mut Peer, headers: &[(&str, &'static str)]) -> (LegId, Request) {
    let (leg, invite) = peer.called(Origin::Trunk("lab".to_owned()));
    peer.respond_with(&invite, 200, "one", |ok| {
        for (name, value) in headers {
            ok.headers.push(HeaderName::from(*name), *value);
        }
    });
    assert_eq!(peer.lines(), ["ACK"]);
    (leg, invite)
}
