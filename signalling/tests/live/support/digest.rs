//! Digest responses computed apart from the code under test (RFC 7616 3.4).

use md5::{Digest, Md5};
use sha2::Sha256;

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
        let hash = |text: String| match algorithm.as_str() {
            "MD5" => hex(&Md5::digest(text)),
            "SHA-256" => hex(&Sha256::digest(text)),
            other => panic!("no algorithm of ours: {other}"),
        };
        let ha1 = hash(format!("{user}:{realm}:{password}"));
        let ha2 = hash(format!("{method}:{uri}"));
        let response = hash(format!("{ha1}:{nonce}:{count:08x}:c0ffee:auth:{ha2}"));
        format!(
            "Authorization: Digest username=\"{user}\", realm=\"{realm}\", nonce=\"{nonce}\", uri=\"{uri}\", \
             response=\"{response}\", algorithm={algorithm}, qop=auth, nc={count:08x}, cnonce=\"c0ffee\"\r\n"
        )
    }
}

fn quoted(line: &str, name: &str) -> String {
    let start = line.find(&format!("{name}=\"")).expect("the parameter is there") + name.len() + 2;
    line[start..].split('"').next().expect("split gives one at least").to_owned()
}

fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}
