//! Reliable provisional responses (RFC 3262) and offers in early dialogs (RFC 3311), both ways.

use std::time::Duration;

use webtrunk_engine::{EndCause, LegId};

use super::description;
use super::pair::{Link, Pair, Side};
use super::peer::{InboundCall, Peer};
use crate::adapter::{Command, Event, Origin};
use crate::sip::flow::TransportKind;
use crate::sip::hop::Hop;
use crate::sip::message::{HeaderName, Request, Response};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn early_media_reaches_the_caller_over_links_that_lose_every_third_message() {
    for seed in 0..20 {
        let mut pair = Pair::over(Link { loss: 0.33, seed, ..Link::GOOD });
        pair.dial();
        pair.run_for(10 * SECOND);
        let Some(Event::Incoming(incoming)) = pair.told[1].first() else { continue };
        let callee = incoming.leg;
        pair.command(Side::Callee, Command::Ring { leg: callee, description: Some(description(2)) });
        pair.run_for(28 * SECOND);
        let early = |event: &Event| matches!(event, Event::Progress { description: Some(d), .. } if *d == description(2));
        assert_eq!(pair.told[0].iter().filter(|event| early(event)).count(), 1, "seed {seed}");
        pair.command(Side::Callee, Command::Answer { leg: callee, description: description(2) });
        pair.run_for(20 * SECOND);
        let is_answered = |event: &Event| matches!(event, Event::Answered { description: None, .. });
        assert!(pair.told[0].iter().any(is_answered), "seed {seed}");
    }
}

#[test]
fn each_response_waits_for_the_prack_of_the_one_before_and_the_answer_says_nothing_twice() {
    let mut peer = Peer::new();
    let (leg, invite) = calls(&mut peer, "Require");
    peer.command(Command::Ring { leg, description: Some(description(2)) });
    let progress = peer.sent_response();
    assert_eq!((progress.status.code(), &progress.body[..]), (183, description(2).to_string().as_bytes()));
    assert_eq!(progress.headers.get(&HeaderName::Require), Some("100rel"));
    peer.command(Command::Ring { leg, description: None });
    peer.command(Command::Answer { leg, description: description(2) });
    assert_eq!(peer.lines(), [""; 0], "both wait");
    peer.run_for(SECOND / 2);
    let again = peer.sent_response();
    assert_eq!(again.headers.get(&HeaderName::RSeq), progress.headers.get(&HeaderName::RSeq));
    let call = early(leg, &progress);
    let wrong = prack(&mut peer, &call, rseq(&progress) + 1, &invite);
    peer.receive(wrong);
    assert_eq!(peer.lines(), ["481 PRACK"]);
    let right = prack(&mut peer, &call, rseq(&progress), &invite);
    peer.receive(right);
    let sent = peer.sent_responses();
    let codes: Vec<_> = sent.iter().map(|response| response.status.code()).collect();
    assert_eq!(codes, [180, 200, 200], "ringing, PRACK, INVITE");
    assert_eq!(rseq(&sent[0]), rseq(&progress) + 1);
    assert!(sent[2].body.is_empty(), "the 183 held the answer");
}

#[test]
fn a_caller_that_can_gets_descriptions_reliably_and_the_rest_as_ever() {
    let mut peer = Peer::new();
    let (leg, _) = calls(&mut peer, "Supported");
    peer.command(Command::Ring { leg, description: None });
    assert!(!peer.sent_response().headers.has(&HeaderName::RSeq));
    peer.command(Command::Ring { leg, description: Some(description(2)) });
    assert!(peer.sent_response().headers.has(&HeaderName::RSeq));
}

#[test]
fn without_prack_the_call_is_refused_after_64_t1() {
    let mut peer = Peer::new();
    let (leg, _) = calls(&mut peer, "Require");
    peer.command(Command::Ring { leg, description: None });
    peer.run_for(33 * SECOND);
    let lines = peer.lines();
    assert_eq!(lines.iter().filter(|line| *line == "180 INVITE").count(), 7);
    assert_eq!(lines[7], "504 INVITE");
    assert!(matches!(peer.told.last(), Some(Event::Ended { cause: EndCause::SignallingLost, .. })));
}

