//! Our client against our server, with everything that can go wrong between them.
#![allow(clippy::unwrap_used)]

use std::net::IpAddr;
use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::*;

const REALM: &str = "gateway.example";
const PEER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

/// Alice, whose password is `wonderland`, has both hashes; Bob only the older.
struct Users;

impl Credentials for Users {
    fn ha1(&self, user: &str, realm: &str, algorithm: Algorithm) -> Option<Ha1> {
        match (user, algorithm) {
            ("alice", _) | ("bob", Algorithm::Md5) => Some(Ha1::new(algorithm, user, realm, "wonderland")),
            _ => None,
        }
    }
}

struct Setup {
    server: DigestServer,
    start: Instant,
}

impl Setup {
    fn new() -> Self {
        let start = Instant::now();
        Self { server: DigestServer::new(DigestConfig::new(REALM), [3; 32], start), start }
    }

    fn at(&self, seconds: u64) -> Instant {
        self.start + Duration::from_secs(seconds)
    }

    fn verify(&mut self, authorization: &str, peer: IpAddr, now: Instant) -> Result<String, Denied> {
        self.server.verify("REGISTER", [authorization].into_iter(), peer, &Users, now)
    }

    /// A client that has taken the challenge of `now`, restricted to those that `is_offered` lets by.
    fn challenged(&mut self, user: &str, password: &str, algorithm: Algorithm, now: Instant) -> DigestClient {
        let challenges = self.server.challenges(PEER, &Denied::Missing, now);
        let mut client = DigestClient::new(user, password, Some(REALM), [1; 32]);
        let offered =
            challenges.iter().map(|c| &**c).filter(|c| Challenge::parse(c).unwrap().algorithm == algorithm);
        client.handle_challenge(offered, &mut Attempts::default()).unwrap();
        client
    }
}

fn alice() -> Result<String, Denied> {
    Ok("alice".into())
}

fn stale() -> Result<String, Denied> {
    Err(Denied::Stale { user: "alice".into() })
}

#[test]
fn both_algorithms_are_offered_the_stronger_first() {
    let mut setup = Setup::new();
    let challenges = setup.server.challenges(PEER, &Denied::Missing, setup.start);
    let algorithms: Vec<_> = challenges.iter().map(|c| Challenge::parse(c).unwrap().algorithm).collect();
    assert_eq!(algorithms, [Algorithm::Sha256, Algorithm::Md5]);
    assert!(challenges.iter().all(|c| c.contains("qop=\"auth\"") && !c.contains("stale")));
}

#[test]
fn the_right_password_is_taken_in_either_algorithm() {
    for algorithm in [Algorithm::Md5, Algorithm::Sha256] {
        let mut setup = Setup::new();
        let mut client = setup.challenged("alice", "wonderland", algorithm, setup.at(1));
        let response = client.authorize("REGISTER", "sip:gateway.example").unwrap();
        assert_eq!(setup.verify(&response, PEER, setup.at(2)), alice(), "{algorithm:?}");
    }
}

#[test]
fn a_client_takes_the_strongest_that_it_is_offered() {
    let mut setup = Setup::new();
    let challenges = setup.server.challenges(PEER, &Denied::Missing, setup.start);
    let mut client = DigestClient::new("alice", "wonderland", None, [1; 32]);
    client.handle_challenge(challenges.iter().rev().map(|c| &**c), &mut Attempts::default()).unwrap();
    assert_eq!(client.algorithm(), Some(Algorithm::Sha256));
}

#[test]
fn a_request_without_credentials_for_us_is_challenged() {
    let mut setup = Setup::new();
    for other in [
        "Basic YTpi",
        "NoOneKnowsThisScheme opaque-data=here",
        "Digest username=\"alice\", realm=\"elsewhere\", nonce=\"n\", uri=\"u\", response=\"0\", qop=auth, nc=00000001, cnonce=\"c\"",
        "Digest username=\"alice\", realm=\"gateway.example\", nonce=\"n\", uri=\"u\", response=\"0\"",
        "Digest username=\"alice\", realm=\"gateway.example\", algorithm=SHA-512-256, nonce=\"n\", uri=\"u\", response=\"0\", qop=auth, nc=00000001, cnonce=\"c\"",
    ] {
        assert_eq!(setup.verify(other, PEER, setup.start), Err(Denied::Missing), "{other}");
    }
    assert_eq!(
        setup.server.verify("REGISTER", std::iter::empty(), PEER, &Users, setup.start),
        Err(Denied::Missing)
    );
}

