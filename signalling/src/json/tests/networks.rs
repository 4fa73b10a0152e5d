//! Pages of customers' users that come from where they may, and from elsewhere.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::{Value, json};

use super::page::{Bench, proofs, token};
use crate::commons::Commons;
use crate::json::JsonConfig;
use crate::room::Room;
use crate::sip::agent::TextConfig;
use crate::source_networks::SourceNetworks;
use crate::text_rates::TextRates;

/// Where the bench's pages are, and where they are not.
const HERE: &str = "192.0.2.0/24";
const ELSEWHERE: &str = "198.51.100.0/24";

/// A bench to which users of bolt may come from this range.
fn bench(range: &str) -> (Bench, SourceNetworks) {
    let networks = SourceNetworks::default();
    set(&networks, range);
    let (room, texts) = (Room::new(None, None, Arc::default()), TextRates::new(TextConfig::default()));
    let commons = Commons { networks: networks.clone(), ..Commons::new(room, texts) };
    (Bench::with_commons(JsonConfig::default(), commons), networks)
}

fn set(networks: &SourceNetworks, range: &str) {
    let range = range.parse().expect("a range");
    networks.set(HashMap::from([("bolt".to_owned(), vec![range])]));
}

fn connect(bench: &mut Bench, claims: Value) -> (u64, Value) {
    let flow = bench.open();
    let proof = json!({ "kind": "token", "token": token(claims) });
    (flow, bench.ask(flow, "connect", json!({ "proof": proof })))
}

fn pages(networks: &SourceNetworks) -> u64 {
    networks.counts().find(|(what, _)| *what == "page").expect("it is counted").1
}

#[test]
fn a_page_from_outside_of_its_customers_networks_is_told_so_and_counted_and_others_come_in() {
    let (mut bench, networks) = bench(ELSEWHERE);
    let (_, refused) = connect(&mut bench, json!({ "customer": "bolt" }));
    let told = json!({
        "code": 1003,
        "message": "users of this customer come from its networks alone",
        "data": { "field": "proof" }
    });
    assert_eq!((&refused["error"], pages(&networks)), (&told, 1));
    assert!(bench.located.is_empty(), "nobody is there");
    for claims in [json!({}), json!({ "customer": "acme" })] {
        let (_, answer) = connect(&mut bench, claims);
        assert!(answer.get("result").is_some(), "{answer}");
    }
    // Whose proof is none is told what everybody is.
    let flow = bench.open();
    let proof = json!({ "kind": "token", "token": "wt1.crm.x" });
    assert_eq!(bench.ask(flow, "connect", json!({ "proof": proof }))["error"]["code"], 1002);
    assert_eq!(pages(&networks), 1);
}

#[test]
fn a_session_goes_when_it_may_not_come_from_there_any_more_and_comes_back_from_its_networks_alone() {
    let (mut bench, networks) = bench(HERE);
    let (flow, session) = connect(&mut bench, json!({ "customer": "bolt" }));
    let (other, _) = connect(&mut bench, json!({}));
    bench.take_up(proofs());
    assert!(bench.closed.is_empty(), "it may be here");
    bench.lose(flow);
    set(&networks, ELSEWHERE);
    let resume = json!({ "token": session["result"]["resumeToken"], "lastSeen": 0 });
    let back = bench.open();
    assert_eq!(bench.ask(back, "resume", resume.clone())["error"]["code"], 1003);
    set(&networks, HERE);
    let back = bench.open();
    let answer = bench.ask(back, "resume", resume);
    assert!(answer.get("result").is_some(), "it waits as it did: {answer}");
    set(&networks, ELSEWHERE);
    bench.take_up(proofs());
    assert_eq!(bench.closed[&back], "Revoked");
    assert!(!bench.closed.contains_key(&other));
    assert_eq!(pages(&networks), 1, "who was there is not refused");
}
