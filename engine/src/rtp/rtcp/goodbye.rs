//! BYE: sources that leave (RFC 3550 6.6). It ends no call, and who leaves is of no use to us: RTCP may come from anyone
//! who guesses an address.

use crate::rtp::DropReason;

/// Checks the body of a packet that names `count` sources; the reason behind them is passed over.
pub(super) fn check(body: &[u8], count: usize) -> Result<(), DropReason> {
    if body.len() < 4 * count { Err(DropReason::TooShort) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_that_are_not_there_are_missed_and_the_reason_is_passed_over() {
        let body = [0, 0, 0, 1, 0, 0, 0, 2, 3, b'b', b'y', b'e'];
        assert_eq!(check(&body, 2), Ok(()));
        assert_eq!(check(&body, 4), Err(DropReason::TooShort));
    }
}
