use std::collections::HashMap;
use std::time::Duration;

use super::*;
use crate::auth::digest::{DigestClient, Ha1};
use crate::auth::limits::Whom;
use crate::sip::flow::{ListenerId, TransportKind};
use crate::sip::identity::{Rewrite, Subject};
use crate::sip::message::Message;

const REALM: &str = "test";

/// Nobody has shown a certificate.
const NOTHING: fn(&TrunkConfig) -> bool = |_| false;

/// The only user.
struct Alice;

impl Credentials for Alice {
    fn ha1(&self, user: &str, realm: &str, algorithm: Algorithm) -> Option<Ha1> {
        (user == "alice").then(|| Ha1::new(algorithm, user, realm, "wonderland"))
    }
}

fn admission(now: Instant) -> Admission {
    let trunk = TrunkConfig {
        source_networks: vec!["198.51.100.0/24".parse().expect("a range")],
        ..TrunkConfig::new("provider", "198.51.100.7")
    };
    Admission::new(DigestConfig::new(REALM), Arc::new(Alice), Trunks::new(vec![trunk]), [7; 32], now)
}

fn flow(remote: &str) -> Flow {
    Flow {
        kind: TransportKind::Udp,
        listener: ListenerId(0),
        local: "192.0.2.1:5060".parse().expect("an address"),
        remote: remote.parse().expect("an address"),
        connection: None,
    }
}

fn request(method: &str, from: &str) -> Request {
    request_in("1", method, from)
}

fn request_in(call_id: &str, method: &str, from: &str) -> Request {
    let text = format!(
        "{method} sip:test SIP/2.0\r\nVia: SIP/2.0/UDP a;branch=z9hG4bK1\r\nFrom: <{from}>;tag=1\r\n\
         To: <{from}>\r\nCall-ID: {call_id}\r\nCSeq: 1 {method}\r\n\r\n"
    );
    match Message::parse(text.into()).expect("well formed") {
        Message::Request(request) => request,
        Message::Response(_) => unreachable!("it begins with a method"),
    }
}

/// The request with the answer to what it was challenged with.
fn answer(mut request: Request, verdict: Verdict, user: &str, password: &str) -> Request {
    let Verdict::Challenge(headers) = verdict else { panic!("a challenge: {verdict:?}") };
    let mut client = DigestClient::new(user, password, Some(REALM), [1; 32]);
    client.handle_challenge(headers.www_authenticates(), &mut Default::default()).expect("our realm");
    let uri = request.uri.to_string();
    let value = client.authorize(request.method.as_str(), &uri).expect("challenged");
    request.headers.push(HeaderName::Authorization, value);
    request
}

/// The verdict on a request that answers its challenge.
fn verdict(method: &str, from: &str, user: &str, password: &str) -> String {
    let now = Instant::now();
    let mut admission = admission(now);
    let flow = flow("203.0.113.9:5060");
    let request = request(method, from);
    let challenge = admission.judge(&request, &flow, &NOTHING, now);
    let answered = answer(request, challenge, user, password);
    say(&admission.judge(&answered, &flow, &NOTHING, now))
}

fn say(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Accept { origin } => format!("{origin:?}"),
        Verdict::Challenge(_) => "challenge".into(),
        Verdict::Reject(reject) => reject.status.to_string(),
        Verdict::Drop => "drop".into(),
    }
}

#[test]
fn a_user_comes_in_under_its_own_name_only() {
    for method in ["INVITE", "REGISTER", "MESSAGE"] {
        let verdict = |from, user, password| verdict(method, from, user, password);
        assert_eq!(verdict("sip:alice@test", "alice", "wonderland"), "User(\"alice\")");
        assert_eq!(verdict("sip:%61lice@elsewhere", "alice", "wonderland"), "User(\"alice\")");
        for other in
            ["sip:bob@test", "sip:anonymous@anonymous.invalid", "sip:test", "sip:Alice@test", "tel:1"]
        {
            assert_eq!(verdict(other, "alice", "wonderland"), "403", "{other}");
        }
        assert_eq!(verdict("sip:alice@test", "alice", "wrong"), "challenge");
        assert_eq!(verdict("sip:bob@test", "bob", "wonderland"), "challenge");
    }
}

