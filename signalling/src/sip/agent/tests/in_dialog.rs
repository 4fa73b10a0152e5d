//! Requests of a peer inside an answered or waiting call.

use std::time::Duration;

use webtrunk_engine::EndCause;
use webtrunk_engine::sdp::{FRAGMENT_TYPE, FragmentError};

use super::description;
use super::peer::{EVES, Peer};
use crate::adapter::{Command, Event, Origin, RecordWish};
use crate::sip::flow::{ConnectionId, Flow};
use crate::sip::message::{HeaderName, Message, Request};

#[test]
fn each_method_gets_its_answer() {
    let mut peer = Peer::new();
    let call = peer.call_in();
    for (method, status) in [
        ("OPTIONS", 200),
        ("UPDATE", 200),
        ("INFO", 200),
        ("SUBSCRIBE", 405),
        ("REFER", 400),
        ("REGISTER", 405),
        ("NEWMETHOD", 501),
    ] {
        let request = peer.request_in(&call, method);
        peer.receive(request);
        let response = peer.sent_response();
        assert_eq!(response.status.code(), status, "{method}");
        assert_eq!(status >= 405, response.status.code() >= 405 && response.headers.has(&HeaderName::Allow));
    }
}

#[test]
fn an_extension_that_a_peer_requires_is_refused() {
    let mut peer = Peer::new();
    let call = peer.call_in();
    let mut request = peer.request_in(&call, "INVITE");
    request.headers.push(HeaderName::Require, "precondition");
    peer.receive(request);
    let refusal = peer.sent_responses().pop().expect("a refusal");
    assert_eq!(refusal.status.code(), 420);
    assert_eq!(refusal.headers.get(&HeaderName::Unsupported), Some("precondition"));
}

#[test]
fn digits_of_both_types_are_heard_and_other_bodies_refused() {
    let mut peer = Peer::new();
    let call = peer.call_in();
    for (content_type, body, status) in [
        ("application/dtmf-relay", "Signal=5\r\nDuration=250\r\n", 200),
        ("application/dtmf", "#", 200),
        ("application/dtmf-relay", "Signal=nothing", 400),
        ("application/media_control+xml", "<picture_fast_update/>", 415),
    ] {
        let mut info = peer.request_in(&call, "INFO");
        info.headers.push(HeaderName::ContentType, content_type);
        info.body = body.into();
        peer.receive(info);
        let response = peer.sent_response();
        assert_eq!(response.status.code(), status, "{body}");
        assert_eq!(response.headers.has(&HeaderName::Accept), status == 415);
    }
    let digits: Vec<_> = peer
        .told
        .iter()
        .filter_map(|event| match event {
            Event::DigitPressed { digit, duration, .. } => Some((*digit, duration.as_millis())),
            _ => None,
        })
        .collect();
    assert_eq!(digits, [('5', 250), ('#', 160)]);
    let mut info = peer.request_in(&call, "INFO");
    info.headers.push(HeaderName::from("Info-Package"), "foo");
    peer.receive(info);
    assert_eq!(peer.sent_response().status.code(), 469);
}

#[test]
fn candidates_that_a_peer_tells_are_told_and_answered() {
    let mut peer = Peer::new();
    let call = peer.call_in();
    let tell = |peer: &mut Peer, package: &'static str, kind: &'static str, body: &'static str| {
        let mut info = peer.request_in(&call, "INFO");
        info.headers.push(HeaderName::from("Info-Package"), package);
        info.headers.push(HeaderName::ContentType, kind);
        info.body = body.into();
        peer.receive(info);
    };
    let fragment = "a=ice-ufrag:8hhY\r\na=ice-pwd:asd88fgpdd777uzjYhagZg\r\nm=audio 9 RTP/AVP 0\r\na=mid:0\r\n\
                    a=candidate:1 1 udp 1 192.0.2.1 5000 typ host\r\n";
    for (refused, status) in [(None, 200), (Some(FragmentError::OtherCredentials), 400)] {
        tell(&mut peer, "trickle-ice;x=y", FRAGMENT_TYPE, fragment);
        assert_eq!(peer.lines(), [""; 0], "nobody has said yet whether they are of use");
        assert!(
            matches!(peer.told.last(), Some(Event::CandidatesTold { fragment, .. }) if fragment.ufrag == "8hhY")
        );
        peer.command(Command::AnswerCandidates { leg: call.leg, refused });
        let response = peer.sent_response();
        assert_eq!(response.status.code(), status);
        assert_eq!(refused.is_some(), response.reason.contains("ice-ufrag"), "{}", response.reason);
    }
    tell(&mut peer, "trickle-ice", FRAGMENT_TYPE, "a=candidate:1 1 udp 1 192.0.2.1 5000 typ host");
    let response = peer.sent_response();
    assert_eq!((response.status.code(), &*response.reason), (400, &*FragmentError::NoMid.to_string()));
    tell(&mut peer, "trickle-ice", "application/sdp", fragment);
    assert_eq!(peer.sent_response().status.code(), 415);
    tell(&mut peer, "conference", FRAGMENT_TYPE, fragment);
    let response = peer.sent_response();
    assert_eq!(response.status.code(), 469);
    assert_eq!(response.headers.get(&HeaderName::from("Recv-Info")), Some("trickle-ice"));
    tell(&mut peer, "trickle-ice", FRAGMENT_TYPE, fragment);
    tell(&mut peer, "trickle-ice", FRAGMENT_TYPE, fragment);
    assert_eq!(peer.lines(), ["500 INFO"], "the first is not answered yet");
    peer.command(Command::Hangup { leg: call.leg, cause: EndCause::Hangup });
    assert_eq!(peer.lines(), ["487 INFO", "BYE"]);
}

