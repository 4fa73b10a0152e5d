//! What every call of the process is made with.

use std::sync::Arc;

use crate::config::EngineConfig;
use crate::dtls::DtlsCertificate;
use crate::media::WallClock;

/// Shared, never changed.
pub struct Supplies {
    /// The engine's knobs.
    pub config: EngineConfig,
    /// Wall-clock time for reports.
    pub clock: WallClock,
    /// The certificate of this process.
    pub certificate: Arc<DtlsCertificate>,
}
