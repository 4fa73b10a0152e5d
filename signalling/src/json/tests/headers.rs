//! Headers of calls: what a page may say, and what it is told.

use serde_json::{Value, json};

use super::page::{Bench, SDP, proofs};
use crate::adapter::{Event, Header, HeaderChange, Passage};
use crate::json::door::Proofs;

/// A core whose pages may say these headers, and are told them.
fn allowing(list: &[&str]) -> Bench {
    let mut bench = Bench::new();
    bench.take_up(named(list));
    bench
}

fn named(list: &[&str]) -> Proofs {
    let headers = list.iter().map(|text| text.parse().expect("a range")).collect();
    Proofs { headers, ..proofs() }
}

/// What a page is answered that calls with these.
fn call(bench: &mut Bench, flow: u64, headers: &Value) -> Value {
    bench.ask(flow, "call", json!({ "to": "100", "sdp": SDP, "headers": headers }))
}

fn lines(headers: &[Header]) -> Vec<String> {
    headers.iter().map(|header| format!("{}: {}", header.name, header.value)).collect()
}

#[test]
fn what_a_page_says_goes_along_with_its_call_and_is_there_for_rules_to_look_at() {
    let mut bench = allowing(&["X-*", "Subject"]);
    let (flow, _) = bench.page("alice");
    for (headers, expected) in [
        (json!({ "X-Tenant": " acme ", "subject": "lunch" }), &["X-Tenant: acme", "subject: lunch"][..]),
        (json!({}), &[]),
        (json!(null), &[]),
    ] {
        let answer = call(&mut bench, flow, &headers);
        assert!(answer["result"]["callId"].is_string(), "{answer}");
        let Some(Event::Incoming(incoming)) = bench.events.last() else { panic!("a call") };
        assert_eq!(lines(&incoming.headers), expected);
        assert_eq!(incoming.passed, Passage { headers: incoming.headers.clone(), diversions: Vec::new() });
    }
}

#[test]
fn a_header_that_a_page_may_not_say_is_refused_by_its_name_and_nobody_is_called() {
    let mut bench = allowing(&["X-*", "Vi*", "Co*"]);
    let (flow, _) = bench.page("alice");
    let long_name = format!("X-{}", "y".repeat(63));
    for (name, value, field) in [
        ("Y-Tenant", "acme", "headers.Y-Tenant"),
        ("Via", "SIP/2.0/UDP evil.example", "headers.Via"),
        ("VIA", "SIP/2.0/UDP evil.example", "headers.VIA"),
        ("v", "SIP/2.0/UDP evil.example", "headers.v"),
        ("x", "90", "headers.x"),
        ("contact", "<sip:evil.example>", "headers.contact"),
        ("Content-ID", "<body@evil.example>", "headers.Content-ID"),
        ("X-Tenant", "acme\r\nVia: SIP/2.0/UDP evil.example", "headers.X-Tenant"),
        ("X-Tenant", "acme\n", "headers.X-Tenant"),
        ("X-Tenant", "a\0b", "headers.X-Tenant"),
        ("X-Tenant", &*"a".repeat(513), "headers.X-Tenant"),
        ("X Tenant", "acme", "headers"),
        ("X-Tenant:", "acme", "headers"),
        ("", "acme", "headers"),
        (&*long_name, "acme", "headers"),
    ] {
        let answer = call(&mut bench, flow, &json!({ "X-Good": "1", name: value }));
        let error = &answer["error"];
        assert_eq!((&error["code"], &error["data"]["field"]), (&json!(-32602), &json!(field)), "{answer}");
    }
    let many = |count: u32| Value::Object((0..count).map(|at| (format!("X-{at}"), json!("1"))).collect());
    assert_eq!(call(&mut bench, flow, &many(17))["error"]["data"]["field"], "headers");
    assert!(bench.events.is_empty(), "{:?}", bench.events);
    let answer = call(&mut bench, flow, &many(16));
    assert!(answer["result"]["callId"].is_string(), "{answer}");

    let mut bench = Bench::new();
    let (flow, _) = bench.page("alice");
    let answer = call(&mut bench, flow, &json!({ "X-Tenant": "acme" }));
    assert_eq!(answer["error"]["data"]["field"], "headers.X-Tenant", "no list names any");
    assert!(bench.events.is_empty(), "{:?}", bench.events);
}

#[test]
fn a_page_is_told_headers_that_its_list_names_and_the_dial_plans_in_their_place() {
    let mut bench = allowing(&["X-*", "Subject", "Vi*"]);
    let (flow, _) = bench.page("alice");
    let binding = bench.located["alice"][0];
    let change = |name: &str, value: Option<&str>| HeaderChange {
        name: name.to_owned(),
        value: value.map(str::to_owned),
    };
    let changes = || vec![change("X-Card", Some("7")), change("x-tenant", None), change("s", Some("dinner"))];
    let passed = || {
        let said = [
            ("X-Tenant", "acme"),
            ("X-Queue", "sales"),
            ("x-queue", "night"),
            ("X-Card", "9"),
            ("Y-Other", "1"),
            ("Subject", "lunch"),
            ("Via", "evil"),
        ];
        let headers = said.map(|(name, value)| Header { name: name.to_owned(), value: value.to_owned() });
        Passage { headers: headers.to_vec(), diversions: Vec::new() }
    };
    for (list, expected) in [
        (None, json!({ "X-Card": "7", "X-Queue": "sales, night", "s": "dinner" })),
        (Some(&["Y-Other"][..]), json!({ "X-Card": "7", "Y-Other": "1", "s": "dinner" })),
        (Some(&[] as &[&str]), json!({ "X-Card": "7", "s": "dinner" })),
    ] {
        if let Some(list) = list {
            bench.take_up(named(list));
        }
        bench.dial_with(("alice", binding), changes(), passed());
        assert_eq!(bench.event(flow, "incoming")["headers"], expected);
    }
}