#[test]
fn what_a_peer_wants_of_the_recording_is_asked_and_answered() {
    let mut peer = Peer::new();
    let call = peer.call_in();
    let ask = |peer: &mut Peer, value: &'static str| {
        let mut info = peer.request_in(&call, "INFO");
        info.headers.push(HeaderName::from("Record"), value);
        peer.receive(info);
    };
    for (value, expected, is_done, status) in [
        ("on", RecordWish::On, true, 200),
        (" OFF", RecordWish::Off, true, 200),
        ("pause", RecordWish::Pause, false, 403),
        ("resume", RecordWish::Resume, true, 200),
    ] {
        ask(&mut peer, value);
        assert_eq!(peer.lines(), [""; 0], "nobody has said yet whether it may");
        assert!(matches!(peer.told.last(), Some(Event::RecordAsked { wish, .. }) if *wish == expected));
        peer.command(Command::AnswerRecord { leg: call.leg, is_done });
        assert_eq!(peer.sent_response().status.code(), status, "{value}");
    }
    ask(&mut peer, "perhaps");
    assert_eq!(peer.sent_response().status.code(), 400);
    ask(&mut peer, "on");
    ask(&mut peer, "off");
    assert_eq!(peer.lines(), ["500 INFO"], "the first is not answered yet");
    peer.command(Command::Hangup { leg: call.leg, cause: EndCause::Hangup });
    assert_eq!(peer.lines(), ["487 INFO", "BYE"]);
}

#[test]
fn a_lower_cseq_is_refused() {
    let mut peer = Peer::new();
    let call = peer.call_in();
    let mut options = peer.request_in(&call, "OPTIONS");
    options.headers.set(HeaderName::CSeq, "1 OPTIONS");
    peer.receive(options);
    assert_eq!(peer.sent_response().status.code(), 500);
}

#[test]
fn an_update_changes_the_media_like_a_reinvite() {
    let mut peer = Peer::new();
    let call = peer.call_in();
    let mut update = with_offer(peer.request_in(&call, "UPDATE"), 5);
    update.headers.set(HeaderName::Contact, "<sip:ann@192.0.2.2:5099>");
    peer.receive(update);
    assert_eq!(peer.lines(), [""; 0]);
    assert!(
        matches!(peer.told.last(), Some(Event::Reoffered { offer: Some(o), .. }) if *o == description(5))
    );
    peer.command(Command::AnswerReoffer { leg: call.leg, description: description(6) });
    let ok = peer.sent_response();
    assert_eq!((ok.status.code(), &ok.body[..]), (200, description(6).to_string().as_bytes()));
    peer.command(Command::Hangup { leg: call.leg, cause: EndCause::Hangup });
    assert_eq!(peer.sent_request().uri.to_string(), "sip:ann@192.0.2.2:5099");
}

#[test]
fn a_reinvite_without_offer_is_offered_to_and_answered_in_the_ack() {
    let mut peer = Peer::new();
    let call = peer.call_in();
    let reinvite = peer.request_in(&call, "INVITE");
    let cseq = reinvite.headers.cseq().expect("is whole").number;
    peer.receive(reinvite);
    assert!(matches!(peer.told.last(), Some(Event::Reoffered { offer: None, .. })));
    peer.command(Command::AnswerReoffer { leg: call.leg, description: description(6) });
    peer.sent_messages();
    let mut other = peer.request_in(&call, "INVITE");
    other = with_offer(other, 9);
    peer.receive(other);
    assert_eq!(peer.lines(), ["100 INVITE", "491 INVITE"], "an offer of ours is open");
    let mut ack = with_offer(peer.request_in(&call, "ACK"), 7);
    ack.headers.set(HeaderName::CSeq, format!("{cseq} ACK"));
    peer.receive(ack);
    assert!(matches!(
        peer.told.last(),
        Some(Event::Acknowledged { description: Some(d), .. }) if *d == description(7)
    ));
}

