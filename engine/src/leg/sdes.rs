//! SRTP of a leg whose keys stand in its descriptions.

use crate::rtp::DropReason;
use crate::sdp::SdesKeys;
use crate::srtp::{ProtectError, ProtectionProfile, SdesKey, SrtpContext};

/// The contexts of both directions.
#[derive(Debug)]
pub(super) struct SdesSrtp {
    keys: SdesKeys,
    /// By each key that we ever sent under, the present one last: one that comes back goes on where it was, so
    /// that no index is used twice. There are no more of them than ciphers.
    tx: Vec<(SdesKey, SrtpContext)>,
    rx: SrtpContext,
}

impl SdesSrtp {
    pub(super) fn new(keys: SdesKeys) -> Self {
        Self { keys, tx: vec![(keys.tx, keys.tx.context())], rx: keys.rx.context() }
    }

    /// Takes what was agreed again: a key that stayed goes on, a new one begins with rollover counter zero, as
    /// RFC 4568 6.4 has it for a new cryptographic context.
    pub(super) fn agree(&mut self, keys: SdesKeys) {
        match self.tx.iter().position(|(key, _)| *key == keys.tx) {
            Some(known) => {
                let last = self.tx.len() - 1;
                self.tx.swap(known, last);
            }
            None => self.tx.push((keys.tx, keys.tx.context())),
        }
        if self.keys.rx != keys.rx {
            self.rx = keys.rx.context();
        }
        self.keys = keys;
    }

    pub(super) fn profile(&self) -> ProtectionProfile {
        self.keys.profile()
    }

    pub(super) fn unprotect_rtp<'p>(&mut self, packet: &'p mut [u8]) -> Result<&'p [u8], DropReason> {
        self.rx.unprotect_rtp(packet)
    }

    pub(super) fn unprotect_rtcp<'p>(&mut self, packet: &'p mut [u8]) -> Result<&'p [u8], DropReason> {
        self.rx.unprotect_rtcp(packet)
    }

    pub(super) fn protect_rtp(&mut self, buf: &mut [u8], len: usize) -> Result<usize, ProtectError> {
        self.sending().protect_rtp(buf, len)
    }

    pub(super) fn protect_rtcp(&mut self, buf: &mut [u8], len: usize) -> Result<usize, ProtectError> {
        self.sending().protect_rtcp(buf, len)
    }

    fn sending(&mut self) -> &mut SrtpContext {
        &mut self.tx.last_mut().expect("there is the present one").1
    }
}