#[test]
fn an_algorithm_that_is_not_offered_is_not_taken() {
    let mut setup = Setup::new();
    let mut client = setup.challenged("alice", "wonderland", Algorithm::Md5, setup.start);
    let config = DigestConfig { algorithms: vec![Algorithm::Sha256], ..DigestConfig::new(REALM) };
    setup.server = DigestServer::new(config, [3; 32], setup.start);
    let response = client.authorize("REGISTER", "sip:gateway.example").unwrap();
    assert_eq!(setup.verify(&response, PEER, setup.start), Err(Denied::Missing));
}

#[test]
fn wrong_and_unknown_look_the_same() {
    let mut setup = Setup::new();
    let mut shapes = Vec::new();
    for (user, password) in [("alice", "guess"), ("nobody", "guess"), ("bob", "wonderland")] {
        let mut client = setup.challenged(user, password, Algorithm::Sha256, setup.start);
        let response = client.authorize("REGISTER", "sip:gateway.example").unwrap();
        let denied = setup.verify(&response, PEER, setup.start).unwrap_err();
        assert_eq!(denied, Denied::Wrong { user: user.into() });
        let challenges = setup.server.challenges(PEER, &denied, setup.start);
        let shape: Vec<_> = challenges
            .iter()
            .map(|c| {
                let nonce = Challenge::parse(c).unwrap().nonce;
                c.replace(&nonce, &"n".repeat(nonce.len()))
            })
            .collect();
        shapes.push(shape);
    }
    assert_eq!(shapes[0], shapes[1]);
    assert_eq!(shapes[0], shapes[2]);
}

#[test]
fn any_change_of_what_is_hashed_is_wrong() {
    let mut setup = Setup::new();
    let mut client = setup.challenged("alice", "wonderland", Algorithm::Sha256, setup.start);
    let response = client.authorize("REGISTER", "sip:gateway.example").unwrap();
    let wrong = Err(Denied::Wrong { user: "alice".into() });
    for (old, new) in
        [("sip:gateway", "sip:elsewhere"), ("nc=00000001", "nc=00000002"), ("cnonce=\"", "cnonce=\"x")]
    {
        assert_eq!(setup.verify(&response.replace(old, new), PEER, setup.start), wrong, "{old}");
    }
    let as_invite = setup.server.verify("INVITE", [&*response].into_iter(), PEER, &Users, setup.start);
    assert_eq!(as_invite, wrong);
    let half = &response[..response.find("response=\"").unwrap() + 20];
    assert_eq!(
        setup.verify(
            &format!("{half}\", qop=auth, nc=00000001, cnonce=\"c\", algorithm=SHA-256"),
            PEER,
            setup.start
        ),
        wrong
    );
    assert_eq!(setup.verify(&response, PEER, setup.start), alice());
}

#[test]
fn a_replay_is_refused() {
    let mut setup = Setup::new();
    let mut client = setup.challenged("alice", "wonderland", Algorithm::Sha256, setup.start);
    let first = client.authorize("REGISTER", "sip:gateway.example").unwrap();
    assert_eq!(setup.verify(&first, PEER, setup.at(1)), alice());
    assert_eq!(setup.verify(&first, PEER, setup.at(1)), stale());
    assert_eq!(setup.verify(&first, PEER, setup.at(61)), stale());
}

#[test]
fn counts_may_be_skipped_and_come_late() {
    let mut setup = Setup::new();
    let mut client = setup.challenged("alice", "wonderland", Algorithm::Md5, setup.start);
    let responses: Vec<_> =
        (0..5).map(|_| client.authorize("REGISTER", "sip:gateway.example").unwrap()).collect();
    for at in [0, 3, 1] {
        assert_eq!(setup.verify(&responses[at], PEER, setup.at(1)), alice(), "{at}");
        assert_eq!(setup.verify(&responses[at], PEER, setup.at(1)), stale(), "{at}");
    }
    assert_eq!(setup.verify(&responses[4], PEER, setup.at(1)), alice());
}

