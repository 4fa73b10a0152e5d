//! The keys of a gateway: which of them a token is proven and opened by.

use std::borrow::Cow;

use sha2::{Digest, Sha256};

use super::bridge::BridgeKey;
use super::claims::Claims;
use super::host::HostName;
use super::jwt::{self, Header, Verifier};
use super::key::{Format, KeyKind, TokenKey};
use super::legacy::{self, Arrival, LegacyKey};
use super::refusal::Refusal;
use super::replay::OnceId;
use super::shape::Shape;
use super::terms::OneUse;
use crate::auth::validity::UnixTime;

/// Longest id that is told of a key that is not there, in characters: ours are no longer.
const SHOWN_MAX: usize = 64;

/// Told of a key that no JWT names.
const UNNAMED: &str = "any";

/// All keys.
#[derive(Debug, Clone, Default)]
pub struct Keyring {
    keys: Vec<TokenKey>,
}

/// A token that was made by a key of ours. Whether it is let in is another question.
#[derive(Debug, Clone)]
pub struct Unsealed<'k> {
    /// The key.
    pub key: &'k TokenKey,
    /// The token's format.
    pub format: Format,
    /// What it says.
    pub claims: Claims,
    /// What a format without names is known by.
    text_id: Option<OnceId>,
}

impl Keyring {
    /// Holds these.
    #[must_use]
    pub const fn new(keys: Vec<TokenKey>) -> Self {
        Self { keys }
    }

    /// The keys, in their order.
    #[must_use]
    pub fn keys(&self) -> &[TokenKey] {
        &self.keys
    }

    /// Whether what a key's token opened may be used by who comes so; nobody may where the key is not there any more.
    #[must_use]
    pub fn may_come(&self, id: &str, arrival: &Arrival<'_>) -> bool {
        self.keys.iter().filter(|key| key.id == id).any(|key| match &key.kind {
            KeyKind::Legacy(legacy) => legacy.admits(arrival).is_ok(),
            KeyKind::Sealed(_)
            | KeyKind::Jwt(_)
            | KeyKind::Jwks(_)
            | KeyKind::Fetched(_)
            | KeyKind::Bridge(_) => true,
        })
    }

    /// Whether a key's tokens may have accounts where one of these hosts is asked for.
    #[must_use]
    pub fn may_have_accounts_at(&self, id: &str, hosts: [&HostName; 2]) -> bool {
        let own = self.keys.iter().filter(|key| key.id == id);
        own.flat_map(|key| &key.terms.hosts).any(|host| hosts.contains(&host))
    }

    /// Whether tokens are taken that anybody may forge who has one. Whoever starts a gateway is to be told.
    #[must_use]
    pub fn takes_forgeable(&self) -> bool {
        self.keys.iter().any(|key| matches!(key.kind, KeyKind::Legacy(_)))
    }

    /// The key to make tokens by: of those in force that can, the one that came into force last, and of several such
    /// the last one.
    #[must_use]
    pub fn newest(&self, now: UnixTime) -> Option<&TokenKey> {
        let is_set = |key: &TokenKey| matches!(key.kind, KeyKind::Jwks(_) | KeyKind::Fetched(_));
        let can_make = |key: &&TokenKey| !is_set(key) && key.validity.holds(now);
        self.keys.iter().filter(can_make).max_by_key(|key| key.validity.not_before)
    }

