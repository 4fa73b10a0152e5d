//! The peer's half of the description. Certificate and role hold for the life of a leg.

use crate::dtls::DtlsRole;
use crate::sdp::Fingerprint;

/// The peer's half of the description.
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
    /// Other ICE credentials in the answer to an offer that did not restart ICE (RFC 8839 4.4.1.1.1).
    #[error("the peer's answer restarts ICE, and our offer did not")]
    IceRestart,
    /// Another certificate.
    #[error("the peer's fingerprint changed on an established transport")]
    Fingerprint,
    /// The other DTLS role.
    #[error("the DTLS role changed on an established transport")]
    Role,
}

impl Remote {
    /// Whether these are other ICE credentials: ICE restarts (RFC 8839 4.4.1.1.1).
    pub(super) fn is_restarted_by(&self, ufrag: &str, password: &str) -> bool {
        (&*self.ufrag, &*self.password) != (ufrag, password)
    }

    /// Whether a later description is still the same peer.
    pub(super) fn check_unchanged(&self, other: &Self, may_restart: bool) -> Result<(), RemoteChanged> {
        let has = |fingerprint| self.fingerprints.contains(fingerprint);
        if self.is_restarted_by(&other.ufrag, &other.password) && !may_restart {
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
