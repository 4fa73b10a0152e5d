//! Messages, out of calls and in them, at the core.

use std::time::Duration;

use webtrunk_engine::{EndCause, LegId};

use super::peer::Peer;
use crate::adapter::{
    Command, Content, ContentId, ContentKind, Delivery, Event, Origin, Party, SendText, Target,
};
use crate::sip::agent::{Alternative, OtherFlow, Reach, Route};
use crate::sip::flow::TransportKind;
use crate::sip::hop::Hop;
use crate::sip::identity::CallerId;
use crate::sip::message::{HeaderName, Host, Method, Request, SipUri, Uri};

fn message(peer: &mut Peer, body: &'static str) -> Request {
    let mut message = peer.request("MESSAGE");
    message.headers.remove(&HeaderName::Contact);
    message.headers.push(HeaderName::ContentType, "text/plain;charset=utf-8");
    message.body = body.into();
    message
}

fn content(body: &'static str) -> Content {
    Content { kind: ContentKind::Message, media_type: "text/plain".to_owned(), body: body.into() }
}

/// Has the core send a message, and gives its name.
fn send(peer: &mut Peer, body: &'static str, origin: Origin, alternatives: Vec<Alternative>) -> LegId {
    let to = Uri::from(SipUri::new("bob", Host::from(peer.flow.remote.ip()), None));
    let leg = LegId::next();
    let text = SendText {
        leg,
        target: Target::Trunk { trunk: "lab".to_owned(), number: "bob".to_owned() },
        sender: Party { user: "ann".to_owned(), display_name: "Ann".to_owned() },
        on_behalf_of: None,
        content: content(body),
        hops: 9,
        span: tracing::Span::none(),
    };
    let reach = if matches!(origin, Origin::Trunk(_)) { Reach::Target } else { Reach::Flow };
    let route = Route {
        request_uri: to.clone(),
        to,
        from_host: Host::from(peer.flow.local.ip()),
        caller_id: CallerId::From,
        route_set: Vec::new(),
        flow: peer.flow,
        alternatives,
        reach,
        may_return: false,
        account: matches!(origin, Origin::Trunk(_)).then(|| "lab".to_owned()),
        peer: origin,
    };
    peer.agent.send_text(text, route, peer.now);
    peer.flush();
    leg
}

fn delivered(peer: &Peer) -> Option<(LegId, Delivery)> {
    match peer.told.last() {
        Some(Event::TextSent { leg, delivery }) => Some((*leg, *delivery)),
        _ => None,
    }
}

#[test]
fn a_message_is_told_and_answered_as_the_gateway_says() {
    for (delivery, status) in [
        (Delivery::Done, 200),
        (Delivery::Deferred, 202),
        (Delivery::TooLarge, 513),
        (Delivery::TypeNotTaken, 415),
        (Delivery::Failed(EndCause::Unavailable), 480),
        (Delivery::Failed(EndCause::NotFound), 404),
        (Delivery::Failed(EndCause::NotAcceptable), 488),
        (Delivery::Failed(EndCause::TooManyHops), 483),
    ] {
        let mut peer = Peer::new();
        let request = message(&mut peer, "hello");
        peer.receive(request.clone());
        let Some(Event::Texted(text)) = peer.told.last() else { panic!("a message came in") };
        assert_eq!((text.sender.user.as_str(), text.destination.as_str(), text.hops), ("ann", "bob", 70));
        assert_eq!(
            (text.content.media_type.as_str(), &text.content.body[..]),
            ("text/plain;charset=utf-8", &b"hello"[..])
        );
        let leg = text.leg;
        peer.receive(request.clone());
        assert_eq!((peer.told.len(), peer.lines().len()), (1, 0), "a retransmission is no second message");
        peer.command(Command::AnswerText { leg, delivery });
        let response = peer.sent_response();
        assert_eq!(response.status.code(), status);
        assert!(!response.headers.has(&HeaderName::Contact), "RFC 3428 4");
        assert!(response.headers.to().is_ok_and(|to| to.tag().is_some()));
        peer.receive(request);
        assert_eq!(peer.sent_response(), response);
    }
}

