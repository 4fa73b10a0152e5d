//! The layer, spoken to in wire text.

mod detour;
mod moved;

use std::time::{Duration, Instant};

use bytes::Bytes;

use super::*;
use crate::sip::flow::{ConnectionId, Flow, ListenerId, TransportKind};
use crate::sip::identifiers::Identifiers;
use crate::sip::message::{HeaderName, Host, Message, Method, Request, StatusCode};

#[test]
fn a_repeated_invite_is_answered_by_the_last_response_and_goes_up_once() {
    let mut bench = Bench::new();
    let (key, invite) = bench.accept(INVITE);
    assert_eq!(bench.sent(), ["SIP/2.0 100 Trying"]);
    bench.respond(key, &invite, 180);
    bench.receive(INVITE);
    assert_eq!(bench.sent(), ["SIP/2.0 180 Ringing", "SIP/2.0 180 Ringing"]);
    bench.respond(key, &invite, 486);
    bench.respond(key, &invite, 200);
    bench.receive(INVITE);
    assert_eq!(bench.sent(), ["SIP/2.0 486 Busy Here", "SIP/2.0 486 Busy Here"]);
}

#[test]
fn the_ack_of_a_failure_is_absorbed_and_the_ack_of_a_2xx_goes_up() {
    let mut bench = Bench::new();
    let (key, invite) = bench.accept(INVITE);
    bench.respond(key, &invite, 486);
    assert!(bench.receive(&INVITE.replace("INVITE", "ACK")).is_none());
    let other_branch = INVITE.replace("INVITE", "ACK").replace("z9hG4bKa", "z9hG4bKb");
    assert!(matches!(bench.receive(&other_branch), Some(Received::Ack(_))));
}

#[test]
fn the_via_says_where_a_request_came_from_whatever_it_said_itself() {
    let mut bench = Bench::new();
    let forged = INVITE.replace("z9hG4bKa", "z9hG4bKa;received=9.9.9.9;rport");
    let Some(Received::Request(invite)) = bench.receive(&forged) else { panic!("is new") };
    let via = invite.headers.via().expect("was parsed");
    assert_eq!((via.received(), via.rport()), (Some(bench.flow.remote.ip()), Some(5060)));
}

#[test]
fn a_copy_that_came_on_another_path_is_refused_with_482() {
    let mut bench = Bench::new();
    bench.accept(INVITE);
    bench.sent();
    let copy = INVITE.replace("z9hG4bKa", "z9hG4bKother");
    let Some(Received::Request(request)) = bench.receive(&copy) else { panic!("has a branch of its own") };
    assert!(bench.layer.accept(&request, bench.flow, None).is_none());
    assert_eq!(bench.sent(), ["SIP/2.0 482 Loop Detected"]);
}

#[test]
fn requests_without_a_unique_branch_are_matched_by_their_headers_and_source() {
    for branch in ["z9hG4bK", "1"] {
        let mut bench = Bench::new();
        let old = INVITE.replace("z9hG4bKa", branch);
        bench.accept(&old);
        assert!(bench.receive(&old).is_none(), "a retransmission");
        assert!(bench.receive(&old.replace("1 INVITE", "2 INVITE")).is_some(), "a new request");
        bench.flow.remote.set_ip([192, 0, 2, 77].into());
        assert!(bench.receive(&old).is_some(), "another peer");
    }
}

#[test]
fn a_cancel_ends_an_unanswered_invite_and_gets_its_to_tag() {
    let mut bench = Bench::new();
    let (key, invite) = bench.accept(INVITE);
    bench.respond(key, &invite, 180);
    bench.sent();
    let received = bench.receive(&INVITE.replace("INVITE", "CANCEL"));
    assert!(matches!(received, Some(Received::Cancel { invite, owner: Some('u'), .. }) if invite == key));
    let answer = bench.layer.poll_transmit().expect("CANCEL is answered at once");
    let Ok(Message::Response(answer)) = Message::parse(answer.bytes) else { panic!("a response") };
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.headers.to().expect("is ours").tag(), Some("ours"));
}

#[test]
fn a_cancel_after_the_answer_has_no_effect() {
    let mut bench = Bench::new();
    let (key, invite) = bench.accept(INVITE);
    bench.respond(key, &invite, 200);
    bench.sent();
    assert!(bench.receive(&INVITE.replace("INVITE", "CANCEL")).is_none());
    assert_eq!(bench.sent(), ["SIP/2.0 200 OK"]);
}

