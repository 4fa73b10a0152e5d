//! Who comes in, and what is kept of those who do not.

use std::time::Duration;

use webtrunk_engine::EndCause;

use super::dial_to;
use super::peer::Peer;
use crate::adapter::{Command, Event, Origin};
use crate::sip::message::{HeaderName, Method, Request};

#[test]
fn a_stranger_is_challenged_and_nothing_is_kept_of_him() {
    let mut peer = Peer::new();
    for method in ["INVITE", "REGISTER", "MESSAGE", "SUBSCRIBE", "NEWMETHOD"] {
        let mut request = peer.request(method);
        request.headers.remove(&HeaderName::Authorization);
        peer.receive(request.clone());
        peer.receive(request);
        let responses = peer.sent_responses();
        let lines: Vec<_> = responses.iter().map(|r| r.status.code()).collect();
        assert_eq!(lines, [401, 401], "{method}");
        assert_eq!(responses[0], responses[1]);
        assert!(responses[0].headers.has(&HeaderName::WwwAuthenticate));
        assert!(responses[0].headers.to().expect("is whole").tag().is_some());
        assert!(!responses[0].headers.has(&HeaderName::Server), "what we are is not told to strangers");
    }
    assert_eq!((peer.agent.transactions(), peer.agent.calls(), peer.told.len()), (0, 0, 0));
    assert_eq!(peer.agent.poll_timeout(), None);
}

#[test]
fn the_ack_of_a_stateless_refusal_is_absorbed() {
    let mut peer = Peer::new();
    let mut invite = peer.request("INVITE");
    invite.headers.remove(&HeaderName::Authorization);
    peer.receive(invite.clone());
    let refusal = peer.sent_response();
    let mut ack = Request { method: Method::Ack, ..invite };
    let cseq = ack.headers.cseq().expect("is whole").number;
    ack.headers.set(HeaderName::CSeq, format!("{cseq} ACK"));
    ack.headers.set(HeaderName::To, refusal.headers.get(&HeaderName::To).expect("is whole"));
    peer.receive(ack);
    assert_eq!(peer.lines(), [""; 0]);
}

#[test]
fn options_tell_what_we_take() {
    let mut peer = Peer::new();
    let mut options = peer.request("OPTIONS");
    options.headers.remove(&HeaderName::Authorization);
    peer.receive(options);
    let ok = peer.sent_response();
    let headers = &ok.headers;
    assert_eq!(ok.status.code(), 200);
    let allow =
        "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE, PRACK, REFER, MESSAGE, SUBSCRIBE, NOTIFY, REGISTER";
    assert_eq!(headers.get(&HeaderName::Allow), Some(allow));
    assert_eq!(headers.get(&HeaderName::Accept), Some("application/sdp"));
    assert_eq!(
        headers.get(&HeaderName::Supported),
        Some("timer, 100rel, trickle-ice, norefersub, replaces, path, outbound, gruu")
    );
    assert_eq!(peer.agent.transactions(), 0);
}

#[test]
fn what_we_do_not_take_is_refused_as_the_rfc_says() {
    let mut peer = Peer::new();
    for (method, name, value, status) in [
        ("PUBLISH", "Subject", "x", 405),
        ("MESSAGE", "Max-Forwards", "0", 483),
        ("NEWMETHOD", "Subject", "x", 501),
        ("INVITE", "Require", "precondition", 420),
        ("INVITE", "Max-Forwards", "0", 483),
        ("OPTIONS", "Require", "nothingSupportsThis", 420),
        ("BYE", "Subject", "x", 481),
        ("INFO", "Subject", "x", 481),
        ("BYE", "To", "<sip:bob@192.0.2.1>;tag=unknown", 481),
        ("INVITE", "To", "<sip:bob@192.0.2.1>;tag=unknown", 481),
        ("INVITE", "Contact", "*", 400),
    ] {
        let mut request = peer.request(method);
        request.headers.set(HeaderName::from(name), value);
        peer.receive(request);
        assert_eq!(peer.sent_response().status.code(), status, "{method} {name}: {value}");
    }
    assert_eq!((peer.agent.transactions(), peer.told.len()), (0, 0));
}

#[test]
fn a_body_that_is_no_description_never_rings() {
    let mut peer = Peer::new();
    for (content_type, body, status) in
        [("text/plain", "hello", 415), ("application/sdp", "this is no description", 400)]
    {
        let mut invite = peer.request("INVITE");
        invite.headers.set(HeaderName::ContentType, content_type);
        invite.body = body.into();
        peer.receive(invite);
        let refusal = peer.sent_responses().pop().expect("a refusal");
        assert_eq!(refusal.status.code(), status);
    }
    assert!(peer.told.is_empty());
    peer.run_for(Duration::from_secs(40));
    assert_eq!((peer.agent.transactions(), peer.agent.calls(), peer.agent.dialogs()), (0, 0, 0));
}

