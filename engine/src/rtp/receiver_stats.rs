//! What was received of one stream, by the rules of RFC 3550 (A.1, A.3, A.8).
//!
//! Loss is what the sequence numbers announce and the link did not bring; a packet that came
//! twice counts twice, so loss may be negative. Jitter is measured on media only: the packets of a
//! digit share one timestamp and would spoil it.

use std::time::{Duration, Instant};

use webtrunk_codecs::ClockRate;

use super::rtcp::ReportBlock;
use super::{ExtendedSequence, NtpTime, SequenceNumber, ShortNtpTime, Ssrc, Timestamp};

/// A jump forward by this many packets is a restart rather than a loss (RFC 3550 A.1).
const DROPOUT_MAX: i64 = 3000;

/// A jump back by this many packets is a restart rather than reordering (RFC 3550 A.1).
const MISORDER_MAX: i64 = 100;

/// Seconds by which timestamp and arrival may differ between two packets and still be called
/// jitter. Chosen by us: beyond, the sender's clock was set anew.
const CLOCK_JUMP_S: i64 = 5;

/// Counts of one received stream.
#[derive(Debug, Clone)]
pub struct ReceiverStats {
    ssrc: Ssrc,
    clock_rate: ClockRate,
    sequences: Option<Sequences>,
    last_media: Option<(Timestamp, Instant)>,
    /// In 1/16 of a clock rate unit.
    jitter_16: i64,
    prior: Totals,
    last_sender_report: Option<(ShortNtpTime, Instant)>,
}

/// Where a stream began and how far it has come.
#[derive(Debug, Clone, Copy)]
struct Sequences {
    first: ExtendedSequence,
    highest: ExtendedSequence,
    received: u64,
    /// What would follow a packet that jumped: if it comes, the sender has restarted.
    restart_at: Option<SequenceNumber>,
}

/// Packets that were to come, and that came.
#[derive(Debug, Clone, Copy, Default)]
struct Totals {
    expected: i64,
    received: i64,
}

impl ReceiverStats {
    /// Counts of a stream of which nothing has come yet.
    #[must_use]
    pub const fn new(ssrc: Ssrc, clock_rate: ClockRate) -> Self {
        Self {
            ssrc,
            clock_rate,
            sequences: None,
            last_media: None,
            jitter_16: 0,
            prior: Totals { expected: 0, received: 0 },
            last_sender_report: None,
        }
    }

    /// The stream.
    #[must_use]
    pub const fn ssrc(&self) -> Ssrc {
        self.ssrc
    }

    /// Goes on in the units of another codec's clock.
    pub fn set_clock_rate(&mut self, clock_rate: ClockRate) {
        if clock_rate != self.clock_rate {
            self.jitter_16 = self.jitter_16 * i64::from(clock_rate.hz()) / i64::from(self.clock_rate.hz());
            self.clock_rate = clock_rate;
            // What came last has a timestamp of the other clock.
            self.last_media = None;
        }
    }

    /// Counts a packet of media that arrived at `now`.
    pub fn handle_media(&mut self, sequence: SequenceNumber, timestamp: Timestamp, now: Instant) {
        self.handle_sequence(sequence);
        if let Some((last_timestamp, last_arrival)) = self.last_media {
            let elapsed = now.saturating_duration_since(last_arrival);
            let deviation = self.in_clock_units(elapsed) - i64::from(timestamp.distance_from(last_timestamp));
            if deviation.abs() < CLOCK_JUMP_S * i64::from(self.clock_rate.hz()) {
                self.jitter_16 += deviation.abs() - ((self.jitter_16 + 8) >> 4);
            }
        }
        self.last_media = Some((timestamp, now));
    }

    /// Counts a packet that is not media but of the same stream: a telephone-event.
    pub fn handle_sequence(&mut self, sequence: SequenceNumber) {
        let Some(sequences) = &mut self.sequences else {
            self.sequences = Some(Sequences::starting_at(sequence));
            return;
        };
        let extended = sequences.highest.nearest(sequence);
        let advance = extended.distance_from(sequences.highest);
        if (-MISORDER_MAX..DROPOUT_MAX).contains(&advance) {
            sequences.highest = sequences.highest.max(extended);
            sequences.received += 1;
            sequences.restart_at = None;
        } else if sequences.restart_at == Some(sequence) {
            *sequences = Sequences::starting_at(sequence);
            self.prior = Totals::default();
        } else {
            sequences.restart_at = Some(sequence.next());
        }
    }

    /// Notes the source's own report, by which it measures the way to us and back.
    pub const fn handle_sender_report(&mut self, ntp_time: NtpTime, now: Instant) {
        self.last_sender_report = Some((ntp_time.short(), now));
    }

