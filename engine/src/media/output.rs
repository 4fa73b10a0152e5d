//! The one RTP stream that a leg sends: SSRC, sequence and timestamp go on unbroken for the life of
//! the leg, whatever feeds it. Only what another leg lost and is relayed unread is missing here too.

use std::time::{Duration, Instant};

use webtrunk_codecs::ClockRate;

use crate::rtp::{PayloadType, RtpHeader, SenderStats, SequenceNumber, Ssrc, Timestamp};

/// The sender's half of a leg.
#[derive(Debug)]
pub struct OutputStream {
    ssrc: Ssrc,
    sequence: SequenceNumber,
    /// Timestamp of the next sample, in units of `clock`.
    timestamp: u32,
    clock: ClockRate,
    /// The moment to which `timestamp` belongs; `None` before the first packet.
    due_at: Option<Instant>,
    /// The next packet begins a talkspurt (RFC 3551 4.1).
    is_talkspurt: bool,
    /// Packets that are missing before the next one.
    left_out: u16,
    /// The last packet of sound that was sent.
    last: Option<SentSound>,
    /// To here time belongs to what was said in the source's place.
    taken_to: Option<u32>,
    stats: SenderStats,
}

/// A packet of sound.
#[derive(Debug, Clone, Copy)]
struct SentSound {
    timestamp: u32,
    /// How long it lasts.
    ticks: u32,
    at: Instant,
}

impl OutputStream {
    /// A stream with random SSRC, timestamp and sequence. The sequence begins below 2^15, so that a
    /// receiver which misses the first packets cannot take the wrong rollover counter (RFC 3711 3.3.1).
    #[must_use]
    pub fn new(clock: ClockRate) -> Self {
        Self {
            ssrc: Ssrc(rand::random()),
            sequence: SequenceNumber(rand::random::<u16>() >> 1),
            timestamp: rand::random(),
            clock,
            due_at: None,
            is_talkspurt: true,
            left_out: 0,
            last: None,
            taken_to: None,
            stats: SenderStats::new(clock),
        }
    }

    /// Our source.
    #[must_use]
    pub fn ssrc(&self) -> Ssrc {
        self.ssrc
    }

    /// The clock of the codec in use.
    #[must_use]
    pub fn clock(&self) -> ClockRate {
        self.clock
    }

    /// Goes on in the units of another codec's clock.
    pub fn set_clock(&mut self, clock: ClockRate) {
        self.clock = clock;
        self.stats.set_clock_rate(clock);
    }

    /// Another source begins to feed the stream: its first sample is now.
    pub fn begin_source(&mut self, now: Instant) {
        self.timestamp = self.timestamp_at(now);
        self.is_talkspurt = true;
        self.left_out = 0;
    }

    /// Lets `ticks` of the clock pass without a packet; what follows begins a talkspurt.
    pub fn skip(&mut self, ticks: u32) {
        self.timestamp = self.timestamp.wrapping_add(ticks);
        self.is_talkspurt = true;
    }

    /// So many packets of what is relayed were lost on their way here just before the next one: whoever listens has
    /// to see that, to conceal them or to restore them from the redundancy in the next one. Who is sent nothing, on
    /// hold say, has nothing to see.
    pub fn leave_out(&mut self, packets: u16) {
        self.left_out = packets;
    }

    /// A frame of `ticks` was sent, or kept back, at `now`: the next sample comes after it.
    pub fn advance_past(&mut self, ticks: u32, now: Instant) {
        self.timestamp = self.timestamp.wrapping_add(ticks);
        self.due_at = Some(now + self.duration_of(ticks));
    }

    /// The next packet begins `ticks` after the begin of the one before, and is sent at `now`.
    pub fn advance_to(&mut self, ticks: u32, now: Instant) {
        self.timestamp = self.timestamp.wrapping_add(ticks);
        self.due_at = Some(now);
    }

    /// When the next sample is due; `None` before the first packet.
    #[must_use]
    pub fn due_at(&self) -> Option<Instant> {
        self.due_at
    }

    /// The media clock at `now`: what was sent, and the time that passed unsent.
    #[must_use]
    pub fn timestamp_at(&self, now: Instant) -> u32 {
        let idle = self.due_at.map_or(Duration::ZERO, |due_at| now.saturating_duration_since(due_at));
        self.timestamp.wrapping_add(self.ticks_of(idle))
    }

