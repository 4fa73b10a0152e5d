//! `[[token_keys]]`: a file of the keys that tokens are made and opened by.

use std::net::IpAddr;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use serde::Deserialize;
use toml::Spanned;
use webtrunk_signalling::auth::secret::SecretOctets;
use webtrunk_signalling::auth::token::bridge::BridgeKey;
use webtrunk_signalling::auth::token::jwks::Jwks;
use webtrunk_signalling::auth::token::jwt::{JwtAlgorithm, JwtKey};
use webtrunk_signalling::auth::token::legacy::{LegacyCipher, LegacyKey};
use webtrunk_signalling::auth::token::sealed::SealingKey;
use webtrunk_signalling::auth::token::{KeyFault, KeyKind, Keyring, TokenKey, is_key_id};
use webtrunk_signalling::http::OriginPolicy;

use super::document::Document;
use super::error::ConfigError;
use super::faults::Faults;
use super::jwks_url::{JwksSource, Written};
use super::secret::{Environment, SecretSource, WORLD, closed_to, fetch, open_to};
use super::structure;
use super::token_keys_terms::{OneUseWord, UnknownClaimsWord};
use crate::files;

/// The whole file, as written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    legacy_tokens: LegacyTokens,
    #[serde(default)]
    token_keys: Vec<TokenKeySection>,
}

/// Whether tokens are taken that anybody may forge who has one.
#[derive(Deserialize, Default, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
enum LegacyTokens {
    #[default]
    Off,
    AcceptInsecure,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TokenKeySection {
    id: Spanned<String>,
    pub(super) kind: Spanned<Kind>,
    secret: Option<Spanned<SecretSource>>,
    encoding: Option<Encoding>,
    mac_secret: Option<Spanned<SecretSource>>,
    app: Option<Spanned<String>>,
    public_key: Option<Spanned<String>>,
    private_key: Option<Spanned<String>>,
    jwks: Option<Spanned<String>>,
    jwks_url: Option<Spanned<String>>,
    #[serde(default)]
    jwks_networks: Vec<Spanned<String>>,
    trusted_certificates: Option<Spanned<String>>,
    #[serde(default)]
    networks: Vec<Spanned<String>>,
    #[serde(default)]
    origins: Vec<Spanned<String>>,
    pub(super) audience: Option<Spanned<String>>,
    pub(super) issuer: Option<Spanned<String>>,
    pub(super) customer: Option<String>,
    #[serde(default)]
    pub(super) hosts: Vec<Spanned<String>>,
    pub(super) destinations: Option<Vec<Spanned<String>>>,
    pub(super) lifetime_max_s: Option<Spanned<u64>>,
    pub(super) one_use: Option<OneUseWord>,
    pub(super) unknown_claims: Option<Spanned<UnknownClaimsWord>>,
    pub(super) not_before: Option<Spanned<String>>,
    pub(super) not_after: Option<Spanned<String>>,
}

/// What a key is of.
#[derive(Deserialize, Debug, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(super) enum Kind {
    Wt1,
    Hs256,
    Rs256,
    Es256,
    Eddsa,
    Jwks,
    Bridge,
    Legacy,
}

/// How a secret's text stands for its octets.
#[derive(Deserialize, Debug, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Encoding {
    Text,
    Hex,
    Base64,
}

/// What a file of keys says.
#[derive(Debug)]
pub(super) struct TokenKeys {
    pub(super) keyring: Keyring,
    /// The sets of keys that are fetched.
    pub(super) sources: Vec<JwksSource>,
}

/// Reads and checks a file of keys, and fetches none. Relative paths in it are relative to its own folder.
///
/// # Errors
/// [`ConfigError`] with everything that is wrong.
pub fn load_token_keys(path: &Path) -> Result<Keyring, ConfigError> {
    read(path, &[]).map(|keys| keys.keyring)
}

/// The same, with where to fetch those that are fetched: at none of the gateway's `own` addresses.
pub(super) fn read(path: &Path, own: &[IpAddr]) -> Result<TokenKeys, ConfigError> {
    let unreadable = |source| ConfigError::Unreadable { file: path.to_owned(), source };
    let environment: Environment<'_> = &|name| std::env::var(name).ok();
    let text = files::read_text(path).map_err(unreadable)?;
    let mode = open_to(closed_to(path, environment), path).map_err(unreadable)?;
    check(&Document::new(path, text), mode, own, environment)
}

