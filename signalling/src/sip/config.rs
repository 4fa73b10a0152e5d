//! The SIP adapter's configuration, as plain values; the gateway makes it of its file.

use super::agent::AgentConfig;
use super::doorkeeper::UserConfig;
use super::registrar::RegistrarConfig;
use super::transport::TransportConfig;
use super::trunk::TrunkConfig;
use crate::auth::digest::DigestConfig;

/// Everything that the SIP adapter is told at the start.
#[derive(Debug, Clone)]
pub struct SipConfig {
    /// Listeners, their limits, certificates.
    pub transport: TransportConfig,
    /// How users are challenged; its realm is the one that their hashes were made with.
    pub digest: DigestConfig,
    /// Who may register and call.
    pub users: Vec<UserConfig>,
    /// The peers that carry calls from and to elsewhere.
    pub trunks: Vec<TrunkConfig>,
    /// Limits of registrations.
    pub registrar: RegistrarConfig,
    /// Limits and waits of calls and transactions.
    pub agent: AgentConfig,
}

impl SipConfig {
    /// Nobody may come in and nothing is open yet; all limits are the usual ones.
    #[must_use]
    pub fn new(realm: impl Into<String>) -> Self {
        Self {
            transport: TransportConfig::default(),
            digest: DigestConfig::new(realm),
            users: Vec::new(),
            trunks: Vec::new(),
            registrar: RegistrarConfig::default(),
            agent: AgentConfig::default(),
        }
    }
}
