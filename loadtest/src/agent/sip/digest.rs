//! The client's side of digest authentication, RFC 7616 and RFC 8760 (RFC 3261 22).
//!
//! Written apart from the gateway's own, so that neither can agree with its own mistake.

use md5::{Digest as _, Md5};
use sha2::Sha256;

/// Which hash to answer with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum DigestAlgorithm {
    /// MD5, all that browsers' libraries know.
    #[default]
    Md5,
    /// SHA-256, RFC 8760.
    Sha256,
}

/// Who we are to the server.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The user of the address of record, and of the digest.
    pub user: String,
    /// The password.
    pub password: String,
    /// Which of the server's challenges to answer.
    pub algorithm: DigestAlgorithm,
}

/// One challenge of a 401 or 407.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Challenge {
    realm: String,
    nonce: String,
    opaque: Option<String>,
    algorithm: DigestAlgorithm,
    has_qop_auth: bool,
    pub(crate) is_stale: bool,
}

/// What the response is computed over.
pub(crate) struct Question<'a> {
    pub(crate) method: &'a str,
    pub(crate) uri: &'a str,
    pub(crate) cnonce: &'a str,
    /// How often the nonce was used, this time included.
    pub(crate) count: u32,
}

impl Credentials {
    /// Credentials that answer MD5 challenges.
    #[must_use]
    pub fn new(user: &str, password: &str) -> Self {
        Self { user: user.to_owned(), password: password.to_owned(), algorithm: DigestAlgorithm::default() }
    }

    /// The value of Authorization or Proxy-Authorization.
    pub(crate) fn answer(&self, challenge: &Challenge, question: &Question<'_>) -> String {
        let Challenge { realm, nonce, algorithm, .. } = challenge;
        let Question { method, uri, cnonce, count } = question;
        let ha1 = algorithm.hash(&format!("{}:{realm}:{}", self.user, self.password));
        let ha2 = algorithm.hash(&format!("{method}:{uri}"));
        let (response, qop) = if challenge.has_qop_auth {
            let response = algorithm.hash(&format!("{ha1}:{nonce}:{count:08x}:{cnonce}:auth:{ha2}"));
            (response, format!(", qop=auth, nc={count:08x}, cnonce=\"{cnonce}\""))
        } else {
            (algorithm.hash(&format!("{ha1}:{nonce}:{ha2}")), String::new())
        };
        let opaque = challenge.opaque.as_ref().map(|it| format!(", opaque=\"{it}\"")).unwrap_or_default();
        format!(
            "Digest username=\"{}\", realm=\"{realm}\", nonce=\"{nonce}\", uri=\"{uri}\", \
             response=\"{response}\", algorithm={}{opaque}{qop}",
            self.user,
            algorithm.name(),
        )
    }

    /// The challenge that is for our algorithm.
    pub(crate) fn choose<'c>(&self, challenges: impl Iterator<Item = &'c str>) -> Option<Challenge> {
        challenges.filter_map(Challenge::parse).find(|challenge| challenge.algorithm == self.algorithm)
    }
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials").field("user", &self.user).finish_non_exhaustive()
    }
}

impl DigestAlgorithm {
    const fn name(self) -> &'static str {
        match self {
            Self::Md5 => "MD5",
            Self::Sha256 => "SHA-256",
        }
    }

    fn hash(self, text: &str) -> String {
        match self {
            Self::Md5 => hex(&Md5::digest(text)),
            Self::Sha256 => hex(&Sha256::digest(text)),
        }
    }
}

