//! One INVITE, several answers.

use webtrunk_engine::EndCause;

use super::authentication::{CHALLENGE, trunk, with_account};
use super::description;
use super::peer::Peer;
use crate::adapter::{Command, Event};
use crate::sip::agent::Reach;
use crate::sip::message::{HeaderName, Method, Request, Response};

#[test]
fn the_second_fork_that_answers_is_acknowledged_and_hung_up() {
    let mut peer = Peer::new();
    let (leg, invite) = peer.called(trunk());
    peer.respond(&invite, 180, "one");
    peer.respond(&invite, 180, "two");
    peer.respond(&invite, 200, "two");
    assert_eq!(peer.lines(), ["ACK"]);
    peer.respond(&invite, 200, "one");
    let [ack, bye] = peer.two_sent_requests();
    assert_eq!((&ack.method, &bye.method), (&Method::Ack, &Method::Bye));
    for request in [&ack, &bye] {
        assert_eq!(request.headers.to().expect("is whole").tag(), Some("one"));
        assert_eq!(request.uri.to_string(), "sip:one@192.0.2.2:5060");
    }
    assert!(!ended(&peer), "the first answer stays");
    peer.respond(&invite, 200, "two");
    let ack = peer.sent_request();
    assert_eq!((&ack.method, ack.headers.to().expect("is whole").tag()), (&Method::Ack, Some("two")));
    peer.command(Command::Hangup { leg, cause: EndCause::Hangup });
    assert_eq!(peer.lines(), ["BYE"]);
}

#[test]
fn a_fork_that_answers_after_the_call_is_over_is_hung_up_too() {
    let mut peer = Peer::new();
    let (leg, invite) = peer.called(trunk());
    peer.respond(&invite, 200, "one");
    peer.command(Command::Hangup { leg, cause: EndCause::Hangup });
    let [_, bye] = peer.two_sent_requests();
    peer.respond(&bye, 200, "one");
    assert_eq!(peer.agent.calls(), 0);
    peer.respond(&invite, 200, "two");
    assert_eq!(peer.lines(), ["ACK", "BYE"]);
}

/// An ACK cannot be challenged (RFC 3261 22.1): what the INVITE has proven goes along with each, and with no CANCEL.
#[test]
fn what_a_challenged_invite_proved_is_in_every_ack_of_a_2xx() {
    let challenged = |peer: &mut Peer| {
        let (leg, invite) = peer.called(trunk());
        let name = HeaderName::ProxyAuthenticate;
        peer.respond_with(&invite, 407, "one", |response| response.headers.push(name, CHALLENGE));
        let [_, again] = peer.two_sent_requests();
        (leg, again)
    };
    let proof = |request: &Request| request.headers.get(&HeaderName::ProxyAuthorization).map(str::to_owned);

    let mut peer = with_account();
    let (leg, invite) = challenged(&mut peer);
    assert!(proof(&invite).is_some());
    peer.respond(&invite, 180, "one");
    peer.command(Command::Hangup { leg, cause: EndCause::Cancelled });
    let cancel = peer.sent_request();
    assert_eq!((&cancel.method, proof(&cancel)), (&Method::Cancel, None));
    peer.respond(&invite, 200, "one");
    let [ack, bye] = peer.two_sent_requests();
    assert_eq!((&ack.method, proof(&ack)), (&Method::Ack, proof(&invite)), "it crossed our CANCEL");
    assert_eq!(bye.method, Method::Bye);

    let mut peer = with_account();
    let (_, invite) = challenged(&mut peer);
    peer.respond(&invite, 200, "one");
    assert_eq!(proof(&peer.sent_request()), proof(&invite));
    peer.respond(&invite, 200, "two");
    let [ack, _] = peer.two_sent_requests();
    assert_eq!((&ack.method, proof(&ack)), (&Method::Ack, proof(&invite)), "of another fork");
}

