//! What all adapters share, whoever asks first: room for calls, what may be written, what users do, and from where they come.

use crate::presence::Presence;
use crate::room::Room;
use crate::source_networks::SourceNetworks;
use crate::text_rates::TextRates;

/// Clones count together.
#[derive(Debug, Clone)]
pub struct Commons {
    /// Whether one more call may begin.
    pub room: Room,
    /// Whether one more message may be written.
    pub texts: TextRates,
    /// What users are doing.
    pub presence: Presence,
    /// From where users of customers may come.
    pub networks: SourceNetworks,
}

impl Commons {
    /// Users do nothing yet, and may come from everywhere.
    #[must_use]
    pub fn new(room: Room, texts: TextRates) -> Self {
        Self { room, texts, presence: Presence::default(), networks: SourceNetworks::default() }
    }
}
