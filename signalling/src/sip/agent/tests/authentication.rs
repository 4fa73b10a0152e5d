//! Challenges of a trunk to our requests.

use webtrunk_engine::EndCause;

use super::description;
use super::peer::Peer;
use crate::adapter::{Command, Event, Origin};
use crate::auth::digest::Response as DigestResponse;
use crate::sip::agent::TrunkKeyring;
use crate::sip::message::{HeaderName, Method, Request};
use crate::sip::trunk::{TrunkConfig, TrunkCredentials, Trunks};

pub(super) const CHALLENGE: &str = "Digest realm=\"provider\", nonce=\"n1\", qop=\"auth\", algorithm=SHA-256";

#[test]
fn a_challenged_invite_is_sent_again_and_its_ack_carries_the_credentials() {
    for (status, challenge, answer) in [
        (401, HeaderName::WwwAuthenticate, HeaderName::Authorization),
        (407, HeaderName::ProxyAuthenticate, HeaderName::ProxyAuthorization),
    ] {
        let mut peer = with_account();
        let (_, invite) = peer.called(trunk());
        peer.respond_with(&invite, status, "one", |r| r.headers.push(challenge.clone(), CHALLENGE));
        let [ack, again] = peer.two_sent_requests();
        assert_eq!(ack.method, Method::Ack);
        assert_eq!(again.headers.cseq().map(|cseq| cseq.number), Ok(2));
        assert_eq!(again.headers.call_id(), invite.headers.call_id());
        assert_eq!(again.headers.from(), invite.headers.from());
        assert_ne!(again.headers.via(), invite.headers.via());
        assert_eq!(again.body, invite.body);
        let credentials = again.headers.get(&answer).and_then(DigestResponse::parse).expect("credentials");
        assert_eq!((credentials.username.as_str(), credentials.uri), ("us", again.uri.to_string()));
        peer.respond(&again, 200, "two");
        let ack = peer.sent_request();
        assert_eq!(ack.headers.get(&answer), again.headers.get(&answer));
        assert!(matches!(peer.told.last(), Some(Event::Answered { .. })));
    }
}

#[test]
fn a_password_that_is_refused_ends_the_call_and_a_stale_nonce_does_not() {
    let mut peer = with_account();
    let (_, invite) = peer.called(trunk());
    challenge(&mut peer, &invite, CHALLENGE);
    let [_, again] = peer.two_sent_requests();
    challenge(&mut peer, &again, &format!("{CHALLENGE}, stale=true"));
    let [_, again] = peer.two_sent_requests();
    challenge(&mut peer, &again, CHALLENGE);
    assert_eq!(peer.lines(), ["ACK"]);
    assert!(matches!(peer.told.last(), Some(Event::Ended { cause: EndCause::Forbidden, .. })));
}

#[test]
fn nobody_else_gets_our_credentials() {
    let mut peer = with_account();
    for other in [Origin::User("ann".to_owned()), Origin::Trunk("other".to_owned())] {
        let (_, invite) = peer.called(other);
        challenge(&mut peer, &invite, CHALLENGE);
        assert_eq!(peer.lines(), ["ACK"]);
        assert!(matches!(peer.told.last(), Some(Event::Ended { cause: EndCause::Forbidden, .. })));
    }
    let (_, invite) = peer.called(trunk());
    challenge(&mut peer, &invite, &CHALLENGE.replace("provider", "elsewhere"));
    assert_eq!(peer.lines(), ["ACK"]);
}

#[test]
fn a_call_that_came_in_never_answers_a_challenge() {
    let mut peer = with_account();
    let call = peer.call_in();
    peer.sent_messages();
    peer.command(Command::Hangup { leg: call.leg, cause: EndCause::Hangup });
    let bye = peer.sent_request();
    challenge(&mut peer, &bye, CHALLENGE);
    assert_eq!((peer.lines().len(), peer.agent.calls()), (0, 0));
}

#[test]
fn reinvite_digit_and_bye_are_challenged_too() {
    let mut peer = with_account();
    let (leg, invite) = peer.called(trunk());
    peer.respond(&invite, 200, "one");
    peer.sent_messages();
    peer.command(Command::Reoffer { leg, offer: description(3) });
    let reinvite = peer.sent_request();
    challenge(&mut peer, &reinvite, CHALLENGE);
    let [_, again] = peer.two_sent_requests();
    peer.respond(&again, 200, "one");
    assert!(peer.sent_request().headers.has(&HeaderName::Authorization));
    assert!(matches!(peer.told.last(), Some(Event::ReofferAnswered { .. })));
    let second = std::time::Duration::from_millis(100);
    peer.command(Command::SendDigit { leg, digit: '5', duration: second });
    let info = peer.sent_request();
    challenge(&mut peer, &info, CHALLENGE);
    let again = peer.sent_request();
    assert!(again.method == Method::Info && again.headers.has(&HeaderName::Authorization));
    peer.respond(&again, 200, "one");
    peer.command(Command::Hangup { leg, cause: EndCause::Hangup });
    let bye = peer.sent_request();
    challenge(&mut peer, &bye, CHALLENGE);
    let again = peer.sent_request();
    assert!(again.method == Method::Bye && again.headers.has(&HeaderName::Authorization));
    let numbers = [reinvite, info, bye, again].map(|r| r.headers.cseq().expect("is whole").number);
    assert_eq!(numbers, [2, 4, 6, 7]);
}