#[test]
fn after_too_many_guesses_even_the_right_password_waits() {
    let now = Instant::now();
    let mut admission = admission(now);
    let mut call_id = 0;
    let mut attempt = |admission: &mut Admission, remote, password, now| {
        call_id += 1;
        let request = request_in(&call_id.to_string(), "REGISTER", "sip:alice@test");
        let challenge = admission.judge(&request, &flow(remote), &NOTHING, now);
        let answered = answer(request, challenge, "alice", password);
        say(&admission.judge(&answered, &flow(remote), &NOTHING, now))
    };
    for failure in 1..=10 {
        assert_eq!(attempt(&mut admission, "203.0.113.9:5060", "guess", now), "challenge");
        let shut_out = admission.take_shut_out();
        assert_eq!(shut_out.is_some(), failure == 10, "the log tells it once");
        assert!(shut_out.is_none_or(|(user, it)| user == "alice" && it.whom == Whom::User));
    }
    assert_eq!(attempt(&mut admission, "203.0.113.9:5061", "wonderland", now), "drop");
    let challenge =
        admission.judge(&request("REGISTER", "sip:alice@test"), &flow("203.0.113.9:5060"), &NOTHING, now);
    let decoy = answer(request("REGISTER", "sip:alice@test"), challenge.clone(), "decoy", "guess");
    let hidden = answer(decoy, challenge, "alice", "guess");
    assert_eq!(attempt(&mut admission, "203.0.113.10:5060", "wonderland", now), "User(\"alice\")");
    assert_eq!(say(&admission.judge(&hidden, &flow("203.0.113.9:5060"), &NOTHING, now)), "drop");
    let later = now + Duration::from_secs(60);
    assert_eq!(attempt(&mut admission, "203.0.113.9:5060", "wonderland", later), "User(\"alice\")");
}

#[test]
fn a_phone_that_repeats_its_wrong_password_is_let_in_as_soon_as_it_is_corrected() {
    let now = Instant::now();
    let mut admission = admission(now);
    let flow = flow("203.0.113.9:5060");
    let mut refused = 0;
    for call_id in ["1", "2"] {
        let register = || request_in(call_id, "REGISTER", "sip:alice@test");
        let mut verdict = admission.judge(&register(), &flow, &NOTHING, now);
        for attempt in 0..100 {
            let wrong = answer(register(), verdict.clone(), "alice", "wrong");
            let judged = admission.judge(&wrong, &flow, &NOTHING, now + Duration::from_millis(attempt));
            match say(&judged).as_str() {
                // As for whom there is not.
                "challenge" => (refused, verdict) = (refused + 1, judged),
                other => assert_eq!(other, "drop"),
            }
            let again = admission.judge(&wrong, &flow, &NOTHING, now + Duration::from_millis(attempt));
            let is_first = attempt == 0;
            assert_eq!(say(&again), if is_first { "challenge" } else { "drop" }, "the 401 was lost");
        }
    }
    assert_eq!(refused, 2, "one of each registration is looked at");
    let corrected = request_in("3", "REGISTER", "sip:alice@test");
    let challenge = admission.judge(&corrected, &flow, &NOTHING, now);
    let answered = answer(corrected, challenge, "alice", "wonderland");
    assert_eq!(say(&admission.judge(&answered, &flow, &NOTHING, now)), "User(\"alice\")");
    assert_eq!(admission.take_shut_out(), None);
}

#[test]
fn guesses_in_one_registration_are_counted_as_those_in_many() {
    let start = Instant::now();
    let mut admission = admission(start);
    let flow = flow("203.0.113.9:5060");
    let register = || request("REGISTER", "sip:alice@test");
    let looked_at = (0..6000).filter(|tick| {
        let now = start + Duration::from_millis(tick * 10);
        let challenge = admission.judge(&register(), &flow, &NOTHING, now);
        let guess = answer(register(), challenge, "alice", &format!("guess {tick}"));
        say(&admission.judge(&guess, &flow, &NOTHING, now)) == "challenge"
    });
    assert_eq!(looked_at.count(), 10, "of a minute's");
}

