//! A handshake in either role, up to the SRTP keys of a peer that is who its description said.

use std::time::Instant;

use dimpl::{KeyingMaterial, SrtpProfile};

use super::client::Client;
use super::endpoint::DATAGRAM_MAX;
use super::server::Server;
use super::{Association, DtlsCertificate};
use crate::rtp::DropReason;
use crate::sdp::Fingerprint;
use crate::srtp::{ProtectionProfile, SrtpContext};

/// Who sends the ClientHello (RFC 5763 section 5). Kept for the life of a leg.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DtlsRole {
    /// We do: our description says `a=setup:active`. Preferred, because it can be guarded fully.
    Client,
    /// The peer does: our description says `a=setup:passive`.
    Server,
}

/// Why a handshake that completed is of no use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HandshakeError {
    /// Somebody else answered, or somebody changed the description (RFC 8122 section 6.2).
    #[error("certificate does not match the fingerprint in the description")]
    FingerprintMismatch,
    /// The peer would have DTLS without SRTP (RFC 5764 4.1).
    #[error("the peer speaks no SRTP protection profile of ours")]
    NoProtectionProfile,
}

/// The SRTP contexts that a handshake left (RFC 5764 4.2).
#[derive(Debug)]
pub struct SrtpPair {
    /// Protects what we send.
    pub tx: SrtpContext,
    /// Unprotects what we receive.
    pub rx: SrtpContext,
}

/// A handshake under way with a peer that is known by its certificate's fingerprints.
pub struct Handshake {
    fingerprints: Vec<Fingerprint>,
    side: Side,
}

enum Side {
    Client(Client),
    Server(Server),
}

impl Handshake {
    /// Starts in the given role. As a client the ClientHello waits in [`Handshake::poll_transmit`].
    #[must_use]
    pub fn new(
        role: DtlsRole,
        certificate: &DtlsCertificate,
        fingerprints: Vec<Fingerprint>,
        now: Instant,
    ) -> Self {
        let side = match role {
            DtlsRole::Client => Side::Client(Client::new(certificate, now)),
            DtlsRole::Server => Side::Server(Server::new(certificate, now)),
        };
        Self { fingerprints, side }
    }

    /// Takes a datagram from an address that ICE has validated.
    ///
    /// # Errors
    /// When no record of it was of any use.
    pub fn handle_datagram(&mut self, datagram: &[u8], now: Instant) -> Result<(), DropReason> {
        if datagram.len() > DATAGRAM_MAX {
            return Err(DropReason::TooLong);
        }
        match &mut self.side {
            Side::Client(client) => client.handle_datagram(datagram, now),
            Side::Server(server) => server.handle_datagram(datagram, now),
        }
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.poll_timeout().is_none_or(|at| now < at) {
            return;
        }
        match &mut self.side {
            Side::Client(client) => client.handle_timeout(now),
            Side::Server(server) => server.handle_timeout(now),
        }
    }

    /// When to call [`Handshake::handle_timeout`].
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        match &self.side {
            Side::Client(client) => client.poll_timeout(),
            Side::Server(server) => server.poll_timeout(),
        }
    }

    /// The next datagram to send.
    pub fn poll_transmit(&mut self) -> Option<Vec<u8>> {
        match &mut self.side {
            Side::Client(client) => client.poll_transmit(),
            Side::Server(server) => server.poll_transmit(),
        }
    }

    /// How it ended, once it did: what to keep of it and the keys, which leave this place only if
    /// the peer's certificate is the one that was announced.
    pub fn poll_outcome(&mut self) -> Option<Result<(Association, SrtpPair), HandshakeError>> {
        let (role, (outcome, endpoint)) = match &mut self.side {
            Side::Client(client) => (DtlsRole::Client, client.take_outcome()?),
            Side::Server(server) => (DtlsRole::Server, server.take_outcome()?),
        };
        if !Fingerprint::any_matches(&self.fingerprints, &outcome.certificate) {
            return Some(Err(HandshakeError::FingerprintMismatch));
        }
        let srtp = SrtpPair::new(outcome.keying, role).ok_or(HandshakeError::NoProtectionProfile);
        Some(srtp.map(|srtp| (Association::new(role, endpoint), srtp)))
    }
}

impl SrtpPair {
    fn new(keying: Option<(KeyingMaterial, SrtpProfile)>, role: DtlsRole) -> Option<Self> {
        let (material, profile) = keying?;
        let profile = match profile {
            SrtpProfile::AES128_CM_SHA1_80 => ProtectionProfile::Aes128CmHmacSha1_80,
            SrtpProfile::AEAD_AES_128_GCM => ProtectionProfile::AeadAes128Gcm,
            SrtpProfile::AEAD_AES_256_GCM => ProtectionProfile::AeadAes256Gcm,
            _ => return None,
        };
        let keys = profile.split_keying_material(&material).ok()?;
        let (local, remote) = match role {
            DtlsRole::Client => (keys.client, keys.server),
            DtlsRole::Server => (keys.server, keys.client),
        };
        let tx = SrtpContext::new(profile, local.key, local.salt).ok()?;
        let rx = SrtpContext::new(profile, remote.key, remote.salt).ok()?;
        Some(Self { tx, rx })
    }

    /// The profile, the same in both directions.
    #[must_use]
    pub const fn profile(&self) -> ProtectionProfile {
        self.tx.profile()
    }
}
