//! Digest responses computed apart from the code under test (RFC 7616 3.4).

use std::collections::HashMap;

use md5::{Digest, Md5};
use sha2::{Sha256, Sha512_256};

/// What a 401 asked for.
#[derive(Debug, Clone)]
pub(crate) struct Challenge {
    algorithm: String,
    realm: String,
    nonce: String,
}

impl Challenge {
    /// The challenge of this algorithm in a response.
    pub(crate) fn of(response: &str, algorithm: &str) -> Self {
        let wanted = format!("algorithm={algorithm}");
        let line = response
            .lines()
            .find(|line| line.starts_with("WWW-Authenticate: Digest ") && line.contains(&wanted))
            .unwrap_or_else(|| panic!("no challenge of {algorithm} in {response}"));
        Self { algorithm: algorithm.into(), realm: quoted(line, "realm"), nonce: quoted(line, "nonce") }
    }

    /// The Authorization header that answers it for the count-th time.
    pub(crate) fn answer(&self, method: &str, uri: &str, user: &str, password: &str, count: u32) -> String {
        let Self { algorithm, realm, nonce } = self;
        let hash = |text: String| hash(algorithm, &text);
        let ha1 = hash(format!("{user}:{realm}:{password}"));
        let ha2 = hash(format!("{method}:{uri}"));
        let response = hash(format!("{ha1}:{nonce}:{count:08x}:c0ffee:auth:{ha2}"));
        format!(
            "Authorization: Digest username=\"{user}\", realm=\"{realm}\", nonce=\"{nonce}\", uri=\"{uri}\", \
             response=\"{response}\", algorithm={algorithm}, qop=auth, nc={count:08x}, cnonce=\"c0ffee\"\r\n"
        )
    }
}

/// What a client says in Authorization.
#[derive(Debug)]
pub(crate) struct Proof(HashMap<String, String>);

impl Proof {
    pub(crate) fn parse(line: &str) -> Self {
        let fields = line.strip_prefix("Authorization: Digest ").expect("a digest");
        let field = |field: &str| {
            let (name, value) = field.split_once('=').expect("a value");
            (name.trim().to_owned(), value.trim().trim_matches('"').to_owned())
        };
        Self(fields.split(',').map(field).collect())
    }

    pub(crate) fn get(&self, name: &str) -> &str {
        self.0.get(name).map(String::as_str).unwrap_or_default()
    }

    /// What its response has to be.
    pub(crate) fn expected(&self, method: &str, body: &str, user: &str, password: &str) -> String {
        let hash = |text: String| hash(self.get("algorithm"), &text);
        let ha1 = hash(format!("{user}:{}:{password}", self.get("realm")));
        let asked = format!("{method}:{}", self.get("uri"));
        let ha2 = if self.get("qop") == "auth-int" {
            hash(format!("{asked}:{}", hash(body.to_owned())))
        } else {
            hash(asked)
        };
        let [nonce, nc, cnonce, qop] = ["nonce", "nc", "cnonce", "qop"].map(|name| self.get(name));
        hash(format!("{ha1}:{nonce}:{nc}:{cnonce}:{qop}:{ha2}"))
    }
}

fn hash(algorithm: &str, text: &str) -> String {
    match algorithm {
        "MD5" => hex(&Md5::digest(text)),
        "SHA-256" => hex(&Sha256::digest(text)),
        "SHA-512-256" => hex(&Sha512_256::digest(text)),
        other => panic!("no algorithm of ours: {other}"),
    }
}

fn quoted(line: &str, name: &str) -> String {
    let start = line.find(&format!("{name}=\"")).expect("the parameter is there") + name.len() + 2;
    line[start..].split('"').next().expect("split gives one at least").to_owned()
}

fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}
