//! The messages of RFC 4475 and RFC 5118 with the verdicts read off the RFCs.

use std::path::PathBuf;

use bytes::Bytes;
use serde_json::Value;
use webtrunk_signalling::sip::message::{Contacts, Framing, HeaderName, Message, Method, Request};

use super::outcome::{Outcome, outcome};

pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) octets: Vec<u8>,
    entry: Value,
}

/// All messages; none where the shared folder is absent, which CI does not take.
pub(crate) fn cases() -> Vec<Case> {
    let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data"));
    let Ok(manifest) = std::fs::read(folder.join("sip_torture.json")) else {
        assert!(std::env::var("CI").as_deref() != Ok("true"), "shared test data is missing");
        eprintln!("passed over: no shared test data in {}", folder.display());
        return Vec::new();
    };
    let manifest: Value = serde_json::from_slice(&manifest).unwrap();
    let read = |entry: &Value| Case {
        name: entry["name"].as_str().unwrap().into(),
        octets: std::fs::read(folder.join(entry["file"].as_str().unwrap())).unwrap(),
        entry: entry.clone(),
    };
    manifest["messages"].as_array().unwrap().iter().map(read).collect()
}

/// Answers that the manifest calls normal for a good request of an unauthenticated peer.
const NORMAL: [u16; 13] = [200, 401, 403, 404, 405, 407, 480, 481, 483, 486, 488, 501, 603];

impl Case {
    fn lists(&self, key: &str, wanted: &Value) -> bool {
        self.entry[key].as_array().is_some_and(|list| list.contains(wanted))
    }

    fn is_allowed(&self, key: &str, outcome: &Outcome) -> bool {
        match outcome {
            Outcome::Request => self.lists(key, &"normal".into()),
            Outcome::Dropped => self.lists(key, &"drop".into()),
            Outcome::Response => false,
            Outcome::Answered(status, _) => {
                self.lists(key, &(*status).into())
                    || (NORMAL.contains(status) && self.lists(key, &"normal".into()))
            }
        }
    }

    fn holds(&self, outcome: &Outcome) -> bool {
        if let Outcome::Answered(status, _) = outcome
            && self.lists("forbid", &(*status).into())
        {
            return false;
        }
        match self.entry["verdict"].as_str().unwrap() {
            // The 401 that some demand comes later, from authentication.
            "valid" => {
                *outcome == Outcome::Request
                    || self.is_allowed("expect", outcome)
                    || self.is_allowed("also_ok", outcome)
            }
            "reject" | "lenient" => self.is_allowed("expect", outcome) || self.is_allowed("also_ok", outcome),
            // A response goes no further than to the transaction that it does not match.
            "discard" => matches!(outcome, Outcome::Dropped | Outcome::Response),
            other => panic!("unknown verdict {other}"),
        }
    }
}