#[test]
fn a_wrong_response_does_not_use_the_count_up() {
    let mut setup = Setup::new();
    let mut client = setup.challenged("alice", "wonderland", Algorithm::Md5, setup.start);
    let response = client.authorize("REGISTER", "sip:gateway.example").unwrap();
    let forged = response.replace("uri=\"sip:", "uri=\"sip:forged.");
    assert!(setup.verify(&forged, PEER, setup.start).is_err());
    assert_eq!(setup.verify(&response, PEER, setup.start), alice());
}

#[test]
fn an_old_nonce_is_stale() {
    let mut setup = Setup::new();
    let mut client = setup.challenged("alice", "wonderland", Algorithm::Sha256, setup.start);
    let in_time = client.authorize("REGISTER", "sip:gateway.example").unwrap();
    assert_eq!(setup.verify(&in_time, PEER, setup.at(60)), alice());
    let late = client.authorize("REGISTER", "sip:gateway.example").unwrap();
    assert_eq!(setup.verify(&late, PEER, setup.at(61)), stale());
    let denied = Denied::Stale { user: "alice".into() };
    let challenges = setup.server.challenges(PEER, &denied, setup.at(61));
    assert!(challenges.iter().all(|c| c.contains(", stale=true,")));
}

#[test]
fn a_moved_nonce_is_stale() {
    let mut setup = Setup::new();
    let mut client = setup.challenged("alice", "wonderland", Algorithm::Sha256, setup.start);
    let response = client.authorize("REGISTER", "sip:gateway.example").unwrap();
    assert_eq!(setup.verify(&response, "192.0.2.99".parse().unwrap(), setup.start), stale());
    assert_eq!(setup.verify(&response, PEER, setup.start), alice());
}

#[test]
fn a_nonce_of_another_server_is_stale_for_who_has_the_password() {
    let mut setup = Setup::new();
    let mut client = setup.challenged("alice", "wonderland", Algorithm::Sha256, setup.start);
    let response = client.authorize("REGISTER", "sip:gateway.example").unwrap();
    let mut restarted =
        Setup { server: DigestServer::new(DigestConfig::new(REALM), [4; 32], setup.start), ..setup };
    assert_eq!(restarted.verify(&response, PEER, restarted.start), stale());
}

#[test]
fn a_stale_nonce_costs_the_client_one_more_round() {
    let mut setup = Setup::new();
    let mut client = setup.challenged("alice", "wonderland", Algorithm::Sha256, setup.start);
    let mut attempts = Attempts::default();
    let late = client.authorize("REGISTER", "sip:gateway.example").unwrap();
    let denied = setup.verify(&late, PEER, setup.at(300)).unwrap_err();
    let challenges = setup.server.challenges(PEER, &denied, setup.at(300));
    client.handle_challenge(challenges.iter().map(|c| &**c), &mut attempts).unwrap();
    let again = client.authorize("REGISTER", "sip:gateway.example").unwrap();
    assert_eq!(setup.verify(&again, PEER, setup.at(300)), alice());
}

#[test]
fn names_with_quotes_are_hashed_as_both_sides_write_them() {
    struct Quoted;
    impl Credentials for Quoted {
        fn ha1(&self, user: &str, realm: &str, algorithm: Algorithm) -> Option<Ha1> {
            (user == "a\"b\\c").then(|| Ha1::new(algorithm, user, realm, "pw"))
        }
    }
    let start = Instant::now();
    let realm = "the \"gate\" \\ way";
    let mut server = DigestServer::new(DigestConfig::new(realm), [9; 32], start);
    let mut client = DigestClient::new("a\"b\\c", "pw", Some(realm), [1; 32]);
    let challenges = server.challenges(PEER, &Denied::Missing, start);
    client.handle_challenge(challenges.iter().map(|c| &**c), &mut Attempts::default()).unwrap();
    let response = client.authorize("BYE", "sip:x").unwrap();
    let verdict = server.verify("BYE", [&*response].into_iter(), PEER, &Quoted, start);
    assert_eq!(verdict, Ok("a\"b\\c".into()));
}

mod client {
    use super::*;

    fn handle(
        client: &mut DigestClient,
        challenge: &str,
        attempts: &mut Attempts,
    ) -> Result<(), ClientError> {
        client.handle_challenge([challenge].into_iter(), attempts)
    }

