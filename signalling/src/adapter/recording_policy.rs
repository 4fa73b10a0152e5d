//! What is said of a party's recordings whatever the dial plan says.

/// Whether a call is recorded that the party is in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum RecordingPolicy {
    /// As the dial plan says, and parties ask for by it.
    #[default]
    ByRule,
    /// From the answer to the end, whoever asks for less.
    Always,
    /// Not at all, whoever asks for it.
    Never,
}

impl RecordingPolicy {
    /// What is said first: of a party's customer, say; and the other where that says nothing.
    #[must_use]
    pub const fn or(self, other: Self) -> Self {
        match self {
            Self::ByRule => other,
            Self::Always | Self::Never => self,
        }
    }

    /// What is to be done where both are in one call: who must not be recorded is not.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Never, _) | (_, Self::Never) => Self::Never,
            (Self::Always, _) | (_, Self::Always) => Self::Always,
            (Self::ByRule, Self::ByRule) => Self::ByRule,
        }
    }
}
