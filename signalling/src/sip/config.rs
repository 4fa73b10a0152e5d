//! The SIP adapter's configuration, as plain values; the gateway makes it of its file.

use std::net::SocketAddr;
use std::sync::Arc;

use super::agent::AgentConfig;
use super::call::{CallKeeper, KeptCall};
use super::registrar::{Keeper, Record, RegistrarConfig};
use super::transport::TransportConfig;
use super::trunk::TrunkConfig;
use crate::accounts::AccountDesk;
use crate::auth::digest::{Credentials, DigestConfig};
use crate::room::MediaLoad;

/// Everything that the SIP adapter is told at the start.
#[derive(Clone)]
pub struct SipConfig {
    /// Listeners, their limits, certificates.
    pub transport: TransportConfig,
    /// How users are challenged; its realm is the one that their hashes were made with.
    pub digest: DigestConfig,
    /// Who may register and call.
    pub users: Arc<dyn Credentials + Send + Sync>,
    /// The peers that carry calls from and to elsewhere.
    pub trunks: Vec<TrunkConfig>,
    /// Whom to ask for the addresses of trunks; where there are none, the system's servers.
    pub nameservers: Vec<SocketAddr>,
    /// Limits of registrations.
    pub registrar: RegistrarConfig,
    /// The bindings that were kept when the process ended last.
    pub kept: Vec<Record>,
    /// Who keeps them from now on; `None` forgets them with the process.
    pub keeper: Option<Arc<dyn Keeper>>,
    /// The answered calls that were kept when the process ended last: their peers learn that they are over.
    pub kept_calls: Vec<KeptCall>,
    /// Who keeps them from now on; their [`AgentConfig::keeps_calls`] has to say so too.
    pub call_keeper: Option<Arc<dyn CallKeeper>>,
    /// Limits and waits of calls and transactions.
    pub agent: AgentConfig,
    /// Who says whether calls can be carried; without one they can.
    pub media: Option<Arc<dyn MediaLoad + Send + Sync>>,
    /// Where it is asked to hold accounts for pages.
    pub accounts: AccountDesk,
}

impl SipConfig {
    /// No listener and no trunk yet; all limits are the usual ones.
    #[must_use]
    pub fn new(realm: impl Into<String>, users: Arc<dyn Credentials + Send + Sync>) -> Self {
        Self {
            transport: TransportConfig::default(),
            digest: DigestConfig::new(realm),
            users,
            trunks: Vec::new(),
            nameservers: Vec::new(),
            registrar: RegistrarConfig::default(),
            kept: Vec::new(),
            keeper: None,
            kept_calls: Vec::new(),
            call_keeper: None,
            agent: AgentConfig::default(),
            media: None,
            accounts: AccountDesk::default(),
        }
    }
}