    /// Proves and opens a token, whoever brings it.
    ///
    /// # Errors
    /// No key of ours in force made it as it is.
    pub fn unseal(&self, token: &str, now: UnixTime) -> Result<Unsealed<'_>, Refusal> {
        self.unseal_shape(Shape::parse(token)?, None, now)
    }

    /// The same of one that came to a gateway, which looks at how it came before it opens what anybody may forge.
    pub(super) fn unseal_shape(
        &self,
        shape: Shape<'_>,
        arrival: Option<&Arrival<'_>>,
        now: UnixTime,
    ) -> Result<Unsealed<'_>, Refusal> {
        match shape {
            Shape::Sealed { head, key, body } => self.sealed(key, head, body, now),
            Shape::Jwt { signed, header, payload, signature } => {
                self.jwt(&Header::parse(header)?, signed, payload, signature, now)
            }
            Shape::Bridge { signed, app, hex, mac } => self.bridge(app, signed, hex, mac, now),
            Shape::Legacy { app, hex } => self.legacy(app, hex, arrival, now),
        }
    }

    fn sealed(&self, id: &str, head: &str, body: &str, now: UnixTime) -> Result<Unsealed<'_>, Refusal> {
        let own = self.keys.iter().find_map(|key| match &key.kind {
            KeyKind::Sealed(sealing) if key.id == id => Some((key, sealing)),
            _ => None,
        });
        let (key, sealing) = own.ok_or_else(|| Refusal::UnknownKey(id.to_owned()))?;
        if !key.validity.holds(now) {
            return Err(Refusal::KeyNotInForce(key.id.clone()));
        }
        let opened = sealing.open(head, body)?;
        let claims = Claims::parse(&opened, key.terms.unknown_claims)?;
        Ok(Unsealed { key, format: Format::Sealed, claims, text_id: None })
    }

    fn jwt(
        &self,
        header: &Header,
        signed: &str,
        payload: &str,
        signature: &str,
        now: UnixTime,
    ) -> Result<Unsealed<'_>, Refusal> {
        let id = header.kid.as_deref();
        let candidates = in_force(self.provers(id), id.unwrap_or(UNNAMED), now);
        let candidates = candidates.inspect_err(|refusal| self.note_missed(refusal, now))?;
        let algorithm = header.algorithm();
        let fitting: Vec<_> =
            candidates.into_iter().filter(|(_, own)| Some(own.algorithm) == algorithm).collect();
        if fitting.is_empty() {
            return Err(Refusal::WrongAlgorithm);
        }
        let prover = fitting.into_iter().find(|(_, own)| own.proves(signed, signature));
        let (key, _) = prover.ok_or(Refusal::Forged)?;
        let claims = Claims::parse(&jwt::part(payload)?, key.terms.unknown_claims)?;
        Ok(Unsealed { key, format: Format::Jwt, claims, text_id: None })
    }

    /// What may prove a JWT that names this key, or none.
    fn provers<'k>(&'k self, id: Option<&str>) -> Vec<(&'k TokenKey, Cow<'k, Verifier>)> {
        let mut provers = Vec::new();
        for key in &self.keys {
            match &key.kind {
                KeyKind::Jwt(own) if id.is_none_or(|id| key.id == id) => {
                    provers.push((key, Cow::Borrowed(&own.verifier)));
                }
                KeyKind::Jwks(set) => {
                    provers.extend(set.named(id).map(|verifier| (key, Cow::Borrowed(verifier))));
                }
                KeyKind::Fetched(set) => {
                    if let Some(set) = set.keys() {
                        provers.extend(set.named(id).map(|verifier| (key, Cow::Owned(verifier.clone()))));
                    }
                }
                KeyKind::Jwt(_) | KeyKind::Sealed(_) | KeyKind::Bridge(_) | KeyKind::Legacy(_) => {}
            }
        }
        provers
    }

    /// A key that is not there may have come to a set since it was fetched.
    fn note_missed(&self, refusal: &Refusal, now: UnixTime) {
        if !matches!(refusal, Refusal::UnknownKey(_)) {
            return;
        }
        for key in self.keys.iter().filter(|key| key.validity.holds(now)) {
            if let KeyKind::Fetched(set) = &key.kind {
                set.miss();
            }
        }
    }

    fn bridge(
        &self,
        app: &str,
        signed: &str,
        hex: &str,
        mac: &str,
        now: UnixTime,
    ) -> Result<Unsealed<'_>, Refusal> {
        let own = self.keys.iter().filter_map(|key| match &key.kind {
            KeyKind::Bridge(bridge) if bridge.app() == app => Some((key, bridge)),
            _ => None,
        });
        let candidates: Vec<(&TokenKey, &BridgeKey)> = in_force(own.collect(), app, now)?;
        let prover = candidates.into_iter().find(|(_, bridge)| bridge.proves(signed, mac));
        let (key, bridge) = prover.ok_or(Refusal::Forged)?;
        let claims = bridge.open(hex)?;
        Ok(Unsealed {
            key,
            format: Format::Bridge,
            claims,
            text_id: Some(once_id(&[b"bridge", signed.as_bytes()])),
        })
    }

    fn legacy(
        &self,
        app: &str,
        hex: &str,
        arrival: Option<&Arrival<'_>>,
        now: UnixTime,
    ) -> Result<Unsealed<'_>, Refusal> {
        if !self.takes_forgeable() {
            return Err(Refusal::LegacyOff);
        }
        let own = self.keys.iter().filter_map(|key| match &key.kind {
            KeyKind::Legacy(legacy) if legacy.cipher.app() == app => Some((key, legacy)),
            _ => None,
        });
        let candidates: Vec<(&TokenKey, &LegacyKey)> = in_force(own.collect(), app, now)?;
        let octets = legacy::octets(hex)?;
        let mut refusal = Refusal::UnknownKey(shown(app));
        for (key, legacy) in candidates {
            if let Err(told) = arrival.map_or(Ok(()), |arrival| legacy.admits(arrival)) {
                refusal = told;
                continue;
            }
            match legacy.cipher.open(&octets) {
                Ok(claims) => {
                    // By what it says: digits may be large or small.
                    let text_id = Some(once_id(&[b"legacy", &octets]));
                    return Ok(Unsealed { key, format: Format::Legacy, claims, text_id });
                }
                Err(told) => refusal = told,
            }
        }
        Err(refusal)
    }
}

