//! Accounts that tokens bring: which are held, for whom and for how long.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::page::{Bench, PROVIDER, TRUNK, proofs, token, token_key};
use crate::accounts::{AccountId, AccountStanding, AccountWish};
use crate::auth::token::Keyring;
use crate::json::Owned;
use crate::json::door::Proofs;

/// A page connects by a token with this account.
fn connect(bench: &mut Bench, user: &str, account: Value) -> Result<u64, i64> {
    connect_of(bench, json!({ "sub": user, "account": account }))
}

fn connect_of(bench: &mut Bench, claims: Value) -> Result<u64, i64> {
    let flow = bench.open();
    let proof = json!({ "kind": "token", "token": token(claims) });
    let answer = bench.ask(flow, "connect", json!({ "proof": proof }));
    match answer.get("error") {
        None => Ok(flow),
        Some(error) => Err(error["code"].as_i64().expect("a code")),
    }
}

fn account(user: &str, password: &str) -> Value {
    json!({ "user": user, "password": password, "domain": PROVIDER })
}

/// What is wanted so far: `+` and the account's user or `-`, with the account's number.
fn wishes(bench: &Bench) -> Vec<String> {
    let word = |wish: &AccountWish| match wish {
        AccountWish::Hold(id, account) => format!("+{} {}", id.0, account.user),
        AccountWish::Leave(id) => format!("-{}", id.0),
    };
    bench.wishes.iter().map(word).collect()
}

#[test]
fn an_account_is_held_while_a_page_has_it_and_a_grace_longer() {
    let mut bench = Bench::new();
    let one = connect(&mut bench, "alice", account("1001", "secret")).expect("a good token");
    assert_eq!(wishes(&bench), ["+1 1001"]);
    match &bench.wishes[0] {
        AccountWish::Hold(_, held) => {
            assert_eq!((held.trunk.as_str(), held.of_user.as_str()), (TRUNK, "alice"));
            assert_eq!((held.auth_name.as_str(), held.password.expose()), ("1001", "secret"));
            assert!(held.registers && !format!("{held:?}").contains("secret"));
        }
        AccountWish::Leave(_) => panic!("it is held"),
    }
    let other = connect(&mut bench, "alice", account("1001", "secret")).expect("a good token");
    bench.ask(one, "disconnect", json!({}));
    bench.wait(100);
    assert_eq!(wishes(&bench), ["+1 1001"], "another page of hers phones by it");
    bench.lose(other);
    bench.wait(61);
    assert!(bench.located["alice"].is_empty(), "the page did not come back");
    bench.wait(29);
    connect(&mut bench, "alice", account("1001", "secret")).expect("it comes back in the grace");
    bench.wait(100);
    assert_eq!(wishes(&bench), ["+1 1001"]);
    let flow = connect(&mut bench, "alice", account("1001", "secret")).expect("a good token");
    bench.ask(flow, "disconnect", json!({}));
    bench.ask(flow - 1, "disconnect", json!({}));
    bench.wait(30);
    assert_eq!(wishes(&bench), ["+1 1001", "-1"]);
}

#[test]
fn a_page_is_told_where_its_account_stands_and_nobody_else_is() {
    let mut bench = Bench::new();
    let flow = connect(&mut bench, "alice", account("1001", "secret")).expect("a good token");
    let told = |bench: &Bench, flow| bench.event(flow, "registration");
    let first = told(&bench, flow);
    assert_eq!((&first["state"], &first["account"]), (&json!("registered"), &json!("registering")));
    let (other, _) = bench.page("bob");
    bench.stand(AccountId(1), AccountStanding::Registered);
    assert_eq!(told(&bench, flow)["account"], "registered");
    bench.stand(AccountId(1), AccountStanding::Registered);
    bench.stand(AccountId(1), AccountStanding::Failing);
    assert_eq!(told(&bench, flow)["account"], "failing");
    assert_eq!(bench.told(flow).len(), 2, "what is no news is not told");
    assert!(bench.told(other).is_empty());
    let again = connect(&mut bench, "alice", account("1001", "secret")).expect("a good token");
    assert_eq!(told(&bench, again)["account"], "failing");
    bench.stand(AccountId(7), AccountStanding::Refused);
    assert_eq!(told(&bench, again)["account"], "failing", "that is not hers");
}

#[test]
fn an_address_is_one_users_and_a_user_has_one_at_a_trunk() {
    let mut bench = Bench::new();
    let flow = connect(&mut bench, "alice", account("1001", "secret")).expect("a good token");
    assert_eq!(connect(&mut bench, "bob", account("1001", "secret")), Err(1002), "it is hers");
    assert_eq!(connect(&mut bench, "alice", account("1002", "secret")), Err(1002), "she has one");
    assert_eq!(wishes(&bench), ["+1 1001"]);
    connect(&mut bench, "alice", account("1001", "another")).expect("her password was changed");
    assert_eq!(wishes(&bench), ["+1 1001", "-1", "+2 1001"]);
    bench.stand(AccountId(2), AccountStanding::Registered);
    assert_eq!(bench.event(flow, "registration")["account"], "registered", "her first page has the new one");
    bench.ask(flow, "disconnect", json!({}));
    bench.ask(flow + 3, "disconnect", json!({}));
    connect(&mut bench, "bob", account("1001", "secret")).expect("nobody uses it any more");
    assert_eq!(wishes(&bench)[3..], ["-2", "+3 1001"]);
}

