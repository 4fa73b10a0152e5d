//! Supervisors: they hear what a user says and is told, and may be heard.

use super::Incoming;

/// Somebody wants to be in the call that a user talks in.
#[derive(Debug, Clone)]
pub struct Supervising {
    /// The supervisor's leg; its destination is of no meaning.
    pub incoming: Incoming,
    /// The user.
    pub user: String,
    /// What the supervisor is to be.
    pub mode: SupervisorMode,
}

/// What a supervisor is to the two that talk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SupervisorMode {
    /// Nobody hears it.
    Listen,
    /// The user alone hears it.
    Whisper,
    /// Both hear it.
    Barge,
}
