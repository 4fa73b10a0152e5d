//! Users, passwords and keys that are gone: whoever came by them goes too.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::json;
use webtrunk_engine::EndCause;

use super::page::{Bench, description, proofs, token};
use crate::adapter::Command;
use crate::auth::digest::{Algorithm, Credentials, Ha1};
use crate::auth::ephemeral::EphemeralKeys;
use crate::auth::token::Keyring;
use crate::auth::validity::UnixTime;
use crate::json::Owned;
use crate::json::door::Proofs;

/// Bob alone, whose password is another.
struct OtherUsers;

impl Credentials for OtherUsers {
    fn ha1(&self, user: &str, realm: &str, algorithm: Algorithm) -> Option<Ha1> {
        (user == "bob").then(|| Ha1::new(algorithm, user, realm, "another"))
    }
}

/// The same as ever, but two whom nobody has configured are disabled.
struct SomeDisabled;

impl Credentials for SomeDisabled {
    fn ha1(&self, user: &str, realm: &str, algorithm: Algorithm) -> Option<Ha1> {
        proofs().users.ha1(user, realm, algorithm)
    }

    fn is_gone(&self, user: &str, _realm: &str) -> bool {
        ["1001", "bolt+alice"].contains(&user)
    }
}

/// A page by a token of these claims.
fn by_token(bench: &mut Bench, claims: serde_json::Value) -> u64 {
    let flow = bench.open();
    let proof = json!({ "kind": "token", "token": token(claims) });
    assert!(bench.ask(flow, "connect", json!({ "proof": proof })).get("result").is_some());
    flow
}

#[test]
fn a_user_that_is_gone_and_one_whose_password_is_another_are_no_more_and_their_calls_end() {
    let mut bench = Bench::new();
    let ((alice, _), (bob, _)) = (bench.page("alice"), bench.page("bob"));
    let token_of_alice = by_token(&mut bench, json!({}));
    let token_of_a_stranger = by_token(&mut bench, json!({ "sub": "1001" }));
    let (_, leg) = bench.call(alice, "100");
    bench.command(Command::Answer { leg, description: description() });
    bench.take_up(proofs());
    assert!(bench.closed.is_empty(), "nothing changed");
    bench.take_up(Proofs { users: Arc::new(OtherUsers), ..proofs() });
    assert_eq!(bench.ends(), [(leg, EndCause::Forbidden)]);
    assert_eq!(bench.event(alice, "ended")["cause"], "forbidden");
    for flow in [alice, bob, token_of_alice] {
        assert_eq!(bench.closed[&flow], "Revoked");
    }
    assert!(!bench.closed.contains_key(&token_of_a_stranger), "it was none of the configuration's users");
    assert_eq!((bench.located["alice"].len(), bench.located["1001"].len()), (0, 1));
}

#[test]
fn whoever_came_by_a_key_that_is_gone_is_no_more_and_does_not_come_back() {
    let mut bench = Bench::new();
    let wall = UnixTime(bench.wall);
    let made =
        proofs().ephemeral.make(Some("bob"), std::time::Duration::from_secs(60), wall).expect("a name");
    let by_name = bench.open();
    let proof = json!({ "kind": "ephemeral", "name": made.name, "password": made.password.expose() });
    bench.ask(by_name, "connect", json!({ "proof": proof }));
    let by_key = by_token(&mut bench, json!({}));
    let (by_password, _) = bench.page("alice");
    bench.take_up(Proofs { ephemeral: EphemeralKeys::default(), ..proofs() });
    assert_eq!(bench.closed.keys().collect::<Vec<_>>(), [&by_name]);
    let away = bench.open();
    let answer =
        bench.ask(away, "connect", json!({ "proof": { "kind": "token", "token": token(json!({})) } }));
    bench.lose(away);
    bench.take_up(Proofs { tokens: Keyring::default(), ..proofs() });
    assert!(bench.closed.contains_key(&by_key) && !bench.closed.contains_key(&by_password));
    let back = bench.open();
    let params = json!({ "token": answer["result"]["resumeToken"], "lastSeen": 0 });
    assert_eq!(bench.ask(back, "resume", params)["error"]["code"], 1009);
}

