//! The 48-bit packet index: rollover counter and sequence number as one (RFC 3711 3.3.1).

use crate::rtp::{ExtendedSequence, SequenceNumber};

/// Index of an SRTP packet under its key: never used twice, never wraps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct PacketIndex(u64);

impl PacketIndex {
    /// Where a key's life ends (RFC 3711 9.2).
    const END: u64 = 1 << 48;

    /// The index that a sequence number most likely means, given the highest one received so far.
    ///
    /// A stream of which nothing was received is taken to begin with a rollover counter of zero;
    /// that is why senders start below 2^15. `None` outside a key's life: before its first packet
    /// or after its last.
    pub(super) fn estimate(highest: Option<u64>, sequence: SequenceNumber) -> Option<Self> {
        let Some(highest) = highest else { return Some(Self(sequence.0.into())) };
        let nearest = ExtendedSequence(i64::try_from(highest).ok()?).nearest(sequence);
        u64::try_from(nearest.0).ok().filter(|index| *index < Self::END).map(Self)
    }

    /// All 48 bits.
    pub(super) const fn value(self) -> u64 {
        self.0
    }

    /// The upper 32 bits: how often the sequence number wrapped.
    pub(super) const fn rollover_counter(self) -> u32 {
        (self.0 >> 16) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn estimate(highest: u64, sequence: u16) -> Option<u64> {
        PacketIndex::estimate(Some(highest), SequenceNumber(sequence)).map(PacketIndex::value)
    }

    #[test]
    fn the_nearest_index_is_taken_either_side_of_a_wrap() {
        assert_eq!(estimate(0x2_fffe, 0x0003), Some(0x3_0003));
        assert_eq!(estimate(0x3_0003, 0xfffe), Some(0x2_fffe));
        assert_eq!(estimate(0x3_7fff, 0x8000), Some(0x3_8000));
        assert_eq!(estimate(0x3_8000, 0x7fff), Some(0x3_7fff));
    }

    #[test]
    fn a_key_has_a_first_and_a_last_packet() {
        assert_eq!(estimate(3, 0xfffe), None);
        assert_eq!(estimate((1 << 48) - 1, 0), None);
        assert_eq!(estimate((1 << 48) - 2, 0xffff), Some((1 << 48) - 1));
    }

    #[test]
    fn a_new_stream_begins_with_rollover_counter_zero() {
        let first = PacketIndex::estimate(None, SequenceNumber(0xffff)).expect("any number may begin");
        assert_eq!((first.value(), first.rollover_counter()), (0xffff, 0));
        let index = PacketIndex::estimate(Some(0x1234_5678_ffff), SequenceNumber(0)).expect("the next");
        assert_eq!(index.rollover_counter(), 0x1234_5679);
    }
}
