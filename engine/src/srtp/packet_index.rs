//! The 48-bit packet index: rollover counter and sequence number as one (RFC 3711 3.3.1).

use crate::rtp::{ExtendedSequence, SequenceNumber};

/// Index of an SRTP packet under its key: never used twice, never wraps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct PacketIndex(u64);

impl PacketIndex {
    /// Where a key's life ends (RFC 3711 9.2).
    const END: u64 = 1 << 48;

    /// Packets from one wrap of the sequence number to the next.
    const WRAP: u64 = 1 << 16;

    /// The index that a sequence number most likely means, given the highest one received so far. What would lie
    /// before a key's first packet can only be of the time before the first wrap. `None` after a key's last packet.
    pub(super) fn estimate(highest: u64, sequence: SequenceNumber) -> Option<Self> {
        let nearest = ExtendedSequence(i64::try_from(highest).ok()?).nearest(sequence);
        Self::new(u64::try_from(nearest.0).unwrap_or(sequence.0.into()))
    }

    /// The first index after `used`, all of which were used, that a sequence number can mean.
    pub(super) fn after(used: Option<u64>, sequence: SequenceNumber) -> Option<Self> {
        let first = u64::from(sequence.0);
        let Some(used) = used else { return Self::new(first) };
        let index = (used & !(Self::WRAP - 1)) | first;
        Self::new(if index > used { index } else { index + Self::WRAP })
    }

    /// What the number of the first packet that comes of a stream may mean, the likeliest first; only one of them
    /// makes it authentic. Nothing up to `used` is taken again.
    ///
    /// Senders begin with a rollover counter of zero. Where a wrap was among the packets that did not come, it
    /// is one by now: so it may be where the number is a low one. RFC 3711 3.3.1 lets the counter go on when the
    /// key changes; `before` is where the stream was under the key before.
    pub(super) fn of_first(
        used: Option<u64>,
        before: Option<u64>,
        sequence: SequenceNumber,
    ) -> impl Iterator<Item = Self> {
        let zero = u64::from(sequence.0);
        let is_low = zero < Self::WRAP / 2;
        let tries = [
            before.and_then(|before| Self::estimate(before, sequence)),
            used.and_then(|used| Self::estimate(used, sequence)),
            Some(Self(zero)),
            is_low.then_some(Self(zero + Self::WRAP)),
        ];
        let is_new = move |index: &Self| used.is_none_or(|used| index.0 > used);
        (0..tries.len())
            .filter(move |n| !tries[..*n].contains(&tries[*n]))
            .filter_map(move |n| tries[n])
            .filter(is_new)
    }

    /// All 48 bits.
    pub(super) const fn value(self) -> u64 {
        self.0
    }

    /// The upper 32 bits: how often the sequence number wrapped.
    pub(super) const fn rollover_counter(self) -> u32 {
        (self.0 >> 16) as u32
    }

    fn new(index: u64) -> Option<Self> {
        (index < Self::END).then_some(Self(index))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn estimate(highest: u64, sequence: u16) -> Option<u64> {
        PacketIndex::estimate(highest, SequenceNumber(sequence)).map(PacketIndex::value)
    }

    fn of_first(used: Option<u64>, before: Option<u64>, sequence: u16) -> Vec<u64> {
        PacketIndex::of_first(used, before, SequenceNumber(sequence)).map(PacketIndex::value).collect()
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
        assert_eq!(estimate(3, 0xfffe), Some(0xfffe), "nothing was before the first wrap");
        assert_eq!(estimate((1 << 48) - 1, 0), None);
        assert_eq!(estimate((1 << 48) - 2, 0xffff), Some((1 << 48) - 1));
        let last = SequenceNumber(0xffff);
        assert_eq!(PacketIndex::after(Some((1 << 48) - 1), last), None);
    }

    #[test]
    fn a_new_stream_begins_before_its_first_wrap_or_just_after_it() {
        assert_eq!(of_first(None, None, 0xffff), [0xffff]);
        assert_eq!(of_first(None, None, 0x0003), [0x0003, 0x1_0003]);
        let index = PacketIndex::estimate(0x1234_5678_ffff, SequenceNumber(0)).expect("the next");
        assert_eq!(index.rollover_counter(), 0x1234_5679);
    }

    #[test]
    fn under_another_key_a_stream_may_go_on_or_begin_anew() {
        assert_eq!(of_first(None, Some(0x5_0010), 0x0011), [0x5_0011, 0x0011, 0x1_0011]);
        assert_eq!(of_first(None, Some(0x0010), 0x0011), [0x0011, 0x1_0011]);
        assert_eq!(of_first(Some(0x5_0010), None, 0x0011), [0x5_0011]);
        assert_eq!(of_first(Some(0x0010), Some(0x2_0010), 0x0009), [0x2_0009, 0x1_0009]);
    }

    #[test]
    fn what_is_sent_goes_on_behind_what_was_used() {
        let after = |used, number| PacketIndex::after(used, SequenceNumber(number)).map(PacketIndex::value);
        assert_eq!(after(None, 7), Some(7));
        assert_eq!(after(Some(7), 8), Some(8));
        assert_eq!(after(Some(7), 7), Some(0x1_0007));
        assert_eq!(after(Some(1000), 0xc000), Some(0xc000), "however far");
    }
}
