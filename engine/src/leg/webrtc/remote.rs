//! The peer's half of the description, which holds for the life of a leg.

use crate::dtls::DtlsRole;
use crate::sdp::Fingerprint;

/// The peer's half of the description, kept for the life of the leg.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Remote {
    pub(super) ufrag: String,
    pub(super) password: String,
    pub(super) fingerprints: Vec<Fingerprint>,
    pub(super) role: DtlsRole,
}

/// A later description wants another peer than the first one did. Nothing was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RemoteChanged {
    /// Other ICE credentials: an ICE restart, which we do not do.
    #[error("ICE restart is not supported")]
    IceRestart,
    /// Another certificate.
    #[error("the peer's fingerprint changed on an established transport")]
    Fingerprint,
    /// The other DTLS role.
    #[error("the DTLS role changed on an established transport")]
    Role,
}

impl Remote {
    /// Whether a later description is still the same peer.
    pub(super) fn check_unchanged(&self, other: &Self) -> Result<(), RemoteChanged> {
        let has = |fingerprint| self.fingerprints.contains(fingerprint);
        if (&self.ufrag, &self.password) != (&other.ufrag, &other.password) {
            Err(RemoteChanged::IceRestart)
        } else if self.fingerprints.len() != other.fingerprints.len() || !other.fingerprints.iter().all(has) {
            Err(RemoteChanged::Fingerprint)
        } else if self.role != other.role {
            Err(RemoteChanged::Role)
        } else {
            Ok(())
        }
    }
}
