//! Nonces without state: a time, a salt, and a MAC over both and the peer's address.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

/// Makes nonces and knows its own again.
pub(super) struct Nonces {
    mac: Hmac<Sha256>,
    epoch: Instant,
}

/// A nonce that we made: when, and which; 48 bits of each travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct NonceId {
    /// Milliseconds since the epoch.
    millis: u64,
    salt: u64,
}

/// How many octets of the MAC are kept. Chosen by us: nobody guesses 96 bits in the minute that a nonce lives, and
/// a challenge over UDP should be short (`sip/reflection.rs`).
const MAC_LEN: usize = 12;

/// Octets of a time and of a salt.
const PART_LEN: usize = 6;

impl Nonces {
    pub(super) fn new(key: &[u8; 32], epoch: Instant) -> Self {
        Self { mac: Hmac::new_from_slice(key).expect("HMAC takes keys of any length"), epoch }
    }

    /// A nonce for a peer.
    pub(super) fn make(&self, peer: IpAddr, salt: u64, now: Instant) -> String {
        let id = NonceId { millis: self.millis(now), salt: salt >> 16 };
        let mut octets = [0; 2 * PART_LEN + MAC_LEN];
        let (named, tag) = octets.split_at_mut(2 * PART_LEN);
        named.copy_from_slice(&id.octets());
        tag.copy_from_slice(&self.tag(id, peer));
        URL_SAFE_NO_PAD.encode(octets)
    }

    /// Whether we made this nonce for this peer, and which it is.
    pub(super) fn check(&self, nonce: &str, peer: IpAddr) -> Option<NonceId> {
        let mut octets = [0; 2 * PART_LEN + MAC_LEN];
        let len = URL_SAFE_NO_PAD.decode_slice(nonce, &mut octets).ok()?;
        if len != octets.len() {
            return None;
        }
        let (millis, rest) = octets.split_at(PART_LEN);
        let (salt, tag) = rest.split_at(PART_LEN);
        let id = NonceId { millis: number(millis), salt: number(salt) };
        bool::from(self.tag(id, peer).ct_eq(tag)).then_some(id)
    }

    /// How old a nonce is; `None` for one from the future.
    pub(super) fn age(&self, id: NonceId, now: Instant) -> Option<Duration> {
        self.millis(now).checked_sub(id.millis).map(Duration::from_millis)
    }

    fn millis(&self, now: Instant) -> u64 {
        u64::try_from(now.saturating_duration_since(self.epoch).as_millis()).unwrap_or(u64::MAX)
    }

    fn tag(&self, id: NonceId, peer: IpAddr) -> [u8; MAC_LEN] {
        let mut mac = self.mac.clone();
        mac.update(&id.octets());
        match peer.to_canonical() {
            IpAddr::V4(ip) => mac.update(&ip.octets()),
            IpAddr::V6(ip) => mac.update(&ip.octets()),
        }
        let full = mac.finalize().into_bytes();
        *full.first_chunk().expect("SHA-256 is longer than its half")
    }
}

impl NonceId {
    #[cfg(test)]
    pub(super) const fn from_parts(millis: u64, salt: u64) -> Self {
        Self { millis, salt }
    }

    fn octets(self) -> [u8; 2 * PART_LEN] {
        let mut octets = [0; 2 * PART_LEN];
        let (millis, salt) = octets.split_at_mut(PART_LEN);
        // Milliseconds fill 48 bits after some 9000 years.
        millis.copy_from_slice(&self.millis.to_be_bytes()[8 - PART_LEN..]);
        salt.copy_from_slice(&self.salt.to_be_bytes()[8 - PART_LEN..]);
        octets
    }
}

/// The number that these octets are, the first one the most significant.
fn number(octets: &[u8]) -> u64 {
    octets.iter().fold(0, |number, octet| number << 8 | u64::from(*octet))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn our_nonces_are_known_at_their_address_only() {
        let start = Instant::now();
        let nonces = Nonces::new(&[7; 32], start);
        let peer = "192.0.2.1".parse().unwrap();
        let now = start + Duration::from_secs(5);
        let nonce = nonces.make(peer, 42, now);
        let id = nonces.check(&nonce, peer).unwrap();
        assert_eq!(nonces.age(id, now + Duration::from_secs(2)), Some(Duration::from_secs(2)));
        assert_eq!(nonces.age(id, start), None);
        assert_eq!(nonces.check(&nonce, "::ffff:192.0.2.1".parse().unwrap()), Some(id));
        assert_eq!(nonces.check(&nonce, "192.0.2.2".parse().unwrap()), None);
        assert_eq!(Nonces::new(&[8; 32], start).check(&nonce, peer), None);
    }

    #[test]
    fn a_changed_nonce_is_not_ours() {
        let nonces = Nonces::new(&[7; 32], Instant::now());
        let peer = "2001:db8::1".parse().unwrap();
        let nonce = nonces.make(peer, 1, Instant::now());
        for at in 0..nonce.len() {
            let mut changed = nonce.clone().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            assert_eq!(nonces.check(&changed, peer), None, "{changed}");
        }
        for bad in ["", "n", &nonce[1..], &format!("{nonce}A"), &format!("{nonce}=")] {
            assert_eq!(nonces.check(bad, peer), None, "{bad}");
        }
    }
}
