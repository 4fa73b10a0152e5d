//! A back end that asks by HTTP.

use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::Value;
use webtrunk::http_client::{Request, ask};
use webtrunk::rest::keys::{MadeKey, hash_text};

use crate::support::gateway::{Gateway, PATIENCE};
use crate::support::process::wait_until;

/// A back end with a key.
pub(in crate::agents) struct BackEnd {
    /// What it proves itself by.
    pub(super) key: String,
    id: String,
    hash: String,
}

impl BackEnd {
    pub(in crate::agents) fn new(id: &str) -> Self {
        let made = MadeKey::new(id).expect("an id");
        let key = made.key.expose().to_owned();
        Self { key, id: id.to_owned(), hash: hash_text(&made.hash) }
    }

    /// One whose key somebody else has made.
    pub(super) fn with_key(id: &str, key: String) -> Self {
        Self { key, id: id.to_owned(), hash: String::new() }
    }

    /// Its entry of the configuration.
    pub(in crate::agents) fn entry(&self, scopes: &str, more: &str) -> String {
        let Self { id, hash, .. } = self;
        format!("[[api_keys]]\nid = \"{id}\"\nsecret_sha256 = \"{hash}\"\nscopes = [{scopes}]\n{more}\n")
    }

    pub(super) fn ask(
        &self,
        gateway: &Gateway,
        method: &str,
        path: &str,
        body: Option<&Value>,
    ) -> (u16, Value) {
        self.ask_with(gateway, method, path, body, &[])
    }

    pub(super) fn ask_with(
        &self,
        gateway: &Gateway,
        method: &str,
        path: &str,
        body: Option<&Value>,
        more: &[(&str, &str)],
    ) -> (u16, Value) {
        let body = body.map(Value::to_string).unwrap_or_default();
        let (status, body) = self.send(gateway, method, path, &body, more);
        (status, serde_json::from_slice(&body).unwrap_or_default())
    }

    /// What is at a path, as it comes.
    pub(super) fn fetch(&self, gateway: &Gateway, path: &str, more: &[(&str, &str)]) -> (u16, Vec<u8>) {
        self.send(gateway, "GET", path, "", more)
    }

    /// The status line and the headers with which it is answered.
    pub(super) fn head(&self, gateway: &Gateway, method: &str, path: &str, body: &str) -> String {
        let (authority, key) = (gateway.http_authority(), &self.key);
        let mut connection = TcpStream::connect(&authority).expect("the gateway listens");
        connection.set_read_timeout(Some(PATIENCE)).expect("it is open");
        let request = format!(
            "{method} /api/v1{path} HTTP/1.1\r\nHost: {authority}\r\nAuthorization: Bearer {key}\r\nConnection: close\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        connection.write_all(request.as_bytes()).expect("it is open");
        let mut answer = String::new();
        connection.read_to_string(&mut answer).expect("an answer");
        answer.split("\r\n\r\n").next().expect("it has a head").to_ascii_lowercase()
    }

    /// Asks, and tells the status and the octets of the answer.
    pub(in crate::agents) fn send(
        &self,
        gateway: &Gateway,
        method: &str,
        path: &str,
        body: &str,
        more: &[(&str, &str)],
    ) -> (u16, Vec<u8>) {
        let authorization = format!("Bearer {}", self.key);
        let mut headers =
            vec![("Authorization", authorization.as_str()), ("Content-Type", "application/json")];
        headers.extend(more);
        let (authority, path) = (gateway.http_authority(), format!("/api/v1{path}"));
        let request = Request {
            method,
            authority: &authority,
            path: &path,
            headers: &headers,
            body: body.as_bytes(),
            patience: PATIENCE,
        };
        let answer = ask(&request).expect("it answers");
        (answer.status, answer.body)
    }

    /// Has a call made, whose name this is.
    pub(super) fn call(&self, gateway: &Gateway, asked: &Value) -> String {
        let (status, told) = self.ask(gateway, "POST", "/calls", Some(asked));
        assert_eq!(status, 201, "{told}");
        told["id"].as_str().expect("a name").to_owned()
    }

    /// What it is told of a call.
    pub(super) fn read(&self, gateway: &Gateway, call: &str) -> Value {
        let (status, told) = self.ask(gateway, "GET", &format!("/calls/{call}"), None);
        assert_eq!(status, 200, "{told}");
        told
    }

    /// The same once the call is over.
    pub(super) fn read_over(&self, gateway: &Gateway, call: &str) -> Value {
        assert!(wait_until(PATIENCE, || self.read(gateway, call)["state"] == "ended"));
        self.read(gateway, call)
    }
}