#[test]
fn a_callers_early_offers_in_prack_and_update_are_answered() {
    let mut peer = Peer::new();
    let (leg, invite) = calls(&mut peer, "Require");
    peer.command(Command::Ring { leg, description: Some(description(2)) });
    let progress = peer.sent_response();
    let call = early(leg, &progress);
    let offer = with_offer(prack(&mut peer, &call, rseq(&progress), &invite), 3);
    peer.receive(offer);
    assert!(
        matches!(peer.told.last(), Some(Event::Reoffered { offer: Some(o), .. }) if *o == description(3))
    );
    let second = with_offer(peer.request_in(&call, "UPDATE"), 9);
    peer.receive(second);
    assert_eq!(peer.lines(), ["500 UPDATE"], "one at a time");
    peer.command(Command::AnswerReoffer { leg, description: description(4) });
    let ok = peer.sent_response();
    assert_eq!((ok.status.code(), &ok.body[..]), (200, description(4).to_string().as_bytes()));
    let update = with_offer(peer.request_in(&call, "UPDATE"), 5);
    peer.receive(update);
    peer.command(Command::RefuseReoffer { leg, cause: EndCause::NotAcceptable });
    assert_eq!(peer.lines(), ["488 UPDATE"]);
    // What was agreed last is what a refresh says.
    peer.command(Command::Answer { leg, description: description(2) });
    assert!(peer.sent_response().body.is_empty());
    let mut ack = peer.request_in(&call, "ACK");
    ack.headers.set(HeaderName::CSeq, format!("{} ACK", invite.headers.cseq().expect("is whole").number));
    peer.receive(ack);
    peer.run_for(900 * SECOND);
    assert_eq!(peer.sent_request().body, description(4).to_string());
}

#[test]
fn a_callees_reliable_responses_are_acknowledged_in_their_order_and_told_once() {
    let mut peer = Peer::new();
    let (_, invite) = peer.called(Origin::Trunk("lab".to_owned()));
    let supported = invite.headers.get(&HeaderName::Supported);
    assert_eq!(supported, Some("timer, 100rel, replaces"));
    let progress = |peer: &mut Peer, status, rseq: u32, has_body| {
        peer.respond_with(&invite, status, "one", |response| {
            response.headers.push(HeaderName::Require, "100rel");
            response.headers.push(HeaderName::RSeq, rseq.to_string());
            if has_body {
                response.headers.push(HeaderName::ContentType, "application/sdp");
                response.body = description(2).to_string().into();
            }
        });
    };
    progress(&mut peer, 183, 5, true);
    let prack = peer.sent_request();
    assert_eq!((prack.method.as_str(), prack.headers.get(&HeaderName::RAck)), ("PRACK", Some("5 1 INVITE")));
    peer.respond(&prack, 200, "one");
    progress(&mut peer, 183, 5, true);
    progress(&mut peer, 180, 7, false);
    assert_eq!(peer.lines(), [""; 0], "heard before, and not the next");
    assert_eq!(peer.told.len(), 1);
    progress(&mut peer, 180, 6, false);
    assert_eq!(peer.sent_request().headers.get(&HeaderName::RAck), Some("6 1 INVITE"));
    assert!(matches!(peer.told.last(), Some(Event::Progress { is_ringing: true, .. })));
    peer.respond_with(&invite, 200, "one", |response| response.body = bytes::Bytes::new());
    assert_eq!(peer.lines(), ["ACK"]);
    assert!(matches!(peer.told.last(), Some(Event::Answered { description: None, .. })));
}

#[test]
fn a_callees_early_update_changes_what_was_agreed_reliably_and_only_that() {
    for is_reliable in [true, false] {
        let mut peer = Peer::new();
        let (leg, invite) = peer.called(Origin::Trunk("lab".to_owned()));
        early_media(&mut peer, &invite, is_reliable);
        let update = with_offer(peer.request_of_callee(&invite, "one", "UPDATE"), 8);
        peer.receive(update);
        if is_reliable {
            assert!(matches!(peer.told.last(), Some(Event::Reoffered { offer: Some(_), .. })));
            peer.command(Command::AnswerReoffer { leg, description: description(9) });
            assert_eq!(peer.lines(), ["200 UPDATE"]);
        } else {
            assert_eq!(peer.lines(), ["491 UPDATE"]);
        }
    }
}