#[test]
fn nobody_registers_for_another() {
    let now = Instant::now();
    let mut admission = admission(now);
    let flow = flow("203.0.113.9:5060");
    let mut register = request("REGISTER", "sip:alice@test");
    register.headers.set(HeaderName::To, "<sip:bob@test>");
    let challenge = admission.judge(&register, &flow, &NOTHING, now);
    let answered = answer(register, challenge, "alice", "wonderland");
    assert_eq!(say(&admission.judge(&answered, &flow, &NOTHING, now)), "403");
}

/// A customer's user alone.
struct OfAcme;

impl Credentials for OfAcme {
    fn ha1(&self, user: &str, realm: &str, algorithm: Algorithm) -> Option<Ha1> {
        (user == "acme+alice").then(|| Ha1::new(algorithm, user, realm, "wonderland"))
    }
}

#[test]
fn a_customers_user_comes_in_from_its_networks_alone_and_is_told_so_and_counted_elsewhere() {
    let now = Instant::now();
    let (networks, trunks) = (SourceNetworks::default(), Trunks::new(Vec::new()));
    let home = "203.0.113.0/24".parse().expect("a range");
    networks.set(HashMap::from([("acme".to_owned(), vec![home])]));
    let admission = Admission::new(DigestConfig::new(REALM), Arc::new(OfAcme), trunks, [7; 32], now);
    let mut admission = admission.within(networks.clone());
    let judged = |admission: &mut Admission, method: &str, remote: &str, password: &str| {
        let (flow, request) = (flow(remote), || request(method, "sip:acme+alice@test"));
        let challenge = admission.judge(&request(), &flow, &NOTHING, now);
        admission.judge(&answer(request(), challenge, "acme+alice", password), &flow, &NOTHING, now)
    };
    for method in ["REGISTER", "INVITE", "MESSAGE"] {
        let at_home = judged(&mut admission, method, "203.0.113.9:5060", "wonderland");
        assert_eq!(say(&at_home), "User(\"acme+alice\")", "{method}");
        let elsewhere = judged(&mut admission, method, "198.51.100.7:5060", "wonderland");
        let Verdict::Reject(reject) = elsewhere else { panic!("{method}: {elsewhere:?}") };
        assert_eq!((reject.status.code(), &*reject.reason), (403, "Not From This Network"));
    }
    let counts = || networks.counts().map(|(what, count)| format!("{what} {count}")).collect::<Vec<_>>();
    assert_eq!(counts(), ["registration 1", "call 1", "page 0", "other 1"]);
    let guess = judged(&mut admission, "INVITE", "198.51.100.7:5060", "guess");
    assert_eq!(say(&guess), "challenge", "who proves nothing learns nothing");

    // A call that has moved goes on from its networks alone, and ends from everywhere.
    let mut goes_on = |method, remote| {
        let refused =
            admission.refuse_elsewhere(&request(method, "sip:x@test"), &flow(remote), "acme+alice", now);
        refused.is_none()
    };
    assert!(goes_on("INVITE", "203.0.113.9:5060") && goes_on("BYE", "198.51.100.7:5060"));
    assert!(!goes_on("INVITE", "198.51.100.7:5060"));
    networks.set(HashMap::new());
    // From an address that was not asked for its password so often.
    let anywhere = judged(&mut admission, "REGISTER", "192.0.2.44:5060", "wonderland");
    assert_eq!(say(&anywhere), "User(\"acme+alice\")");
}

#[test]
fn a_trunk_calls_by_its_address_and_does_not_register() {
    let now = Instant::now();
    let mut admission = admission(now);
    let flow = flow("198.51.100.7:5060");
    let call = request("INVITE", "sip:+4930123456@provider.example");
    assert_eq!(say(&admission.judge(&call, &flow, &NOTHING, now)), "Trunk(\"provider\")");
    let register = request("REGISTER", "sip:alice@test");
    let challenge = admission.judge(&register, &flow, &NOTHING, now);
    assert_eq!(say(&challenge), "challenge");
    let answered = answer(register, challenge, "alice", "wonderland");
    assert_eq!(say(&admission.judge(&answered, &flow, &NOTHING, now)), "User(\"alice\")");
}