    /// The header of the next packet, which lasts `ticks`, at the stream's own time.
    pub fn next_header(
        &mut self,
        payload_type: PayloadType,
        ticks: u32,
        payload: usize,
        now: Instant,
    ) -> RtpHeader {
        let marker = std::mem::take(&mut self.is_talkspurt);
        let timestamp = Timestamp(self.timestamp);
        self.taken_to = None;
        self.last = Some(SentSound { timestamp: self.timestamp, ticks, at: now });
        self.stats.handle_sent(timestamp, payload, now);
        self.number(payload_type, marker, timestamp, now)
    }

    /// When a packet can follow on the one that was sent last; `None` before the first.
    #[must_use]
    pub fn follows_at(&self) -> Option<Instant> {
        self.last.map(|last| last.at + self.duration_of(last.ticks))
    }

    /// The header of a packet of `ticks` that is said in the source's place, whose own time passes meanwhile. The
    /// first of several, which is marked, follows on what was sent, or, behind a pause, is at its own time.
    pub fn insert_header(
        &mut self,
        payload_type: PayloadType,
        marker: bool,
        ticks: u32,
        payload: usize,
        now: Instant,
    ) -> RtpHeader {
        let timestamp = match self.last {
            None => self.timestamp_at(now),
            Some(last) => {
                let pause = now.saturating_duration_since(last.at + self.duration_of(last.ticks));
                let pause = if marker { self.ticks_of(pause) } else { 0 };
                last.timestamp.wrapping_add(last.ticks).wrapping_add(pause)
            }
        };
        self.last = Some(SentSound { timestamp, ticks, at: now });
        self.taken_to = Some(timestamp.wrapping_add(ticks));
        // What comes after it follows on nothing of its own.
        self.is_talkspurt = true;
        self.left_out = 0;
        self.stats.handle_sent(Timestamp(timestamp), payload, now);
        self.number(payload_type, marker, Timestamp(timestamp), now)
    }

    /// Whether the next packet's time belongs to what was said in its place.
    #[must_use]
    pub fn is_taken(&self) -> bool {
        self.taken_to.is_some_and(|end| Timestamp(end).is_after(Timestamp(self.timestamp)))
    }

    /// The header of a packet of a telephone-event, which keeps the time of its begin (RFC 4733 2.2.3).
    pub fn event_header(
        &mut self,
        payload_type: PayloadType,
        marker: bool,
        timestamp: Timestamp,
        payload: usize,
        now: Instant,
    ) -> RtpHeader {
        // Reports tell which time of the stream is now, and that is not the event's.
        self.stats.handle_sent(Timestamp(self.timestamp_at(now)), payload, now);
        self.number(payload_type, marker, timestamp, now)
    }

    /// The header of comfort noise, at the stream's own time, of which it fills none: what follows begins a
    /// talkspurt (RFC 3389 4).
    pub fn noise_header(&mut self, payload_type: PayloadType, payload: usize, now: Instant) -> RtpHeader {
        self.is_talkspurt = true;
        let timestamp = Timestamp(self.timestamp);
        self.stats.handle_sent(timestamp, payload, now);
        self.number(payload_type, false, timestamp, now)
    }

    /// What was sent, and what the peer says of it.
    #[must_use]
    pub fn stats(&self) -> &SenderStats {
        &self.stats
    }

    /// The same, to be told what the peer says.
    pub fn stats_mut(&mut self) -> &mut SenderStats {
        &mut self.stats
    }

    /// With the first packet, of whatever kind, the clock begins to run.
    fn number(
        &mut self,
        payload_type: PayloadType,
        marker: bool,
        timestamp: Timestamp,
        now: Instant,
    ) -> RtpHeader {
        self.due_at.get_or_insert(now);
        let sequence = self.sequence.plus(std::mem::take(&mut self.left_out));
        self.sequence = sequence.next();
        RtpHeader { payload_type, marker, sequence, timestamp, ssrc: self.ssrc }
    }

    /// Modulo 2^32, as the clock is.
    fn ticks_of(&self, time: Duration) -> u32 {
        let ticks = time.as_micros() * u128::from(self.clock.hz()) / 1_000_000;
        (ticks & u128::from(u32::MAX)) as u32
    }