#[test]
fn an_invite_without_contact_is_refused() {
    let mut peer = Peer::new();
    let mut invite = peer.request("INVITE");
    invite.headers.remove(&HeaderName::Contact);
    peer.receive(invite);
    let refusal = peer.sent_responses().pop().expect("a refusal");
    assert_eq!((refusal.status.code(), &*refusal.reason), (400, "Missing Contact"));
    assert!(peer.told.is_empty());
}

#[test]
fn a_caller_that_proves_itself_comes_in() {
    let mut peer = Peer::new();
    let invite = peer.request("INVITE");
    peer.receive(invite);
    assert!(matches!(
        &peer.told[..],
        [Event::Incoming(incoming)] if incoming.origin == Origin::User("ann".to_owned())
            && incoming.destination == "bob" && incoming.offer.is_none()
    ));
    assert_eq!(peer.lines(), ["100 INVITE"]);
}

#[test]
fn a_register_is_answered_by_the_doorkeeper_in_a_transaction() {
    let mut peer = Peer::new();
    let register = peer.request("REGISTER");
    peer.receive(register.clone());
    peer.receive(register);
    let responses = peer.sent_responses();
    assert_eq!(responses.len(), 2);
    assert_eq!(responses[0], responses[1], "a retransmission gets the same answer");
    assert!(responses[0].headers.to().expect("is whole").tag().is_some());
}

#[test]
fn the_limit_of_calls_is_kept_without_state() {
    let mut peer = Peer::new();
    peer.limit_calls(1);
    peer.call_in();
    let mut invite = peer.request("INVITE");
    invite.headers.set(HeaderName::CallId, "another");
    let open = peer.agent.transactions();
    peer.receive(invite);
    let refusal = peer.sent_response();
    assert_eq!(refusal.status.code(), 503);
    assert!(refusal.headers.has(&HeaderName::RetryAfter));
    assert_eq!(peer.agent.transactions(), open);
}

#[test]
fn a_core_that_takes_no_new_calls_goes_on_with_those_that_it_has() {
    let mut peer = Peer::new();
    let (_, invite) = peer.called(Origin::Trunk("lab".to_owned()));
    peer.command(Command::RefuseCalls);
    for method in ["INVITE", "OPTIONS", "MESSAGE", "SUBSCRIBE"] {
        let request = peer.request(method);
        peer.receive(request);
        let refusal = peer.sent_response();
        assert_eq!(refusal.status.code(), 503, "{method}");
        assert!(refusal.headers.has(&HeaderName::RetryAfter), "{method}");
    }
    let register = peer.request("REGISTER");
    peer.receive(register);
    assert_ne!(peer.sent_response().status.code(), 503, "phones that talk stay reachable");
    peer.respond(&invite, 486, "lab");
    assert_eq!(peer.sent_request().method, Method::Ack, "the call is there");
    assert!(!peer.agent.is_drained(), "it waits for the end of all");
}

#[test]
fn a_draining_core_takes_nothing_new() {
    let mut peer = Peer::new();
    peer.command(Command::Drain);
    for method in ["INVITE", "OPTIONS", "REGISTER"] {
        let request = peer.request(method);
        peer.receive(request);
        assert_eq!(peer.sent_response().status.code(), 503, "{method}");
    }
    assert!(peer.agent.is_drained());
}

#[test]
fn a_core_is_drained_when_the_callee_has_confirmed_that_it_was_cancelled() {
    let mut peer = Peer::new();
    let (_, invite) = peer.called(Origin::Trunk("lab".to_owned()));
    peer.respond(&invite, 180, "lab");
    peer.command(Command::Drain);
    let cancel = peer.sent_request();
    assert_eq!(cancel.method, Method::Cancel);
    assert!(!peer.agent.is_drained());
    peer.respond(&cancel, 200, "lab");
    assert!(!peer.agent.is_drained(), "the INVITE has no final response yet");
    peer.respond(&invite, 487, "lab");
    assert_eq!(peer.sent_request().method, Method::Ack);
    assert!(peer.agent.is_drained());
}

#[test]
fn a_core_is_drained_when_its_refusals_are_acknowledged_or_given_up() {
    let mut peer = Peer::new();
    let invite = peer.request("INVITE");
    peer.receive(invite);
    peer.command(Command::Drain);
    peer.run_for(Duration::from_secs(1));
    assert!(peer.sent_responses().iter().filter(|sent| sent.status.code() == 503).count() > 1, "repeated");
    assert!(!peer.agent.is_drained());
    peer.run_for(Duration::from_secs(32));
    assert!(peer.agent.is_drained());
}

#[test]
fn a_dial_without_route_ends_at_once() {
    let mut peer = Peer::new();
    let (_, _) = peer.called(Origin::Trunk("lab".to_owned()));
    let dial = dial_to("none");
    peer.command(Command::Dial(Box::new(dial.clone())));
    assert!(matches!(
        peer.told.last(),
        Some(Event::Ended { leg, cause: EndCause::Unavailable }) if *leg == dial.leg
    ));
}
