//! Why a description of the peer cannot be met.

use super::webrtc::RemoteChanged;
use crate::sdp::NegotiationError;

/// A description of the peer cannot be met; what was agreed before holds.
#[derive(Debug, thiserror::Error)]
pub enum DescriptionError {
    /// What it describes is not what we can do, or breaks the rules of offer and answer.
    #[error(transparent)]
    Negotiation(#[from] NegotiationError),
    /// It wants another peer on an established transport.
    #[error(transparent)]
    RemoteChanged(#[from] RemoteChanged),
}