#[test]
fn an_account_at_a_host_that_is_no_trunks_is_refused_whatever_its_key_allows() {
    let mut bench = Bench::new();
    for wrong in [
        json!({ "user": "1", "password": "p", "domain": "127.0.0.1" }),
        json!({ "user": "1", "password": "p", "domain": PROVIDER, "outbound_proxy": "127.0.0.1" }),
        json!({ "user": "1", "password": "p", "domain": PROVIDER, "port": 22 }),
        json!({ "user": "1", "password": "p", "outbound_proxy": format!("{PROVIDER}:22") }),
        json!({ "user": "1", "domain": PROVIDER }),
    ] {
        assert_eq!(connect(&mut bench, "alice", wrong.clone()), Err(1002), "{wrong}");
    }
    assert!(bench.wishes.is_empty());
}

#[test]
fn a_password_that_the_gateway_keeps_is_named_by_tokens_of_its_customer_alone() {
    let mut bench = Bench::new();
    let named = json!({ "user": "1001", "password_ref": "kept", "domain": PROVIDER, "register": false });
    for customer in [Value::Null, json!("acme")] {
        let mut claims = json!({ "account": named });
        if !customer.is_null() {
            claims["customer"] = customer;
        }
        assert_eq!(connect_of(&mut bench, claims), Err(1002));
    }
    connect_of(&mut bench, json!({ "account": named, "customer": "bolt" })).expect("it is its own");
    match &bench.wishes[..] {
        [AccountWish::Hold(_, held)] => {
            assert_eq!((held.password.expose(), held.registers), ("kept", false));
        }
        other => panic!("{other:?}"),
    }
    let absent = json!({ "user": "1002", "password_ref": "absent", "domain": PROVIDER });
    let claims = json!({ "sub": "bob", "account": absent, "customer": "bolt" });
    assert_eq!(connect_of(&mut bench, claims), Err(1002));
}

#[test]
fn a_customers_tokens_have_accounts_at_its_own_trunks_alone_and_pages_go_whose_trunk_is_no_more_its_own() {
    let with = |trunk: &str| {
        let owned = Owned { numbers: Vec::new(), trunks: vec![trunk.to_owned()] };
        Proofs { customers: HashMap::from([("bolt".to_owned(), owned)]), ..proofs() }
    };
    let of = |user: &str, name: &str| json!({ "sub": user, "customer": "bolt", "account": account(name, "secret") });
    let mut bench = Bench::new();
    bench.take_up(with("another"));
    assert_eq!(connect_of(&mut bench, of("alice", "1001")), Err(1002));
    assert!(bench.wishes.is_empty());
    bench.take_up(with(TRUNK));
    let by_account = connect_of(&mut bench, of("alice", "1001")).expect("it is its own");
    let without = connect_of(&mut bench, json!({ "sub": "bob", "customer": "bolt" })).expect("a good token");
    bench.take_up(with("another"));
    assert_eq!(bench.closed.keys().collect::<Vec<_>>(), [&by_account]);
    assert!(!bench.closed.contains_key(&without));
    connect(&mut bench, "alice", account("1001", "secret")).expect("she is nobody's user");
}

#[test]
fn a_page_that_only_calls_leaves_an_account_registered_for_one_that_is_called() {
    let mut bench = Bench::new();
    let outbound = json!({ "user": "1001", "password": "secret", "domain": PROVIDER, "register": false });
    connect(&mut bench, "alice", outbound.clone()).expect("a good token");
    connect(&mut bench, "alice", account("1001", "secret")).expect("a good token");
    assert_eq!(wishes(&bench), ["+1 1001", "-1", "+2 1001"], "it is registered for the second page");
    connect(&mut bench, "alice", outbound).expect("a good token");
    assert_eq!(wishes(&bench).len(), 3, "and stays so");
}

#[test]
fn an_account_that_was_refused_is_tried_anew_by_whoever_comes_next() {
    let mut bench = Bench::new();
    let flow = connect(&mut bench, "alice", account("1001", "secret")).expect("a good token");
    bench.stand(AccountId(1), AccountStanding::Refused);
    connect(&mut bench, "alice", account("1001", "secret")).expect("a good token");
    assert_eq!(wishes(&bench), ["+1 1001", "-1", "+2 1001"]);
    bench.stand(AccountId(2), AccountStanding::Registered);
    assert_eq!(bench.event(flow, "registration")["account"], "registered");
}

/// Whoever has it could have passwords tried at the provider.
#[test]
fn a_key_without_hosts_brings_no_account_to_the_only_trunk_either() {
    let mut bench = Bench::new();
    let unnamed = json!({ "user": "1001", "password": "p" });
    assert!(connect(&mut bench, "alice", unnamed.clone()).is_ok());
    let mut key = token_key();
    key.terms.hosts.clear();
    bench.take_up(Proofs { tokens: Keyring::new(vec![key]), ..proofs() });
    assert_eq!(connect(&mut bench, "bob", unnamed), Err(1002));
}
