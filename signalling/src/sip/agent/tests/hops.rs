//! A trunk has several hops: the call goes from one to the next, in one leg (RFC 3263 4.3).

use std::time::Duration;

use webtrunk_engine::EndCause;

use super::peer::Peer;
use crate::adapter::{Command, Event, Origin};
use crate::sip::agent::{Alternative, Reach};
use crate::sip::flow::TransportKind;
use crate::sip::hop::{Conduct, Hop};
use crate::sip::message::{HeaderName, Message, Request};

const PATIENCE: Duration = Duration::from_secs(2);

#[test]
fn a_silent_hop_costs_two_seconds_and_the_next_one_gets_a_new_request_of_the_same_call() {
    let (mut peer, first) = called(&[([192, 0, 2, 3], TransportKind::Udp)]);
    peer.run_for(PATIENCE - Duration::from_millis(1));
    assert!(!peer.sent_messages().iter().any(|message| is_new(message, &first)), "it is not over yet");
    peer.run_for(Duration::from_millis(1));
    let second = peer.sent_request();
    assert_eq!(second.headers.call_id(), first.headers.call_id());
    assert_eq!(second.headers.from(), first.headers.from());
    assert_eq!(second.headers.cseq().map(|cseq| cseq.number), Ok(2), "RFC 3261 8.2.2.2");
    assert_ne!(second.headers.via(), first.headers.via());
    assert_eq!(second.body, first.body);
    peer.respond(&second, 200, "two");
    assert!(matches!(peer.told.last(), Some(Event::Answered { .. })), "{:?}", peer.told);
    let [silent, answered] =
        [peer.agent.poll_hop(), peer.agent.poll_hop()].map(|report| report.expect("told"));
    assert_eq!((silent.conduct, silent.address), (Conduct::Silent, ([192, 0, 2, 2], 5060).into()));
    assert_eq!((answered.conduct, answered.address), (Conduct::Answered, ([192, 0, 2, 3], 5060).into()));
    // The first one wakes up: what it says belongs to nothing, and is ended.
    peer.respond(&first, 200, "late");
    assert_eq!(peer.lines(), ["ACK", "ACK", "BYE"]);
}

#[test]
fn a_hop_that_has_said_something_is_waited_for_and_the_last_one_too() {
    let (mut peer, first) = called(&[([192, 0, 2, 3], TransportKind::Udp)]);
    peer.respond(&first, 100, "one");
    peer.run_for(Duration::from_secs(60));
    peer.respond(&first, 200, "one");
    assert!(matches!(peer.told.last(), Some(Event::Answered { .. })));

    let (mut peer, first) = called(&[([192, 0, 2, 3], TransportKind::Udp)]);
    peer.run_for(PATIENCE);
    let second = last_invite(&mut peer);
    assert_ne!(second.headers.via(), first.headers.via());
    peer.run_for(Duration::from_secs(20));
    assert!(peer.told.is_empty());
    peer.run_for(Duration::from_secs(12));
    assert!(
        matches!(peer.told.last(), Some(Event::Ended { cause: EndCause::GatewayFailure, .. })),
        "timer B"
    );
}

#[test]
fn a_hop_that_breaks_or_has_no_time_is_left_at_once() {
    let (mut peer, first) =
        called(&[([192, 0, 2, 3], TransportKind::Tcp), ([192, 0, 2, 4], TransportKind::Udp)]);
    peer.respond_with(&first, 503, "one", |response| response.headers.push(HeaderName::RetryAfter, "30"));
    let second = last_invite(&mut peer);
    assert_eq!(second.headers.via().map(|via| via.to_string().contains("SIP/2.0/TCP")), Ok(true));
    let broken = peer.agent.names.flow_to(TransportKind::Tcp, ([192, 0, 2, 3], 5060).into()).expect("a way");
    peer.agent.flow_failed(&broken, peer.now);
    peer.run_for(Duration::ZERO);
    let third = last_invite(&mut peer);
    assert_eq!(third.headers.cseq().map(|cseq| cseq.number), Ok(3));
    peer.respond(&third, 503, "three");
    assert!(matches!(peer.told.last(), Some(Event::Ended { cause: EndCause::Overloaded, .. })));
    let conducts: Vec<_> =
        std::iter::from_fn(|| peer.agent.poll_hop()).map(|report| report.conduct).collect();
    let asked = Conduct::Overloaded { retry_after_s: Some(30) };
    let bare = Conduct::Overloaded { retry_after_s: None };
    assert_eq!(conducts, [asked, Conduct::Unreachable, bare]);
}

