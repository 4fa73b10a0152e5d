//! What goes along with a call from one leg to the next.

use super::Header;

/// What is passed on with a call, in the order in which it was said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Passage {
    /// What the call's first message says that may be passed on; whoever is called is told what it takes of it.
    pub headers: Vec<Header>,
    /// Who was called before, the first one first.
    pub diversions: Vec<Diversion>,
}

/// Somebody was called, and the call went on to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diversion {
    /// Its number or name.
    pub user: String,
    /// Why the call went on.
    pub reason: DiversionReason,
    /// How many times in a row that was, where whoever tells it names nobody of those in between (RFC 5806 4): 1 to 99.
    pub counter: u8,
}

/// Why a call went on from somebody (RFC 5806 4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
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
    /// It sent this one on.
    Deflection,
}
