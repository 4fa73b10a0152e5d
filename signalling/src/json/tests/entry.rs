//! Who is let in, and what a token lets it do.

use serde_json::{Value, json};

use super::page::{Bench, SDP, WALL, proofs, token};
use crate::adapter::{Command, Event, RecordingPolicy};
use crate::auth::ephemeral::{EphemeralHash, EphemeralKey, EphemeralKeys};
use crate::auth::secret::SecretOctets;
use crate::auth::validity::{UnixTime, Validity};
use crate::json::JsonConfig;
use crate::json::door::Proofs;

/// What connecting with this proof comes to: a result, or the code of the refusal.
fn connect(bench: &mut Bench, proof: Value) -> Result<(u64, Value), i64> {
    let flow = bench.open();
    let answer = bench.ask(flow, "connect", json!({ "proof": proof }));
    match answer.get("result") {
        Some(result) => Ok((flow, result.clone())),
        None => Err(answer["error"]["code"].as_i64().expect("a code")),
    }
}

fn by_token(bench: &mut Bench, more: Value) -> Result<(u64, Value), i64> {
    connect(bench, json!({ "kind": "token", "token": token(more) }))
}

#[test]
fn a_token_its_name_and_a_password_let_in_who_they_are_of() {
    let mut bench = Bench::new();
    let (_, by) = by_token(&mut bench, json!({})).expect("a good token");
    assert_eq!((by["user"].as_str(), by["resumeS"].as_u64()), (Some("alice"), Some(60)));
    let (_, by) =
        by_token(&mut bench, json!({ "sub": null, "account": { "user": "1001" } })).expect("an account");
    assert_eq!(by["user"], "1001");
    let secret = SecretOctets::new(b"north wind and sun".to_vec());
    let key = EphemeralKey::new("k1".to_owned(), secret, EphemeralHash::Sha256, Validity::default());
    let keys = EphemeralKeys::new(vec![key.expect("a key")]);
    let made = keys.make(Some("bob"), std::time::Duration::from_secs(60), UnixTime(WALL)).expect("a name");
    let (name, password) = (made.name, made.password.expose().to_owned());
    let proof = json!({ "kind": "ephemeral", "name": name, "password": password });
    assert_eq!(connect(&mut bench, proof.clone()).expect("a good name").1["user"], "bob");
    bench.wait(100);
    assert_eq!(connect(&mut bench, proof), Err(1002), "its time is over");
    let proof = json!({ "kind": "password", "user": "alice", "password": "password-of-alice" });
    assert_eq!(connect(&mut bench, proof).expect("a good password").1["user"], "alice");
    assert_eq!(bench.located["alice"].len(), 2);
}

#[test]
fn whatever_is_wrong_with_a_proof_the_same_is_told() {
    let mut bench = Bench::new();
    let good = token(json!({ "jti": "7" }));
    let by = |token: &str| json!({ "kind": "token", "token": token });
    assert!(connect(&mut bench, by(&good)).is_ok());
    let wrong = [
        by(&good),
        by(&good[..good.len() - 1]),
        by("wt1.crm.x"),
        by(&token(json!({ "sub": "a b" }))),
        by(&token(json!({ "sub": null }))),
        by(&token(json!({ "recording": "always" }))),
        json!({ "kind": "password", "user": "alice", "password": "wrong" }),
        json!({ "kind": "password", "user": "nobody", "password": "wrong" }),
        json!({ "kind": "ephemeral", "name": "1:alice", "password": "wrong" }),
    ];
    for proof in wrong {
        let flow = bench.open();
        let answer = bench.ask(flow, "connect", json!({ "proof": proof.clone() }));
        let told =
            json!({ "code": 1002, "message": "the proof is not accepted", "data": { "field": "proof" } });
        assert_eq!(answer["error"], told, "{proof}");
    }
    bench.wait(400);
    assert_eq!(connect(&mut bench, by(&token(json!({})))), Err(1002), "it expired");
}

