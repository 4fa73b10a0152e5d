//! What the peer's DTLS can do, and the two libraries that do it.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use rtc_dtls::extension::extension_use_srtp::SrtpProtectionProfile;

use super::super::DtlsRole;
use super::browser_dtls::BrowserDtls;
use super::rtc_dtls::RtcDtls;
use crate::sdp::Fingerprint;

/// What the peer can do.
#[derive(Debug, Clone)]
pub(super) struct Abilities {
    /// The gateway's role; the peer takes the other.
    pub(super) gateway_role: DtlsRole,
    pub(super) stack: Stack,
}

/// Which library the peer uses.
#[derive(Debug, Clone)]
pub(super) enum Stack {
    /// rtc-dtls: DTLS 1.2 with these SRTP profiles, and a cookie asked for as server.
    Rtc(Vec<SrtpProtectionProfile>),
    /// A browser's manners, in this version: no cookie asked for as server.
    BrowserLike(Version),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Version {
    Dtls12,
    Dtls13,
}

/// What a complete handshake gave the peer.
#[derive(Clone)]
pub(super) struct Keys {
    pub(super) profile: SrtpProtectionProfile,
    pub(super) material: Vec<u8>,
}

/// A DTLS endpoint in virtual time.
pub(super) trait PeerDtls {
    /// Starts as client; nothing if it has started.
    fn start(&mut self, now: Instant);
    fn handle_datagram(&mut self, datagram: &[u8], now: Instant);
    fn handle_timeout(&mut self, now: Instant);
    fn poll_timeout(&self) -> Option<Instant>;
    fn poll_transmit(&mut self) -> Option<Vec<u8>>;
    fn close(&mut self, now: Instant);
    fn keys(&self) -> Option<Keys>;
    fn heard_goodbye(&self) -> bool;
    fn fingerprint(&self) -> Fingerprint;
}

impl Abilities {
    /// Every stack and version.
    pub(super) fn all(gateway_role: DtlsRole) -> [Self; 3] {
        [
            Self::rtc(gateway_role),
            Self::browser_like(gateway_role, Version::Dtls12),
            Self::browser_like(gateway_role, Version::Dtls13),
        ]
    }

    /// rtc-dtls with the profiles of a browser, in a browser's order.
    pub(super) fn rtc(gateway_role: DtlsRole) -> Self {
        let profiles = vec![
            SrtpProtectionProfile::Srtp_Aes128_Cm_Hmac_Sha1_80,
            SrtpProtectionProfile::Srtp_Aead_Aes_128_Gcm,
        ];
        Self { gateway_role, stack: Stack::Rtc(profiles) }
    }

    pub(super) fn browser_like(gateway_role: DtlsRole, version: Version) -> Self {
        Self { gateway_role, stack: Stack::BrowserLike(version) }
    }

    pub(super) fn peer_is_client(&self) -> bool {
        self.gateway_role == DtlsRole::Server
    }

    pub(super) fn asks_for_cookie(&self) -> bool {
        !self.peer_is_client() && matches!(self.stack, Stack::Rtc(_))
    }

    pub(super) fn survivable_burst(&self) -> usize {
        if matches!(self.stack, Stack::Rtc(_)) { 1 } else { 2 }
    }

    pub(super) fn endpoint(
        &self,
        address: SocketAddr,
        gateway: SocketAddr,
        now: Instant,
    ) -> Box<dyn PeerDtls> {
        match &self.stack {
            Stack::Rtc(profiles) => {
                Box::new(RtcDtls::new(address, gateway, self.peer_is_client(), profiles.clone()))
            }
            Stack::BrowserLike(version) => Box::new(BrowserDtls::new(self.peer_is_client(), *version, now)),
        }
    }
}

/// How often the peer repeats a flight. As server rtc-dtls forgets its own timer when a repeated
/// message of ours comes first, so it must be quick; as client it gives up after seven times, so it
/// must be slow.
pub(super) const fn flight_interval(is_client: bool) -> Duration {
    Duration::from_millis(if is_client { 100 } else { 40 })
}