/// Numbers of a dialog do not come twice (RFC 3261 12.2.1.1): pjsip refuses a BYE that has the one of a request before.
#[test]
fn a_challenged_prack_takes_a_number_of_its_dialog() {
    let mut peer = with_account();
    let (leg, invite) = peer.called(trunk());
    let progress = |peer: &mut Peer, rseq: &'static str| {
        peer.respond_with(&invite, 183, "one", |response| {
            response.headers.push(HeaderName::Require, "100rel");
            response.headers.push(HeaderName::RSeq, rseq);
        });
        peer.sent_request()
    };
    let first = progress(&mut peer, "1");
    challenge(&mut peer, &first, CHALLENGE);
    let again = peer.sent_request();
    assert!(again.method == Method::Prack && again.headers.has(&HeaderName::Authorization));
    peer.respond(&again, 200, "one");
    let second = progress(&mut peer, "2");
    peer.respond(&second, 200, "one");
    peer.respond(&invite, 200, "one");
    peer.sent_messages();
    peer.command(Command::Hangup { leg, cause: EndCause::Hangup });
    let bye = peer.sent_request();
    let numbers = [first, again, second, bye].map(|r| r.headers.cseq().expect("is whole").number);
    assert_eq!(numbers, [2, 3, 4, 5]);
}

/// A call that we placed, hung up while our answer to the trunk's re-INVITE waits for its ACK.
#[test]
fn a_bye_that_waited_for_an_ack_is_challenged_too() {
    let mut peer = with_account();
    let (leg, invite) = peer.called(trunk());
    peer.respond(&invite, 200, "one");
    let mut reinvite = peer.request_of_callee(&invite, "one", "INVITE");
    reinvite.headers.set(HeaderName::ContentType, "application/sdp");
    reinvite.body = description(3).to_string().into();
    let number = reinvite.headers.cseq().expect("is whole").number;
    peer.receive(reinvite);
    peer.command(Command::AnswerReoffer { leg, description: description(4) });
    peer.sent_messages();
    peer.command(Command::Hangup { leg, cause: EndCause::Hangup });
    assert_eq!(peer.lines(), [""; 0], "BYE waits");
    let mut ack = peer.request_of_callee(&invite, "one", "ACK");
    ack.headers.set(HeaderName::CSeq, format!("{number} ACK"));
    peer.receive(ack);
    let bye = peer.sent_request();
    challenge(&mut peer, &bye, CHALLENGE);
    let again = peer.sent_request();
    assert!(again.method == Method::Bye && again.headers.has(&HeaderName::Authorization));
}

#[test]
fn an_offer_that_was_cancelled_is_not_made_again_for_a_challenge() {
    let mut peer = with_account();
    let (leg, invite) = peer.called(trunk());
    peer.respond(&invite, 200, "one");
    peer.sent_messages();
    peer.command(Command::Reoffer { leg, offer: description(3) });
    let reinvite = peer.sent_request();
    peer.respond(&reinvite, 100, "one");
    peer.run_for(std::time::Duration::from_secs(33));
    assert_eq!(peer.lines()[0], "CANCEL");
    challenge(&mut peer, &reinvite, CHALLENGE);
    assert_eq!(peer.lines(), ["ACK"]);
    assert!(matches!(peer.told.last(), Some(Event::ReofferRefused { .. })));
}

/// A peer that is a trunk at which we have an account.
pub(super) fn with_account() -> Peer {
    let account = TrunkCredentials {
        username: "us".to_owned(),
        password: "secret".to_owned(),
        realm: Some("provider".to_owned()),
    };
    let config = TrunkConfig { credentials: Some(account), ..TrunkConfig::new("lab", "192.0.2.2") };
    Peer::with_keyring(Box::new(TrunkKeyring::new(&Trunks::new(vec![config]), [9; 32])))
}

pub(super) fn trunk() -> Origin {
    Origin::Trunk("lab".to_owned())
}

fn challenge(peer: &mut Peer, request: &Request, challenge: &str) {
    peer.respond_with(request, 401, "one", |response| {
        response.headers.push(HeaderName::WwwAuthenticate, challenge);
    });
}
