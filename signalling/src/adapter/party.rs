//! Who is at the far side of a leg, and how it carries media.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Who stands behind an incoming call, as far as it has proven.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// A user that authenticated, by name.
    User(String),
    /// A configured peer, by the trunk's name.
    Trunk(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(name) => write!(f, "user {name}"),
            Self::Trunk(name) => write!(f, "trunk {name}"),
        }
    }
}

/// How the far side of a leg carries media.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MediaProfile {
    /// ICE, DTLS-SRTP, rtcp-mux: a browser.
    Webrtc,
    /// Plain RTP: a phone, a PBX, a carrier.
    Rtp,
}

/// The identity that a party shows.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Party {
    /// Number or user name, without host.
    pub user: String,
    /// Display name; empty where there is none.
    pub display_name: String,
}
