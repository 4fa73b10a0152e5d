//! What happens in a call, and when.

use std::time::Duration;

/// Something that happens in each call of a kind.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// After so much talk.
    pub after: Duration,
    /// The answerer does it, not the caller.
    pub by_answerer: bool,
    /// What.
    pub doing: Doing,
}

/// What happens.
#[derive(Debug, Clone, PartialEq)]
pub enum Doing {
    /// Digits are pressed (RFC 4733).
    Digits(String),
    /// The other end is put on hold for so long: two re-INVITEs.
    Hold(Duration),
    /// The call is offered anew, with nothing changed: a re-INVITE.
    Refresh,
    /// Media are at another port from then on, which a re-INVITE tells: a phone's by its description, a WebRTC
    /// caller's with an ICE restart.
    Move,
    /// Its WebSocket is cut without a word, and it comes back by another after so long: media go on meanwhile.
    DropWebSocket(Duration),
    /// The other end goes on with this number (REFER); for us the call is over.
    Transfer(String),
    /// It vanishes without a word, as a browser that was killed.
    Vanish,
}

impl Step {
    /// Whether it presses digits.
    pub(super) const fn presses(&self) -> bool {
        matches!(self.doing, Doing::Digits(_))
    }
}

impl Doing {
    /// Whether nothing comes after it.
    pub(super) const fn is_last(&self) -> bool {
        matches!(self, Self::Transfer(_) | Self::Vanish)
    }
}
