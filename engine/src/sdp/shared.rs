//! Attributes that the session may say once for all its media.

use super::direction::Direction;
use super::fingerprint::Fingerprint;
use super::setup::Setup;

/// What stands at session level, at media level, or at both: the media's word wins.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SharedAttributes {
    /// Who sends; nothing said means both.
    pub direction: Option<Direction>,
    /// User fragment of the ICE credentials, 4 to 256 characters (RFC 8839 5.4).
    pub ice_ufrag: Option<String>,
    /// Password of the ICE credentials, 22 to 256 characters.
    pub ice_pwd: Option<String>,
    /// ICE extensions by tag: `trickle`, `ice2`.
    pub ice_options: Vec<String>,
    /// Hashes of the certificates that may come; only those by functions that we take.
    pub fingerprints: Vec<Fingerprint>,
    /// Who is the DTLS client.
    pub setup: Option<Setup>,
}
