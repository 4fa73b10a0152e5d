//! Whether and by which keys a leg to a phone is protected (RFC 4568; RFC 8643 where plain RTP is offered with
//! keys).
//!
//! Our keys are made once, one for each cipher, and stay while that cipher is in use or was never: for one that is
//! gone back to there is a new one, so that no packet index is used twice whatever the rollover counter is then.
//! The peer may change its own with each description.

use super::error::NegotiationError;
use crate::sdp::crypto::{Crypto, CryptoFault};
use crate::sdp::media::MediaDescription;
use crate::srtp::{ProtectionProfile, SdesKey};

/// Whether a leg to a phone is protected by SRTP whose keys stand in the descriptions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum SrtpPolicy {
    /// Never: a peer that insists is refused.
    #[default]
    Forbid,
    /// Where the peer does it too. We offer plain RTP with keys beside it, which those that know of none
    /// pass over (RFC 8643). A leg that is protected once stays so.
    Offer,
    /// Always: a peer that does not is refused.
    Require,
}

/// The keys of a leg.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SdesKeys {
    /// The line of the offer that was taken.
    pub(super) tag: u32,
    /// By which we protect what we send.
    pub tx: SdesKey,
    /// By which the peer does; of the same cipher.
    pub rx: SdesKey,
}

/// Which of the two descriptions is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Offer,
    /// Keys in an answer are no proposal: the peer uses them.
    Answer,
}

impl SdesKeys {
    /// The cipher.
    #[must_use]
    pub const fn profile(&self) -> ProtectionProfile {
        self.tx.profile()
    }
}

/// The peer's keys that we can do, in its order; none where media is to be plain.
pub(super) fn remote_keys(
    media: &MediaDescription,
    policy: SrtpPolicy,
    part: Part,
) -> Result<Vec<Crypto>, NegotiationError> {
    let is_secure = media.protocol.is_srtp();
    if policy == SrtpPolicy::Forbid {
        let protocol = media.protocol.clone();
        return if is_secure { Err(NegotiationError::SrtpForbidden(protocol)) } else { Ok(Vec::new()) };
    }
    let read = media.crypto.iter().map(|line| line.read());
    let (keys, faults): (Vec<_>, Vec<_>) = read.partition(Result::is_ok);
    let keys: Vec<Crypto> = keys.into_iter().flatten().collect();
    if !keys.is_empty() {
        return Ok(keys);
    }
    let fault = faults.into_iter().find_map(Result::err);
    match fault {
        Some(fault) if is_secure || part == Part::Answer || policy == SrtpPolicy::Require => {
            Err(NegotiationError::NoUsableCrypto(fault))
        }
        None if is_secure => Err(NegotiationError::NoUsableCrypto(CryptoFault::Missing)),
        None if policy == SrtpPolicy::Require => Err(NegotiationError::SrtpRequired),
        Some(_) | None => Ok(keys),
    }
}

/// Our keys, by cipher, as far as they were needed.
#[derive(Debug, Clone, Default)]
pub(super) struct LocalKeys(Vec<SdesKey>);

impl LocalKeys {
    /// The lines of our offer: all that we propose at first, later the one in use.
    pub(super) fn offer(&mut self, in_use: Option<&SdesKeys>) -> Vec<Crypto> {
        match in_use {
            Some(keys) => vec![Crypto { tag: keys.tag, key: keys.tx }],
            None => (1..).zip(OFFERED).map(|(tag, profile)| Crypto { tag, key: self.of(profile) }).collect(),
        }
    }

    /// Takes one of the offered keys: of the cipher in use, else the first with a whole tag, else the first.
    pub(super) fn answer(&mut self, offered: &[Crypto], in_use: Option<&SdesKeys>) -> Option<SdesKeys> {
        let is_of_use = |crypto: &&Crypto| in_use.is_some_and(|keys| keys.profile() == crypto.key.profile());
        let is_whole = |crypto: &&Crypto| crypto.key.profile() != ProtectionProfile::Aes128CmHmacSha1_32;
        let taken = offered.iter().find(is_of_use).or_else(|| offered.iter().find(is_whole));
        let taken = taken.or(offered.first())?;
        Some(SdesKeys { tag: taken.tag, tx: self.of(taken.key.profile()), rx: taken.key })
    }

    /// A key that was in use is no longer: what is protected by its cipher later has another.
    pub(super) fn forget(&mut self, key: SdesKey) {
        self.0.retain(|known| *known != key);
    }

    /// This one is in use for its cipher.
    pub(super) fn keep(&mut self, key: SdesKey) {
        self.0.retain(|known| known.profile() != key.profile());
        self.0.push(key);
    }

    fn of(&mut self, profile: ProtectionProfile) -> SdesKey {
        if let Some(key) = self.0.iter().find(|key| key.profile() == profile) {
            return *key;
        }
        let key = SdesKey::random(profile);
        self.0.push(key);
        key
    }
}

/// The keys that follow from an answer to `offered`; `None` where it takes none.
pub(super) fn answered_keys(
    offered: &[Crypto],
    answer: &[Crypto],
) -> Result<Option<SdesKeys>, NegotiationError> {
    let Some(taken) = answer.first() else { return Ok(None) };
    let of_tag = offered.iter().find(|ours| ours.tag == taken.tag);
    // A peer that sends our own key back would have both directions under one.
    let ours = of_tag.filter(|ours| ours.key.profile() == taken.key.profile() && ours.key != taken.key);
    let ours = ours.ok_or(NegotiationError::CryptoMismatch)?;
    Ok(Some(SdesKeys { tag: taken.tag, tx: ours.key, rx: taken.key }))
}

/// What we offer, cheapest first. Tags of 32 bits are taken where they are offered, and not asked for.
const OFFERED: [ProtectionProfile; 3] = [
    ProtectionProfile::AeadAes128Gcm,
    ProtectionProfile::AeadAes256Gcm,
    ProtectionProfile::Aes128CmHmacSha1_80,
];
