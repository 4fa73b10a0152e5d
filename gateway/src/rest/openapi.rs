//! What the interface is, as OpenAPI 3.1 has it: made of the handlers and the types that they read and write.

use serde_json::{Map, Value};
use utoipa::openapi::path::Operation;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{Components, OpenApi, ServerBuilder};
use utoipa::{Modify, OpenApi as _};

use super::answers::problem;
use super::events::Event;
use super::people::{account_passwords, customers, upstream, users};
use super::problem::Problem;
use super::scope::Scope;
use super::{calls, events, logins, recordings, registrations, tokens};

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Webtrunk REST API",
        version = "1",
        description = "For back ends: who has an API key, `Authorization: Bearer wk_ID_SECRET`, does what its scopes hold. A key of a \
            customer is told of that one's users and calls alone; anything else is not there for it (404). Problems are told by RFC 9457.",
        license(name = "MIT OR Apache-2.0")
    ),
    paths(calls::list, calls::originate::originate, calls::one, calls::hang_up, calls::control::transfer,
        calls::control::hold, calls::control::resume, calls::control::mute, calls::control::unmute, registrations::list, recordings::list,
        recordings::one, recordings::remove, events::stream::events, users::list, users::add, users::one, users::change, users::remove,
        upstream::list, upstream::add, upstream::change, upstream::remove, account_passwords::list, account_passwords::add,
        account_passwords::change, account_passwords::remove,
        customers::list, customers::add, customers::one, customers::change, customers::remove, tokens::make, logins::make),
    components(schemas(Problem, Scope, Event, calls::Lasting)),
    modifiers(&Common)
)]
struct Document;

/// What is the same for all that can be asked.
struct Common;

/// What may go wrong whoever asks for what.
const PROBLEMS: [(&str, &str); 4] = [
    ("400", "The request cannot be read"),
    ("401", "No key that is in force"),
    ("403", "The key has not the scope"),
    ("429", "The key makes too many requests, or too many wrong keys came from there"),
];

/// The document, of an interface at this path.
#[must_use]
pub fn document(path: &str) -> OpenApi {
    let mut document = Document::openapi();
    document.servers = Some(vec![ServerBuilder::new().url(path).build()]);
    document
}

impl Modify for Common {
    fn modify(&self, document: &mut OpenApi) {
        let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("wk_ID_SECRET").build();
        if let Some(components) = &mut document.components {
            components.add_security_scheme("api_key", SecurityScheme::Http(bearer));
            *components = merged(components);
        }
        for item in document.paths.paths.values_mut() {
            let operations = [&mut item.get, &mut item.post, &mut item.patch, &mut item.delete];
            operations.into_iter().flatten().for_each(add_problems);
        }
    }
}

/// Schemas with what is flattened into them, as one object each: put together by `allOf`, parts that know of no more than their own
/// members would each refuse the others'.
fn merged(components: &Components) -> Components {
    let told = "it is made of what is written and read as JSON";
    let mut value = serde_json::to_value(components).expect(told);
    let schemas = value["schemas"].clone();
    merge(&mut value, &schemas);
    serde_json::from_value(value).expect(told)
}

fn merge(value: &mut Value, schemas: &Value) {
    match value {
        Value::Array(list) => list.iter_mut().for_each(|one| merge(one, schemas)),
        Value::Object(members) => {
            members.values_mut().for_each(|one| merge(one, schemas));
            let parts = members.get("allOf").and_then(Value::as_array);
            let parts = parts.and_then(|parts| parts.iter().map(|part| object(part, schemas)).collect());
            let Some(parts) = parts else { return };
            members.remove("allOf");
            let parts: Vec<Value> = parts;
            let (mut properties, mut required) = (Map::new(), Vec::new());
            for part in &parts {
                properties.extend(part["properties"].as_object().cloned().unwrap_or_default());
                required.extend(part["required"].as_array().cloned().unwrap_or_default());
            }
            members.insert("type".into(), "object".into());
            members.insert("properties".into(), properties.into());
            if !required.is_empty() {
                members.insert("required".into(), required.into());
            }
            if parts.iter().any(|part| part["additionalProperties"] == false) {
                members.insert("additionalProperties".into(), false.into());
            }
        }
        _ => {}
    }
}

/// The object that a part is, by itself, by its name, or where it may be absent; `None` where it is none.
fn object(part: &Value, schemas: &Value) -> Option<Value> {
    if let Some(name) = part["$ref"].as_str() {
        return object(&schemas[name.rsplit('/').next()?], schemas);
    }
    if let Some(kinds) = part["oneOf"].as_array() {
        return kinds.iter().find_map(|kind| object(kind, schemas));
    }
    part["properties"].is_object().then(|| part.clone())
}

fn add_problems(operation: &mut Operation) {
    for (status, description) in PROBLEMS {
        operation.responses.responses.entry(status.to_owned()).or_insert_with(|| problem(description));
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;
    use std::fs;

    use super::*;
    use crate::rest::PATH;

    const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/rest-api.openapi.json");
    const TEXT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/REST_API.md");
    const TABLE: &str = "| request | scope | what it does |\n|---|---|---|\n";

    /// Writes both anew where this is set.
    const WRITE: &str = "WEBTRUNK_WRITE_REST_API";

    fn table(document: &OpenApi) -> String {
        let mut text = TABLE.to_owned();
        for (path, item) in &document.paths.paths {
            let methods =
                [("GET", &item.get), ("POST", &item.post), ("PATCH", &item.patch), ("DELETE", &item.delete)];
            for (method, operation) in
                methods.into_iter().filter_map(|(name, operation)| Some((name, operation.as_ref()?)))
            {
                let security = serde_json::to_value(&operation.security).expect("it is JSON");
                let scope = security[0]["api_key"][0].as_str().unwrap_or_default();
                let summary = operation.summary.as_deref().expect("each says what it does");
                let _ =
                    writeln!(text, "| `{method} {path}` | `{scope}` | {} |", summary.trim_end_matches('.'));
            }
        }
        text
    }

    #[test]
    fn the_documents_tell_what_there_is() {
        let document = document(PATH);
        let json = document.to_pretty_json().expect("it is JSON") + "\n";
        let written = fs::read_to_string(TEXT).expect("the document is there");
        let (before, rest) = written.split_once(TABLE).expect("it has the table");
        let (_, after) = rest.split_once("\n\n").expect("something follows");
        let text = format!("{before}{}\n{after}", table(&document));
        if std::env::var_os(WRITE).is_some() {
            fs::write(FILE, &json).expect("it is ours");
            fs::write(TEXT, &text).expect("it is ours");
            return;
        }
        let is_same = fs::read_to_string(FILE).is_ok_and(|known| known == json) && written == text;
        assert!(is_same, "write them anew: {WRITE}=1 cargo test --package webtrunk --lib rest::openapi");
    }
}