pub(super) fn check(
    document: &Document,
    open: Option<u32>,
    own: &[IpAddr],
    environment: Environment<'_>,
) -> Result<TokenKeys, ConfigError> {
    let mut faults = Faults::new(document);
    let Some(file) = structure::read::<File>(&mut faults) else {
        return Err(ConfigError::Faulty(faults.into_list()));
    };
    if let Some(mode) = open.filter(|_| file.token_keys.iter().any(TokenKeySection::has_inline_secret)) {
        let problem = format!("holds secrets, and others may read it (mode {mode:o})");
        let cure = "run chmod 600 on it, or keep the secrets in { file = ... } or { env = ... }";
        faults.add_to_file(problem, cure);
    }
    if file.token_keys.is_empty() && !faults.is_partial(&["token_keys"]) {
        faults.add_to_file("there is no key in it", "add [[token_keys]], with an id, a kind and a secret");
    }
    let (mut keys, mut sources) = (Vec::new(), Vec::new());
    for (index, section) in file.token_keys.iter().enumerate() {
        if file.token_keys[..index].iter().any(|other| other.id.get_ref() == section.id.get_ref()) {
            faults.add(section.id.span(), "another key has this id", "give each key an id of its own");
        }
        let key = section.check(file.legacy_tokens, own, environment, &mut sources, &mut faults);
        keys.extend(key);
    }
    let list = faults.into_list();
    let keyring = Keyring::new(keys);
    if list.is_empty() { Ok(TokenKeys { keyring, sources }) } else { Err(ConfigError::Faulty(list)) }
}

impl TokenKeySection {
    fn has_inline_secret(&self) -> bool {
        [&self.secret, &self.mac_secret].into_iter().flatten().any(|source| source.get_ref().is_inline())
    }

    fn check(
        &self,
        legacy: LegacyTokens,
        own: &[IpAddr],
        environment: Environment<'_>,
        sources: &mut Vec<JwksSource>,
        faults: &mut Faults<'_>,
    ) -> Option<TokenKey> {
        let kind = *self.kind.get_ref();
        self.check_effects(faults);
        let terms = self.terms(faults);
        let validity = self.validity(faults);
        let made = match kind {
            Kind::Wt1 => self.sealing(environment, faults),
            Kind::Hs256 => self.hs256(environment, faults),
            Kind::Rs256 => self.pair(JwtAlgorithm::Rs256, faults),
            Kind::Es256 => self.pair(JwtAlgorithm::Es256, faults),
            Kind::Eddsa => self.pair(JwtAlgorithm::EdDsa, faults),
            Kind::Jwks => self.jwks(own, sources, faults),
            Kind::Bridge => self.bridge(environment, faults),
            Kind::Legacy => self.legacy(legacy, environment, faults),
        };
        if !is_key_id(self.id.get_ref()) {
            faults.add(self.id.span(), KeyFault::Id, "use 1 to 64 letters, digits and - _");
        }
        TokenKey::new(self.id.get_ref().clone(), made?, validity?, terms).ok()
    }

    /// Notes what is written and does nothing for this kind of key.
    fn check_effects(&self, faults: &mut Faults<'_>) {
        let kind = *self.kind.get_ref();
        let has_secret = matches!(kind, Kind::Wt1 | Kind::Hs256 | Kind::Bridge | Kind::Legacy);
        let is_of_web_call_server = matches!(kind, Kind::Bridge | Kind::Legacy);
        let has_pair = matches!(kind, Kind::Rs256 | Kind::Es256 | Kind::Eddsa);
        let is_legacy = kind == Kind::Legacy;
        let span = |text: &Option<Spanned<String>>| text.as_ref().map(Spanned::span);
        let first = |list: &[Spanned<String>]| list.first().map(Spanned::span);
        let written = [
            ("secret", self.secret.as_ref().map(Spanned::span), has_secret),
            ("mac_secret", self.mac_secret.as_ref().map(Spanned::span), kind == Kind::Bridge),
            ("app", span(&self.app), is_of_web_call_server),
            ("public_key", span(&self.public_key), has_pair),
            ("private_key", span(&self.private_key), has_pair),
            ("jwks", span(&self.jwks), kind == Kind::Jwks),
            ("jwks_url", span(&self.jwks_url), kind == Kind::Jwks),
            ("jwks_networks", first(&self.jwks_networks), kind == Kind::Jwks),
            ("trusted_certificates", span(&self.trusted_certificates), kind == Kind::Jwks),
            ("networks", first(&self.networks), is_legacy),
            ("origins", first(&self.origins), is_legacy),
        ];
        for (name, span, has_effect) in written {
            if let (Some(span), false) = (span, has_effect) {
                faults.add(
                    span,
                    format!("keys of this kind have no {name}"),
                    "take it out, or correct the kind",
                );
            }
        }
    }

