//! Who was called before a call came to a page.

use schemars::JsonSchema;
use serde::Serialize;

use crate::adapter;

/// Somebody who was called before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Diversion {
    /// Its number or name.
    pub user: String,
    /// Why the call went on from there.
    pub reason: DiversionReason,
}

/// Why a call went on from somebody (RFC 5806 4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum DiversionReason {
    /// Nobody says.
    Unknown,
    /// It was in another call.
    Busy,
    /// It did not lift.
    NoAnswer,
    /// It could not be reached.
    Unavailable,
    /// It always sends its calls on.
    Unconditional,
    /// It sent this one on, or transferred it.
    Deflection,
}

impl From<adapter::Diversion> for Diversion {
    fn from(adapter::Diversion { user, reason, .. }: adapter::Diversion) -> Self {
        let reason = match reason {
            adapter::DiversionReason::Unknown => DiversionReason::Unknown,
            adapter::DiversionReason::Busy => DiversionReason::Busy,
            adapter::DiversionReason::NoAnswer => DiversionReason::NoAnswer,
            adapter::DiversionReason::Unavailable => DiversionReason::Unavailable,
            adapter::DiversionReason::Unconditional => DiversionReason::Unconditional,
            adapter::DiversionReason::Deflection => DiversionReason::Deflection,
        };
        Self { user, reason }
    }
}