impl Challenge {
    /// Reads one challenge; `None` where it is no digest that we can answer.
    pub(crate) fn parse(value: &str) -> Option<Self> {
        let (scheme, rest) = value.trim().split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("digest") {
            return None;
        }
        let fields: Vec<_> = fields(rest).collect();
        let field = |name: &str| {
            fields.iter().find(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value.clone())
        };
        let algorithm = match field("algorithm") {
            None => DigestAlgorithm::Md5,
            Some(name) if name.eq_ignore_ascii_case("MD5") => DigestAlgorithm::Md5,
            Some(name) if name.eq_ignore_ascii_case("SHA-256") => DigestAlgorithm::Sha256,
            Some(_) => return None,
        };
        let qop = field("qop").unwrap_or_default();
        Some(Self {
            realm: field("realm")?,
            nonce: field("nonce")?,
            opaque: field("opaque"),
            algorithm,
            has_qop_auth: qop.split(',').any(|it| it.trim().eq_ignore_ascii_case("auth")),
            is_stale: field("stale").is_some_and(|it| it.eq_ignore_ascii_case("true")),
        })
    }
}

/// `name=value, name="value"`, commas within quotes respected.
fn fields(text: &str) -> impl Iterator<Item = (&str, String)> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let (name, tail) = rest.trim_start_matches([' ', ',', '\t']).split_once('=')?;
        let tail = tail.trim_start();
        let (value, after) = match tail.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"')?,
            None => tail.split_at(tail.find(',').unwrap_or(tail.len())),
        };
        rest = after;
        Some((name.trim(), value.trim().to_owned()))
    })
}

fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mufasa(algorithm: DigestAlgorithm, password: &str) -> Credentials {
        Credentials { user: "Mufasa".to_owned(), password: password.to_owned(), algorithm }
    }

    fn response_of(answer: &str) -> &str {
        answer.split("response=\"").nth(1).and_then(|it| it.split('"').next()).expect("a response")
    }

    #[test]
    fn the_examples_of_rfc_7616_3_9_1() {
        for (algorithm, expected) in [
            (DigestAlgorithm::Md5, "8ca523f5e9506fed4657c9700eebdbec"),
            (DigestAlgorithm::Sha256, "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
        ] {
            let challenges = ["MD5", "SHA-256"].map(|name| {
                format!(
                    "Digest realm=\"http-auth@example.org\", qop=\"auth, auth-int\", algorithm={name}, \
                     nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", \
                     opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\""
                )
            });
            let credentials = mufasa(algorithm, "Circle of Life");
            let challenge = credentials.choose(challenges.iter().map(String::as_str)).expect("one is ours");
            let question = Question {
                method: "GET",
                uri: "/dir/index.html",
                cnonce: "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
                count: 1,
            };
            let answer = credentials.answer(&challenge, &question);
            assert_eq!(response_of(&answer), expected);
            assert!(answer.contains("opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\""), "{answer}");
        }
    }

    /// The example of RFC 2069 2.4 as its errata give it: no quality of protection.
    #[test]
    fn without_quality_of_protection() {
        let credentials = mufasa(DigestAlgorithm::Md5, "CircleOfLife");
        let challenge = Challenge::parse(
            "Digest realm=\"testrealm@host.com\", nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\", stale=TRUE",
        )
        .expect("a challenge");
        assert!(challenge.is_stale);
        let question = Question { method: "GET", uri: "/dir/index.html", cnonce: "", count: 1 };
        let answer = credentials.answer(&challenge, &question);
        assert_eq!(response_of(&answer), "1949323746fe6a43ef61f9606e7febea");
        assert!(!answer.contains("qop") && !answer.contains("opaque"), "{answer}");
    }

    #[test]
    fn what_is_not_ours_is_passed_over() {
        assert_eq!(Challenge::parse("Basic realm=\"x\""), None);
        assert_eq!(Challenge::parse("Digest realm=\"x\", nonce=\"y\", algorithm=SHA-512-256"), None);
        assert_eq!(Challenge::parse("Digest realm=\"x\""), None);
        let sha256_only = ["Digest realm=\"x\", nonce=\"y\", algorithm=SHA-256"];
        assert_eq!(Credentials::new("a", "b").choose(sha256_only.into_iter()), None);
    }

    #[test]
    fn a_password_is_not_shown() {
        assert!(!format!("{:?}", Credentials::new("alice", "secret")).contains("secret"));
    }
}