    /// The block for our next report; `None` if nothing came since the last one (RFC 3550 6.4).
    pub fn take_report_block(&mut self, now: Instant) -> Option<ReportBlock> {
        let sequences = self.sequences?;
        let totals = sequences.totals();
        if totals.received == self.prior.received {
            return None;
        }
        let expected = totals.expected - self.prior.expected;
        let lost = expected - (totals.received - self.prior.received);
        self.prior = totals;
        let (last_sender_report, delay) = match self.last_sender_report {
            Some((sent_at, arrived_at)) => (sent_at, now.saturating_duration_since(arrived_at)),
            None => (ShortNtpTime(0), Duration::ZERO),
        };
        Some(ReportBlock {
            ssrc: self.ssrc,
            fraction_lost: fraction(lost, expected),
            cumulative_lost: (totals.expected - totals.received).clamp(i32::MIN.into(), i32::MAX.into())
                as i32,
            highest_sequence: sequences.highest.0 as u32,
            jitter: self.jitter_units(),
            last_sender_report,
            delay_since_last_sender_report: units_of(delay, ShortNtpTime::UNITS_PER_S)
                .try_into()
                .unwrap_or(u32::MAX),
        })
    }

    /// Interarrival jitter (RFC 3550 6.4.1).
    #[must_use]
    pub fn jitter(&self) -> Duration {
        Duration::from_secs(self.jitter_units().into()) / self.clock_rate.hz()
    }

    fn jitter_units(&self) -> u32 {
        u32::try_from(self.jitter_16 >> 4).unwrap_or(0)
    }

    fn in_clock_units(&self, time: Duration) -> i64 {
        units_of(time, self.clock_rate.hz())
    }
}

impl Sequences {
    fn starting_at(sequence: SequenceNumber) -> Self {
        let first = sequence.into();
        Self { first, highest: first, received: 1, restart_at: None }
    }

    fn totals(&self) -> Totals {
        Totals {
            expected: self.highest.distance_from(self.first) + 1,
            received: i64::try_from(self.received).unwrap_or(i64::MAX),
        }
    }
}

/// `part` of `whole` in 1/256, as a report has it: none where it is negative (RFC 3550 A.3).
fn fraction(part: i64, whole: i64) -> u8 {
    if whole <= 0 || part <= 0 {
        return 0;
    }
    u8::try_from((part << 8) / whole).unwrap_or(u8::MAX)
}

