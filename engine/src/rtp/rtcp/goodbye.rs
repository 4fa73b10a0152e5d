//! BYE: sources that leave (RFC 3550 6.6).

use super::u32_at;
use crate::rtp::{DropReason, Ssrc};

/// A BYE packet. Ends no call: RTCP may come from anyone who guesses an address.
#[derive(Debug, Clone, Copy)]
pub struct Goodbye<'a> {
    sources: &'a [u8],
}

impl<'a> Goodbye<'a> {
    /// Reads the body of a packet that names `count` sources; the reason behind them is passed over.
    pub(super) fn parse(body: &'a [u8], count: usize) -> Result<Self, DropReason> {
        let sources = body.get(..4 * count).ok_or(DropReason::TooShort)?;
        Ok(Self { sources })
    }

    /// The sources that leave.
    pub fn sources(&self) -> impl Iterator<Item = Ssrc> + use<'a> {
        self.sources.chunks_exact(4).map(|source| Ssrc(u32_at(source, 0)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_read_and_the_reason_is_passed_over() {
        let body = [0, 0, 0, 1, 0, 0, 0, 2, 3, b'b', b'y', b'e'];
        let goodbye = Goodbye::parse(&body, 2).expect("well formed");
        assert_eq!(goodbye.sources().collect::<Vec<_>>(), [Ssrc(1), Ssrc(2)]);
        assert_eq!(Goodbye::parse(&body, 4).expect_err("too many"), DropReason::TooShort);
    }
}
