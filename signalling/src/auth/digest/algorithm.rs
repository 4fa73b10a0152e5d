//! The hash algorithms and what is computed with them, RFC 7616 3.4.

use std::fmt;

use md5::{Digest, Md5};
use sha2::{Sha256, Sha512_256};

use super::fields::Protection;

/// A hash algorithm. The order is that of strength.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Algorithm {
    /// MD5, which browsers' libraries speak and nothing else.
    Md5,
    /// SHA-256, RFC 8760.
    Sha256,
    /// SHA-512/256, RFC 8760. We answer it; of users we keep no hash of it.
    Sha512_256,
}

/// The hash of user, realm and password, in lower-case hexadecimal: as good as the password within
/// its realm, so it is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Ha1 {
    algorithm: Algorithm,
    hex: String,
}

impl Algorithm {
    /// The name in challenges and responses.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Md5 => "MD5",
            Self::Sha256 => "SHA-256",
            Self::Sha512_256 => "SHA-512-256",
        }
    }

    /// The algorithm of this name; absent it is MD5 (RFC 7616 3.3).
    pub(super) fn from_name(name: Option<&str>) -> Option<Self> {
        let Some(name) = name else { return Some(Self::Md5) };
        let all = [Self::Md5, Self::Sha256, Self::Sha512_256];
        all.into_iter().find(|algorithm| algorithm.name().eq_ignore_ascii_case(name))
    }

    /// How many octets a hash has.
    const fn len(self) -> usize {
        match self {
            Self::Md5 => 16,
            Self::Sha256 | Self::Sha512_256 => 32,
        }
    }

    fn hash(self, parts: &[&str]) -> String {
        self.hash_octets(&parts.join(":").into_bytes())
    }

    fn hash_octets(self, octets: &[u8]) -> String {
        match self {
            Self::Md5 => to_hex(&Md5::digest(octets)),
            Self::Sha256 => to_hex(&Sha256::digest(octets)),
            Self::Sha512_256 => to_hex(&Sha512_256::digest(octets)),
        }
    }
}

impl Ha1 {
    /// From a password.
    #[must_use]
    pub fn new(algorithm: Algorithm, user: &str, realm: &str, password: &str) -> Self {
        Self { algorithm, hex: algorithm.hash(&[user, realm, password]) }
    }

    /// From its kept form; `None` where that is no hash of this algorithm.
    #[must_use]
    pub fn from_hex(algorithm: Algorithm, hex: &str) -> Option<Self> {
        let is_hash = hex.len() == 2 * algorithm.len() && hex.bytes().all(|b| b.is_ascii_hexdigit());
        is_hash.then(|| Self { algorithm, hex: hex.to_ascii_lowercase() })
    }

    /// Its form to be kept. Secret.
    #[must_use]
    pub fn as_hex(&self) -> &str {
        &self.hex
    }

    /// The algorithm that made it.
    #[must_use]
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The `response` to a challenge, in hexadecimal. `count` is nonce count and client nonce where
    /// there is a quality of protection, which is `auth` then.
    pub(super) fn response(
        &self,
        method: &str,
        uri: &str,
        nonce: &str,
        count: Option<(&str, &str)>,
    ) -> String {
        let count = count.map(|(nc, cnonce)| (nc, cnonce, Protection::Auth));
        self.response_with((method, uri, b""), nonce, count)
    }

    /// The same for a request of method, digest URI and body, whose body is protected too where the
    /// quality is `auth-int` (RFC 7616 3.4.3).
    pub(super) fn response_with(
        &self,
        (method, uri, body): (&str, &str, &[u8]),
        nonce: &str,
        count: Option<(&str, &str, Protection)>,
    ) -> String {
        let ha2 = match count {
            Some((_, _, Protection::AuthInt)) => {
                self.algorithm.hash(&[method, uri, &self.algorithm.hash_octets(body)])
            }
            Some((_, _, Protection::Auth)) | None => self.algorithm.hash(&[method, uri]),
        };
        match count {
            Some((nc, cnonce, qop)) => self.algorithm.hash(&[&self.hex, nonce, nc, cnonce, qop.name(), &ha2]),
            None => self.algorithm.hash(&[&self.hex, nonce, &ha2]),
        }
    }
}