impl Unsealed<'_> {
    /// Whether it keeps to its key's terms now.
    ///
    /// # Errors
    /// What it breaks.
    pub fn judge(&self, now: UnixTime) -> Result<(), Refusal> {
        self.key.terms.judge(&self.claims, self.format, now)?;
        self.once().map(drop)
    }

    /// What it is known by where it is good once.
    pub(super) fn once(&self) -> Result<Option<OnceId>, Refusal> {
        let by_name =
            self.claims.id.as_ref().map(|id| once_id(&[b"jti", self.key.id.as_bytes(), id.as_bytes()]));
        match (self.format, self.key.terms.one_use) {
            (Format::Legacy, _) => Ok(self.text_id),
            (_, OneUse::Never) => Ok(None),
            (_, OneUse::Named) => Ok(by_name),
            (_, OneUse::Required) => by_name.or(self.text_id).map(Some).ok_or(Refusal::NoId),
        }
    }
}

/// Those of the candidates that are in force; there must be one.
fn in_force<'k, K>(
    candidates: Vec<(&'k TokenKey, K)>,
    named: &str,
    now: UnixTime,
) -> Result<Vec<(&'k TokenKey, K)>, Refusal> {
    let Some((first, _)) = candidates.first() else { return Err(Refusal::UnknownKey(shown(named))) };
    let first = first.id.clone();
    let left: Vec<_> = candidates.into_iter().filter(|(key, _)| key.validity.holds(now)).collect();
    if left.is_empty() { Err(Refusal::KeyNotInForce(first)) } else { Ok(left) }
}

fn shown(id: &str) -> String {
    id.chars().take(SHOWN_MAX).collect()
}

/// The begin of the hash of all parts, each with its length before it.
fn once_id(parts: &[&[u8]]) -> OnceId {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.len().to_be_bytes());
        hash.update(part);
    }
    let whole: [u8; 32] = hash.finalize().into();
    *whole.first_chunk().expect("a SHA-256 has 32 octets")
}
