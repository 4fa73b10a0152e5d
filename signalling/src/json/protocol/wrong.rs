//! What is wrong with a request that cannot be read: its code, and the path of the member that is wrong.
//!
//! The reader (serde) tells what is wrong in words alone, and not where. Parts of the request are read by themselves: the
//! one that gives the same words is the one that is wrong.

use serde_json::{Map, Value, json};

use super::error::{ErrorCode, Fault};
use super::request::{Proof, Request};

/// Longest method that is shown, in characters.
const SHOWN_MAX: usize = 64;

/// Reads a request out of its envelope.
pub(super) fn read_request(method: &str, params: Value) -> Result<Request, Fault> {
    let Value::Object(params) = params else {
        return Err(Fault::of_field("params", "params must be an object"));
    };
    read(method, params.clone()).map_err(|error| explain(method, &params, &error.to_string()))
}

/// What is wrong with an envelope, by the words of its reader.
pub(super) fn of_envelope(envelope: &Value, words: &str) -> Fault {
    let fault = Fault::new(ErrorCode::InvalidRequest, format!("the message is no request: {words}"));
    let ill_typed =
        ["jsonrpc", "method"].into_iter().find(|name| envelope.get(name).is_some_and(|it| !it.is_string()));
    match named(words).or(ill_typed) {
        Some(field) => fault.at(field),
        None => fault,
    }
}

fn read(method: &str, params: Map<String, Value>) -> Result<Request, serde_json::Error> {
    serde_json::from_value(json!({ "method": method, "params": params }))
}

fn explain(method: &str, params: &Map<String, Value>, words: &str) -> Fault {
    if words.starts_with("unknown variant")
        && read(method, Map::new()).is_err_and(|error| error.to_string() == words)
    {
        let known: Vec<_> = words.split('`').skip(3).step_by(2).collect();
        let shown: String = method.chars().take(SHOWN_MAX).filter(|letter| !letter.is_control()).collect();
        let message = format!("there is no method {shown:?}; there are {}", known.join(", "));
        return Fault::new(ErrorCode::UnknownMethod, message).at("method");
    }
    match place(method, params, words) {
        Some(field) => Fault::of_field(&field, format!("params.{field}: {words}")),
        None => Fault::new(ErrorCode::InvalidParams, format!("params: {words}")),
    }
}

/// The path of the parameter that the words are about.
fn place(method: &str, params: &Map<String, Value>, words: &str) -> Option<String> {
    let alone = |(key, value): &(&String, &Value)| {
        let map = Map::from_iter([((*key).clone(), (*value).clone())]);
        read(method, map).is_err_and(|error| error.to_string() == words)
    };
    let within = params.get("proof").and_then(|proof| of_proof(proof, words));
    let named = || named(words).map(str::to_owned);
    let wrong = || params.iter().find(alone).map(|(key, value)| of_texts(key, value, words));
    within.or_else(named).or_else(wrong)
}

/// The same where the words are about what is within a proof.
fn of_proof(proof: &Value, words: &str) -> Option<String> {
    let is_it = |proof: &Value| {
        serde_json::from_value::<Proof>(proof.clone()).is_err_and(|error| error.to_string() == words)
    };
    let members = proof.as_object().filter(|_| is_it(proof))?;
    let kind = members.get("kind").cloned().unwrap_or_default();
    // Another kind is wrong whatever stands beside it.
    if is_it(&json!({ "kind": kind })) && named(words).is_none() {
        return Some("proof.kind".to_owned());
    }
    let alone = |(key, value): &(&String, &Value)| is_it(&json!({ "kind": kind, (*key).as_str(): value }));
    let others = || members.iter().filter(|(key, _)| *key != "kind");
    let wrong = || others().find(alone).map(|(key, _)| key.as_str());
    Some(format!("proof.{}", named(words).or_else(wrong).unwrap_or("kind")))
}

/// The value in a list of texts, or among texts by their names, that is none; or what should be neither.
fn of_texts(key: &str, value: &Value, words: &str) -> String {
    let is_meant = |other: &str| words.ends_with("expected a string") && !words.contains(other);
    let within = match value {
        Value::Array(values) if is_meant("sequence") => {
            values.iter().position(|value| !value.is_string()).map(|at| format!("[{at}]"))
        }
        Value::Object(values) if is_meant("map") => {
            values.iter().find(|(_, value)| !value.is_string()).map(|(name, _)| format!(".{name}"))
        }
        _ => None,
    };
    format!("{key}{}", within.unwrap_or_default())
}

/// The member that the words themselves name.
fn named(words: &str) -> Option<&str> {
    let starts = ["missing field `", "unknown field `"];
    starts.into_iter().find_map(|start| words.strip_prefix(start)?.split('`').next())
}