#[test]
fn an_ack_without_the_answer_that_it_owes_ends_the_call() {
    let mut peer = Peer::new();
    let call = peer.call_in();
    let reinvite = peer.request_in(&call, "INVITE");
    let cseq = reinvite.headers.cseq().expect("is whole").number;
    peer.receive(reinvite);
    peer.command(Command::AnswerReoffer { leg: call.leg, description: description(6) });
    peer.sent_messages();
    let mut ack = peer.request_in(&call, "ACK");
    ack.headers.set(HeaderName::CSeq, format!("{cseq} ACK"));
    peer.receive(ack);
    assert_eq!(peer.lines(), ["BYE"]);
    assert!(matches!(peer.told.last(), Some(Event::Ended { cause: EndCause::NotAcceptable, .. })));
}

#[test]
fn a_second_offer_has_to_wait_for_the_answer_to_the_first() {
    let mut peer = Peer::new();
    let call = peer.call_in();
    let first = with_offer(peer.request_in(&call, "INVITE"), 5);
    peer.receive(first);
    let second = with_offer(peer.request_in(&call, "UPDATE"), 6);
    peer.receive(second);
    let refusal = peer.sent_responses().pop().expect("a refusal");
    assert_eq!(refusal.status.code(), 500);
    assert!(refusal.headers.has(&HeaderName::RetryAfter));
    peer.command(Command::AnswerReoffer { leg: call.leg, description: description(7) });
    assert_eq!(peer.lines(), ["200 INVITE"]);
}

#[test]
fn an_offer_that_cannot_be_read_is_refused_and_the_call_stays() {
    let mut peer = Peer::new();
    let call = peer.call_in();
    let mut reinvite = with_offer(peer.request_in(&call, "INVITE"), 5);
    reinvite.body = "v=nonsense".into();
    peer.receive(reinvite);
    assert_eq!(peer.lines(), ["100 INVITE", "400 INVITE"]);
    assert!(!peer.told.iter().any(|event| matches!(event, Event::Reoffered { .. } | Event::Ended { .. })));
}

#[test]
fn a_2xx_is_repeated_until_its_ack_and_given_up_after_64_t1() {
    let mut peer = Peer::over_websocket();
    let (leg, _) = peer.invite_in(&[]);
    peer.command(Command::Answer { leg, description: description(2) });
    peer.run_for(Duration::from_secs(33));
    let lines = peer.lines();
    assert_eq!(lines.iter().filter(|line| *line == "200 INVITE").count(), 11);
    assert_eq!(lines.last().map(String::as_str), Some("BYE"));
    assert!(matches!(peer.told.last(), Some(Event::Ended { cause: EndCause::SignallingLost, .. })));
    peer.run_for(Duration::from_secs(33));
    assert_eq!((peer.agent.calls(), peer.agent.transactions(), peer.agent.dialogs()), (0, 0, 0));
}

#[test]
fn before_the_answer_a_second_offer_waits_and_a_bye_ends_the_call() {
    let mut peer = Peer::new();
    let (leg, _) = peer.invite_in(&[]);
    peer.command(Command::Ring { leg, description: None });
    let Some(Message::Response(ringing)) = peer.sent_messages().pop() else { panic!("180") };
    let to = ringing.headers.get(&HeaderName::To).expect("is whole").to_owned();
    let early = super::peer::InboundCall { leg, to };
    for (method, offer, status) in
        [("UPDATE", Some(3), 500), ("UPDATE", None, 200), ("INVITE", Some(3), 500), ("OPTIONS", None, 200)]
    {
        let mut request = peer.request_in(&early, method);
        if let Some(number) = offer {
            request = with_offer(request, number);
        }
        peer.receive(request);
        assert_eq!(peer.sent_responses().pop().map(|r| r.status.code()), Some(status), "{method}");
    }
    let bye = peer.request_in(&early, "BYE");
    peer.receive(bye);
    assert_eq!(peer.lines(), ["200 BYE", "487 INVITE"]);
    assert!(matches!(peer.told.last(), Some(Event::Ended { cause: EndCause::Cancelled, .. })));
}

fn with_offer(mut request: Request, number: u64) -> Request {
    request.headers.set(HeaderName::ContentType, "application/sdp");
    request.body = description(number).to_string().into();
    request
}

