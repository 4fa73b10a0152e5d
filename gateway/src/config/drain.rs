//! `[drain]`: how the gateway goes down.

use std::time::Duration;

use serde::Deserialize;
use toml::Spanned;

use super::faults::Faults;

/// How the gateway goes down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DrainConfig {
    /// How long calls may go on after the gateway was asked to stop. Zero ends them at once.
    pub timeout: Duration,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DrainSection {
    timeout_s: Option<Spanned<u64>>,
}

/// The longest that may be said. Chosen by us: a day; whoever waits longer has forgotten it.
const TIMEOUT_MAX_S: u64 = 86_400;

impl Default for DrainConfig {
    /// Half an hour: few calls last longer, and an upgrade can wait for so long.
    fn default() -> Self {
        Self { timeout: Duration::from_secs(30 * 60) }
    }
}

impl DrainSection {
    pub(super) fn check(&self, faults: &mut Faults<'_>) -> DrainConfig {
        let Some(written) = &self.timeout_s else { return DrainConfig::default() };
        if *written.get_ref() > TIMEOUT_MAX_S {
            let cure = format!("write 0, which ends calls at once, to {TIMEOUT_MAX_S}");
            faults.add(written.span(), "is out of range", cure);
        }
        DrainConfig { timeout: Duration::from_secs(*written.get_ref()) }
    }
}