#[test]
fn every_verdict_of_the_manifest_holds() {
    let wrong: Vec<_> = cases()
        .iter()
        .map(|case| (case, outcome(&case.octets)))
        .filter(|(case, outcome)| !case.holds(outcome))
        .map(|(case, outcome)| format!("{}: {outcome:?}, but {}", case.name, case.entry))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_was_read_is_what_is_printed() {
    for case in cases() {
        if let Ok(message) = Message::parse(case.octets.into()) {
            assert_eq!(Message::parse(message.to_bytes()).unwrap(), message, "{}", case.name);
        }
    }
}

#[test]
fn streams_wait_close_or_go_on_as_the_manifest_says() {
    for case in cases().iter().filter(|case| case.entry["tcp"].is_string()) {
        let framing = Framing::find(&case.octets);
        match case.entry["tcp"].as_str().unwrap() {
            "wait_then_close" => {
                assert!(matches!(framing, Framing::Incomplete { wanted: Some(_) }), "{}", case.name);
            }
            "reject_and_close" => {
                assert!(matches!(framing, Framing::Broken(_)), "{}: {framing:?}", case.name);
                let malformed = Message::parse(Bytes::copy_from_slice(&case.octets)).unwrap_err();
                assert_eq!(malformed.response().unwrap().status.code(), 400, "{}", case.name);
            }
            other => panic!("unknown rule {other}"),
        }
    }
}

fn request(name: &str) -> Option<Request> {
    let case = cases().into_iter().find(|case| case.name == name)?;
    match Message::parse(case.octets.into()).unwrap() {
        Message::Request(request) => Some(request),
        Message::Response(_) => panic!("{name} is a request"),
    }
}

#[test]
fn the_short_tortuous_invite_is_read_as_meant() {
    let Some(request) = request("wsinv") else { return };
    let headers = &request.headers;
    assert_eq!(headers.max_forwards(), Ok(Some(68)));
    let cseq = headers.cseq().unwrap();
    assert_eq!((cseq.number, cseq.method), (9, Method::Invite));
    assert_eq!(headers.get(&HeaderName::Subject), Some(""));
    assert_eq!(headers.from().unwrap().display_name.as_deref(), Some("J Rosenberg \\\""));
    assert_eq!(headers.from().unwrap().tag(), Some("98asjd8"));
    assert_eq!(headers.to().unwrap().tag(), Some("1918181833n"));
    let vias = headers.vias().unwrap();
    let hosts: Vec<_> = vias.iter().map(|via| format!("{} {}", via.transport, via.host)).collect();
    assert_eq!(hosts, ["UDP 192.0.2.2", "TCP spindle.example.com", "UDP 192.168.255.111"]);
    assert_eq!(vias[1].branch(), Some("z9hG4bK9ikj8"));
    let routes = headers.routes().unwrap();
    assert_eq!(routes.len(), 1);
    assert!(routes[0].uri.as_sip().unwrap().params.has("lr"));
    let contact = headers.contact().unwrap();
    assert_eq!(contact.display_name.as_deref(), Some("Quoted string \"\""));
    assert_eq!((contact.params.get("newparam"), contact.params.get("q")), (Some("newvalue"), Some("0.33")));
}

#[test]
fn an_escaped_nul_ends_nothing() {
    let Some(request) = request("escnull") else { return };
    assert_eq!(request.headers.to().unwrap().uri.user_unescaped().unwrap(), "null-\0-null");
    let Contacts::List(contacts) = request.headers.contacts().unwrap() else { panic!("two contacts") };
    assert_eq!(contacts.len(), 2);
    assert!(!contacts[0].uri.matches(&contacts[1].uri));
}

#[test]
fn an_escaped_method_is_not_the_method() {
    let Some(request) = request("esc02") else { return };
    assert_ne!(request.method, Method::Register);
    let Contacts::List(contacts) = request.headers.contacts().unwrap() else { panic!("two contacts") };
    assert_eq!(contacts.len(), 2);
}

#[test]
fn octets_behind_the_body_are_no_second_request_in_a_datagram() {
    let Some(request) = request("dblreq") else { return };
    assert_eq!(request.headers.cseq().unwrap().method, Method::Register);
    assert!(request.body.is_empty());
}

#[test]
fn on_a_stream_the_same_octets_are_two_requests() {
    let Some(case) = cases().into_iter().find(|case| case.name == "dblreq") else { return };
    let Framing::Complete { len } = Framing::find(&case.octets) else { panic!("a REGISTER") };
    let Framing::Complete { len: second } = Framing::find(&case.octets[len..]) else { panic!("an INVITE") };
    let message = Message::parse(Bytes::copy_from_slice(&case.octets[len..len + second])).unwrap();
    assert!(matches!(message, Message::Request(Request { method: Method::Invite, .. })));
}

#[test]
fn header_parameters_and_uri_parameters_are_kept_apart() {
    let (Some(bare), Some(bracketed)) = (request("cparam01"), request("cparam02")) else { return };
    let contact = bare.headers.contact().unwrap();
    assert!(contact.params.has("unknownparam"));
    assert!(!contact.uri.as_sip().unwrap().params.has("unknownparam"));
    let contact = bracketed.headers.contact().unwrap();
    assert!(!contact.params.has("unknownparam"));
    assert!(contact.uri.as_sip().unwrap().params.has("unknownparam"));
}

#[test]
fn the_unsupported_extensions_are_listed() {
    let Some(request) = request("bext01") else { return };
    let reject = request.validate(&super::outcome::CAPABILITIES).unwrap_err();
    assert_eq!(
        reject.headers.get(&HeaderName::Unsupported),
        Some("nothingSupportsThis, nothingSupportsThisEither")
    );
}

#[test]
fn both_forms_of_received_are_understood() {
    for name in ["via-received-param-with-delim", "via-received-param-no-delim"] {
        let Some(request) = request(name) else { return };
        let received = request.headers.via().unwrap().received();
        assert_eq!(received, Some("2001:db8::9:255".parse().unwrap()), "{name}");
    }
}