#[test]
fn passwords_are_taken_only_where_they_are_allowed() {
    let mut bench = Bench::with(JsonConfig::default());
    let proof = json!({ "kind": "password", "user": "alice", "password": "password-of-alice" });
    assert_eq!(connect(&mut bench, proof), Err(1002));
}

#[test]
fn who_guesses_at_a_password_waits_and_others_do_not() {
    let mut bench = Bench::new();
    let guess =
        |user: &str, password: &str| json!({ "kind": "password", "user": user, "password": password });
    for _ in 0..10 {
        assert_eq!(connect(&mut bench, guess("alice", "x")), Err(1002));
    }
    assert_eq!(connect(&mut bench, guess("alice", "password-of-alice")), Err(1002), "it has to wait");
    assert!(connect(&mut bench, guess("bob", "password-of-bob")).is_ok());
    bench.wait(61);
    assert!(connect(&mut bench, guess("alice", "password-of-alice")).is_ok());
}

#[test]
fn nothing_is_done_before_a_proof_and_who_errs_ten_times_is_closed() {
    let mut bench = Bench::new();
    let flow = bench.open();
    for method in ["call", "ping", "hangup", "disconnect"] {
        let params = match method {
            "call" => json!({ "to": "100", "sdp": SDP }),
            "hangup" => json!({ "callId": "x" }),
            _ => json!({}),
        };
        assert_eq!(bench.ask(flow, method, params)["error"]["code"], 1001, "{method}");
    }
    assert!(bench.events.is_empty());
    for _ in 0..5 {
        bench.say(flow, "{");
    }
    assert!(bench.closed.is_empty());
    bench.say(flow, "{");
    assert_eq!(bench.closed[&flow], "Misbehaves");
}

#[test]
fn a_token_names_what_may_be_called_and_transferred_to() {
    let mut bench = Bench::new();
    let (flow, _) = by_token(&mut bench, json!({ "destinations": ["+4930*", "112"] })).expect("a good token");
    let call = |bench: &mut Bench, to: &str| bench.ask(flow, "call", json!({ "to": to, "sdp": SDP }));
    assert_eq!(call(&mut bench, "100")["error"]["code"], 1003);
    let (call_id, leg) = bench.call(flow, "+4930123");
    bench.command(Command::Answer { leg, description: super::page::description() });
    let answer = bench.ask(flow, "transfer", json!({ "callId": call_id, "to": "+4940123" }));
    assert_eq!(answer["error"]["code"], 1003);
    let answer = bench.ask(flow, "message", json!({ "to": "+4940123", "text": "hello" }));
    assert_eq!(answer["error"]["code"], 1003);
    assert_eq!(bench.ask(flow, "transfer", json!({ "callId": call_id, "to": "112" }))["result"], json!({}));
    let (flow, _) = by_token(&mut bench, json!({ "destinations": [] })).expect("a good token");
    assert_eq!(bench.ask(flow, "call", json!({ "to": "112", "sdp": SDP }))["error"]["code"], 1003);
}

#[test]
fn a_token_says_how_those_are_recorded_who_call_and_lift_by_it() {
    let mut bench = Bench::new();
    bench.take_up(Proofs { has_recordings: true, ..proofs() });
    for (claims, policy) in [
        (json!({}), RecordingPolicy::ByRule),
        (json!({ "recording": "on_demand" }), RecordingPolicy::ByRule),
        (json!({ "recording": "always" }), RecordingPolicy::Always),
        (json!({ "recording": "never" }), RecordingPolicy::Never),
    ] {
        let (flow, _) = by_token(&mut bench, claims).expect("a good token");
        bench.call(flow, "100");
        let of_caller = bench.events.iter().rev().find_map(|event| match event {
            Event::Incoming(incoming) => Some(incoming.recording),
            _ => None,
        });
        assert_eq!(of_caller, Some(policy));

        let leg = bench.dial("alice", bench.located["alice"][0]);
        let call_id = bench.event(flow, "incoming")["callId"].clone();
        bench.ask(flow, "answer", json!({ "callId": call_id, "sdp": SDP }));
        let told = bench.events.iter().filter_map(|event| match event {
            Event::RecordingBound { leg: of, policy } if *of == leg => Some(Some(*policy)),
            Event::Answered { leg: of, .. } if *of == leg => Some(None),
            _ => None,
        });
        let before = Some(Some(policy)).filter(|_| policy != RecordingPolicy::ByRule);
        assert_eq!(told.collect::<Vec<_>>(), before.into_iter().chain([None]).collect::<Vec<_>>());
        bench.ask(flow, "disconnect", json!({}));
    }
}