    fn sealing(&self, environment: Environment<'_>, faults: &mut Faults<'_>) -> Option<KeyKind> {
        let cure = "make one by: openssl rand -hex 32";
        let octets = self.octets(&self.secret, "secret", Encoding::Hex, cure, environment, faults)?;
        let key = SealingKey::new(octets);
        key.map(KeyKind::Sealed).map_err(|fault| self.note(&self.secret, fault, cure, faults)).ok()
    }

    fn hs256(&self, environment: Environment<'_>, faults: &mut Faults<'_>) -> Option<KeyKind> {
        let cure = "make one by: openssl rand -hex 32";
        let octets = self.octets(&self.secret, "secret", Encoding::Text, cure, environment, faults)?;
        JwtKey::secret(&octets)
            .map(KeyKind::Jwt)
            .map_err(|fault| self.note(&self.secret, fault, cure, faults))
            .ok()
    }

    fn pair(&self, algorithm: JwtAlgorithm, faults: &mut Faults<'_>) -> Option<KeyKind> {
        let public = self.file(&self.public_key, "public_key", faults)?;
        let cure = "name a PEM file, as openssl pkey -pubout writes it";
        let key = JwtKey::public(algorithm, &public)
            .map_err(|fault| self.note(&self.public_key, fault, cure, faults))
            .ok()?;
        if self.private_key.is_none() {
            return Some(KeyKind::Jwt(key));
        }
        let private = self.file(&self.private_key, "private_key", faults)?;
        let cure = "name the PEM file (PKCS #8) of the public key's other half";
        key.with_private(&private)
            .map(KeyKind::Jwt)
            .map_err(|fault| self.note(&self.private_key, fault, cure, faults))
            .ok()
    }

    fn jwks(
        &self,
        own: &[IpAddr],
        sources: &mut Vec<JwksSource>,
        faults: &mut Faults<'_>,
    ) -> Option<KeyKind> {
        let trusted_certificates = self.trusted_certificates.as_ref();
        if let Some(url) = &self.jwks_url {
            if self.jwks.is_some() {
                faults.add(url.span(), "is there beside jwks", "take one of the two out");
            }
            let written = Written { id: &self.id, url, networks: &self.jwks_networks, trusted_certificates };
            let source = written.check(own, faults)?;
            let kind = KeyKind::Fetched(source.set.clone());
            sources.push(source);
            return Some(kind);
        }
        for written in self.jwks_networks.first().into_iter().chain(trusted_certificates) {
            faults.add(written.span(), "does nothing without jwks_url", "take it out, or add jwks_url");
        }
        let json = self.file(&self.jwks, "jwks", faults)?;
        let cure = "name a file with the provider's JWK set";
        Jwks::parse(&json).map(KeyKind::Jwks).map_err(|fault| self.note(&self.jwks, fault, cure, faults)).ok()
    }

    fn bridge(&self, environment: Environment<'_>, faults: &mut Faults<'_>) -> Option<KeyKind> {
        let cipher = self.cipher(environment, faults);
        let cure = "make one by: openssl rand -hex 32";
        let mac_key =
            self.octets(&self.mac_secret, "mac_secret", Encoding::Text, cure, environment, faults)?;
        BridgeKey::new(cipher?, mac_key)
            .map(KeyKind::Bridge)
            .map_err(|fault| self.note(&self.mac_secret, fault, cure, faults))
            .ok()
    }