#[test]
fn a_cancel_of_nothing_or_from_elsewhere_gets_481_and_leaves_no_state() {
    let mut bench = Bench::new();
    bench.accept(INVITE);
    bench.sent();
    let open = bench.layer.len();
    bench.receive(&INVITE.replace("INVITE", "CANCEL").replace("z9hG4bKa", "z9hG4bKb"));
    bench.flow.remote.set_ip([192, 0, 2, 77].into());
    bench.receive(&INVITE.replace("INVITE", "CANCEL"));
    assert_eq!(bench.sent(), ["SIP/2.0 481 Call/Transaction Does Not Exist"; 2]);
    assert_eq!(bench.layer.len(), open);
}

#[test]
fn stray_responses_are_discarded() {
    let mut bench = Bench::new();
    let key = bench.send(Method::Options);
    let request = bench.sent_request();
    let stray = request.response(StatusCode::OK, Some("t")).to_bytes();
    let stray = String::from_utf8_lossy(&stray).into_owned();
    assert!(bench.receive(&stray.replace("branch=z9hG4bK", "branch=z9hG4bKx")).is_none());
    assert!(bench.receive(&stray.replace("OPTIONS", "BYE")).is_none());
    assert!(bench.receive(&stray.replacen("Via:", "Via: SIP/2.0/UDP 1.1.1.1;branch=x\r\nVia:", 1)).is_none());
    let received = bench.receive(&stray);
    assert!(matches!(received, Some(Received::Response { key: k, .. }) if k == key));
    assert!(bench.receive(&stray).is_none(), "a retransmission");
}

#[test]
fn the_limit_answers_503_without_state_but_lets_calls_end() {
    let mut bench = Bench::with(TransactionConfig { transactions_max: 8, ..Default::default() });
    for number in 0..8 {
        bench.accept(
            &INVITE.replace("z9hG4bKa", &format!("z9hG4bK{number}")).replace("abc", &number.to_string()),
        );
    }
    bench.sent();
    let Some(Received::Request(invite)) = bench.receive(INVITE) else { panic!("is new") };
    assert!(bench.layer.accept(&invite, bench.flow, None).is_none());
    assert_eq!((bench.sent(), bench.layer.len()), (vec!["SIP/2.0 503 Service Unavailable".to_owned()], 8));
    let bye = INVITE.replace("INVITE", "BYE").replace("<sip:bob@example.net>", "<sip:bob@example.net>;tag=t");
    let Some(Received::Request(bye)) = bench.receive(&bye) else { panic!("is new") };
    assert!(bench.layer.accept(&bye, bench.flow, None).is_some());
}

#[test]
fn at_the_limit_a_request_takes_the_place_of_the_one_that_was_answered_longest_ago() {
    let mut bench = Bench::with(TransactionConfig { transactions_max: 3, ..Default::default() });
    let named = |name: &str| {
        INVITE
            .replace("INVITE", "REGISTER")
            .replace("z9hG4bKa", &format!("z9hG4bK{name}"))
            .replace("abc", name)
    };
    let waiting = bench.accept(&named("waiting"));
    for name in ["first", "second", "third"] {
        let (key, register) = bench.accept(&named(name));
        bench.respond(key, &register, 200);
    }
    assert_eq!((bench.sent().len(), bench.layer.len()), (3, 3));
    assert!(bench.receive(&named("second")).is_none() && bench.receive(&named("third")).is_none());
    assert_eq!(bench.sent(), ["SIP/2.0 200 OK"; 2], "what was answered lately is answered again");
    assert!(bench.receive(&named("first")).is_some(), "what was long ago is new");
    bench.respond(waiting.0, &waiting.1, 200);
    bench.sent();

    bench.now += Duration::from_secs(32);
    bench.layer.handle_timeout(bench.now);
    assert_eq!(bench.layer.len(), 0);
    for name in ["one", "two", "three"] {
        bench.accept(&named(name));
    }
    let Some(Received::Request(fourth)) = bench.receive(&named("four")) else { panic!("is new") };
    assert!(bench.layer.accept(&fourth, bench.flow, None).is_none(), "none is answered");
    assert_eq!(bench.sent(), ["SIP/2.0 503 Service Unavailable"]);
}