/// Whoever answers as ever more forks has us send no more than so many requests.
#[test]
fn forks_that_answer_without_end_are_hung_up_once_each_and_up_to_sixteen() {
    let mut peer = Peer::new();
    let (leg, invite) = peer.called(trunk());
    peer.respond(&invite, 200, "one");
    peer.respond(&invite, 200, "two");
    assert_eq!(peer.lines(), ["ACK", "ACK", "BYE"]);
    peer.respond(&invite, 200, "two");
    assert_eq!(peer.lines(), ["ACK"], "its BYE is under way");
    peer.command(Command::Hangup { leg, cause: EndCause::Hangup });
    let bye = peer.sent_request();
    peer.respond(&bye, 200, "one");
    for fork in 3..=30 {
        peer.respond(&invite, 200, &format!("fork{fork}"));
    }
    let lines = peer.lines();
    assert_eq!(lines.iter().filter(|line| *line == "BYE").count(), 15);
    assert_eq!(
        (lines.len(), peer.agent.take_strays_ignored(), peer.agent.take_strays_ignored()),
        (30, 13, 0)
    );
}

#[test]
fn a_fork_that_says_bye_rings_no_more_and_the_last_one_ends_the_call() {
    let mut peer = Peer::new();
    let (leg, invite) = peer.called(trunk());
    peer.respond(&invite, 180, "one");
    peer.respond(&invite, 180, "two");
    let bye = |peer: &mut Peer, tag: &str, reason: &'static str| {
        let mut bye = peer.request_of_callee(&invite, tag, "BYE");
        bye.headers.push(HeaderName::Reason, reason);
        peer.receive(bye);
    };
    bye(&mut peer, "one", "Q.850;cause=16");
    assert_eq!(peer.lines(), ["200 BYE"]);
    assert!(!ended(&peer), "the other rings");
    bye(&mut peer, "one", "Q.850;cause=16");
    assert_eq!(peer.lines(), ["481 BYE"]);
    bye(&mut peer, "two", "Q.850;cause=17");
    assert_eq!(peer.lines(), ["200 BYE", "CANCEL"]);
    assert!(matches!(peer.told.last(), Some(Event::Ended { leg: it, cause: EndCause::Busy }) if *it == leg));
}

/// Its early dialog was one of the call's. It may hang up a moment before it hears that it lost.
#[test]
fn a_fork_that_lost_the_call_can_neither_move_nor_end_it() {
    let mut peer = Peer::new();
    let (leg, invite) = peer.called(trunk());
    peer.respond(&invite, 180, "one");
    peer.respond(&invite, 180, "two");
    peer.respond(&invite, 200, "two");
    let told = peer.told.len();
    peer.lines();
    for method in ["UPDATE", "INFO", "BYE"] {
        let mut request = peer.request_of_callee(&invite, "one", method);
        request.headers.set(HeaderName::Contact, "<sip:one@203.0.113.66>");
        peer.receive(request);
        assert_eq!(peer.lines(), [format!("481 {method}")]);
    }
    assert_eq!(peer.told.len(), told);
    let bye = peer.request_of_callee(&invite, "two", "BYE");
    peer.receive(bye);
    assert_eq!(peer.lines(), ["200 BYE"]);
    assert!(matches!(peer.told.last(), Some(Event::Ended { leg: ended, .. }) if *ended == leg));
}