/// A transaction without an answer has no end of its own (RFC 3261 17.2.2).
#[test]
fn a_callees_early_update_is_answered_however_its_ringing_ends() {
    type End = fn(&mut Peer, LegId, &Request);
    let ends: [(&str, End); 5] = [
        ("hung up", |peer, leg, _| peer.command(Command::Hangup { leg, cause: EndCause::Cancelled })),
        ("refused", |peer, _, invite| peer.respond(invite, 486, "one")),
        ("sent to the next hop", |peer, _, invite| peer.respond(invite, 503, "one")),
        ("answered by another", |peer, _, invite| peer.respond(invite, 200, "two")),
        ("not answered", |peer, _, _| peer.run_for(121 * SECOND)),
    ];
    for (how, end) in ends {
        let mut peer = Peer::new();
        peer.alternatives = vec![Hop::new(TransportKind::Udp, ([192, 0, 2, 3], 5060).into()).into()];
        let (leg, invite) = peer.called(Origin::Trunk("lab".to_owned()));
        early_media(&mut peer, &invite, true);
        let update = with_offer(peer.request_of_callee(&invite, "one", "UPDATE"), 8);
        peer.receive(update);
        assert!(matches!(peer.told.last(), Some(Event::Reoffered { .. })), "{how}");
        end(&mut peer, leg, &invite);
        let lines = peer.lines();
        assert!(lines.iter().any(|line| line == "487 UPDATE"), "{how}: {lines:?}");
    }
}

#[test]
fn behind_the_answer_a_prack_is_taken_once_and_only_for_what_was_sent() {
    let mut peer = Peer::new();
    let (leg, invite) = calls(&mut peer, "Require");
    peer.command(Command::Ring { leg, description: None });
    let ringing = peer.sent_response();
    peer.command(Command::Answer { leg, description: description(2) });
    peer.lines();
    let call = early(leg, &ringing);
    for (rseq, status) in [(rseq(&ringing) + 1, 481), (rseq(&ringing), 200), (rseq(&ringing), 481)] {
        let prack = prack(&mut peer, &call, rseq, &invite);
        peer.receive(prack);
        assert_eq!(peer.lines(), [format!("{status} PRACK")]);
    }
}

/// The callee describes its media while it rings.
fn early_media(peer: &mut Peer, invite: &Request, is_reliable: bool) {
    peer.respond_with(invite, 183, "one", |response| {
        if is_reliable {
            response.headers.push(HeaderName::Require, "100rel");
            response.headers.push(HeaderName::RSeq, "1");
        }
        response.headers.push(HeaderName::ContentType, "application/sdp");
        response.body = description(2).to_string().into();
    });
    peer.sent_messages();
}

/// The peer calls with an offer and this header for 100rel.
fn calls(peer: &mut Peer, name: &str) -> (LegId, Request) {
    let mut invite = with_offer(peer.request("INVITE"), 1);
    invite.headers.push(HeaderName::from(name), "100rel");
    peer.receive(invite.clone());
    peer.lines();
    let Some(Event::Incoming(incoming)) = peer.told.last() else { panic!("a call came in") };
    (incoming.leg, invite)
}

fn early(leg: LegId, response: &Response) -> InboundCall {
    InboundCall { leg, to: response.headers.get(&HeaderName::To).expect("is whole").to_owned() }
}

fn prack(peer: &mut Peer, call: &InboundCall, rseq: u32, invite: &Request) -> Request {
    let mut prack = peer.request_in(call, "PRACK");
    let cseq = invite.headers.cseq().expect("is whole");
    prack.headers.push(HeaderName::RAck, format!("{rseq} {cseq}"));
    prack
}

fn rseq(response: &Response) -> u32 {
    response.headers.rseq().expect("is sound").expect("is there")
}

fn with_offer(mut request: Request, number: u64) -> Request {
    request.headers.set(HeaderName::ContentType, "application/sdp");
    request.body = description(number).to_string().into();
    request
}
