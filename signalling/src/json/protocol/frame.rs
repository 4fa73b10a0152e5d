//! Envelopes: requests are read out of them, and answers and events put into them.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::error::{ErrorCode, Fault};
use super::event::Event;
use super::outcome::Outcome;
use super::request::Request;
use super::scan::scan;

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
        scan(text).map_err(|wrong| fault(ErrorCode::Parse, format!("the message {wrong}")))?;
        let value: Value = serde_json::from_str(text)
            .map_err(|error| fault(ErrorCode::Parse, format!("the message is no JSON: {error}")))?;
        if value.is_array() {
            let problem = "the message is a list: send one request in each".to_owned();
            return Err(fault(ErrorCode::InvalidRequest, problem));
        }
        let id = value.get("id").and_then(Id::of);
        let refuse = |code, message: String| (id.clone(), Fault::new(code, message));
        let Envelope { jsonrpc, id: written, method, params } =
            serde_json::from_value(value).map_err(|error| {
                refuse(ErrorCode::InvalidRequest, format!("the message is no request: {error}"))
            })?;
        if jsonrpc != "2.0" {
            return Err(refuse(ErrorCode::InvalidRequest, "jsonrpc must be \"2.0\"".to_owned()));
        }
        let Some(id) = written.as_ref().and_then(Id::of) else {
            let problem = "id must be a whole number from 0 on, or a text of 1 to 64 octets".to_owned();
            return Err(fault(ErrorCode::InvalidRequest, problem));
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

fn read_request(method: &str, params: Value) -> Result<Request, Fault> {
    let Value::Object(params) = params else {
        return Err(Fault::new(ErrorCode::InvalidParams, "params must be an object"));
    };
    of(method, params.clone()).map_err(|error| explain(method, &params, &error.to_string()))
}

fn of(method: &str, params: Map<String, Value>) -> Result<Request, serde_json::Error> {
    serde_json::from_value(json!({ "method": method, "params": params }))
}

/// What the reader's words mean, and the parameter that they are about: where it does not name one, the one that
/// cannot be read alone.
fn explain(method: &str, params: &Map<String, Value>, words: &str) -> Fault {
    if words.starts_with("unknown variant")
        && of(method, Map::new()).is_err_and(|error| error.to_string() == words)
    {
        let known: Vec<_> = words.split('`').skip(3).step_by(2).collect();
        let shown: String = method.chars().take(ID_MAX).filter(|letter| !letter.is_control()).collect();
        let message = format!("there is no method {shown:?}; there are {}", known.join(", "));
        return Fault::new(ErrorCode::UnknownMethod, message);
    }
    let named = ["missing field `", "unknown field `"]
        .iter()
        .find_map(|start| words.strip_prefix(start)?.split('`').next());
    let field = named.map(str::to_owned).or_else(|| {
        let alone = |(key, value): &(&String, &Value)| {
            let map = Map::from_iter([((*key).clone(), (*value).clone())]);
            of(method, map).is_err_and(|error| error.to_string() == words)
        };
        params.iter().find(alone).map(|(key, _)| key.clone())
    });
    match field {
        Some(field) => Fault::of_field(&field, format!("params.{field}: {words}")),
        None => Fault::new(ErrorCode::InvalidParams, format!("params: {words}")),
    }
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
            ("call", r#"{"to":"100"}"#, "sdp", "missing field"),
            ("call", r#"{"to":"100","sdp":"v=0","video":true}"#, "video", "unknown field"),
            ("call", r#"{"to":100,"sdp":"v=0"}"#, "to", "expected a string"),
            ("sendDtmf", r#"{"callId":"x","digits":"1","durationMs":-1}"#, "durationMs", "expected u32"),
            ("reject", r#"{"callId":"x","cause":"tired"}"#, "cause", "unknown variant"),
            ("connect", r#"{"proof":{"kind":"token"}}"#, "token", "missing field"),
            ("connect", r#"{"proof":{"kind":"cookie"}}"#, "proof", "unknown variant"),
            ("resume", r#"{"token":"x","lastSeen":"7"}"#, "lastSeen", "expected u64"),
            ("disconnect", r#"{"now":true}"#, "now", "unknown field"),
        ] {
            let text = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{params}}}"#);
            let (id, code, message, told) = told(&text);
            assert_eq!((id, code), (Some(json!(1)), -32602), "{text}: {message}");
            assert_eq!(told.as_deref(), Some(field), "{text}: {message}");
            assert!(message.contains(words) && message.starts_with("params"), "{text}: {message}");
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