#[test]
fn early_media_is_that_of_one_fork_and_the_answer_that_of_the_one_that_lifts() {
    let mut peer = Peer::new();
    let (_, invite) = peer.called(trunk());
    peer.respond_with(&invite, 183, "one", early(11));
    peer.respond_with(&invite, 183, "two", early(12));
    peer.respond_with(&invite, 200, "two", |response| {
        response.headers.remove(&HeaderName::ContentType);
        response.body.clear();
    });
    let told: Vec<_> = peer
        .told
        .iter()
        .map(|event| match event {
            Event::Progress { description, .. } => ("progress", description.clone()),
            Event::Answered { description, .. } => ("answered", description.clone()),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(
        told,
        [("progress", Some(description(11))), ("progress", None), ("answered", Some(description(12)))]
    );
}

/// The gateway has the description of the one that is gone, and takes no other until the answer.
#[test]
fn who_answers_is_told_whole_where_early_media_was_that_of_a_fork_that_said_bye() {
    let mut peer = Peer::new();
    let (_, invite) = peer.called(trunk());
    peer.respond_with(&invite, 183, "one", early(11));
    peer.respond(&invite, 180, "two");
    let bye = peer.request_of_callee(&invite, "one", "BYE");
    peer.receive(bye);
    peer.respond_with(&invite, 183, "two", early(12));
    peer.respond_with(&invite, 200, "two", |response| response.body = description(12).to_string().into());
    let answered = |told: &Event| matches!(told, Event::Answered { description: Some(it), .. } if *it == description(12));
    assert!(peer.told.last().is_some_and(answered), "{:?}", peer.told);
}

#[test]
fn an_answer_without_description_is_acknowledged_and_hung_up() {
    let mut peer = Peer::new();
    let (_, invite) = peer.called(trunk());
    peer.respond_with(&invite, 200, "one", |response| response.body.clear());
    assert_eq!(peer.lines(), ["ACK", "BYE"]);
    assert!(matches!(peer.told.last(), Some(Event::Ended { cause: EndCause::NotAcceptable, .. })));
}

#[test]
fn media_is_expected_from_where_the_call_was_sent_whatever_contact_says() {
    let mut peer = Peer::new();
    let (_, invite) = peer.called_at(trunk(), Reach::Target);
    peer.respond_with(&invite, 200, "one", |response| {
        response.headers.set(HeaderName::Contact, "<sip:bob@203.0.113.66:5099>");
    });
    let flow = peer.sent_flows()[0];
    assert_eq!(flow.remote.to_string(), "203.0.113.66:5099", "the ACK follows Contact");
    assert!(matches!(
        peer.told.last(),
        Some(Event::Answered { signalled_from, .. }) if *signalled_from == peer.flow.remote.ip()
    ));
}

#[test]
fn stray_and_broken_responses_change_nothing() {
    let mut peer = Peer::new();
    let (_, invite) = peer.called(trunk());
    let mut other = invite.clone();
    let via = other.headers.get(&HeaderName::Via).expect("is whole").replace("z9hG4bK", "z9hG4bKx");
    other.headers.set(HeaderName::Via, via);
    peer.respond(&other, 200, "one");
    peer.respond_with(&invite, 200, "one", |response| {
        response.headers.push(HeaderName::Via, "SIP/2.0/UDP 203.0.113.1");
    });
    peer.respond_with(&invite, 200, "one", |response| response.headers.remove(&HeaderName::From));
    assert_eq!((peer.lines().len(), peer.told.len()), (0, 0));
    peer.respond(&invite, 200, "one");
    assert_eq!(peer.lines(), ["ACK"]);
}

#[test]
fn requests_of_the_callee_before_its_answer_are_answered() {
    let mut peer = Peer::new();
    let (_, invite) = peer.called(trunk());
    peer.respond(&invite, 180, "one");
    for (method, status) in [("UPDATE", 200), ("INVITE", 491), ("OPTIONS", 200)] {
        let request = peer.request_of_callee(&invite, "one", method);
        peer.receive(request);
        assert_eq!(peer.sent_responses().pop().map(|r| r.status.code()), Some(status), "{method}");
    }
    assert!(!ended(&peer));
}

/// What a provisional response has that brings early media.
fn early(number: u64) -> impl FnOnce(&mut Response) {
    move |response| {
        response.headers.push(HeaderName::ContentType, "application/sdp");
        response.body = description(number).to_string().into();
    }
}

fn ended(peer: &Peer) -> bool {
    peer.told.iter().any(|event| matches!(event, Event::Ended { .. }))
}