/// Whether it dials an emergency number is asked before it is admitted.
#[test]
fn where_a_request_comes_from_tells_whose_numbers_it_dials_before_anybody_is_asked() {
    let trunk = TrunkConfig {
        source_networks: vec!["198.51.100.0/24".parse().expect("a range")],
        rewrites: vec![Rewrite::new(Subject::CalledIn, "0(11.)", "$1").expect("sound")],
        ..TrunkConfig::new("provider", "198.51.100.7")
    };
    let (trunks, now) = (Trunks::new(vec![trunk]), Instant::now());
    let admission = Admission::new(DigestConfig::new(REALM), Arc::new(Alice), trunks, [7; 32], now);
    let mut invite = request("INVITE", "sip:1@a");
    invite.uri = "sip:0112@test".parse().expect("a URI");
    let is_at =
        |remote: &str, name: Option<&str>| admission.trunk_at(&invite, &flow(remote), &NOTHING) == name;
    assert!(is_at("198.51.100.9:5060", Some("provider")) && is_at("203.0.113.9:5060", None));
    let dialled = |origin: Origin| admission.read(&invite, &origin).expect("From can be read").destination;
    assert_eq!(dialled(Origin::Trunk("provider".to_owned())), "112");
    assert_eq!(dialled(Origin::User(String::new())), "0112");
}

#[test]
fn credentials_of_another_realm_are_no_claim_of_a_trunks_caller() {
    let now = Instant::now();
    let mut admission = admission(now);
    let flow = flow("198.51.100.7:5060");
    let mut call = request("INVITE", "sip:bob@provider.example");
    let of_the_trunk =
        "Digest username=\"bob\", realm=\"provider\", nonce=\"1\", uri=\"sip:test\", response=\"0\"";
    call.headers.push(HeaderName::Authorization, of_the_trunk);
    assert_eq!(say(&admission.judge(&call, &flow, &NOTHING, now)), "Trunk(\"provider\")");
    // With credentials for us it wants to be a user, and has to be one.
    let claim = of_the_trunk.replace("provider", REALM);
    call.headers.set(HeaderName::Authorization, claim);
    assert_eq!(say(&admission.judge(&call, &flow, &NOTHING, now)), "challenge");
}

#[test]
fn a_trunk_that_proves_itself_calls_for_others_from_anywhere() {
    let now = Instant::now();
    let trunk = TrunkConfig { peer_user: Some("alice".into()), ..TrunkConfig::new("pbx", "192.0.2.7") };
    let trunks = Trunks::new(vec![trunk]);
    let mut admission = Admission::new(DigestConfig::new(REALM), Arc::new(Alice), trunks, [7; 32], now);
    let flow = flow("203.0.113.9:5060");
    let call = request("INVITE", "sip:+4930123456@pbx");
    let challenge = admission.judge(&call, &flow, &NOTHING, now);
    let answered = answer(call, challenge, "alice", "wonderland");
    assert_eq!(say(&admission.judge(&answered, &flow, &NOTHING, now)), "Trunk(\"pbx\")");
}

#[test]
fn a_stranger_is_challenged_whatever_it_calls_itself() {
    let now = Instant::now();
    let mut admission = admission(now);
    for from in ["sip:alice@test", "sip:provider@test", "sip:anonymous@anonymous.invalid"] {
        let verdict = admission.judge(&request("INVITE", from), &flow("203.0.113.9:5060"), &NOTHING, now);
        let Verdict::Challenge(headers) = verdict else { panic!("a challenge: {verdict:?}") };
        let algorithms: Vec<_> =
            headers.www_authenticates().map(|value| value.contains("algorithm=SHA-256")).collect();
        assert_eq!(algorithms, [true, false], "the stronger one first (RFC 8760 2.3)");
    }
}