#[test]
fn what_was_answered_is_answered_again_where_its_place_would_be_too_little() {
    let mut bench = Bench::with(TransactionConfig { transactions_max: 8, ..Default::default() });
    for number in 0..8 {
        bench.accept(
            &INVITE.replace("z9hG4bKa", &format!("z9hG4bK{number}")).replace("abc", &number.to_string()),
        );
    }
    let bye = INVITE.replace("INVITE", "BYE").replace("<sip:bob@example.net>", "<sip:bob@example.net>;tag=t");
    let bye = bye.replace("z9hG4bKa", "z9hG4bKbye");
    let (key, request) = bench.accept(&bye);
    bench.respond(key, &request, 200);
    bench.sent();
    let Some(Received::Request(invite)) = bench.receive(INVITE) else { panic!("is new") };
    assert!(bench.layer.accept(&invite, bench.flow, None).is_none(), "eight are open");
    assert!(bench.receive(&bye).is_none());
    assert_eq!(bench.sent(), ["SIP/2.0 503 Service Unavailable", "SIP/2.0 200 OK"]);
}

#[test]
fn our_cancel_waits_for_a_provisional_response_and_a_failure_is_acknowledged() {
    let mut bench = Bench::new();
    let key = bench.send(Method::Invite);
    let invite = bench.sent_request();
    bench.layer.abandon(key, Some("SIP;cause=200".to_owned()), bench.now);
    assert_eq!(bench.sent(), [""; 0]);
    bench.receive_response(&invite, 180);
    let cancel = bench.sent_request();
    assert_eq!(cancel.method, Method::Cancel);
    assert_eq!(cancel.headers.via(), invite.headers.via());
    assert_eq!(cancel.uri, invite.uri);
    assert_eq!(cancel.headers.get(&HeaderName::Reason), Some("SIP;cause=200"));
    assert!(matches!(bench.receive_response(&invite, 487), Some(Received::Response { owner: None, .. })));
    let ack = bench.sent_request();
    assert_eq!(ack.method, Method::Ack);
    assert_eq!(ack.headers.get(&HeaderName::CSeq), Some("1 ACK"));
    assert_eq!(ack.headers.to().expect("is ours").tag(), Some("theirs"));
}

#[test]
fn the_copy_of_what_rings_here_is_refused_and_does_not_ring() {
    let mut bench = Bench::new();
    let (key, invite) = bench.accept(INVITE);
    bench.respond(key, &invite, 180);
    bench.sent();
    let Some(Received::Request(copy)) = bench.receive(&INVITE.replace("z9hG4bKa", "z9hG4bKb")) else {
        panic!("another branch")
    };
    assert!(bench.layer.accept(&copy, bench.flow, None).is_none());
    assert_eq!(
        bench.sent(),
        ["SIP/2.0 482 Loop Detected"],
        "no provisional response before it, and none after"
    );
    assert_eq!(bench.layer.len(), 1);
}

#[test]
fn every_transaction_is_gone_in_the_end() {
    let mut bench = Bench::new();
    let (key, invite) = bench.accept(INVITE);
    bench.respond(key, &invite, 200);
    bench.accept(&INVITE.replace("INVITE", "OPTIONS").replace("z9hG4bKa", "z9hG4bKb"));
    let (key, options) = bench.accept(&INVITE.replace("INVITE", "INFO").replace("z9hG4bKa", "z9hG4bKc"));
    bench.respond(key, &options, 200);
    bench.send(Method::Invite);
    bench.send(Method::Bye);
    let start = bench.now;
    while let Some(at) = bench.layer.poll_timeout() {
        bench.layer.handle_timeout(at);
        // An INVITE of ours is given up after 32 s, and a 2xx is taken for 32 s more.
        assert!(at <= start + Duration::from_secs(64));
    }
    let unanswered_by_us = 1;
    assert_eq!(bench.layer.len(), unanswered_by_us);
}

#[test]
fn a_stateless_answer_is_the_same_each_time() {
    let mut bench = Bench::new();
    for _ in 0..2 {
        let Some(Received::Request(invite)) = bench.receive(INVITE) else { panic!("nothing was kept") };
        let response = invite.response(StatusCode::UNAUTHORIZED, None);
        bench.layer.respond_statelessly(&invite, response, bench.flow);
    }
    let first = bench.layer.poll_transmit().expect("one for each");
    assert_eq!(bench.layer.poll_transmit(), Some(first.clone()));
    assert!(String::from_utf8_lossy(&first.bytes).contains("To: <sip:bob@example.net>;tag="));
    assert!(bench.layer.is_empty());
}

