//! Tokens of every format against the keys of a gateway, made here and elsewhere.
#![allow(clippy::unwrap_used)]

mod forgery;
mod formats;
mod legacy;
mod rotation;

use std::net::IpAddr;
use std::time::{Duration, Instant, SystemTime};

use super::bridge::BridgeKey;
use super::jwks::Jwks;
use super::jwt::{JwtAlgorithm, JwtKey};
use super::legacy::{LegacyCipher, LegacyKey};
use super::sealed::SealingKey;
use super::*;
use crate::auth::secret::SecretOctets;
use crate::auth::validity::{UnixTime, Validity};

/// When the tokens that stand here were made.
const MADE: UnixTime = UnixTime(1_764_288_000);

/// The claims of most of them.
const ACCOUNT: &str = r#"{"aud":"phone.example","iat":1764288000,"exp":1764288300,"jti":"7f3a","account":{"user":"1001","password":"wonderland","domain":"sip.example.net"}}"#;

/// The same without what a page may not read.
const NO_ACCOUNT: &str =
    r#"{"aud":"phone.example","iat":1764288000,"exp":1764288300,"jti":"7f3a","sub":"alice"}"#;

/// What the web call server's tokens hold.
const LEGACY_ACCOUNT: &str =
    r#"{"exp":1764288300,"account":{"user":"1001","password":"wonderland","domain":"sip.example.net"}}"#;

/// A secret of HS256.
const SECRET: &str = "a secret of more than thirty-two octets";

const ARRIVAL: Arrival<'_> =
    Arrival { source: IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1)), is_encrypted: true, origin: None };

fn claims(json: &str) -> Claims {
    Claims::from_json(json).unwrap()
}

fn octets(text: &str) -> SecretOctets {
    SecretOctets::new(text.as_bytes().to_vec())
}

fn terms() -> Terms {
    let hosts = vec!["sip.example.net".parse().unwrap()];
    Terms { audience: Some("phone.example".to_owned()), hosts, ..Terms::default() }
}

/// Terms of the web call server's tokens, which are made for nobody in particular.
fn plain_terms() -> Terms {
    Terms { audience: None, ..terms() }
}

fn key(id: &str, kind: KeyKind, terms: Terms) -> TokenKey {
    TokenKey::new(id.to_owned(), kind, Validity::default(), terms).unwrap()
}

fn sealing(first: u8) -> KeyKind {
    KeyKind::Sealed(SealingKey::new(SecretOctets::new((first..first + 32).collect())).unwrap())
}

fn hs256() -> KeyKind {
    KeyKind::Jwt(JwtKey::secret(&octets(SECRET)).unwrap())
}

fn pair(algorithm: JwtAlgorithm) -> KeyKind {
    let (public, private): (&[u8], &[u8]) = match algorithm {
        JwtAlgorithm::Rs256 => (include_bytes!("tests/rs256.pub"), include_bytes!("tests/rs256.key")),
        JwtAlgorithm::Es256 => (include_bytes!("tests/es256.pub"), include_bytes!("tests/es256.key")),
        JwtAlgorithm::EdDsa => (include_bytes!("tests/eddsa.pub"), include_bytes!("tests/eddsa.key")),
        JwtAlgorithm::Hs256 => panic!("it has no pair"),
    };
    KeyKind::Jwt(JwtKey::public(algorithm, public).unwrap().with_private(private).unwrap())
}

fn jwks() -> KeyKind {
    KeyKind::Jwks(Jwks::parse(include_bytes!("tests/jwks.json")).unwrap())
}

/// The application's key is that of openssl's manual: `-K 000102030405060708090a0b0c0d0e0f`.
fn cipher(app: &str) -> LegacyCipher {
    LegacyCipher::new(app.to_owned(), &SecretOctets::new((0..16).collect())).unwrap()
}

fn bridge(app: &str, mac_key: &str) -> KeyKind {
    KeyKind::Bridge(BridgeKey::new(cipher(app), octets(mac_key)).unwrap())
}

fn legacy(app: &str) -> KeyKind {
    let networks = vec!["192.0.2.0/24".parse().unwrap()];
    KeyKind::Legacy(LegacyKey { cipher: cipher(app), networks, origins: None })
}

/// A key of each kind.
fn keyring() -> Keyring {
    Keyring::new(vec![
        key("k1", sealing(0), terms()),
        key("hs", hs256(), terms()),
        key("rs", pair(JwtAlgorithm::Rs256), terms()),
        key("es", pair(JwtAlgorithm::Es256), terms()),
        key("ed", pair(JwtAlgorithm::EdDsa), terms()),
        key("idp", jwks(), terms()),
        key("wcs", bridge("crm", "a key of the bridge's MAC"), plain_terms()),
        key("old", legacy("crm"), plain_terms()),
    ])
}

/// A door, and what its clocks say.
struct Setup {
    door: TokenDoor,
    start: Instant,
}

impl Setup {
    fn new(keys: Keyring) -> Self {
        Self { door: TokenDoor::new(keys), start: Instant::now() }
    }

    /// `after` is in s, from the tokens' making on.
    fn admit(&mut self, token: &str, after: u64) -> Result<Grant, Refusal> {
        self.admit_from(token, &ARRIVAL, after)
    }

    fn admit_from(&mut self, token: &str, arrival: &Arrival<'_>, after: u64) -> Result<Grant, Refusal> {
        let after = Duration::from_secs(after);
        let wall = SystemTime::UNIX_EPOCH + Duration::from_secs(MADE.0) + after;
        self.door.admit(token, arrival, wall, self.start + after)
    }
}

/// A token of a key of the ring.
fn make(keys: &Keyring, id: &str, json: &str) -> String {
    let key = keys.keys().iter().find(|key| key.id == id).unwrap();
    key.make(&claims(json), [7; 12], MADE).unwrap()
}