/// `time` in units of 1/`rate` s.
fn units_of(time: Duration, rate: u32) -> i64 {
    i64::try_from(time.as_nanos() * u128::from(rate) / 1_000_000_000).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PTIME: Duration = Duration::from_millis(20);

    fn stats() -> ReceiverStats {
        ReceiverStats::new(Ssrc(7), ClockRate::HZ_8000)
    }

    /// Lets the packets with these numbers arrive on time, one ptime apart.
    fn receive(stats: &mut ReceiverStats, numbers: impl IntoIterator<Item = u32>, start: Instant) {
        for number in numbers {
            let at = start + PTIME * number;
            stats.handle_media(SequenceNumber(number as u16), Timestamp(number * 160), at);
        }
    }

    /// Packets that came, duplicates included.
    fn received(stats: &ReceiverStats) -> u64 {
        stats.sequences.map_or(0, |sequences| sequences.received)
    }

    /// Packets that are missing; negative where more came twice.
    fn lost(stats: &ReceiverStats) -> i64 {
        let totals = stats.sequences.map(|sequences| sequences.totals()).unwrap_or_default();
        totals.expected - totals.received
    }

    #[test]
    fn loss_is_reported_since_the_last_report_and_since_the_beginning() {
        let (mut stats, start) = (stats(), Instant::now());
        assert_eq!(stats.take_report_block(start), None, "nothing came");
        receive(&mut stats, (65_500..65_600).filter(|number| number % 4 != 0), start);
        let block = stats.take_report_block(start).expect("packets came");
        assert_eq!((block.ssrc, block.highest_sequence), (Ssrc(7), 0x1_003f));
        // The first and the last multiple of four: 65500 is before the first packet that came.
        assert_eq!((block.cumulative_lost, block.fraction_lost), (24, (24 * 256 / 99) as u8));
        assert_eq!(stats.take_report_block(start), None, "nothing more came");

        receive(&mut stats, 65_600..65_700, start);
        let block = stats.take_report_block(start).expect("packets came");
        assert_eq!((block.cumulative_lost, block.fraction_lost), (24, 0));
        assert_eq!((received(&stats), lost(&stats)), (175, 24));
    }

    #[test]
    fn duplicates_make_loss_negative_and_its_fraction_zero() {
        let (mut stats, start) = (stats(), Instant::now());
        receive(&mut stats, [1, 2, 2, 3, 3, 3, 4], start);
        let block = stats.take_report_block(start).expect("packets came");
        assert_eq!((block.cumulative_lost, block.fraction_lost), (-3, 0));
    }

    #[test]
    fn total_loss_fits_its_eight_bits() {
        assert_eq!(fraction(300, 300), 255);
        assert_eq!(fraction(1, 256), 1);
        assert_eq!(fraction(-1, 10), 0);
        assert_eq!(fraction(5, 0), 0);
    }

    #[test]
    fn a_restarted_sequence_begins_anew_after_two_packets() {
        let (mut stats, start) = (stats(), Instant::now());
        receive(&mut stats, 1000..1010, start);
        stats.handle_sequence(SequenceNumber(40_000));
        assert_eq!(received(&stats), 10, "a lone jump is not believed");
        stats.handle_sequence(SequenceNumber(1010));
        stats.handle_sequence(SequenceNumber(40_001));
        assert_eq!(lost(&stats), 0);
        stats.handle_sequence(SequenceNumber(40_002));
        assert_eq!((received(&stats), lost(&stats)), (1, 0));
        let block = stats.take_report_block(start).expect("packets came");
        assert_eq!(block.highest_sequence, 40_002);
    }

    #[test]
    fn jitter_follows_rfc_3550_a_8() {
        let (mut stats, start) = (stats(), Instant::now());
        receive(&mut stats, 0..100, start);
        assert_eq!(stats.jitter(), Duration::ZERO);

        // Every other packet 5 ms late: each difference is 40 units, to which the estimate converges.
        for number in 100..400 {
            let late = Duration::from_millis(if number % 2 == 0 { 5 } else { 0 });
            let at = start + PTIME * number + late;
            stats.handle_media(SequenceNumber(number as u16), Timestamp(number * 160), at);
        }
        let block = stats.take_report_block(start).expect("packets came");
        assert_eq!(block.jitter, 39, "the integers of A.8 come to rest half a unit below");
        assert!(stats.jitter() > Duration::from_micros(4800));
    }

    #[test]
    fn a_first_difference_moves_jitter_by_a_sixteenth() {
        let (mut stats, start) = (stats(), Instant::now());
        stats.handle_media(SequenceNumber(1), Timestamp(u32::MAX), start);
        stats.handle_media(SequenceNumber(2), Timestamp(159), start + Duration::from_millis(40));
        let block = stats.take_report_block(start).expect("packets came");
        assert_eq!(block.jitter, 160 / 16);
    }

    #[test]
    fn digits_and_clock_jumps_are_no_jitter() {
        let (mut stats, start) = (stats(), Instant::now());
        receive(&mut stats, 0..10, start);
        for number in 10..20 {
            stats.handle_sequence(SequenceNumber(number));
        }
        receive(&mut stats, 20..30, start);
        stats.handle_media(SequenceNumber(30), Timestamp(0x8000_0000), start + PTIME * 30);
        assert_eq!(stats.jitter(), Duration::ZERO);
        assert_eq!((received(&stats), lost(&stats)), (31, 0));
    }

    #[test]
    fn another_clock_is_no_jitter_and_keeps_what_there_was() {
        let (mut stats, start) = (stats(), Instant::now());
        for number in 0..200 {
            let late = Duration::from_millis(if number % 2 == 0 { 5 } else { 0 });
            stats.handle_media(
                SequenceNumber(number as u16),
                Timestamp(number * 160),
                start + PTIME * number + late,
            );
        }
        let before = stats.jitter();
        stats.set_clock_rate(ClockRate::HZ_48000);
        assert!(stats.jitter().abs_diff(before) < Duration::from_micros(150), "{:?}", stats.jitter());
        for number in 200..400 {
            stats.handle_media(
                SequenceNumber(number as u16),
                Timestamp(number * 960),
                start + PTIME * number,
            );
        }
        assert!(stats.jitter() < Duration::from_micros(100), "{:?}", stats.jitter());
        assert_eq!((received(&stats), lost(&stats)), (400, 0));
    }

    #[test]
    fn report_says_when_the_senders_last_report_came() {
        let (mut stats, start) = (stats(), Instant::now());
        receive(&mut stats, 0..10, start);
        let block = stats.clone().take_report_block(start).expect("packets came");
        assert_eq!((block.last_sender_report, block.delay_since_last_sender_report), (ShortNtpTime(0), 0));

        stats.handle_sender_report(NtpTime(0x1111_2222_3333_4444), start);
        let block = stats.take_report_block(start + Duration::from_millis(2500)).expect("packets came");
        assert_eq!(block.last_sender_report, ShortNtpTime(0x2222_3333));
        assert_eq!(block.delay_since_last_sender_report, 2 * 65_536 + 32_768);
    }
}