const INVITE: &str = "INVITE sip:bob@example.net SIP/2.0\r\n\
    Via: SIP/2.0/UDP phone.example.net;branch=z9hG4bKa\r\n\
    From: <sip:ann@example.net>;tag=ann\r\n\
    To: <sip:bob@example.net>\r\n\
    Call-ID: abc\r\n\
    CSeq: 1 INVITE\r\n\
    Max-Forwards: 70\r\n\
    Content-Length: 0\r\n\r\n";

/// That of long requests.
const STREAM: ConnectionId = ConnectionId(9);

/// A layer with one peer, at one moment.
struct Bench {
    layer: TransactionLayer<char>,
    flow: Flow,
    now: Instant,
}

impl Bench {
    fn new() -> Self {
        Self::with(TransactionConfig::default())
    }

    fn with(config: TransactionConfig) -> Self {
        let flow = Flow {
            kind: TransportKind::Udp,
            listener: ListenerId(0),
            local: ([192, 0, 2, 1], 5060).into(),
            remote: ([192, 0, 2, 2], 5060).into(),
            connection: None,
        };
        Self { layer: TransactionLayer::new(config, Identifiers::new([7; 32])), flow, now: Instant::now() }
    }

    fn receive(&mut self, text: &str) -> Option<Received<char>> {
        let message =
            Message::parse(Bytes::copy_from_slice(text.as_bytes())).expect("the test writes it well");
        self.layer.handle_message(message, self.flow, self.now)
    }

    fn receive_response(&mut self, request: &Request, status: u16) -> Option<Received<char>> {
        let status = StatusCode::new(status).expect("a status code");
        let response = request.response(status, Some("theirs"));
        self.layer.handle_message(Message::Response(response), self.flow, self.now)
    }

    fn accept(&mut self, text: &str) -> (TransactionKey, Request) {
        let Some(Received::Request(request)) = self.receive(text) else { panic!("is new") };
        let key = self.layer.accept(&request, self.flow, Some('u')).expect("has room");
        (key, request)
    }

    fn respond(&mut self, key: TransactionKey, request: &Request, status: u16) {
        let status = StatusCode::new(status).expect("a status code");
        self.layer.respond(key, &request.response(status, Some("ours")), self.now);
    }

    fn send(&mut self, method: Method) -> TransactionKey {
        let uri: crate::sip::message::Uri = "sip:bob@192.0.2.2".parse().expect("a URI");
        let mut request = Request::new(method.clone(), uri);
        request.headers.push(HeaderName::From, "<sip:ann@example.net>;tag=ann");
        request.headers.push(HeaderName::To, "<sip:bob@example.net>");
        request.headers.push(HeaderName::CallId, "abc");
        request.headers.push(HeaderName::CSeq, format!("1 {method}"));
        let sent_by = (Host::from(self.flow.local.ip()), None);
        self.layer.send_request(request, self.flow, sent_by, Some('u'), self.now)
    }

    /// Sends a request by a stream, with the bench's flow to fall back to.
    fn send_long(&mut self, method: &Method) -> TransactionKey {
        let uri: crate::sip::message::Uri = "sip:bob@192.0.2.2".parse().expect("a URI");
        let mut request = Request::new(method.clone(), uri);
        request.headers.push(HeaderName::From, "<sip:ann@example.net>;tag=ann");
        request.headers.push(HeaderName::To, "<sip:bob@example.net>");
        request.headers.push(HeaderName::CallId, "abc");
        request.headers.push(HeaderName::CSeq, format!("1 {method}"));
        request.body = Bytes::from(vec![b'x'; 1300]);
        let stream = Flow { kind: TransportKind::Tcp, connection: Some(STREAM), ..self.flow };
        let own = (Host::from(self.flow.local.ip()), Some(5070));
        self.layer.send_long(&request, (self.flow, own), stream, Some('u'), self.now)
    }

    /// The start lines of all that was sent since the last look.
    fn sent(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.layer.poll_transmit())
            .map(|transmit| {
                let text = String::from_utf8_lossy(&transmit.bytes).into_owned();
                text.lines().next().unwrap_or_default().to_owned()
            })
            .collect()
    }

    fn sent_request(&mut self) -> Request {
        let transmit = self.layer.poll_transmit().expect("something was sent");
        match Message::parse(transmit.bytes) {
            Ok(Message::Request(request)) => request,
            other => panic!("{other:?} is no request"),
        }
    }
}