#[test]
fn a_token_says_how_many_calls_its_pages_have_together() {
    let mut bench = Bench::new();
    let proof = json!({ "kind": "token", "token": token(json!({ "calls_max": 1, "calls_total_max": 3 })) });
    let (one, _) = connect(&mut bench, proof.clone()).expect("a good token");
    let (other, _) = connect(&mut bench, proof).expect("it is good until it ends");
    let call = |bench: &mut Bench, flow| bench.ask(flow, "call", json!({ "to": "100", "sdp": SDP }));
    let (call_id, _) = bench.call(one, "100");
    assert_eq!(call(&mut bench, other)["error"]["code"], 1003, "one at a time, over both pages");
    let binding = bench.located["alice"][1];
    let leg = bench.dial("alice", binding);
    assert_eq!(bench.ends(), [(leg, webtrunk_engine::EndCause::Busy)], "calls that come in count too");
    bench.ask(one, "hangup", json!({ "callId": call_id }));
    for _ in 0..2 {
        let (call_id, _) = bench.call(other, "100");
        bench.ask(other, "hangup", json!({ "callId": call_id }));
    }
    let refusal = call(&mut bench, one);
    assert_eq!(refusal["error"]["message"], "the token lets the page make no more calls", "{refusal}");
    let again = by_token(&mut bench, json!({ "calls_max": 1, "calls_total_max": 3 })).expect("another token");
    bench.call(again.0, "100");
}

#[test]
fn a_tokens_caller_id_is_shown_and_a_page_names_itself_only_where_it_has_none() {
    let mut bench = Bench::new();
    let shown = |bench: &Bench| match bench.events.last() {
        Some(Event::Incoming(incoming)) => {
            (incoming.caller.user.clone(), incoming.caller.display_name.clone())
        }
        other => panic!("{other:?}"),
    };
    let account = json!({ "user": "1001", "visible_name": "Acme" });
    let proof = token(json!({ "caller_id": "+49301", "account": account }));
    let flow = bench.open();
    let proof = json!({ "kind": "token", "token": proof });
    bench.ask(flow, "connect", json!({ "proof": proof, "displayName": "The Bank" }));
    bench.call(flow, "100");
    assert_eq!(shown(&bench), ("+49301".to_owned(), "Acme".to_owned()));
    let flow = bench.open();
    let proof = json!({ "kind": "password", "user": "alice", "password": "password-of-alice" });
    bench.ask(flow, "connect", json!({ "proof": proof, "displayName": "Alice A." }));
    bench.call(flow, "100");
    assert_eq!(shown(&bench), ("alice".to_owned(), "Alice A.".to_owned()));
    let flow = bench.open();
    let proof = json!({ "kind": "password", "user": "alice", "password": "password-of-alice" });
    let answer = bench.ask(flow, "connect", json!({ "proof": proof, "displayName": "a\r\nVia: x" }));
    assert_eq!(answer["error"]["data"]["field"], "displayName");
}

