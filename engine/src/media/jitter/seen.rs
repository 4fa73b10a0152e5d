//! Which of the last sequence numbers have come.

use crate::rtp::{ExtendedSequence, SequenceNumber};

/// Numbers remembered behind the highest.
const REMEMBERED: i64 = 128;

/// A jump longer than this is a restart of the sender, not loss (RFC 3550 A.1 has 3000; at 50
/// packets a second more than a second of repair serves nobody).
const JUMP_MAX: i64 = 100;

/// The window of one stream.
#[derive(Debug)]
pub(super) struct Seen {
    highest: Option<ExtendedSequence>,
    /// Bit `n` is the number `n` before the highest.
    bits: u128,
    /// What would follow a packet that jumped: if it comes, the sender has restarted.
    restart_at: Option<SequenceNumber>,
}

/// What the numbers say of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sight {
    /// New; `is_reordered` if one sent later came before.
    New { sequence: ExtendedSequence, is_reordered: bool },
    /// It came before.
    Duplicate,
    /// A jump, not yet believed.
    Strange,
    /// The sender's numbers began anew with the packet before this one.
    Restarted,
}

impl Seen {
    pub(super) const fn new() -> Self {
        Self { highest: None, bits: 0, restart_at: None }
    }

    /// Notes a packet.
    pub(super) fn note(&mut self, number: SequenceNumber) -> Sight {
        let Some(highest) = self.highest else {
            let sequence = number.into();
            *self = Self { highest: Some(sequence), bits: 1, restart_at: None };
            return Sight::New { sequence, is_reordered: false };
        };
        let sequence = highest.nearest(number);
        let ahead = sequence.distance_from(highest);
        if !(-JUMP_MAX..=JUMP_MAX).contains(&ahead) {
            if self.restart_at.replace(number.next()) == Some(number) {
                return Sight::Restarted;
            }
            return Sight::Strange;
        }
        self.restart_at = None;
        if ahead > 0 {
            self.bits = self.bits.checked_shl(ahead.unsigned_abs() as u32).unwrap_or(0) | 1;
            self.highest = Some(sequence);
            return Sight::New { sequence, is_reordered: false };
        }
        let bit = 1_u128 << (-ahead).clamp(0, REMEMBERED - 1);
        if self.bits & bit != 0 {
            return Sight::Duplicate;
        }
        self.bits |= bit;
        Sight::New { sequence, is_reordered: true }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn new(sequence: i64, is_reordered: bool) -> Sight {
        Sight::New { sequence: ExtendedSequence(sequence), is_reordered }
    }

    #[test]
    fn duplicates_are_told_from_swapped_packets_through_the_wrap() {
        let mut seen = Seen::new();
        assert_eq!(seen.note(SequenceNumber(65_534)), new(65_534, false));
        assert_eq!(seen.note(SequenceNumber(1)), new(65_537, false));
        assert_eq!(seen.note(SequenceNumber(65_535)), new(65_535, true));
        assert_eq!(seen.note(SequenceNumber(65_535)), Sight::Duplicate);
        assert_eq!(seen.note(SequenceNumber(1)), Sight::Duplicate);
        assert_eq!(seen.note(SequenceNumber(0)), new(65_536, true));
    }

    #[test]
    fn a_jump_is_believed_when_the_next_packet_follows_it() {
        let mut seen = Seen::new();
        seen.note(SequenceNumber(10));
        assert_eq!(seen.note(SequenceNumber(30_000)), Sight::Strange);
        assert_eq!(seen.note(SequenceNumber(11)), new(11, false));
        assert_eq!(seen.note(SequenceNumber(30_001)), Sight::Strange, "another came between");
        assert_eq!(seen.note(SequenceNumber(30_002)), Sight::Restarted);
    }
}
