//! Envelopes: requests are read out of them, and answers and events put into them.

use serde::Deserialize;
use serde_json::{Value, json};

use super::error::{ErrorCode, Fault};
use super::event::Event;
use super::outcome::Outcome;
use super::request::Request;
use super::scan::{ScanFault, scan};
use super::wrong::{of_envelope, read_request};

/// Longest name of a request, in octets. Chosen by us: it is given back, and kept while the answer is made.
const ID_MAX: usize = 64;

/// The name that a page gave its request: a text or a number (JSON-RPC 2.0 4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Id(Value);

/// One request.
#[derive(Debug, Clone, PartialEq)]
pub struct Frame {
    /// Its name.
    pub id: Id,
    /// What is asked.
    pub request: Request,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Envelope {
    jsonrpc: String,
    id: Option<Value>,
    method: String,
    params: Option<Value>,
}

impl Frame {
    /// Reads a message of a page.
    ///
    /// # Errors
    /// What is wrong, with the request's name where that much could be read.
    pub fn read(text: &str) -> Result<Self, (Option<Id>, Fault)> {
        let fault = |code, message: String| (None, Fault::new(code, message));
        scan(text).map_err(|wrong| {
            let told = Fault::new(ErrorCode::Parse, format!("the message {wrong}"));
            match wrong {
                ScanFault::KeyTwice(path) => (None, told.at(path.strip_prefix("params.").unwrap_or(&path))),
                ScanFault::TooDeep | ScanFault::EscapedKey | ScanFault::OpenText => (None, told),
            }
        })?;
        let value: Value = serde_json::from_str(text)
            .map_err(|error| fault(ErrorCode::Parse, format!("the message is no JSON: {error}")))?;
        if value.is_array() {
            let problem = "the message is a list: send one request in each".to_owned();
            return Err(fault(ErrorCode::InvalidRequest, problem));
        }
        let id = value.get("id").and_then(Id::of);
        let Envelope { jsonrpc, id: written, method, params } = Envelope::deserialize(&value)
            .map_err(|error| (id.clone(), of_envelope(&value, &error.to_string())))?;
        if jsonrpc != "2.0" {
            return Err((id, Fault::new(ErrorCode::InvalidRequest, "jsonrpc must be \"2.0\"").at("jsonrpc")));
        }
        let Some(id) = written.as_ref().and_then(Id::of) else {
            let problem = "id must be a whole number from 0 on, or a text of 1 to 64 octets";
            return Err((None, Fault::new(ErrorCode::InvalidRequest, problem).at("id")));
        };
        match read_request(&method, params.unwrap_or_else(|| json!({}))) {
            Ok(request) => Ok(Self { id, request }),
            Err(fault) => Err((Some(id), fault)),
        }
    }
}

impl Id {
    fn of(value: &Value) -> Option<Self> {
        let is_sound = match value {
            Value::String(text) => (1..=ID_MAX).contains(&text.len()),
            Value::Number(number) => number.is_u64(),
            _ => false,
        };
        is_sound.then(|| Self(value.clone()))
    }
}

/// The answer to a request.
#[must_use]
pub fn response(id: &Id, outcome: &Outcome) -> String {
    json!({ "jsonrpc": "2.0", "id": id.0, "result": outcome }).to_string()
}

/// The refusal of a request; without a name where none could be read (JSON-RPC 2.0 5).
#[must_use]
pub fn refusal(id: Option<&Id>, fault: &Fault) -> String {
    let id = id.map_or(&Value::Null, |id| &id.0);
    json!({ "jsonrpc": "2.0", "id": id, "error": fault }).to_string()
}

/// An event by its number.
#[must_use]
pub fn notification(seq: u64, event: &Event) -> String {
    let mut value = serde_json::to_value(event).expect("events are texts and numbers");
    value["jsonrpc"] = "2.0".into();
    value["params"]["seq"] = seq.into();
    value.to_string()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::json::protocol::request::{Named, Nothing, SendDtmf};

    fn told(text: &str) -> (Option<Value>, i32, String, Option<String>) {
        let (id, fault) = Frame::read(text).expect_err("it is wrong");
        (id.map(|id| id.0), fault.code.number(), fault.message, fault.data.map(|data| data.field))
    }

    #[test]
    fn a_request_is_read_with_its_name() {
        let frame = Frame::read(r#"{"jsonrpc":"2.0","id":"a","method":"hangup","params":{"callId":"x"}}"#);
        let request = Request::Hangup(Named { call_id: "x".to_owned() });
        assert_eq!(frame, Ok(Frame { id: Id(json!("a")), request }));
        let frame = Frame::read(r#"{"jsonrpc":"2.0","id":7,"method":"disconnect"}"#).expect("a request");
        assert_eq!(frame.request, Request::Disconnect(Nothing {}));
        let text = r#"{"jsonrpc":"2.0","id":7,"method":"sendDtmf","params":{"callId":"x","digits":"1#"}}"#;
        let request = Request::SendDtmf(SendDtmf {
            call_id: "x".to_owned(),
            digits: "1#".to_owned(),
            duration_ms: 100,
        });
        assert_eq!(Frame::read(text).expect("a request").request, request);
    }

    #[test]
    fn a_fault_names_the_parameter() {
        for (method, params, field, words) in [
            ("connect", r#"{}"#, "proof", "missing field"),
            ("connect", r#"{"proof":7}"#, "proof", "invalid type"),
            ("connect", r#"{"proof":{"kind":"token"}}"#, "proof.token", "missing field"),
            ("connect", r#"{"proof":{"kind":"token","token":7}}"#, "proof.token", "expected a string"),
            ("connect", r#"{"proof":{"kind":"token","token":"x","to":"y"}}"#, "proof.to", "unknown field"),
            ("connect", r#"{"proof":{"kind":"cookie"}}"#, "proof.kind", "unknown variant"),
            ("connect", r#"{"proof":{"token":"x"}}"#, "proof.kind", "missing field"),
            ("connect", r#"{"proof":{"kind":7}}"#, "proof.kind", "invalid type"),
            ("connect", r#"{"proof":{"kind":"jwt","token":"x"}}"#, "proof.kind", "unknown variant"),
            ("connect", r#"{"proof":{"kind":7,"token":"x"}}"#, "proof.kind", "invalid type"),
            (
                "connect",
                r#"{"proof":{"kind":"token","token":"x"},"displayName":7}"#,
                "displayName",
                "a string",
            ),
            ("resume", r#"{"token":"x","lastSeen":"7"}"#, "lastSeen", "expected u64"),
            ("disconnect", r#"{"now":true}"#, "now", "unknown field"),
            ("call", r#"{"to":"100"}"#, "sdp", "missing field"),
            ("call", r#"{"to":"100","sdp":"v=0","video":true}"#, "video", "unknown field"),
            ("call", r#"{"to":100,"sdp":"v=0"}"#, "to", "expected a string"),
            ("call", r#"{"to":{"a":1},"sdp":"v=0"}"#, "to", "expected a string"),
            ("call", r#"{"to":"100","sdp":"v=0","headers":["X-A"]}"#, "headers", "expected a map"),
            (
                "call",
                r#"{"to":"100","sdp":"v=0","headers":{"X-A":"1","X-B":2}}"#,
                "headers.X-B",
                "expected a string",
            ),
            ("answer", r#"{"sdp":"v=0"}"#, "callId", "missing field"),
            ("reject", r#"{"callId":"x","cause":"tired"}"#, "cause", "unknown variant"),
            ("hangup", r#"{"callId":["x"]}"#, "callId", "expected a string"),
            ("hold", r#"{"callId":"x","sdp":{}}"#, "sdp", "expected a string"),
            ("resumeMedia", r#"{"callId":"x"}"#, "sdp", "missing field"),
            ("update", r#"{"callId":"x"}"#, "sdp", "missing field"),
            ("rejoin", r#"{"callId":"x","sdp":null}"#, "sdp", "expected a string"),
            ("candidate", r#"{"callId":"x","fragment":1}"#, "fragment", "expected a string"),
            ("mute", r#"{"callId":"x","muted":"yes"}"#, "muted", "expected a boolean"),
            ("sendDtmf", r#"{"callId":"x","digits":"1","durationMs":-1}"#, "durationMs", "expected u32"),
            ("transfer", r#"{"callId":"x","withCall":7}"#, "withCall", "expected a string"),
            ("merge", r#"{"callId":"x"}"#, "withCall", "missing field"),
            ("supervise", r#"{"user":"bob","mode":"spy","sdp":"v=0"}"#, "mode", "unknown variant"),
            ("setMode", r#"{"callId":"x","mode":7}"#, "mode", "invalid type"),
            ("record", r#"{"callId":"x","wish":"maybe"}"#, "wish", "unknown variant"),
            ("statistics", r#"{"call":"x"}"#, "call", "unknown field"),
            ("report", r#"{"of":"x"}"#, "of", "unknown field"),
            ("watch", r#"{"users":"bob"}"#, "users", "expected a sequence"),
            ("watch", r#"{"users":["bob","eve",3]}"#, "users[2]", "expected a string"),
            ("message", r#"{"to":"100","text":["x"]}"#, "text", "expected a string"),
            ("ping", r#"{"lastSeen":-1}"#, "lastSeen", "expected u64"),
        ] {
            let text = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{params}}}"#);
            let (id, code, message, told) = told(&text);
            assert_eq!((id, code), (Some(json!(1)), -32602), "{text}: {message}");
            assert_eq!(told.as_deref(), Some(field), "{text}: {message}");
            assert!(message.contains(words) && message.starts_with("params"), "{text}: {message}");
        }
    }

    #[test]
    fn a_fault_names_the_member_of_the_message() {
        for (text, field) in [
            (r#"{"id":1,"method":"ping"}"#, Some("jsonrpc")),
            (r#"{"jsonrpc":2.0,"id":1,"method":"ping"}"#, Some("jsonrpc")),
            (r#"{"jsonrpc":"1.0","id":1,"method":"ping"}"#, Some("jsonrpc")),
            (r#"{"jsonrpc":"2.0","method":"ping"}"#, Some("id")),
            (r#"{"jsonrpc":"2.0","id":1.5,"method":"ping"}"#, Some("id")),
            (r#"{"jsonrpc":"2.0","id":1}"#, Some("method")),
            (r#"{"jsonrpc":"2.0","id":1,"method":7}"#, Some("method")),
            (r#"{"jsonrpc":"2.0","id":1,"method":"dial"}"#, Some("method")),
            (r#"{"jsonrpc":"2.0","id":1,"method":"ping","params":[1]}"#, Some("params")),
            (r#"{"jsonrpc":"2.0","id":1,"method":"ping","token":"x"}"#, Some("token")),
            (r#"{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}"#, Some("id")),
            (r#"{"jsonrpc":"2.0","id":1,"method":"call","params":{"to":"1","to":"2"}}"#, Some("to")),
            (r#"{"params":{"proof":{"kind":"token","kind":"x"}}}"#, Some("proof.kind")),
            ("[]", None),
            ("{", None),
        ] {
            let (.., message, told) = told(text);
            assert_eq!(told.as_deref(), field, "{text}: {message}");
        }
    }

    #[test]
    fn what_is_no_request_is_refused_by_its_code() {
        for (text, id, code) in [
            ("", None, -32700),
            ("{", None, -32700),
            ("\u{feff}{}", None, -32700),
            (r#"{"id":1e309}"#, None, -32700),
            (r#"{"id":"\ud800"}"#, None, -32700),
            (r#"{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}"#, None, -32700),
            ("[]", None, -32600),
            ("null", None, -32600),
            ("7", None, -32600),
            (r#"{"jsonrpc":"2.0","method":"ping"}"#, None, -32600),
            (r#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#, None, -32600),
            (r#"{"jsonrpc":"2.0","id":-1,"method":"ping"}"#, None, -32600),
            (r#"{"jsonrpc":"2.0","id":1.5,"method":"ping"}"#, None, -32600),
            (r#"{"jsonrpc":"2.0","id":{},"method":"ping"}"#, None, -32600),
            (r#"{"jsonrpc":"1.0","id":1,"method":"ping"}"#, Some(1), -32600),
            (r#"{"jsonrpc":"2.0","id":1,"method":"ping","token":"x"}"#, Some(1), -32600),
            (r#"{"jsonrpc":"2.0","id":1,"method":7}"#, Some(1), -32600),
            (r#"{"jsonrpc":"2.0","id":1,"method":"__proto__"}"#, Some(1), -32601),
            (r#"{"jsonrpc":"2.0","id":1,"method":"Ping"}"#, Some(1), -32601),
            (r#"{"jsonrpc":"2.0","id":1,"method":"ping","params":[1]}"#, Some(1), -32602),
            (r#"{"jsonrpc":"2.0","id":1,"method":"ping","params":{"__proto__":{}}}"#, Some(1), -32602),
        ] {
            let (told_id, told_code, message, _) = told(text);
            assert_eq!((told_id, told_code), (id.map(|id| json!(id)), code), "{text}: {message}");
        }
        let (.., message, _) = told(r#"{"jsonrpc":"2.0","id":1,"method":"dial"}"#);
        assert!(message.starts_with("there is no method \"dial\"; there are connect, resume"), "{message}");
    }

    proptest! {
        #[test]
        fn any_message_is_read_or_refused(text in ".{0,200}") {
            let _ = Frame::read(&text);
        }

        #[test]
        fn any_parameters_are_read_or_refused(
            method in "(connect|resume|call|answer|hold|transfer|ping)",
            key in "(proof|token|to|sdp|callId|kind|x)",
            value in "(1|-1|null|true|\"a\"|\\{\\}|\\[\\]|\\{\"kind\":\"token\"\\})",
        ) {
            let text = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{{"{key}":{value}}}}}"#);
            let _ = Frame::read(&text);
        }
    }
}
