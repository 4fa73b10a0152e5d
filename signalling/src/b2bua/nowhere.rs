//! Callees that can be reached nowhere: what the log says of them, and what the caller is told.

use tracing::info;
use webtrunk_engine::EndCause;

use super::effect::{Directory, Place};
use crate::routing::{Bridge, BridgeTarget};

/// Where a callee can be reached, and in the log, why nowhere.
pub(super) fn places(target: &BridgeTarget, directory: &dyn Directory) -> Vec<Place> {
    let places = directory.places(target);
    if places.is_empty() {
        match target {
            BridgeTarget::User(user) if directory.knows(user) => {
                info!(user, "the user is registered nowhere")
            }
            BridgeTarget::User(user) => info!(?user, "no user has this name"),
            BridgeTarget::Trunk { trunk, .. } => info!(%trunk, "no trunk has this name"),
        }
    }
    places
}

/// Why a bridge fails none of whose callees can be reached anywhere. Whom a rule names is somebody; whom a caller
/// dials by name may be nobody.
pub(super) fn cause(bridge: &Bridge, directory: &dyn Directory) -> EndCause {
    let is_somebody = |target: &BridgeTarget| match target {
        BridgeTarget::User(user) => directory.knows(user),
        BridgeTarget::Trunk { .. } => true,
    };
    let is_anybody = bridge.callees.iter().any(|callee| is_somebody(&callee.target));
    if is_anybody { EndCause::Unavailable } else { EndCause::NotFound }
}
