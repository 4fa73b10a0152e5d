//! Statistics of the stream that comes, of whichever source: they begin anew with another.

use webtrunk_codecs::ClockRate;

use crate::rtp::{ReceiverStats, Ssrc};

/// Of the stream that comes now. A packet of another source may have strayed: only the second one in a row makes it
/// the stream.
#[derive(Debug, Default)]
pub(crate) struct StreamStats {
    now: Option<ReceiverStats>,
    /// Of a source of which one packet came last.
    doubted: Option<ReceiverStats>,
}

impl StreamStats {
    /// Where a packet of this source is counted, that has just come; `clock` is the one of what it sends.
    pub(crate) fn count_for(&mut self, ssrc: Ssrc, clock: ClockRate) -> &mut ReceiverStats {
        let is_of = |statistics: &ReceiverStats| statistics.ssrc() == ssrc;
        if self.now.as_ref().is_none_or(is_of) {
            self.doubted = None;
            return self.now.get_or_insert_with(|| ReceiverStats::new(ssrc, clock));
        }
        match self.doubted.take().filter(is_of) {
            Some(followed) => self.now.insert(followed),
            None => self.doubted.insert(ReceiverStats::new(ssrc, clock)),
        }
    }

    /// Of the stream that comes now, once one does.
    pub(crate) const fn now(&self) -> Option<&ReceiverStats> {
        self.now.as_ref()
    }

    /// The same, to be told what its source reports, or to report it.
    pub(crate) const fn now_mut(&mut self) -> Option<&mut ReceiverStats> {
        self.now.as_mut()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::rtp::SequenceNumber;

    /// Counts packets, each of a source and with a number; whose stream it is then, and how many of it are missing.
    fn count(packets: &[(u32, u16)]) -> (Ssrc, i32) {
        let mut statistics = StreamStats::default();
        for (ssrc, number) in packets {
            let counted = statistics.count_for(Ssrc(*ssrc), ClockRate::HZ_8000);
            counted.handle_sequence(SequenceNumber(*number));
        }
        let block = statistics.now_mut().and_then(|statistics| statistics.take_report_block(Instant::now()));
        block.map(|block| (block.ssrc, block.cumulative_lost)).expect("packets came")
    }

    #[test]
    fn a_packet_that_strayed_leaves_what_was_counted_as_it_was() {
        let ours = [(1, 10), (1, 11), (1, 13), (1, 14)];
        assert_eq!(count(&ours), (Ssrc(1), 1));
        for strayed in [&[(2, 900)][..], &[(2, 900), (3, 7)], &[(2, 900), (3, 7), (2, 901)]] {
            assert_eq!(count(&[&ours[..], strayed, &[(1, 15)]].concat()), (Ssrc(1), 1), "{strayed:?}");
        }
        assert_eq!(count(&[&ours[..], &[(2, 900), (1, 15), (2, 901), (1, 16)]].concat()), (Ssrc(1), 1));
    }

    #[test]
    fn another_stream_is_counted_from_its_first_packet_on() {
        let followed = [(1, 10), (1, 11), (2, 900), (2, 902), (2, 903)];
        assert_eq!(count(&followed), (Ssrc(2), 1), "901 is missing");
        assert_eq!(count(&[&followed[..], &[(1, 12), (1, 13)]].concat()), (Ssrc(1), 0), "and anew");
    }
}