#[test]
fn a_refusal_is_the_trunks_word_and_no_other_hop_is_asked() {
    let (mut peer, first) = called(&[([192, 0, 2, 3], TransportKind::Udp)]);
    peer.respond(&first, 486, "one");
    assert_eq!(peer.lines(), ["ACK"]);
    assert!(matches!(peer.told.last(), Some(Event::Ended { cause: EndCause::Busy, .. })));
}

#[test]
fn what_is_too_long_for_a_datagram_goes_over_tcp_and_falls_back() {
    let long = |peer: &mut Peer| {
        let mut offer = super::description(1).to_string();
        (0..60).for_each(|nth| offer += &format!("a=note:{nth} of many lines\r\n"));
        let offer = webtrunk_engine::sdp::SessionDescription::parse(offer).expect("the test writes it well");
        let trunk = Origin::Trunk("lab".to_owned());
        peer.called_with(trunk, Reach::Target, Some(Box::new(offer))).1
    };
    let mut peer = Peer::new();
    let over_tcp = long(&mut peer);
    assert!(over_tcp.to_bytes().len() > 1300);
    assert!(over_tcp.headers.via().is_ok_and(|via| via.to_string().contains("SIP/2.0/TCP")));
    let broken = peer.agent.names.flow_to(TransportKind::Tcp, peer.flow.remote).expect("a way");
    peer.agent.flow_failed(&broken, peer.now);
    peer.run_for(Duration::ZERO);
    let over_udp = last_invite(&mut peer);
    assert!(
        over_udp.headers.via().is_ok_and(|via| via.to_string().contains("SIP/2.0/UDP")),
        "RFC 3261 18.1.1"
    );
    assert_eq!(over_udp.headers.get(&HeaderName::Contact), over_tcp.headers.get(&HeaderName::Contact));
    peer.respond(&over_udp, 200, "two");
    assert!(matches!(peer.told.last(), Some(Event::Answered { .. })));
    assert!(peer.agent.poll_hop().is_some_and(|hop| hop.conduct == Conduct::Answered), "the host took it");
    assert_eq!(peer.agent.poll_hop(), None, "what a stream does says nothing of the host");
}

#[test]
fn whatever_is_too_long_in_a_dialog_goes_over_tcp_but_not_along_a_flow() {
    for (reach, kind) in [(Reach::Target, TransportKind::Tcp), (Reach::Flow, TransportKind::Udp)] {
        let mut peer = Peer::new();
        let (leg, invite) = peer.called_at(Origin::Trunk("lab".to_owned()), reach);
        peer.respond_with(&invite, 200, "long", |response| {
            let way = format!("<sip:{}@192.0.2.2;lr>", "proxy".repeat(240));
            response.headers.push(HeaderName::RecordRoute, way);
        });
        peer.sent_messages();
        peer.command(Command::SendDigit { leg, digit: '5', duration: Duration::from_millis(160) });
        peer.command(Command::Reoffer { leg, offer: super::description(3) });
        peer.command(Command::Hangup { leg, cause: EndCause::Hangup });
        let flows = peer.sent_flows();
        assert_eq!(flows.len(), 3, "INFO, INVITE, BYE: {flows:?}");
        assert!(flows.iter().all(|flow| flow.kind == kind), "{reach:?}: {flows:?}");
    }
}

/// A call to a trunk with a hop at the peer, and these after it.
fn called(others: &[([u8; 4], TransportKind)]) -> (Peer, Request) {
    let mut peer = Peer::new();
    let hop = |(ip, kind): &([u8; 4], TransportKind)| Hop::new(*kind, (*ip, 5060).into());
    peer.alternatives = others.iter().map(hop).map(Alternative::from).collect();
    let (_, invite) = peer.called_at(Origin::Trunk("lab".to_owned()), Reach::Target);
    (peer, invite)
}

fn last_invite(peer: &mut Peer) -> Request {
    peer.sent_requests().pop().expect("a request")
}

fn is_new(message: &Message, old: &Request) -> bool {
    matches!(message, Message::Request(request) if request.headers.via() != old.headers.via())
}