#[test]
fn a_gateway_that_says_nothing_lets_nobody_wait_for_ever() {
    let mut peer = Peer::new();
    let request = message(&mut peer, "hello");
    peer.receive(request);
    peer.run_for(Duration::from_secs(33));
    assert_eq!(peer.sent_response().status.code(), 500);
    peer.run_for(Duration::from_secs(40));
    assert_eq!(peer.agent.transactions(), 0);
}

#[test]
fn too_many_messages_of_one_writer_are_refused_without_state() {
    let mut peer = Peer::new();
    for n in 0..20 {
        let mut request = message(&mut peer, "hello");
        request.headers.set(HeaderName::CallId, format!("text-{n}"));
        peer.receive(request);
    }
    assert_eq!((peer.told.len(), peer.lines().len()), (20, 0));
    let request = message(&mut peer, "hello");
    peer.receive(request);
    let refusal = peer.sent_response();
    assert_eq!((refusal.status.code(), peer.told.len()), (503, 20));
    assert!(refusal.headers.has(&HeaderName::RetryAfter));
    assert_eq!(peer.agent.transactions(), 20);
}

#[test]
fn a_message_is_sent_and_what_became_of_it_told_once() {
    for (status, expected) in [
        (200, Delivery::Done),
        (202, Delivery::Deferred),
        (413, Delivery::TooLarge),
        (415, Delivery::TypeNotTaken),
        (404, Delivery::Failed(EndCause::NotFound)),
        (401, Delivery::Failed(EndCause::Forbidden)),
        (408, Delivery::Failed(EndCause::Unavailable)),
    ] {
        let mut peer = Peer::new();
        let leg = send(&mut peer, "hello", Origin::User("bob".to_owned()), Vec::new());
        let request = peer.sent_request();
        assert_eq!((request.method.clone(), &request.body[..]), (Method::Message, &b"hello"[..]));
        assert_eq!(request.headers.get(&HeaderName::MaxForwards), Some("9"));
        assert!(!request.headers.has(&HeaderName::Contact));
        peer.respond(&request, 100, "bob");
        assert_eq!(delivered(&peer), None);
        peer.respond(&request, status, "bob");
        assert_eq!(delivered(&peer), Some((leg, expected)), "{status}");
        peer.run_for(Duration::from_secs(40));
        assert_eq!((peer.told.len(), peer.agent.transactions()), (1, 0));
    }
}

#[test]
fn nobody_answers_and_the_next_hop_of_a_trunk_is_tried() {
    let mut peer = Peer::new();
    let other = Hop::new(TransportKind::Udp, ([192, 0, 2, 7], 5060).into());
    let leg = send(&mut peer, "hello", Origin::Trunk("lab".to_owned()), vec![other.clone().into()]);
    peer.run_for(Duration::from_secs(5));
    let flows = peer.sent_flows();
    assert_eq!(flows.last().map(|flow| flow.remote), Some(other.address));
    peer.run_for(Duration::from_secs(13));
    assert_eq!(delivered(&peer), Some((leg, Delivery::Failed(EndCause::Unavailable))));
    assert_eq!(peer.agent.transactions(), 0);
}

/// RFC 5626 5.3.
#[test]
fn a_message_goes_by_a_phones_next_flow_where_the_one_failed_and_by_none_where_the_phone_refuses() {
    let other = |peer: &Peer| {
        let flow =
            peer.agent.names.flow_to(TransportKind::Tcp, ([192, 0, 2, 7], 40_000).into()).expect("a way");
        let request_uri = "sip:bob@198.51.100.7;transport=tcp".parse().expect("a URI");
        Alternative::Flow(Box::new(OtherFlow { request_uri, route_set: Vec::new(), flow }))
    };
    let mut peer = Peer::new();
    let others = vec![other(&peer)];
    let leg = send(&mut peer, "hello", Origin::User("bob".to_owned()), others);
    let first = peer.sent_request();
    peer.respond(&first, 430, "one");
    let second = peer.sent_request();
    assert_eq!(second.uri.to_string(), "sip:bob@198.51.100.7;transport=tcp");
    assert_eq!((second.headers.call_id(), &second.body), (first.headers.call_id(), &first.body));
    peer.respond(&second, 200, "two");
    assert_eq!(delivered(&peer), Some((leg, Delivery::Done)));

    let others = vec![other(&peer)];
    let leg = send(&mut peer, "hello", Origin::User("bob".to_owned()), others);
    let first = peer.sent_request();
    peer.respond(&first, 486, "one");
    assert_eq!(delivered(&peer), Some((leg, Delivery::Failed(EndCause::Busy))));
    assert!(peer.lines().is_empty());
}