/// Who knows the names of a dialog knows no more than whoever saw a message of it.
#[test]
fn what_another_user_says_in_a_dialog_by_a_flow_of_its_own_is_refused() {
    let mut peer = Peer::over_websocket();
    let call = peer.call_in();
    let own = peer.flow;
    peer.flow.connection = Some(EVES);
    for method in ["BYE", "INVITE", "UPDATE", "INFO", "REFER", "MESSAGE", "OPTIONS"] {
        let mut request = peer.request_in(&call, method);
        request.headers.set(HeaderName::Authorization, "eve");
        peer.receive(request);
        assert_eq!(peer.lines(), [format!("403 {method}")]);
        let mut request = peer.request_in(&call, method);
        request.headers.remove(&HeaderName::Authorization);
        peer.receive(request);
        assert_eq!(peer.lines(), [format!("401 {method}")], "it may prove to be its user");
    }
    let ack = peer.request_in(&call, "ACK");
    peer.receive(ack);
    peer.command(Command::Hangup { leg: call.leg, cause: EndCause::Hangup });
    assert_eq!(peer.sent_flows(), [own], "it was moved nowhere");
}

/// One without a description would end a call that waits for it.
#[test]
fn where_the_answer_is_due_in_the_ack_no_ack_of_another_user_is_taken() {
    let mut peer = Peer::over_websocket();
    let call = peer.call_in();
    let own = peer.flow;
    let reinvite = peer.request_in(&call, "INVITE");
    let cseq = reinvite.headers.cseq().expect("is whole").number;
    peer.receive(reinvite);
    peer.command(Command::AnswerReoffer { leg: call.leg, description: description(6) });
    peer.sent_messages();
    let told = peer.told.len();
    let mut ack = peer.request_in(&call, "ACK");
    ack.headers.set(HeaderName::CSeq, format!("{cseq} ACK"));
    peer.flow.connection = Some(EVES);
    peer.receive(ack.clone());
    peer.receive(with_offer(ack.clone(), 8));
    assert_eq!((peer.lines(), peer.told.len()), (Vec::new(), told));
    peer.flow = own;
    peer.receive(with_offer(ack, 7));
    assert!(matches!(
        peer.told.last(),
        Some(Event::Acknowledged { description: Some(d), .. }) if *d == description(7)
    ));
}

/// A telephone of two users may come by the other's stream first, and proves whose call it is.
#[test]
fn who_proves_to_be_the_user_of_a_dialog_speaks_in_it_by_whatever_flow() {
    let mut peer = Peer::over_websocket();
    let call = peer.call_in();
    peer.flow.connection = Some(EVES);
    let bye = peer.request_in(&call, "BYE");
    peer.receive(bye);
    assert_eq!(peer.lines(), ["200 BYE"]);
}

/// A call that rings and one that is asked: neither hears the answer of another user's phone, and both hear their own.
#[test]
fn what_another_user_answers_in_a_call_is_not_taken() {
    let mut peer = Peer::over_websocket();
    let own = peer.flow;
    let (leg, invite) = peer.called(Origin::User("bob".to_owned()));
    let eves = Flow { connection: Some(EVES), remote: "192.0.2.66:5066".parse().expect("an address"), ..own };
    for status in [180, 200, 486] {
        peer.flow = eves;
        peer.respond(&invite, status, "eve");
    }
    assert!(peer.told.is_empty() && peer.sent_flows().is_empty(), "{:?}", peer.told);
    peer.flow = own;
    peer.respond(&invite, 200, "bob");
    assert!(matches!(peer.told.last(), Some(Event::Answered { leg: answered, .. }) if *answered == leg));
    assert_eq!(peer.lines(), ["ACK"]);
    peer.command(Command::Hangup { leg, cause: EndCause::Hangup });
    let bye = peer.sent_request();
    peer.flow = eves;
    peer.respond(&bye, 200, "bob");
    peer.flow.connection = Some(ConnectionId(700));
    peer.respond(&bye, 200, "bob");
    assert_eq!(peer.agent.calls(), 0, "its own, by a stream of which nobody knows whose it is");
}

/// It has two users, and another stream by which the other has registered.
#[test]
fn what_a_phone_answers_by_the_stream_of_its_other_user_is_taken() {
    let mut peer = Peer::over_websocket();
    let (_, invite) = peer.called(Origin::User("bob".to_owned()));
    peer.flow.connection = Some(EVES);
    peer.respond(&invite, 486, "bob");
    assert!(matches!(peer.told.last(), Some(Event::Ended { .. })), "{:?}", peer.told);
}
