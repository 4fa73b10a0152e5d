//! The vocabulary as JSON Schema, and as the tables of `docs/JSON_API.md`.

use std::fmt::Write as _;

use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use webtrunk_engine::EndCause;

use super::cause::Ended;
use super::error::{ErrorCode, Fault};
use super::event::Event;
use super::outcome::Outcome;
use super::request::Request;

/// The JSON Schema (draft 2020-12) of every message: `$defs.Request` of a page, `$defs.Event`, `$defs.Response` and
/// `$defs.Refusal` of the gateway.
#[must_use]
pub fn schema() -> Value {
    let mut generator = SchemaSettings::draft2020_12().into_generator();
    for of in [
        generator.subschema_for::<Request>(),
        generator.subschema_for::<Event>(),
        generator.subschema_for::<Outcome>(),
        generator.subschema_for::<Fault>(),
    ] {
        drop(of);
    }
    let mut types = generator.take_definitions(true);
    let version = json!({ "type": "string", "const": "2.0" });
    let id = json!({
        "description": "The name that the page gave its request.",
        "oneOf": [{ "type": "integer", "minimum": 0 }, { "type": "string", "minLength": 1, "maxLength": 64 }],
    });
    each_variant(&mut types, "Request", |variant| {
        variant["properties"]["jsonrpc"] = version.clone();
        variant["properties"]["id"] = id.clone();
        // What has no parameters needs none written.
        let is_empty = variant["properties"]["params"]["$ref"] == "#/$defs/Nothing";
        variant["required"] = match is_empty {
            true => json!(["jsonrpc", "id", "method"]),
            false => json!(["jsonrpc", "id", "method", "params"]),
        };
        variant["additionalProperties"] = false.into();
    });
    each_variant(&mut types, "Event", |variant| {
        variant["properties"]["jsonrpc"] = version.clone();
        variant["properties"]["params"]["properties"] = json!({
            "seq": { "description": "The event's number in its session; 0 of one that this connection alone is told.",
                "type": "integer", "minimum": 0 },
        });
        variant["properties"]["params"]["required"] = json!(["seq"]);
        variant["required"] = json!(["jsonrpc", "method", "params"]);
    });
    types.insert(
        "Response".to_owned(),
        json!({
            "description": "The answer to a request that was met.",
            "type": "object",
            "properties": { "jsonrpc": version, "id": id, "result": { "$ref": "#/$defs/Outcome" } },
            "required": ["jsonrpc", "id", "result"],
        }),
    );
    types.insert("Refusal".to_owned(), json!({
        "description": "The answer to a request that was refused; without a name where none could be read.",
        "type": "object",
        "properties": {
            "jsonrpc": version,
            "id": { "oneOf": [id, { "type": "null" }] },
            "error": { "$ref": "#/$defs/Error" },
        },
        "required": ["jsonrpc", "id", "error"],
    }));
    let messages = ["Request", "Event", "Response", "Refusal"];
    let messages = messages.map(|name| json!({ "$ref": format!("#/$defs/{name}") }));
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Webtrunk JSON API, webtrunk.v1.json",
        "oneOf": messages,
        "$defs": types,
    })
}

/// The same as AsyncAPI 3.0: one channel, what goes which way, and the payloads by reference to the schema.
#[must_use]
pub fn asyncapi() -> Value {
    let payload = |name: &str| json!({ "name": name, "payload": { "$ref": format!("json-api.schema.json#/$defs/{name}") } });
    let message = |name: &str| json!({ "$ref": format!("#/channels/api/messages/{name}") });
    let channel = json!({ "$ref": "#/channels/api" });
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "Webtrunk JSON API",
            "version": super::SUBPROTOCOL,
            "description": "JSON-RPC 2.0 over a WebSocket with the subprotocol webtrunk.v1.json.",
        },
        "channels": { "api": {
            "address": "/api/v1",
            "messages": {
                "Request": payload("Request"),
                "Response": payload("Response"),
                "Refusal": payload("Refusal"),
                "Event": payload("Event"),
            },
        } },
        "operations": {
            "request": {
                "action": "receive",
                "channel": channel,
                "messages": [message("Request")],
                "reply": { "channel": channel, "messages": [message("Response"), message("Refusal")] },
            },
            "tell": { "action": "send", "channel": channel, "messages": [message("Event")] },
        },
    })
}

