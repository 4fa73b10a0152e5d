//! The interface as a whole, asked without a socket.

use actix_web::http::{Method, header};
use actix_web::{App, test};
use serde_json::Value;
use webtrunk_signalling::auth::validity::Validity;
use webtrunk_signalling::switchboard::Originator;

use super::*;
use crate::certificates::Certificates;
use crate::demo::{Demo, DemoAddresses};
use crate::descriptors::Shares;
use crate::rest::calls::Numbers;
use crate::rest::keys::{ApiKey, ApiKeys, MadeKey};
use crate::rest::scope::Scope;
use crate::rest::{PATH, journal::Journal};
use crate::telephony::Telephony;

/// A request: method, path below the interface's, the key, and a header besides.
type Asked<'a> = (Method, &'a str, Option<&'a str>, Option<(&'a str, &'a str)>);

/// The answers, each with its status, its headers and what its body says, of an interface with these keys.
async fn ask(keys: Vec<ApiKey>, requests: &[Asked<'_>]) -> Vec<(u16, header::HeaderMap, Value)> {
    let free = "127.0.0.1:0".parse().ok();
    let (config, _) = Demo::new(DemoAddresses { http: free, sip: free }, Vec::new());
    let telephony = Telephony::start(&config, &Certificates::default(), None, Shares::of_tests(), None)
        .expect("free ports");
    let door = Door::default();
    door.take_up(ApiKeys::new(keys), 1000);
    let rest = Rest {
        path: PATH.to_owned(),
        origins: vec!["https://crm.example".parse().expect("an origin")],
        door,
        calls: telephony.rest_calls(Journal::new(Numbers::default()), Numbers::default()),
        dialler: telephony.dialler(Originator::channel().0),
        places: telephony.places(),
        recordings: Recordings::default(),
        streams: Streams::default(),
        people: People::channel().0,
        tokens: Tokens::default(),
        logins: Logins::default(),
    };
    let service = test::init_service(App::new().service(rest.service())).await;
    let mut answers = Vec::new();
    for (method, path, key, header) in requests {
        let mut request = test::TestRequest::with_uri(&format!("{PATH}{path}"))
            .method(method.clone())
            .peer_addr("192.0.2.1:5".parse().expect("an address"));
        if let Some(key) = key {
            request = request.insert_header((header::AUTHORIZATION, format!("Bearer {key}")));
        }
        if let Some(header) = header {
            request = request.insert_header(*header);
        }
        let response = test::call_service(&service, request.to_request()).await;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        // A stream has no end.
        let is_stream = text(&headers, header::CONTENT_TYPE) == "text/event-stream";
        let body = if is_stream { Default::default() } else { test::read_body(response).await };
        answers.push((status, headers, serde_json::from_slice(&body).unwrap_or_default()));
    }
    telephony.stop().await;
    answers
}

fn key(made: &MadeKey, scopes: &[Scope]) -> ApiKey {
    let scopes = scopes.iter().copied().collect();
    ApiKey { id: "crm".into(), hash: made.hash, scopes, customer: None, validity: Validity::default() }
}

fn text(headers: &header::HeaderMap, name: header::HeaderName) -> &str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// Each operation of the document, with the scope that it says to need.
fn operations() -> Vec<(Method, String, String)> {
    let document = serde_json::to_value(openapi::document(PATH)).expect("it is JSON");
    let paths = document["paths"].as_object().expect("paths").clone();
    let each = paths.into_iter().flat_map(|(path, item)| {
        let methods = item.as_object().expect("operations").clone().into_iter();
        methods.map(move |(method, operation)| {
            let scope = operation["security"][0]["api_key"][0].as_str().expect("a scope").to_owned();
            (
                method.to_uppercase().parse().expect("a method"),
                path.replace("{id}", "none").replace("{name}", "none").replace("{trunk}", "none"),
                scope,
            )
        })
    });
    each.collect()
}

#[actix_web::test]
async fn every_operation_needs_the_scope_that_the_document_says_and_a_key() {
    let made = MadeKey::new("crm").expect("an id");
    let operations = operations();
    assert!(operations.len() >= 4);
    for (method, path, scope) in operations {
        let scope: Scope = scope.parse().expect("there is such a scope");
        let others: Vec<_> = Scope::ALL.into_iter().filter(|other| *other != scope).collect();
        let requests = [
            (method.clone(), path.as_str(), None, None),
            (method.clone(), path.as_str(), Some("wk_crm_guess"), None),
            (method.clone(), path.as_str(), Some(made.key.expose()), None),
        ];
        let answers = ask(vec![key(&made, &others)], &requests).await;
        for ((status, headers, body), (expected, word)) in
            answers.iter().zip([(401, "unauthorized"), (401, "unauthorized"), (403, "scope")])
        {
            assert_eq!((*status, &body["status"]), (expected, &expected.into()), "{method} {path}: {body}");
            assert_eq!(body["type"], format!("urn:webtrunk:problem:{word}"), "{method} {path}");
            assert_eq!(text(headers, header::CONTENT_TYPE), "application/problem+json");
            assert_eq!(headers.contains_key(header::WWW_AUTHENTICATE), expected == 401);
        }
        let answers = ask(vec![key(&made, &[scope])], &requests[2..]).await;
        assert!(![401, 403].contains(&answers[0].0), "{method} {path}: {}", answers[0].2);
    }
}

#[actix_web::test]
async fn what_cannot_be_read_is_a_problem_and_so_is_what_is_not_there() {
    let made = MadeKey::new("crm").expect("an id");
    let own = Some(made.key.expose());
    let cases = [
        ((Method::GET, "/calls?limit=0", own, None), 400),
        ((Method::GET, "/calls?limit=many", own, None), 400),
        ((Method::GET, "/calls?state=lost", own, None), 400),
        ((Method::GET, "/calls?unknown=1", own, None), 400),
        ((Method::GET, "/calls/none", own, None), 404),
        ((Method::GET, "/calls/..%2F..%2Fetc", own, None), 404),
        ((Method::GET, "/nothing", own, None), 404),
        ((Method::PUT, "/calls", own, None), 405),
        ((Method::GET, "/calls", own, None), 200),
        ((Method::GET, "/registrations?user=alice", own, None), 200),
        ((Method::GET, "/openapi.json", None, None), 200),
    ];
    let requests = cases.each_ref().map(|(request, _)| request.clone());
    let answers = ask(vec![key(&made, &Scope::ALL)], &requests).await;
    for ((status, headers, body), ((_, path, ..), expected)) in answers.iter().zip(&cases) {
        assert_eq!(status, expected, "{path}: {body}");
        assert_eq!(text(headers, header::CACHE_CONTROL), "no-store", "{path}");
        let is_problem = text(headers, header::CONTENT_TYPE) == "application/problem+json";
        assert_eq!(is_problem, *expected >= 400, "{path}");
    }
}

#[actix_web::test]
async fn pages_of_known_origins_alone_may_ask() {
    let ours = Some(("Origin", "https://crm.example"));
    let theirs = Some(("Origin", "https://evil.example"));
    let made = MadeKey::new("crm").expect("an id");
    let own = Some(made.key.expose());
    let requests = [
        (Method::OPTIONS, "/calls", None, ours),
        (Method::GET, "/calls", own, ours),
        (Method::GET, "/calls", None, ours),
        (Method::OPTIONS, "/calls", None, theirs),
        (Method::GET, "/calls", own, theirs),
        (Method::GET, "/calls", own, None),
    ];
    let answers = ask(vec![key(&made, &Scope::ALL)], &requests).await;
    let allowed: Vec<_> = answers
        .iter()
        .map(|(_, headers, _)| headers.contains_key(header::ACCESS_CONTROL_ALLOW_ORIGIN))
        .collect();
    assert_eq!(allowed, [true, true, true, false, false, false]);
    let asked = |index: usize| answers[index].1.contains_key(header::ACCESS_CONTROL_ALLOW_METHODS);
    assert!(asked(0) && !asked(3));
    assert!(answers.iter().all(|(_, headers, _)| text(headers, header::VARY) == "Origin"));
}