    fn duration_of(&self, ticks: u32) -> Duration {
        Duration::from_micros(u64::from(ticks) * 1_000_000 / u64::from(self.clock.hz()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn payload_type() -> PayloadType {
        PayloadType::new(0).expect("seven bits")
    }

    #[test]
    fn sequence_and_time_go_on_when_the_source_changes() {
        let now = Instant::now();
        let mut stream = OutputStream::new(ClockRate::HZ_8000);
        stream.begin_source(now);
        let first = stream.next_header(payload_type(), 160, 160, now);
        stream.advance_past(160, now);
        let second = stream.next_header(payload_type(), 160, 160, now);
        stream.advance_past(160, now + Duration::from_millis(20));
        stream.begin_source(now + Duration::from_millis(540));
        let third = stream.next_header(payload_type(), 160, 160, now);

        assert!(first.marker && !second.marker && third.marker);
        assert_eq!(second.sequence, first.sequence.next());
        assert_eq!(third.sequence, second.sequence.next());
        assert_eq!(second.timestamp.0, first.timestamp.0.wrapping_add(160));
        assert_eq!(third.timestamp.0, second.timestamp.0.wrapping_add(160 + 500 * 8));
    }

    #[test]
    fn time_passes_from_the_first_packet_on_even_if_it_is_an_events() {
        let now = Instant::now();
        let mut stream = OutputStream::new(ClockRate::HZ_8000);
        let begin = Timestamp(stream.timestamp_at(now));
        stream.event_header(payload_type(), true, begin, 4, now);
        let later = now + Duration::from_millis(500);
        assert_eq!(stream.timestamp_at(later), begin.0.wrapping_add(4000));

        // What is told to be now is the stream's time, not the begin of the event.
        stream.event_header(payload_type(), false, begin, 4, later);
        let told = stream.stats().sender_info(crate::rtp::NtpTime(0), later).expect("something was sent");
        assert_eq!(told.rtp_timestamp, begin.plus(4000));
        stream.begin_source(later);
        assert_eq!(stream.next_header(payload_type(), 160, 160, later).timestamp, begin.plus(4000));
    }

    #[test]
    fn what_is_said_in_the_sources_place_follows_on_it_and_is_followed_by_it() {
        let now = Instant::now();
        let at = |ms| now + Duration::from_millis(ms);
        let mut stream = OutputStream::new(ClockRate::HZ_8000);
        stream.begin_source(now);
        let first = stream.next_header(payload_type(), 160, 160, now);
        stream.advance_past(160, now);
        assert_eq!(stream.follows_at(), Some(at(20)));

        // The source's second packet is kept back, and two are said in the place of it and of the next.
        stream.advance_past(160, at(20));
        let said = [(true, 20), (false, 41)]
            .map(|(marker, ms)| stream.insert_header(payload_type(), marker, 160, 160, at(ms)).timestamp);
        assert_eq!(said, [first.timestamp.plus(160), first.timestamp.plus(320)]);
        assert!(stream.is_taken(), "the third packet's time is");
        stream.advance_past(160, at(40));
        assert!(!stream.is_taken());
        let fourth = stream.next_header(payload_type(), 160, 160, at(60));
        assert_eq!((fourth.timestamp, fourth.marker), (first.timestamp.plus(480), true));

        let later = stream.insert_header(payload_type(), true, 160, 160, at(1060));
        assert_eq!(later.timestamp, fourth.timestamp.plus(8000), "behind a pause it is at its own time");
    }

    #[test]
    fn what_is_said_in_the_sources_place_begins_where_a_longer_packet_ends() {
        let now = Instant::now();
        let mut stream = OutputStream::new(ClockRate::HZ_8000);
        stream.begin_source(now);
        let first = stream.next_header(payload_type(), 480, 480, now);
        let ends_at = now + Duration::from_millis(60);
        assert_eq!(stream.follows_at(), Some(ends_at));
        let said = [true, false]
            .map(|marker| stream.insert_header(payload_type(), marker, 160, 160, ends_at).timestamp);
        assert_eq!(said, [first.timestamp.plus(480), first.timestamp.plus(640)]);
    }

    #[test]
    fn the_first_sequence_number_is_in_the_lower_half() {
        for _ in 0..100 {
            let mut stream = OutputStream::new(ClockRate::HZ_48000);
            assert!(stream.next_header(payload_type(), 0, 0, Instant::now()).sequence.0 < 1 << 15);
        }
    }
}