/// The tables of the document: methods, what they come to, events, further types, errors and causes.
#[must_use]
pub fn reference() -> String {
    let schema = schema();
    let types = schema["$defs"].as_object().expect("it was made so");
    let mut text = String::new();
    for (title, name) in [("Methods", "Request"), ("Events", "Event")] {
        let _ = writeln!(text, "## {title}\n");
        for variant in variants(&types[name]) {
            let method = variant["properties"]["method"]["const"].as_str().unwrap_or_default();
            let _ = writeln!(text, "### `{method}`\n\n{}\n", sentence(&variant["description"]));
            let params = referred(&variant["properties"]["params"]).and_then(|name| types.get(name));
            params.into_iter().for_each(|params| write_fields(&mut text, params));
        }
    }
    text += "## Results\n\nWhat `result` holds:\n\n";
    for variant in variants(&types["Outcome"]) {
        let Some(of) = referred(variant).and_then(|name| types.get(name)) else { continue };
        let _ = writeln!(text, "**{}**\n", sentence(&variant["description"]));
        write_fields(&mut text, of);
    }
    text += "## Types\n\n";
    for name in [
        "Proof",
        "Rejection",
        "Mode",
        "Wish",
        "TransferStep",
        "RegistrationState",
        "AccountState",
        "PresenceState",
        "Diversion",
        "DiversionReason",
        "KnownCall",
        "CallState",
        "IceServer",
        "ReportedCall",
        "Rung",
    ] {
        let _ = writeln!(text, "### {name}\n\n{}\n", sentence(&types[name]["description"]));
        write_type(&mut text, &types[name]);
    }
    text += "## Errors\n\n| code | name | when |\n|---|---|---|\n";
    for code in ErrorCode::ALL {
        let (name, when) = code.told();
        let _ = writeln!(text, "| {} | `{name}` | {when} |", code.number());
    }
    text += "\n## Causes of `ended`\n\n| `cause` | `text` | `q850` | `sipStatus` |\n|---|---|---|---|\n";
    for cause in EndCause::ALL {
        let Ended { cause, text: words, q850, sip_status, .. } = Ended::new("", cause);
        let _ = writeln!(text, "| `{cause}` | {words} | {q850} | {sip_status} |");
    }
    text
}

fn each_variant(types: &mut Map<String, Value>, name: &str, change: impl Fn(&mut Value)) {
    let variants = types.get_mut(name).and_then(|of| of.get_mut("oneOf")).and_then(Value::as_array_mut);
    variants.into_iter().flatten().for_each(change);
}

fn variants(of: &Value) -> impl Iterator<Item = &Value> {
    ["oneOf", "anyOf"].into_iter().filter_map(|key| of.get(key)?.as_array()).flatten()
}

/// The name of the type that a schema refers to.
fn referred(schema: &Value) -> Option<&str> {
    schema.get("$ref")?.as_str()?.strip_prefix("#/$defs/")
}

fn sentence(description: &Value) -> String {
    description
        .as_str()
        .unwrap_or_default()
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .replace('|', "\\|")
}