#[test]
fn whoever_the_edge_named_as_one_of_a_customer_goes_with_it_also_where_no_other_is_left() {
    for others in [HashMap::from([("acme".to_owned(), Owned::default())]), HashMap::new()] {
        let mut bench = Bench::new();
        let wall = UnixTime(bench.wall);
        let made =
            |user| proofs().edge.make(Some(user), std::time::Duration::from_secs(60), wall).expect("a name");
        let proof = |user| {
            let made = made(user);
            json!({ "proof": { "kind": "ephemeral", "name": made.name, "password": made.password.expose() } })
        };
        let [of_bolt, of_nobody] = ["bolt+alice", "+49301"].map(|user| {
            let flow = bench.open();
            assert!(bench.ask(flow, "connect", proof(user)).get("result").is_some(), "{user}");
            flow
        });
        bench.take_up(proofs());
        assert!(bench.closed.is_empty(), "nothing changed");
        bench.take_up(Proofs { customers: others, ..proofs() });
        assert_eq!(bench.closed.keys().collect::<Vec<_>>(), [&of_bolt]);
        assert!(!bench.closed.contains_key(&of_nobody));
        let flow = bench.open();
        assert_eq!(bench.ask(flow, "connect", proof("bolt+alice"))["error"]["code"], 1002);
    }
}

#[test]
fn whoever_is_disabled_has_no_way_in_and_goes() {
    let mut bench = Bench::new();
    let wall = UnixTime(bench.wall);
    let made =
        proofs().edge.make(Some("bolt+alice"), std::time::Duration::from_secs(60), wall).expect("a name");
    let by_edge = json!({ "kind": "ephemeral", "name": made.name, "password": made.password.expose() });
    let stranger = || json!({ "kind": "token", "token": token(json!({ "sub": "1001" })) });
    let connect = |bench: &mut Bench, proof: &serde_json::Value| {
        let flow = bench.open();
        (flow, bench.ask(flow, "connect", json!({ "proof": proof })))
    };
    let pages = [by_edge.clone(), stranger()].map(|proof| {
        let (flow, answer) = connect(&mut bench, &proof);
        assert!(answer.get("result").is_some(), "{answer}");
        flow
    });
    let (other, _) = bench.page("alice");
    bench.take_up(Proofs { users: Arc::new(SomeDisabled), ..proofs() });
    assert_eq!(bench.closed.keys().collect::<Vec<_>>(), pages.iter().collect::<Vec<_>>());
    assert!(!bench.closed.contains_key(&other));
    for proof in [by_edge, stranger()] {
        assert_eq!(connect(&mut bench, &proof).1["error"]["code"], 1002, "{proof}");
    }
}

#[test]
fn whoever_came_as_one_of_a_customer_that_is_gone_is_no_more_and_nobody_elses_user_either() {
    let mut bench = Bench::new();
    let (of_bolt, of_nobody) =
        (by_token(&mut bench, json!({ "customer": "bolt" })), by_token(&mut bench, json!({})));
    bench.take_up(proofs());
    assert!(bench.closed.is_empty(), "nothing changed");
    let other = HashMap::from([("acme".to_owned(), Owned::default())]);
    bench.take_up(Proofs { customers: other, ..proofs() });
    assert_eq!(bench.closed.keys().collect::<Vec<_>>(), [&of_bolt]);
    assert!(!bench.closed.contains_key(&of_nobody));
    let flow = bench.open();
    let proof = json!({ "kind": "token", "token": token(json!({ "customer": "bolt" })) });
    assert_eq!(bench.ask(flow, "connect", json!({ "proof": proof }))["error"]["code"], 1002);
}
