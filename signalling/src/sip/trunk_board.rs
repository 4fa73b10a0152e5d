//! Where the trunks stand now, for whoever watches. The adapter's task alone writes here; readers see what
//! was true a moment ago, without asking the task.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, PoisonError, RwLock};

use super::flow::TransportKind;
use super::trunk::Trunks;
use super::trunk_load::{TrunkGauge, TrunkLoads};
use super::upstream::RegistrationState;

/// The trunks to read; cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct TrunkBoard {
    trunks: Arc<RwLock<BTreeMap<String, TrunkStanding>>>,
    gauges: Arc<RwLock<BTreeMap<String, Arc<TrunkGauge>>>>,
}

/// Where one trunk stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrunkStanding {
    /// Our registrations there, by user.
    pub registrations: Vec<(String, RegistrationState)>,
    /// The hops that were found last, each with what is held against it: `up`, `suspected`, `resting`, `down`.
    pub hops: Vec<(TransportKind, SocketAddr, &'static str)>,
}

impl TrunkBoard {
    /// All trunks of which something is known.
    #[must_use]
    pub fn read(&self) -> BTreeMap<String, TrunkStanding> {
        self.trunks.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What is counted of the trunks that are limited.
    #[must_use]
    pub fn gauges(&self) -> BTreeMap<String, Arc<TrunkGauge>> {
        self.gauges.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Limits the trunks that are to be, and no others, and shows what is counted of them.
    pub(super) fn limit(&self, trunks: &Trunks, loads: &mut TrunkLoads) {
        let is_limited = |name: &str| trunks.named(name).is_some_and(|trunk| !trunk.limits.is_none());
        loads.keep(is_limited);
        let mut gauges = self.gauges.write().unwrap_or_else(PoisonError::into_inner);
        gauges.retain(|name, _| is_limited(name));
        for trunk in trunks.iter().filter(|trunk| !trunk.limits.is_none()) {
            let gauge = gauges.entry(trunk.name.clone()).or_default();
            loads.limit(&trunk.name, trunk.limits, Arc::clone(gauge));
        }
    }

    /// Nothing is known of a trunk any more.
    pub(super) fn forget(&self, trunk: &str) {
        self.trunks.write().unwrap_or_else(PoisonError::into_inner).remove(trunk);
    }

    /// Replaces what is known of a trunk.
    pub(super) fn publish(&self, trunk: &str, standing: TrunkStanding) {
        let mut trunks = self.trunks.write().unwrap_or_else(PoisonError::into_inner);
        trunks.insert(trunk.to_owned(), standing);
    }
}