impl fmt::Debug for Ha1 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Ha1({}, ..)", self.algorithm.name())
    }
}

pub(super) fn to_hex(octets: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut out = String::with_capacity(2 * octets.len());
    for octet in octets {
        out.push(DIGITS[usize::from(octet >> 4)] as char);
        out.push(DIGITS[usize::from(octet & 15)] as char);
    }
    out
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    const NONCE: &str = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v";
    const CNONCE: &str = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ";

    /// RFC 7616 3.9.1.
    #[test]
    fn the_examples_of_rfc_7616() {
        for (algorithm, response) in [
            (Algorithm::Md5, "8ca523f5e9506fed4657c9700eebdbec"),
            (Algorithm::Sha256, "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
        ] {
            let ha1 = Ha1::new(algorithm, "Mufasa", "http-auth@example.org", "Circle of Life");
            let count = Some(("00000001", CNONCE));
            assert_eq!(ha1.response("GET", "/dir/index.html", NONCE, count), response);
        }
    }

    /// RFC 2617 3.5, and the same without a quality of protection (RFC 2069 2.4 as corrected).
    #[test]
    fn the_examples_of_its_forerunners() {
        let nonce = "dcd98b7102dd2f0e8b11d0f600bfb0c093";
        let ha1 = Ha1::new(Algorithm::Md5, "Mufasa", "testrealm@host.com", "Circle Of Life");
        assert_eq!(ha1.as_hex(), "939e7578ed9e3c518a452acee763bce9");
        assert_eq!(
            ha1.response("GET", "/dir/index.html", nonce, Some(("00000001", "0a4f113b"))),
            "6629fae49393a05397450978507c4ef1"
        );
        let ha1 = Ha1::new(Algorithm::Md5, "Mufasa", "testrealm@host.com", "CircleOfLife");
        assert_eq!(ha1.response("GET", "/dir/index.html", nonce, None), "1949323746fe6a43ef61f9606e7febea");
    }

    /// By Python's hashlib: the RFC's example of SHA-512-256 is wrong (erratum 4897), of `auth-int` it has none.
    #[test]
    fn the_strongest_hash_and_a_protected_body() {
        let ha1 = Ha1::new(Algorithm::Sha512_256, "a", "b", "c");
        assert_eq!(ha1.as_hex(), "8eb13a416df8d7c256bb1b2fdc7824b9ab088eba9459502ef1de3d73c9dd7901");
        let count = Some(("00000001", "0a4f113b", Protection::AuthInt));
        let ha1 = Ha1::new(Algorithm::Md5, "Mufasa", "testrealm@host.com", "Circle Of Life");
        let answer = ha1.response_with(("INVITE", "sip:b", b"v=0"), "n", count);
        assert_eq!(answer, "afe537cded814d008c67444dec9586c9");
    }

    #[test]
    fn kept_hashes_have_the_length_of_their_algorithm() {
        let ha1 = Ha1::new(Algorithm::Sha256, "a", "b", "c");
        assert_eq!(Ha1::from_hex(Algorithm::Sha256, &ha1.as_hex().to_uppercase()), Some(ha1.clone()));
        assert_eq!(Ha1::from_hex(Algorithm::Md5, ha1.as_hex()), None);
        assert_eq!(Ha1::from_hex(Algorithm::Md5, &"x".repeat(32)), None);
    }

    #[test]
    fn a_hash_is_not_shown() {
        let ha1 = Ha1::new(Algorithm::Md5, "a", "b", "c");
        assert!(!format!("{ha1:?}").contains(ha1.as_hex()));
    }
}
