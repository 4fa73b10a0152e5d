//! Numbers that wrap: sequence numbers and timestamps (RFC 3550 5.1).
//!
//! This is the only wrapping arithmetic of the tree. A 16-bit number that comes off the wire is
//! either compared with a near one ([`SequenceNumber::distance_from`]) or unwrapped into an
//! [`ExtendedSequence`], with which ordinary arithmetic works.

/// Sequence number of an RTP packet: counts packets, wraps after 65535.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SequenceNumber(pub u16);

/// RTP timestamp: counts clock rate units, wraps after 2^32 - 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Timestamp(pub u32);

/// A sequence number together with how often it wrapped: wraps * 65536 + number.
///
/// Ordered and subtractable without care. Negative for a packet from before the first wrap that
/// was seen: the one sent just before a stream's first known packet 0 is -1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ExtendedSequence(pub i64);

/// Unwraps the sequence numbers of one stream, in whatever order they arrive.
#[derive(Debug, Clone, Copy, Default)]
pub struct SequenceUnwrapper {
    highest: Option<ExtendedSequence>,
}

impl SequenceNumber {
    /// The number of the following packet.
    #[must_use]
    pub const fn next(self) -> Self {
        self.plus(1)
    }

    /// The number `packets` further on.
    #[must_use]
    pub const fn plus(self, packets: u16) -> Self {
        Self(self.0.wrapping_add(packets))
    }

    /// How many packets `self` comes after `other`, by the shorter way round; negative if before.
    #[must_use]
    pub const fn distance_from(self, other: Self) -> i16 {
        self.0.wrapping_sub(other.0).cast_signed()
    }

    /// Whether `self` comes after `other`, by the shorter way round.
    #[must_use]
    pub const fn is_after(self, other: Self) -> bool {
        self.distance_from(other) > 0
    }
}

impl Timestamp {
    /// The timestamp `units` of the clock rate later.
    #[must_use]
    pub const fn plus(self, units: u32) -> Self {
        Self(self.0.wrapping_add(units))
    }

    /// How many clock rate units `self` is later than `other`, by the shorter way round; negative if earlier.
    #[must_use]
    pub const fn distance_from(self, other: Self) -> i32 {
        self.0.wrapping_sub(other.0).cast_signed()
    }

    /// Whether `self` is later than `other`, by the shorter way round.
    #[must_use]
    pub const fn is_after(self, other: Self) -> bool {
        self.distance_from(other) > 0
    }
}

impl ExtendedSequence {
    /// The number as it stands in the packet.
    #[must_use]
    pub const fn sequence(self) -> SequenceNumber {
        SequenceNumber((self.0 & 0xffff) as u16)
    }

    /// The extended number nearest to `self` that ends in `sequence` (RFC 3711 3.3.1).
    #[must_use]
    pub const fn nearest(self, sequence: SequenceNumber) -> Self {
        self.plus(sequence.distance_from(self.sequence()) as i64)
    }

    /// The number `packets` further on, or before if negative.
    #[must_use]
    pub const fn plus(self, packets: i64) -> Self {
        Self(self.0.wrapping_add(packets))
    }

    /// How many packets `self` comes after `other`; negative if before.
    #[must_use]
    pub const fn distance_from(self, other: Self) -> i64 {
        self.0.wrapping_sub(other.0)
    }
}

impl From<SequenceNumber> for ExtendedSequence {
    /// The number before any wrap.
    fn from(sequence: SequenceNumber) -> Self {
        Self(i64::from(sequence.0))
    }
}

impl SequenceUnwrapper {
    /// An unwrapper of a stream of which nothing was seen.
    #[must_use]
    pub const fn new() -> Self {
        Self { highest: None }
    }

    /// Unwraps `sequence` as the number nearest to the highest one so far, which then counts too.
    pub fn unwrap(&mut self, sequence: SequenceNumber) -> ExtendedSequence {
        let Some(highest) = self.highest else {
            let first = ExtendedSequence::from(sequence);
            self.highest = Some(first);
            return first;
        };
        let extended = highest.nearest(sequence);
        self.highest = Some(highest.max(extended));
        extended
    }

    /// The highest number so far.
    #[must_use]
    pub const fn highest(&self) -> Option<ExtendedSequence> {
        self.highest
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn distance_takes_the_shorter_way_round() {
        assert_eq!(SequenceNumber(2).distance_from(SequenceNumber(65_534)), 4);
        assert_eq!(SequenceNumber(65_534).distance_from(SequenceNumber(2)), -4);
        assert!(SequenceNumber(0).is_after(SequenceNumber(65_535)));
        assert!(!SequenceNumber(7).is_after(SequenceNumber(7)));
        assert_eq!(Timestamp(100).distance_from(Timestamp(u32::MAX)), 101);
        assert!(Timestamp(u32::MAX).plus(160).is_after(Timestamp(u32::MAX)));
        assert_eq!(SequenceNumber(65_535).next(), SequenceNumber(0));
    }

    #[test]
    fn a_packet_from_before_the_first_wrap_is_negative() {
        let mut unwrapper = SequenceUnwrapper::new();
        assert_eq!(unwrapper.highest(), None);
        assert_eq!(unwrapper.unwrap(SequenceNumber(1)), ExtendedSequence(1));
        assert_eq!(unwrapper.unwrap(SequenceNumber(65_535)), ExtendedSequence(-1));
        assert_eq!(ExtendedSequence(-1).sequence(), SequenceNumber(65_535));
        assert_eq!(unwrapper.highest(), Some(ExtendedSequence(1)));
    }

    proptest! {
        #[test]
        fn any_stream_with_bounded_reordering_unwraps_exactly(
            start in 0_i64..65_536,
            steps in prop::collection::vec((0_i64..16_000, -8_000_i64..8_000), 1..200),
        ) {
            let mut unwrapper = SequenceUnwrapper::new();
            unwrapper.unwrap(ExtendedSequence(start).sequence());
            let mut front = start;
            for (advance, offset) in steps {
                front += advance;
                let sent = ExtendedSequence(front + offset);
                prop_assert_eq!(unwrapper.unwrap(sent.sequence()), sent);
            }
        }
    }
}