fn write_fields(text: &mut String, of: &Value) {
    let Some(fields) = of["properties"].as_object().filter(|fields| !fields.is_empty()) else { return };
    let needed: Vec<_> = of["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    *text += "| | type | |\n|---|---|---|\n";
    for (name, field) in fields {
        let may = if needed.contains(&name.as_str()) { "" } else { ", optional" };
        let _ = writeln!(text, "| `{name}` | {}{may} | {} |", kind(field), sentence(&field["description"]));
    }
    text.push('\n');
}

/// A type that is no method's or event's own: a choice of words, a choice of objects, or an object.
fn write_type(text: &mut String, of: &Value) {
    if of.get("properties").is_some() {
        return write_fields(text, of);
    }
    let mut words = String::new();
    for variant in variants(of) {
        let fields = variant["properties"].as_object();
        let word = variant["const"].as_str().or_else(|| variant["properties"]["kind"]["const"].as_str());
        let others = fields.into_iter().flatten().filter(|(name, _)| *name != "kind").map(|(name, _)| name);
        let others: String = others.map(|name| format!(" `{name}`")).collect();
        let with = if others.is_empty() { String::new() } else { format!(", with{others}") };
        if let Some(word) = word {
            let _ = writeln!(words, "| `{word}`{with} | {} |", sentence(&variant["description"]));
        }
    }
    let _ = writeln!(text, "| | |\n|---|---|\n{words}");
}

/// The kind of a value, in a word.
fn kind(field: &Value) -> String {
    let own = referred(field).or_else(|| variants(field).find_map(referred));
    if let Some(name) = own {
        return format!("[{name}](#{})", name.to_lowercase());
    }
    if let Some(items) = field.get("items") {
        return format!("list of {}", kind(items));
    }
    let named = match &field["type"] {
        Value::Array(types) => types.iter().find_map(Value::as_str),
        one => one.as_str(),
    };
    match named {
        Some("string") => "text".to_owned(),
        Some("integer") => "whole number".to_owned(),
        Some("number") => "number".to_owned(),
        Some("boolean") => "true or false".to_owned(),
        Some("object") => "texts by their names".to_owned(),
        _ => "value".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// Both documents, and where in the second the tables begin and end.
    const SCHEMA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/json-api.schema.json");
    const ASYNCAPI: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/json-api.asyncapi.json");
    const DOCUMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/JSON_API.md");
    const BEGIN: &str = "<!-- The rest is made of the code. -->\n\n";

    /// Writes them anew where this is set.
    const WRITE: &str = "WEBTRUNK_WRITE_JSON_API";

    fn compare(file: &str, expected: &str) {
        if std::env::var_os(WRITE).is_some() {
            return fs::write(file, expected).expect("the document is ours");
        }
        let written = fs::read_to_string(file).expect("the document is there");
        assert!(
            written == expected,
            "write {file} anew: {WRITE}=1 cargo test --workspace --lib json::protocol"
        );
    }

    #[test]
    fn the_schema_in_the_documents_is_the_one_of_the_code() {
        let text = serde_json::to_string_pretty(&schema()).expect("it is JSON");
        compare(SCHEMA, &format!("{text}\n"));
    }

    #[test]
    fn the_asyncapi_in_the_documents_is_the_one_of_the_code() {
        let text = serde_json::to_string_pretty(&asyncapi()).expect("it is JSON");
        compare(ASYNCAPI, &format!("{text}\n"));
    }

    #[test]
    fn the_document_tells_each_method_event_and_error_of_the_code() {
        let written = fs::read_to_string(DOCUMENT).expect("the document is there");
        let (before, _) = written.split_once(BEGIN).expect("it has the mark");
        compare(DOCUMENT, &format!("{before}{BEGIN}{}", reference()));
    }

    #[test]
    fn every_method_event_and_field_is_explained() {
        let schema = schema();
        let types = schema["$defs"].as_object().expect("it was made so");
        for name in ["Request", "Event"] {
            let mut seen = 0;
            for variant in variants(&types[name]) {
                seen += 1;
                assert!(!sentence(&variant["description"]).is_empty(), "{variant}");
            }
            assert!(seen > 10, "{name} has {seen}");
        }
        for (name, of) in types {
            for (field, schema) in of["properties"].as_object().into_iter().flatten() {
                let is_envelope = ["Response", "Refusal"].contains(&name.as_str());
                assert!(is_envelope || !sentence(&schema["description"]).is_empty(), "{name}.{field}");
            }
        }
    }
}
