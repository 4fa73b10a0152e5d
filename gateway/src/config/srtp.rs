//! `srtp`: whether media to a phone or trunk is protected.

use serde::Deserialize;
use webtrunk_engine::sdp::SrtpPolicy;

/// As it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Srtp {
    Forbid,
    Offer,
    Require,
}

impl From<Srtp> for SrtpPolicy {
    fn from(written: Srtp) -> Self {
        match written {
            Srtp::Forbid => Self::Forbid,
            Srtp::Offer => Self::Offer,
            Srtp::Require => Self::Require,
        }
    }
}
