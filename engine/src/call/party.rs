//! What a party of a conference is: how it is called, whom it may be heard by, and how loud.

use std::sync::Arc;

use crate::LegId;
use crate::media::mixer::Role;

/// A party of a conference.
#[derive(Debug, Clone, PartialEq)]
pub struct PartySpec {
    /// Its leg.
    pub leg: LegId,
    /// What others call it: a user's name, a caller's number.
    pub name: Arc<str>,
    /// What it is to the others.
    pub role: ConferenceRole,
    /// How much louder than it comes it is heard, in dB; +12 at most.
    pub gain_db: f32,
    /// Whether nobody hears it.
    pub is_muted: bool,
}

/// What a party of a conference is to the others. All of them hear everyone who talks to them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConferenceRole {
    /// Takes part.
    Party,
    /// A supervisor whom nobody hears, and of whom nobody is told.
    Listen,
    /// A supervisor whom one party alone hears, and of whom nobody is told.
    Whisper {
        /// That party's name; of several who share it the one who came first. While there is none, nobody
        /// hears the supervisor.
        to: Arc<str>,
    },
    /// A supervisor who takes part.
    Barge,
}

impl ConferenceRole {
    /// Whether the others are told of a party of this role.
    #[must_use]
    pub fn is_known(&self) -> bool {
        matches!(self, Self::Party | Self::Barge)
    }

    /// The role until it is known where everyone sits.
    pub(super) fn at_first(&self) -> Role {
        match self {
            Self::Party => Role::Party,
            Self::Barge => Role::Barge,
            Self::Listen | Self::Whisper { .. } => Role::Listen,
        }
    }
}
