//! How patient a WebRTC transport is.

use std::time::Duration;

use crate::net::AddressFilter;

/// How patient a transport is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebrtcConfig {
    /// From `set_remote` until the first valid check. 20 s leaves room for a slow phone network.
    pub connect_timeout: Duration,
    /// From the first valid check until the keys are there. 10 s is six retransmissions of a flight.
    pub handshake_timeout: Duration,
    /// How long a peer that has been silent for 15 s may stay so. RFC 7675 5.1 sets 30 s in all.
    pub consent_margin: Duration,
    /// Where peers may be that we check.
    pub peers: AddressFilter,
}

impl Default for WebrtcConfig {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(20),
            handshake_timeout: Duration::from_secs(10),
            consent_margin: Duration::from_secs(15),
            peers: AddressFilter::default(),
        }
    }
}