#[test]
fn a_message_too_long_for_a_datagram_goes_over_a_stream_or_not_at_all() {
    let long: &'static str = Box::leak("x".repeat(1500).into_boxed_str());
    let mut peer = Peer::new();
    let leg = send(&mut peer, long, Origin::User("bob".to_owned()), Vec::new());
    assert_eq!(delivered(&peer), Some((leg, Delivery::TooLarge)));
    assert_eq!(peer.lines(), [""; 0]);
    send(&mut peer, long, Origin::Trunk("lab".to_owned()), Vec::new());
    assert!(peer.sent_flows().iter().all(|flow| flow.kind == TransportKind::Tcp));
}

#[test]
fn a_message_in_a_call_is_passed_and_answered() {
    let mut peer = Peer::new();
    let call = peer.call_in();
    let mut request = peer.request_in(&call, "MESSAGE");
    request.headers.push(HeaderName::ContentType, "text/plain");
    request.body = "hello".into();
    peer.receive(request);
    let Some(Event::ContentTold { id, content, .. }) = peer.told.last() else { panic!("it was told") };
    assert_eq!((id.leg, **content == self::content("hello")), (call.leg, true));
    let id = *id;
    peer.command(Command::AnswerContent { leg: call.leg, id, delivery: Delivery::Done });
    assert_eq!(peer.lines(), ["200 MESSAGE"]);

    let id = ContentId { leg: LegId::next(), number: 1 };
    let answers = [(200, Delivery::Done), (415, Delivery::TypeNotTaken)];
    for (status, expected) in answers {
        peer.command(Command::PassContent { leg: call.leg, id, content: Box::new(self::content("hi")) });
        let request = peer.sent_request();
        assert_eq!((request.method.clone(), &request.body[..]), (Method::Message, &b"hi"[..]));
        peer.respond(&request, status, "ann");
        let Some(Event::ContentAnswered { delivery, id: of, .. }) = peer.told.last() else {
            panic!("an answer")
        };
        assert_eq!((*delivery, *of), (expected, id));
    }
}

#[test]
fn what_is_under_way_when_the_call_ends_is_answered_before() {
    let mut peer = Peer::new();
    let call = peer.call_in();
    let mut request = peer.request_in(&call, "MESSAGE");
    request.headers.push(HeaderName::ContentType, "text/plain");
    peer.receive(request);
    let id = ContentId { leg: LegId::next(), number: 1 };
    peer.command(Command::PassContent { leg: call.leg, id, content: Box::new(content("hi")) });
    peer.lines();
    peer.command(Command::Hangup { leg: call.leg, cause: EndCause::Hangup });
    assert_eq!(peer.lines(), ["487 MESSAGE", "BYE"]);
    let ends: Vec<_> = peer.told.iter().rev().take(2).collect();
    assert!(matches!(ends[..], [Event::Ended { .. }, Event::ContentAnswered { .. }]), "{ends:?}");
}

#[test]
fn what_the_gateway_never_answers_leaves_nothing_behind() {
    let mut peer = Peer::new();
    let call = peer.call_in();
    for _ in 0..2 {
        let mut request = peer.request_in(&call, "MESSAGE");
        request.headers.push(HeaderName::ContentType, "text/plain");
        peer.receive(request);
        assert!(matches!(peer.told.last(), Some(Event::ContentTold { .. })));
        peer.run_for(Duration::from_secs(33));
    }
    peer.command(Command::Hangup { leg: call.leg, cause: EndCause::Hangup });
    peer.run_for(Duration::from_secs(64));
    assert_eq!((peer.agent.calls(), peer.agent.transactions()), (0, 0));
}

#[test]
fn an_info_of_a_type_that_is_not_configured_is_refused() {
    let mut peer = Peer::new();
    let call = peer.call_in();
    let mut info = peer.request_in(&call, "INFO");
    info.headers.push(HeaderName::ContentType, "application/x-whiteboard");
    info.body = "line".into();
    peer.receive(info);
    let refusal = peer.sent_response();
    assert_eq!(refusal.status.code(), 415);
    assert_eq!(refusal.headers.get(&HeaderName::Accept), Some("application/dtmf-relay, application/dtmf"));
}
