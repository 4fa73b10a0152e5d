//! Session descriptions as far as one audio stream needs them: read by rtc-sdp, written by hand.

mod dialect;
mod format;
mod negotiation;
mod read;
mod write;

pub use dialect::Dialect;
pub use format::{Direction, Format};
pub use read::{RemoteCrypto, RemoteDescription, RemoteIce, SdpError};

#[cfg(test)]
pub(crate) use format::payload_types;
pub(crate) use negotiation::Agreement;
pub(crate) use read::candidates_of;
pub(crate) use write::{HostCandidate, LocalDescription, LocalTransport, WebrtcSecrets};
