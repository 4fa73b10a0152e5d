//! Who hears whom.

/// A place in a mixer. It is given anew once its party has left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SlotId(pub(super) usize);

/// What a party is to the others. All of them hear everyone who talks to them, whatever their own role.
///
/// | speaker's role | is heard by |
/// |---|---|
/// | `Party`, `Barge` | everyone else |
/// | `Whisper { to }` | `to` alone |
/// | `Listen` | nobody |
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Role {
    /// Takes part.
    #[default]
    Party,
    /// A supervisor of whom nobody knows.
    Listen,
    /// A supervisor who tells one party something that the others do not hear.
    Whisper {
        /// That party.
        to: SlotId,
    },
    /// A supervisor who takes part.
    Barge,
}

impl SlotId {
    /// Its number: from zero, less than the mixer's capacity.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0
    }
}

impl Role {
    /// Whether everyone else hears a party of this role.
    pub(super) const fn is_public(self) -> bool {
        matches!(self, Self::Party | Self::Barge)
    }

    /// Whether `listener` hears `speaker`, whose role this is.
    #[must_use]
    pub fn is_heard(self, speaker: SlotId, listener: SlotId) -> bool {
        match self {
            Self::Party | Self::Barge => speaker != listener,
            Self::Whisper { to } => to == listener && speaker != listener,
            Self::Listen => false,
        }
    }
}