    fn legacy(
        &self,
        legacy: LegacyTokens,
        environment: Environment<'_>,
        faults: &mut Faults<'_>,
    ) -> Option<KeyKind> {
        if legacy == LegacyTokens::Off {
            let problem = "opens tokens that anybody can forge who has one, and legacy_tokens is \"off\"";
            let cure = "append a MAC and write kind = \"bridge\", or write legacy_tokens = \"accept-insecure\" above all keys";
            faults.add(self.kind.span(), problem, cure);
        }
        let cipher = self.cipher(environment, faults);
        let networks = faults.parse_all(&self.networks, super::NETWORK_CURE);
        let origins = faults.parse_all(&self.origins, "write scheme://host, such as \"https://crm.example\"");
        if self.networks.is_empty() && self.origins.is_empty() {
            let problem = "nothing says where tokens may come from that anybody can forge";
            faults.add_missing(self.kind.span(), problem, "add networks or origins");
        }
        let origins = (!origins.is_empty()).then(|| OriginPolicy::new(origins, false));
        Some(KeyKind::Legacy(LegacyKey { cipher: cipher?, networks, origins }))
    }

    fn cipher(&self, environment: Environment<'_>, faults: &mut Faults<'_>) -> Option<LegacyCipher> {
        let cure = "write up to 32 hexadecimal digits, as for openssl enc -K, or add encoding = \"text\"";
        let octets = self.octets(&self.secret, "secret", Encoding::Hex, cure, environment, faults);
        let Some(app) = &self.app else {
            faults.add_missing(
                self.kind.span(),
                "has no app",
                "add app, what stands before the colon of tokens",
            );
            return None;
        };
        let cipher = LegacyCipher::new(app.get_ref().clone(), &octets?);
        cipher.map_err(|fault| self.note(&self.secret, fault, cure, faults)).ok()
    }

    /// A secret's octets.
    fn octets(
        &self,
        source: &Option<Spanned<SecretSource>>,
        name: &str,
        usual: Encoding,
        cure: &str,
        environment: Environment<'_>,
        faults: &mut Faults<'_>,
    ) -> Option<SecretOctets> {
        let Some(source) = source else {
            faults.add_missing(self.kind.span(), format!("has no {name}"), format!("add {name}; {cure}"));
            return None;
        };
        let secret = fetch(source, environment, faults)?;
        let text = secret.expose();
        // A MAC's key is a text, whatever its token's key is.
        let encoding = if name == "secret" { self.encoding.unwrap_or(usual) } else { usual };
        let octets = match encoding {
            Encoding::Text => Some(text.as_bytes().to_vec()),
            Encoding::Hex => hexadecimal(text),
            Encoding::Base64 => [STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD]
                .iter()
                .find_map(|own| own.decode(text).ok()),
        };
        if octets.is_none() {
            let what = if encoding == Encoding::Hex { "hexadecimal digits" } else { "base64" };
            faults.add(source.span(), format!("is no {what}"), cure);
        }
        octets.map(SecretOctets::new)
    }

    /// A file's octets.
    fn file(&self, path: &Option<Spanned<String>>, name: &str, faults: &mut Faults<'_>) -> Option<Vec<u8>> {
        let Some(path) = path else {
            faults.add_missing(
                self.kind.span(),
                format!("has no {name}"),
                format!(
                    "add {name}, the path of a file{}",
                    if name == "jwks" { ", or jwks_url" } else { "" }
                ),
            );
            return None;
        };
        let resolved = faults.document().resolve(path.get_ref());
        if name == "private_key"
            && let Ok(Some(mode)) = open_to(WORLD, &resolved)
        {
            let problem = format!("everybody may read this key (mode {mode:o})");
            faults.add(path.span(), problem, "run chmod 600 on it");
        }
        let read = files::read(&resolved, files::TEXT_MAX);
        let cure = "correct the path, or the file's permissions";
        read.map_err(|error| faults.add(path.span(), format!("cannot be read: {error}"), cure)).ok()
    }

    fn note<T>(
        &self,
        written: &Option<Spanned<T>>,
        fault: impl std::fmt::Display,
        cure: &str,
        faults: &mut Faults<'_>,
    ) {
        let span = written.as_ref().map_or_else(|| self.kind.span(), Spanned::span);
        faults.add(span, fault, cure);
    }
}

/// Digits as octets; a last one alone is the higher half of its octet, as `openssl enc -K` has it.
fn hexadecimal(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> =
        text.chars().map(|digit| digit.to_digit(16).and_then(|digit| u8::try_from(digit).ok())).collect();
    let octet = |pair: &[u8]| pair[0] << 4 | pair.get(1).copied().unwrap_or(0);
    Some(digits?.chunks(2).map(octet).collect())
}
