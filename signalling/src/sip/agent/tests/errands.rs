//! Requests outside of calls: challenges are answered, ends are told once.

use std::time::Duration;

use super::authentication::with_account;
use super::peer::Peer;
use crate::sip::agent::{Errand, ErrandEnd, ErrandId, ErrandOutcome, Reach};
use crate::sip::message::{HeaderName, Host, Request, SipUri};
use crate::sip::upstream::{Registration, RegistrationConfig};

const CHALLENGE: &str = "Digest realm=\"provider\", nonce=\"n1\", algorithm=SHA-512-256, qop=\"auth-int\"";

#[test]
fn a_registration_proves_itself_as_the_registrar_wants_it() {
    let mut peer = with_account();
    let register = send(&mut peer);
    peer.respond_with(&register, 401, "one", |r| r.headers.push(HeaderName::WwwAuthenticate, CHALLENGE));
    let again = peer.sent_request();
    let proof = again.headers.get(&HeaderName::Authorization).and_then(|value| value.split_once("response="));
    assert!(again.headers.get(&HeaderName::Authorization).is_some_and(|value| {
        value.contains("algorithm=SHA-512-256")
            && value.contains("qop=auth-int")
            && value.contains("nc=00000001")
    }));
    assert!(proof.is_some_and(|(_, rest)| rest.trim_start_matches('"').find('"') == Some(64)));
    peer.respond(&again, 200, "one");
    let end = peer.agent.poll_errand().expect("it is over");
    assert_eq!((end.id, end.cseq), (ErrandId::Upstream(7), 2));
    assert!(matches!(end.outcome, ErrandOutcome::Answered(response) if response.status.is_success()));
    assert!(peer.agent.poll_errand().is_none());
}

#[test]
fn a_password_that_is_not_taken_is_not_said_again() {
    let mut peer = with_account();
    let register = send(&mut peer);
    peer.respond_with(&register, 401, "one", |r| r.headers.push(HeaderName::WwwAuthenticate, CHALLENGE));
    let again = peer.sent_request();
    peer.respond_with(&again, 401, "one", |r| r.headers.push(HeaderName::WwwAuthenticate, CHALLENGE));
    assert_eq!(peer.lines(), [""; 0]);
    assert_eq!(status(peer.agent.poll_errand()), Some(401));
    let elsewhere = send(&mut peer);
    let other = "Digest realm=\"elsewhere\", nonce=\"n1\", qop=\"auth\"";
    peer.respond_with(&elsewhere, 401, "one", |r| r.headers.push(HeaderName::WwwAuthenticate, other));
    assert_eq!(peer.lines(), [""; 0], "our password goes to the configured realm alone");
    assert_eq!(status(peer.agent.poll_errand()), Some(401));
}

#[test]
fn nobody_answers_and_that_is_told_in_time_and_once() {
    let mut peer = with_account();
    let register = send(&mut peer);
    peer.run_for(Duration::from_secs(4));
    assert!(matches!(peer.agent.poll_errand().map(|end| end.outcome), Some(ErrandOutcome::Silent)));
    assert_eq!(peer.agent.transactions(), 0, "nothing is sent any more");
    peer.respond(&register, 200, "late");
    assert!(peer.agent.poll_errand().is_none());
    send(&mut peer);
    let flow = peer.flow;
    peer.agent.flow_failed(&flow, peer.now);
    assert!(matches!(peer.agent.poll_errand().map(|end| end.outcome), Some(ErrandOutcome::Unreachable)));
}

fn status(end: Option<ErrandEnd>) -> Option<u16> {
    match end?.outcome {
        ErrandOutcome::Answered(response) => Some(response.status.code()),
        ErrandOutcome::Silent | ErrandOutcome::Unreachable => None,
    }
}

fn send(peer: &mut Peer) -> Request {
    let config = RegistrationConfig {
        user: "us".into(),
        expires: Duration::from_secs(600),
        credentials: None,
        of_user: None,
    };
    let domain = Host::Domain("provider.example".into());
    let mut registration = Registration::new(&config, ("lab", domain), [1; 32], peer.now);
    let contact = SipUri::new("", Host::from(peer.flow.local.ip()), Some(5060));
    let errand = Errand {
        id: ErrandId::Upstream(7),
        account: Some("lab".to_owned()),
        request: registration.request(&contact),
        flow: peer.flow,
        reach: Reach::Target,
        patience: Duration::from_secs(4),
    };
    peer.sent_messages();
    peer.agent.send_errand(errand, peer.now);
    peer.run_for(Duration::ZERO);
    peer.sent_request()
}
