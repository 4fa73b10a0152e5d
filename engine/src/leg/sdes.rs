//! SRTP of a leg whose keys stand in its descriptions.

use crate::rtp::DropReason;
use crate::sdp::SdesKeys;
use crate::srtp::{ProtectError, ProtectionProfile, SdesKey, SrtpContext};

/// Keys of one direction that are remembered: an offer has one for each cipher, and the answers of several branches
/// may go to and fro between them.
const KEYS_MAX: usize = ProtectionProfile::ALL.len();

/// The contexts of both directions.
#[derive(Debug)]
pub(super) struct SdesSrtp {
    profile: ProtectionProfile,
    tx: Keyring,
    rx: Keyring,
}

/// By each key of one direction its context, the present one last. One that comes back goes on behind where it was:
/// so no index is used twice, and nothing is heard twice.
#[derive(Debug)]
struct Keyring(Vec<(SdesKey, SrtpContext)>);

impl Keyring {
    fn new(key: SdesKey) -> Self {
        Self(vec![(key, key.context())])
    }

    /// Goes on under this key.
    fn change_to(&mut self, key: SdesKey) {
        let Some((present, former)) = self.0.pop_if(|(present, _)| *present != key) else { return };
        let known = self.0.iter().position(|(known, _)| *known == key);
        let mut context = known.map_or_else(|| key.context(), |at| self.0.remove(at).1);
        context.follow(&former);
        self.0.push((present, former));
        if self.0.len() == KEYS_MAX {
            self.0.remove(0);
        }
        self.0.push((key, context));
    }

    fn present(&mut self) -> &mut SrtpContext {
        &mut self.0.last_mut().expect("there is the present one").1
    }
}

impl SdesSrtp {
    pub(super) fn new(keys: SdesKeys) -> Self {
        Self { profile: keys.profile(), tx: Keyring::new(keys.tx), rx: Keyring::new(keys.rx) }
    }

    /// Takes what was agreed again: a key that stayed goes on, under a new one we begin with rollover counter zero, as
    /// RFC 4568 6.4 has it for a new cryptographic context; the peer may, or go on, as RFC 3711 3.3.1 has it.
    pub(super) fn agree(&mut self, keys: SdesKeys) {
        self.tx.change_to(keys.tx);
        self.rx.change_to(keys.rx);
        self.profile = keys.profile();
    }

    pub(super) fn profile(&self) -> ProtectionProfile {
        self.profile
    }

    pub(super) fn unprotect_rtp<'p>(&mut self, packet: &'p mut [u8]) -> Result<&'p [u8], DropReason> {
        self.rx.present().unprotect_rtp(packet)
    }

    pub(super) fn unprotect_rtcp<'p>(&mut self, packet: &'p mut [u8]) -> Result<&'p [u8], DropReason> {
        self.rx.present().unprotect_rtcp(packet)
    }

    pub(super) fn protect_rtp(&mut self, buf: &mut [u8], len: usize) -> Result<usize, ProtectError> {
        self.tx.present().protect_rtp(buf, len)
    }

    pub(super) fn protect_rtcp(&mut self, buf: &mut [u8], len: usize) -> Result<usize, ProtectError> {
        self.tx.present().protect_rtcp(buf, len)
    }
}
