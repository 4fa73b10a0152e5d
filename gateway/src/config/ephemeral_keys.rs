//! Secrets of names that last for a while: of the JSON API, of the entry, and of customers.

use std::hash::{DefaultHasher, Hash};

use serde::Deserialize;
use toml::Spanned;
use webtrunk_signalling::auth::ephemeral::{EphemeralHash, EphemeralKey, EphemeralKeys};
use webtrunk_signalling::auth::secret::SecretOctets;
use webtrunk_signalling::auth::validity::Validity;

use super::faults::Faults;
use super::secret::{Environment, SecretSource, fetch};
use super::token_keys_terms::check_time;

/// A secret, as written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EphemeralKeySection {
    id: Spanned<String>,
    secret: Spanned<SecretSource>,
    #[serde(default)]
    hash: HashWord,
    not_before: Option<Spanned<String>>,
    not_after: Option<Spanned<String>>,
    #[serde(default)]
    revoked: Vec<String>,
}

/// The hash within the MAC.
#[derive(Deserialize, Default, Clone, Copy, PartialEq, Eq, Hash)]
#[serde(rename_all = "lowercase")]
enum HashWord {
    #[default]
    Sha256,
    Sha1,
}

impl EphemeralKeySection {
    pub(super) fn has_inline_secret(&self) -> bool {
        self.secret.get_ref().is_inline()
    }
}

/// Checks all of them; `fingerprint` differs where they do.
pub(super) fn check(
    sections: &[EphemeralKeySection],
    environment: Environment<'_>,
    fingerprint: &mut DefaultHasher,
    faults: &mut Faults<'_>,
) -> EphemeralKeys {
    let mut keys = Vec::new();
    for (index, section) in sections.iter().enumerate() {
        let id = section.id.get_ref();
        if sections[..index].iter().any(|other| other.id.get_ref() == id) {
            faults.add(section.id.span(), "another key has this id", "give each key an id of its own");
        }
        let times = [&section.not_before, &section.not_after].map(|time| check_time(time.as_ref(), faults));
        let ([Some(not_before), Some(not_after)], Some(secret)) =
            (times, fetch(&section.secret, environment, faults))
        else {
            continue;
        };
        let validity = Validity { not_before, not_after };
        (id, secret.expose(), section.hash, not_before, not_after, &section.revoked).hash(fingerprint);
        let hash = match section.hash {
            HashWord::Sha256 => EphemeralHash::Sha256,
            HashWord::Sha1 => EphemeralHash::Sha1,
        };
        let octets = SecretOctets::new(secret.expose().as_bytes().to_vec());
        match EphemeralKey::new(id.clone(), octets, hash, validity) {
            Ok(key) => keys.push(key.without(section.revoked.iter().cloned().collect())),
            Err(fault) => {
                let cure = "give it an id of letters, digits, - and _, and a secret of 16 characters or more";
                faults.add(section.id.span(), format!("its key {fault}"), cure);
            }
        }
    }
    EphemeralKeys::new(keys)
}
