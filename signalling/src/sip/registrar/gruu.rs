//! Addresses that mean one device of a user, wherever it is registered (RFC 5627): a public one, which names the
//! device, and temporary ones, which tell nothing of whose they are.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac};
use rand::rngs::StdRng;
use rand::{RngCore, SeedableRng};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use super::Binding;
use super::table::Table;
use crate::sip::message::SipUri;

/// Makes addresses of devices, and knows its own again.
pub(super) struct Gruus {
    hide: Hmac<Sha256>,
    seal: Hmac<Sha256>,
    random: StdRng,
}

/// What an address is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gruu<'r> {
    /// One device's, which is registered as this.
    Of(&'r Binding),
    /// One device's that is not registered now, or has never been.
    OfNobody,
    /// No address of a device.
    None,
}

/// How temporary addresses begin.
const TEMPORARY: &str = "tgruu.";

/// Octets of each part of a temporary address: chance, the hidden key of the binding, and a seal. Chosen by us:
/// nobody guesses 64 bits of a seal one call at a time.
const PART_LEN: usize = 8;

impl Gruus {
    /// `seed` is random and secret. With another one temporary addresses mean nothing any more.
    pub(super) fn new(seed: [u8; 32]) -> Self {
        let mut random = StdRng::from_seed(seed);
        let mut key = || {
            let mut key = [0; 32];
            random.fill_bytes(&mut key);
            Hmac::new_from_slice(&key).expect("HMAC takes keys of any length")
        };
        Self { hide: key(), seal: key(), random }
    }

    /// The public address of a device of this user: the same for ever. `None` where the device says no name that
    /// may stand in one.
    pub(super) fn public(aor: &SipUri, binding: &Binding) -> Option<String> {
        let urn = binding.instance()?.trim_matches('"').strip_prefix('<')?.strip_suffix('>')?;
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b":-._".contains(&byte);
        if urn.is_empty() || !urn.bytes().all(is_plain) {
            return None;
        }
        let mut uri = SipUri::new(&binding.user, aor.host.clone(), aor.port);
        uri.params.set("gr", Some(urn));
        Some(uri.to_string())
    }

    /// One more temporary address, which is good as long as the device stays registered (RFC 5627 3.2).
    pub(super) fn temporary(&mut self, aor: &SipUri, binding: &Binding) -> String {
        let mut octets = [0; 3 * PART_LEN];
        let (chance, rest) = octets.split_at_mut(PART_LEN);
        let (hidden, seal) = rest.split_at_mut(PART_LEN);
        self.random.fill_bytes(chance);
        hidden.copy_from_slice(&(binding.key ^ self.mask(chance)).to_be_bytes());
        seal.copy_from_slice(&first(&self.seal, &[chance, hidden]));
        let user = format!("{TEMPORARY}{}", URL_SAFE_NO_PAD.encode(octets));
        let mut uri = SipUri::new(&user, aor.host.clone(), aor.port);
        uri.params.set("gr", None);
        uri.to_string()
    }

    /// Whose address a URI is.
    pub(super) fn find<'r>(&self, uri: &SipUri, table: &'r Table) -> Gruu<'r> {
        if !uri.params.has("gr") {
            return Gruu::None;
        }
        let user = uri.user_unescaped().unwrap_or_default();
        let found = match uri.params.get("gr") {
            Some(urn) => {
                let is_its = |binding: &&Binding| {
                    binding
                        .instance()
                        .is_some_and(|own| own.trim_matches(['"', '<', '>']).eq_ignore_ascii_case(urn))
                };
                // Of several flows of a device the one that was refreshed last (RFC 5627 5.1).
                table.of_user(&user).filter(is_its).max_by_key(|binding| binding.freshness())
            }
            None => self.key_of(&user).and_then(|key| table.get(key)),
        };
        found.map_or(Gruu::OfNobody, Gruu::Of)
    }

    /// The key of the binding that a temporary address hides.
    fn key_of(&self, user: &str) -> Option<u64> {
        let mut octets = [0; 3 * PART_LEN];
        let len = URL_SAFE_NO_PAD.decode_slice(user.strip_prefix(TEMPORARY)?, &mut octets).ok()?;
        let (chance, rest) = octets.split_at(PART_LEN);
        let (hidden, seal) = rest.split_at(PART_LEN);
        let is_ours: bool = first(&self.seal, &[chance, hidden]).ct_eq(seal).into();
        (len == octets.len() && is_ours)
            .then(|| u64::from_be_bytes(*hidden.first_chunk().expect("it is as long")) ^ self.mask(chance))
    }

    fn mask(&self, chance: &[u8]) -> u64 {
        u64::from_be_bytes(first(&self.hide, &[chance]))
    }
}

/// The first octets of a MAC.
fn first(mac: &Hmac<Sha256>, parts: &[&[u8]]) -> [u8; PART_LEN] {
    let mut mac = mac.clone();
    parts.iter().for_each(|part| mac.update(part));
    *mac.finalize().into_bytes().first_chunk().expect("SHA-256 is longer")
}
