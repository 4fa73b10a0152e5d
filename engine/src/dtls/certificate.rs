//! Who the gateway is towards its WebRTC peers: one self-signed certificate per process.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::sdp::{Fingerprint, HashFunction};

/// First retransmission of a handshake flight; doubled each time. The library's 1 s costs a call
/// 3 s of set-up when two ClientHellos are lost; at 150 ms it is 0.5 s.
const FLIGHT_RTO: Duration = Duration::from_millis(150);

/// Retransmissions per flight: with doubling enough for any handshake deadline we set ourselves.
const FLIGHT_RETRIES: usize = 7;

/// The library's own limit on a handshake. Ours is shorter and is the one that decides.
const LIBRARY_HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(60);

/// An ECDSA P-256 key with its self-signed certificate, and the library set up to use it.
///
/// Peers know it by its fingerprint only, so name and validity mean nothing.
#[derive(Clone)]
pub struct DtlsCertificate {
    identity: dimpl::DtlsCertificate,
    fingerprint: Fingerprint,
    config: Arc<dimpl::Config>,
}

/// Why there is no certificate; the fault is this machine's.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// The key or the certificate could not be made.
    #[error("cannot make a DTLS certificate: {0}")]
    Generate(dimpl::certificate::CertificateError),
    /// The cryptographic provider does not work.
    #[error("cannot set up DTLS: {0}")]
    Setup(dimpl::Error),
}

impl DtlsCertificate {
    /// Makes a fresh key and certificate. Takes some 40 us; once per process is enough.
    ///
    /// # Errors
    /// When this machine's cryptography fails.
    pub fn generate() -> Result<Self, CertificateError> {
        let identity =
            dimpl::certificate::generate_self_signed_certificate().map_err(CertificateError::Generate)?;
        let config = dimpl::Config::builder()
            .flight_start_rto(FLIGHT_RTO)
            .flight_retries(FLIGHT_RETRIES)
            .handshake_timeout(LIBRARY_HANDSHAKE_TIMEOUT)
            .build()
            .map_err(CertificateError::Setup)?;
        let fingerprint = Fingerprint::of(HashFunction::Sha256, &identity.certificate);
        Ok(Self { identity, fingerprint, config: Arc::new(config) })
    }

    /// What our descriptions say of this certificate: its SHA-256 fingerprint.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        self.fingerprint.clone()
    }

    pub(super) fn identity(&self) -> dimpl::DtlsCertificate {
        self.identity.clone()
    }

    pub(super) fn library_config(&self) -> Arc<dimpl::Config> {
        Arc::clone(&self.config)
    }
}

/// Without the key.
impl fmt::Debug for DtlsCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DtlsCertificate({})", self.fingerprint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_certificate_has_its_own_fingerprint() {
        let first = DtlsCertificate::generate().expect("works on any machine");
        let second = DtlsCertificate::generate().expect("works on any machine");
        assert_ne!(first.fingerprint(), second.fingerprint());
        assert!(Fingerprint::any_matches(&[first.fingerprint()], &first.identity.certificate));
        assert_eq!(format!("{first:?}"), format!("DtlsCertificate({})", first.fingerprint()));
    }
}