#[test]
fn a_customers_tokens_name_its_own_users_alone_and_nobody_elses_name_them() {
    let mut bench = Bench::new();
    let user = |made: Result<(u64, Value), i64>| made.map(|(_, result)| result["user"].clone());
    let of_bolt = |bench: &mut Bench, sub: &str| by_token(bench, json!({ "sub": sub, "customer": "bolt" }));
    assert_eq!(user(of_bolt(&mut bench, "alice")), Ok(json!("bolt+alice")));
    for name in ["acme+alice", "bolt+alice", "x+y"] {
        assert_eq!(user(of_bolt(&mut bench, name)), Err(1002), "{name}");
    }
    assert_eq!(user(by_token(&mut bench, json!({ "sub": "bolt+alice" }))), Err(1002), "it is bolt's");
    assert_eq!(user(by_token(&mut bench, json!({ "sub": "x+y" }))), Ok(json!("x+y")));
    let other = by_token(&mut bench, json!({ "sub": "alice", "customer": "other" }));
    assert_eq!(user(other), Err(1002), "nor does one that is no customer any more");
}

#[test]
fn names_that_last_for_a_while_are_of_a_customers_users_where_the_edge_made_them_alone() {
    let mut bench = Bench::new();
    let made = |keys: EphemeralKeys, user: &str| {
        let made = keys.make(Some(user), std::time::Duration::from_secs(60), UnixTime(WALL)).expect("a name");
        json!({ "kind": "ephemeral", "name": made.name, "password": made.password.expose() })
    };
    // Nobody is the user of a customer that there is not.
    for (user, by_another, by_edge) in
        [("bolt+alice", Err(1002), Ok(())), ("x+y", Ok(()), Err(1002)), ("bob", Ok(()), Ok(()))]
    {
        let proof = made(proofs().ephemeral, user);
        assert_eq!(connect(&mut bench, proof).map(|_| ()), by_another, "{user}");
        let proof = made(proofs().edge, user);
        let outcome = connect(&mut bench, proof).map(|(_, told)| assert_eq!(told["user"], user));
        assert_eq!(outcome, by_edge, "{user}");
    }
}

#[test]
fn a_page_gets_turn_servers_with_a_password_for_a_while_and_another_one_when_it_resumes() {
    let mut bench = Bench::new();
    let (flow, by) = by_token(&mut bench, json!({})).expect("a good token");
    let server = &by["iceServers"][0];
    assert_eq!(server["urls"], json!(["turn:turn.example"]));
    assert_eq!(server["username"], format!("{}:alice", WALL + 3600));
    assert_eq!(server["credential"].as_str().map(str::len), Some(28), "SHA-1 in base64");
    bench.lose(flow);
    bench.wait(10);
    let flow = bench.open();
    let answer = bench.ask(flow, "resume", json!({ "token": by["resumeToken"], "lastSeen": 1 }));
    assert_eq!(answer["result"]["iceServers"][0]["username"], format!("{}:alice", WALL + 3610));
}

#[test]
fn a_password_is_not_taken_that_anybody_on_the_way_may_have_read() {
    let mut bench = Bench::new();
    let flow = bench.open_by(false);
    let proof = json!({ "kind": "password", "user": "alice", "password": "password-of-alice" });
    assert_eq!(bench.ask(flow, "connect", json!({ "proof": proof }))["error"]["code"], 1002);
    let proof = json!({ "kind": "token", "token": token(json!({})) });
    assert!(bench.ask(flow, "connect", json!({ "proof": proof })).get("result").is_some());
}

#[test]
fn a_session_that_began_encrypted_goes_on_encrypted() {
    let mut bench = Bench::new();
    let (flow, session) = bench.page("alice");
    bench.lose(flow);
    let params = json!({ "token": session["resumeToken"], "lastSeen": 0 });
    let plain = bench.open_by(false);
    assert_eq!(bench.ask(plain, "resume", params.clone())["error"]["code"], 1009);
    let safe = bench.open();
    assert!(bench.ask(safe, "resume", params).get("result").is_some());
}

#[test]
fn a_customers_token_shows_a_number_of_its_own_alone() {
    let mut bench = Bench::new();
    let of = |bench: &mut Bench, customer: &str, number: &str| {
        by_token(bench, json!({ "customer": customer, "caller_id": number })).map(|_| ())
    };
    assert_eq!(of(&mut bench, "bolt", "+49301"), Ok(()));
    assert_eq!(of(&mut bench, "bolt", "+49302"), Err(1002), "it is another's");
}