    #[test]
    fn only_the_configured_realm_is_answered() {
        let mut client = DigestClient::new("a", "b", Some("carrier"), [1; 32]);
        let foreign = "Digest realm=\"evil\", nonce=\"n\", algorithm=MD5, qop=\"auth\"";
        assert_eq!(handle(&mut client, foreign, &mut Attempts::default()), Err(ClientError::OtherRealm));
        assert_eq!(client.authorize("INVITE", "sip:x"), None);
        let foreign = foreign.replace("MD5", "ROT13");
        assert_eq!(handle(&mut client, &foreign, &mut Attempts::default()), Err(ClientError::UnknownKind));
    }

    #[test]
    fn without_a_configured_realm_the_first_is_kept() {
        let mut client = DigestClient::new("a", "b", None, [1; 32]);
        handle(&mut client, "Digest realm=\"one\", nonce=\"n\"", &mut Attempts::default()).unwrap();
        let other = "Digest realm=\"two\", nonce=\"n\"";
        assert_eq!(handle(&mut client, other, &mut Attempts::default()), Err(ClientError::OtherRealm));
    }

    #[test]
    fn a_password_that_was_refused_is_not_tried_again() {
        let mut client = DigestClient::new("a", "b", None, [1; 32]);
        let mut attempts = Attempts::default();
        handle(&mut client, "Digest realm=\"r\", nonce=\"1\"", &mut attempts).unwrap();
        let again = "Digest realm=\"r\", nonce=\"2\"";
        assert_eq!(handle(&mut client, again, &mut attempts), Err(ClientError::Refused));
    }

    #[test]
    fn a_peer_that_never_likes_its_nonce_ends_after_two() {
        let mut client = DigestClient::new("a", "b", None, [1; 32]);
        let mut attempts = Attempts::default();
        for nonce in 1..=2 {
            let stale = format!("Digest realm=\"r\", nonce=\"{nonce}\", stale=true");
            handle(&mut client, &stale, &mut attempts).unwrap();
        }
        let third = "Digest realm=\"r\", nonce=\"3\", stale=TRUE";
        assert_eq!(handle(&mut client, third, &mut attempts), Err(ClientError::TooOften));
    }

    #[test]
    fn a_server_without_qop_gets_none() {
        let mut client = DigestClient::new("a", "b", None, [1; 32]);
        handle(&mut client, "Digest realm=\"r\", nonce=\"1\", opaque=\"x=,\"", &mut Attempts::default())
            .unwrap();
        let response = Response::parse(&client.authorize("INVITE", "sip:x").unwrap()).unwrap();
        assert_eq!((response.qop, response.opaque.as_deref()), (None, Some("x=,")));
        let ha1 = Ha1::new(Algorithm::Md5, "a", "r", "b");
        assert_eq!(response.response, ha1.response("INVITE", "sip:x", "1", None));
    }

    #[test]
    fn each_use_counts() {
        let mut client = DigestClient::new("a", "b", None, [1; 32]);
        handle(&mut client, "Digest realm=\"r\", nonce=\"1\", qop=\"auth\"", &mut Attempts::default())
            .unwrap();
        let mut next =
            || Response::parse(&client.authorize("INVITE", "sip:x").unwrap()).unwrap().qop.unwrap();
        let (one, two) = (next(), next());
        assert_eq!((&*one.nc, &*two.nc), ("00000001", "00000002"));
        assert_ne!(one.cnonce, two.cnonce);
    }

    #[test]
    fn the_password_is_not_shown() {
        let client = DigestClient::new("a", "pass-phrase", None, [1; 32]);
        assert!(!format!("{client:?}").contains("pass-phrase"));
    }
}

proptest! {
    #[test]
    fn no_field_of_a_peer_panics(text in "\\PC{0,80}", tail in "(?s).{0,80}") {
        let mut setup = Setup::new();
        for value in [
            text.clone(),
            format!("Digest {text}"),
            format!("Digest username=\"alice\", realm=\"{REALM}\", qop=auth, nc=00000001, cnonce=\"\", {tail}"),
            format!("Digest username=\"a\", realm=\"{REALM}\", nonce=\"{tail}\", uri=\"\", response=\"{text}\", qop=auth, nc=ffffffff, cnonce=\"\""),
        ] {
            prop_assert!(setup.verify(&value, PEER, setup.start).is_err());
            let mut client = DigestClient::new("a", "b", None, [1; 32]);
            if client.handle_challenge([&*value].into_iter(), &mut Attempts::default()).is_ok() {
                prop_assert!(client.authorize("INVITE", "sip:x").is_some());
            }
        }
    }
}
