//! Sends digits: a queue of key presses, played one after the other (RFC 4733 2.5.1). The last one's key may
//! still be down: then it is played until that goes up.
//!
//! ```text
//!    push, begin           poll, in time        last update, end
//!  Idle ------> Waiting -------------------> Playing -------------> Playing, ending
//!   ^              ^                                                     |
//!   |              +--------- after the gap, more in the queue ----------+ end said
//!   +------------------------ after the gap, queue empty ----------------+ three times
//! ```
//!
//! A packet goes out every ptime. All packets of a press carry the timestamp at which it began;
//! the first carries the marker, the last comes three times.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use webtrunk_codecs::ClockRate;
use webtrunk_codecs::tone::Digit;

use super::{DIGIT_MAX, DIGIT_MIN, EventPayload, SEGMENT_UNITS};
use crate::rtp::Timestamp;

/// How digits are played.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventSenderConfig {
    /// Least pause between two digits; never below 50 ms, which receivers need to tell them apart
    /// where they are turned into tones (ITU-T Q.24 asks for 40 ms).
    pub gap: Duration,
    /// Time between two packets.
    pub ptime: Duration,
    /// Level of the tone in dBm0, without its minus sign; 0..=63.
    pub volume: u8,
}

/// A packet to be sent now, in place of audio.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventPacket {
    /// What it says.
    pub payload: EventPayload,
    /// The moment at which the press, or its segment, began.
    pub timestamp: Timestamp,
    /// First packet of a press.
    pub marker: bool,
}

impl EventPacket {
    /// Whether it only closes a segment (RFC 4733 2.5.1.3): the same moment is told once more after it.
    #[must_use]
    pub fn closes_segment(&self) -> bool {
        !self.payload.is_end && u32::from(self.payload.duration) == SEGMENT_UNITS
    }
}

/// So many digits wait that one more would be senseless; nothing was queued.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many digits are waiting to be sent")]
pub struct QueueFull;

/// The digits that one RTP stream is to carry.
#[derive(Debug, Clone)]
pub struct EventSender {
    clock_rate: ClockRate,
    config: EventSenderConfig,
    /// What waits; without a duration the key is still down.
    queue: VecDeque<(Digit, Option<Duration>)>,
    state: State,
}

#[derive(Debug, Clone, Copy)]
enum State {
    /// Nothing to play.
    Idle,
    /// The gap before the next digit.
    Waiting { until: Instant },
    /// Between the first and the last packet of a press.
    Playing(Press),
}

#[derive(Debug, Clone, Copy)]
struct Press {
    digit: Digit,
    started_at: Instant,
    /// When its current segment began.
    segment: Timestamp,
    /// Length of the segments before that, in clock rate units.
    past_units: u32,
    /// Length of the whole press, the longest there is while the key is down.
    total_units: u32,
    /// Whether the key is still down.
    is_down: bool,
    /// Packets sent, those that close a segment not counted.
    packets: u32,
    /// How often the end was said.
    ends: u8,
}

/// Least gap between two digits.
const GAP_MIN: Duration = Duration::from_millis(50);
/// Least time between packets; guards the clock against a configuration of zero.
const PTIME_MIN: Duration = Duration::from_millis(5);
/// How often the end is said (RFC 4733 2.5.1.4).
const ENDS: u8 = 3;
/// Most digits that wait. Chosen by us: the longest card number with its PIN, twice.
const QUEUE_MAX: usize = 64;
/// Digits for which there is room from the begin. Chosen by us: who types is not faster than we are.
const QUEUE_USUAL: usize = 4;

impl EventSender {
    /// A sender with nothing to play. `clock_rate` is the telephone-event's own.
    #[must_use]
    pub fn new(clock_rate: ClockRate, config: EventSenderConfig) -> Self {
        let config =
            EventSenderConfig { gap: config.gap.max(GAP_MIN), ptime: config.ptime.max(PTIME_MIN), ..config };
        Self { clock_rate, config, queue: VecDeque::with_capacity(QUEUE_USUAL), state: State::Idle }
    }

    /// Queues a digit that was held for `duration`, which is kept within 40 ms and 10 s.
    ///
    /// # Errors
    /// [`QueueFull`] if 64 are waiting.
    pub fn push(&mut self, digit: Digit, duration: Duration, now: Instant) -> Result<(), QueueFull> {
        self.enqueue(digit, Some(duration.clamp(DIGIT_MIN, DIGIT_MAX)), now)
    }

    /// Queues a digit whose key is down: it is played until [`Self::end`], but for no more than 10 s. A key
    /// that was down before goes up, since a party has one finger.
    ///
    /// # Errors
    /// [`QueueFull`] if 64 are waiting.
    pub fn begin(&mut self, digit: Digit, now: Instant) -> Result<(), QueueFull> {
        self.end(Duration::ZERO);
        self.enqueue(digit, None, now)
    }

    /// The key that is down goes up, having been held for `duration`, which is kept within 40 ms and 10 s and
    /// not below what was told of it already. Nothing if no key is down.
    pub fn end(&mut self, duration: Duration) {
        let duration = duration.clamp(DIGIT_MIN, DIGIT_MAX);
        if let Some((_, held)) = self.queue.iter_mut().find(|(_, held)| held.is_none()) {
            *held = Some(duration);
        } else if let State::Playing(press) = &mut self.state {
            press.end(units_of(duration, self.clock_rate), self.config.ptime, self.clock_rate);
        }
    }

    /// Whether a press is being sent, during which the stream carries no audio.
    #[must_use]
    pub const fn is_playing(&self) -> bool {
        matches!(self.state, State::Playing(_))
    }

    /// Whether a press waits whose time has come.
    #[must_use]
    pub fn is_due(&self, now: Instant) -> bool {
        matches!(self.state, State::Waiting { until } if until <= now) && !self.queue.is_empty()
    }

    /// When [`Self::poll`] is due.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        match &self.state {
            State::Idle => None,
            State::Waiting { until } => Some(*until),
            State::Playing(press) => Some(press.due(self.config.ptime)),
        }
    }

    /// The packet that is due, if any; call until `None`. `stream_time` is what the timestamp of
    /// audio sent at `now` would be, on the telephone-event's clock.
    pub fn poll(&mut self, now: Instant, stream_time: Timestamp) -> Option<EventPacket> {
        self.poll_timeout().filter(|due| *due <= now)?;
        if let State::Waiting { .. } = self.state {
            let Some((digit, duration)) = self.queue.pop_front() else {
                self.state = State::Idle;
                return None;
            };
            self.state = State::Playing(Press {
                digit,
                started_at: now,
                segment: stream_time,
                past_units: 0,
                total_units: units_of(duration.unwrap_or(DIGIT_MAX), self.clock_rate),
                is_down: duration.is_none(),
                packets: 0,
                ends: 0,
            });
        }
        let State::Playing(press) = &mut self.state else { return None };
        let sent_at = press.due(self.config.ptime);
        let packet = press.next_packet(&self.config, self.clock_rate);
        if press.ends == ENDS {
            let length = Duration::from_secs(press.total_units.into()) / self.clock_rate.hz();
            let ended_at = press.started_at + length;
            let until = (ended_at + self.config.gap).max(sent_at + self.config.ptime);
            self.state = State::Waiting { until };
        }
        Some(packet)
    }

    fn enqueue(&mut self, digit: Digit, duration: Option<Duration>, now: Instant) -> Result<(), QueueFull> {
        if self.queue.len() >= QUEUE_MAX {
            return Err(QueueFull);
        }
        self.queue.push_back((digit, duration));
        if matches!(self.state, State::Idle) {
            self.state = State::Waiting { until: now };
        }
        Ok(())
    }
}

impl Press {
    /// When the next packet is due.
    fn due(&self, ptime: Duration) -> Instant {
        self.started_at + ptime * self.packets
    }

    /// The key goes up: what was told of its length stays true.
    fn end(&mut self, units: u32, ptime: Duration, clock_rate: ClockRate) {
        if std::mem::take(&mut self.is_down) {
            let told = units_of(ptime * self.packets, clock_rate);
            self.total_units = units.max(told).min(self.total_units);
        }
    }

    fn next_packet(&mut self, config: &EventSenderConfig, clock_rate: ClockRate) -> EventPacket {
        let elapsed = units_of(config.ptime * (self.packets + 1), clock_rate).min(self.total_units);
        let units = elapsed - self.past_units;
        if units > SEGMENT_UNITS {
            // Closes the segment; the same moment is told again from the next one's beginning.
            let packet = self.packet(SEGMENT_UNITS, false, config.volume);
            self.segment = self.segment.plus(SEGMENT_UNITS);
            self.past_units += SEGMENT_UNITS;
            return packet;
        }
        let is_end = elapsed == self.total_units;
        let packet = self.packet(units, is_end, config.volume);
        self.packets += 1;
        self.ends += u8::from(is_end);
        packet
    }

    fn packet(&self, units: u32, is_end: bool, volume: u8) -> EventPacket {
        let duration = u16::try_from(units).expect("a segment fits its sixteen bits");
        EventPacket {
            payload: EventPayload { event: self.digit.event_code(), is_end, volume, duration },
            timestamp: self.segment,
            marker: self.packets == 0 && self.past_units == 0,
        }
    }
}

impl Default for EventSenderConfig {
    fn default() -> Self {
        Self { gap: GAP_MIN, ptime: Duration::from_millis(20), volume: 10 }
    }
}

/// `time` in clock rate units; both are small by construction.
fn units_of(time: Duration, clock_rate: ClockRate) -> u32 {
    u32::try_from(time.as_micros() * u128::from(clock_rate.hz()) / 1_000_000).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TAP: Duration = Duration::from_millis(100);

    /// Plays everything queued; returns when each packet was sent, in ms, and the packet.
    fn play(sender: &mut EventSender, start: Instant) -> Vec<(u64, EventPacket)> {
        let mut sent = Vec::new();
        while let Some(now) = sender.poll_timeout() {
            let at_ms = now.duration_since(start).as_millis() as u64;
            let stream_time = Timestamp(1_000_000 + at_ms as u32 * (sender.clock_rate.hz() / 1000));
            while let Some(packet) = sender.poll(now, stream_time) {
                assert!(sender.is_playing() || packet.payload.is_end);
                sent.push((at_ms, packet));
            }
        }
        sent
    }

    fn digit(key: char) -> Digit {
        Digit::parse(key).expect("a key")
    }

    #[test]
    fn a_digit_grows_every_ptime_and_ends_three_times() {
        for (hz, per_ms) in [(8000, 8), (16_000, 16), (48_000, 48)] {
            let start = Instant::now();
            let clock_rate = ClockRate::new(hz).expect("not zero");
            let mut sender = EventSender::new(clock_rate, EventSenderConfig::default());
            sender.push(digit('#'), TAP, start).expect("room");
            let sent: Vec<_> = play(&mut sender, start)
                .into_iter()
                .map(|(at_ms, packet)| {
                    assert_eq!(packet.timestamp, Timestamp(1_000_000));
                    assert_eq!((packet.payload.event, packet.payload.volume), (11, 10));
                    (at_ms, packet.payload.duration / per_ms, packet.marker, packet.payload.is_end)
                })
                .collect();
            let expected = [
                (0, 20, true, false),
                (20, 40, false, false),
                (40, 60, false, false),
                (60, 80, false, false),
                (80, 100, false, true),
                (100, 100, false, true),
                (120, 100, false, true),
            ];
            assert_eq!(sent, expected, "at {hz} Hz");
            assert!(!sender.is_playing());
        }
    }

    #[test]
    fn digits_keep_their_gap_and_have_timestamps_of_their_own() {
        for (gap_ms, ptime_ms, starts) in [
            (0, 20, [0, 150, 300]),
            (50, 20, [0, 150, 300]),
            (200, 20, [0, 300, 600]),
            // Packets at 0, 60, 120 and 180; the next digit waits for the last of them.
            (50, 60, [0, 240, 480]),
        ] {
            let start = Instant::now();
            let config = EventSenderConfig {
                gap: Duration::from_millis(gap_ms),
                ptime: Duration::from_millis(ptime_ms),
                ..Default::default()
            };
            let mut sender = EventSender::new(ClockRate::HZ_8000, config);
            for key in ['7', '7', '8'] {
                sender.push(digit(key), TAP, start).expect("room");
            }
            let firsts: Vec<_> =
                play(&mut sender, start).into_iter().filter(|(_, packet)| packet.marker).collect();
            assert_eq!(firsts.iter().map(|(at_ms, _)| *at_ms).collect::<Vec<_>>(), starts);
            for (at_ms, packet) in firsts {
                assert_eq!(packet.timestamp, Timestamp(1_000_000 + 8 * at_ms as u32));
            }
        }
    }

    /// When the key of this sender goes up: 8 kHz, a digit begun at once.
    fn held(up_at_ms: u64, duration_ms: u64) -> Vec<(u64, u16, bool)> {
        let start = Instant::now();
        let mut sender = EventSender::new(ClockRate::HZ_8000, EventSenderConfig::default());
        sender.begin(digit('5'), start).expect("room");
        let (mut sent, mut is_down) = (Vec::new(), true);
        while let Some(now) = sender.poll_timeout() {
            if is_down && now >= start + Duration::from_millis(up_at_ms) {
                sender.end(Duration::from_millis(duration_ms));
                is_down = false;
            }
            if let Some(packet) = sender.poll(now, Timestamp(0)) {
                let at_ms = now.duration_since(start).as_millis() as u64;
                sent.push((at_ms, packet.payload.duration / 8, packet.payload.is_end));
            }
        }
        sent
    }

    #[test]
    fn a_key_that_is_down_is_sent_at_once_and_ends_when_it_goes_up() {
        let grows = [(0, 20, false), (20, 40, false), (40, 60, false)];
        let sent = held(55, 75);
        assert_eq!(sent[..3], grows);
        assert_eq!(sent[3..], [(60, 75, true), (80, 75, true), (100, 75, true)]);
        // The end came late, or told less than had been sent: nothing is taken back.
        let sent = held(55, 41);
        assert_eq!(sent[..3], grows);
        assert_eq!(sent[3..], [(60, 60, true), (80, 60, true), (100, 60, true)]);
        assert_eq!(held(0, 1), [(0, 20, false), (20, 40, true), (40, 40, true), (60, 40, true)]);
    }

    #[test]
    fn a_key_that_never_goes_up_ends_after_ten_seconds() {
        let sent = held(u64::MAX / 2, 0);
        assert_eq!(sent.iter().filter(|(.., is_end)| *is_end).count(), 3);
        assert_eq!(sent.iter().find(|(.., is_end)| *is_end).map(|(at_ms, ..)| *at_ms), Some(9980));
    }

    #[test]
    fn a_key_that_went_up_while_others_were_sent_is_as_long_as_it_was_held() {
        let start = Instant::now();
        let mut sender = EventSender::new(ClockRate::HZ_8000, EventSenderConfig::default());
        sender.push(digit('1'), TAP, start).expect("room");
        sender.begin(digit('2'), start).expect("room");
        sender.begin(digit('3'), start).expect("room");
        sender.end(Duration::from_millis(73));
        sender.end(Duration::from_secs(5));
        let ends = play(&mut sender, start).into_iter().filter(|(_, packet)| packet.payload.is_end);
        let mut ends: Vec<_> =
            ends.map(|(_, packet)| (packet.payload.event, packet.payload.duration)).collect();
        ends.dedup();
        assert_eq!(ends, [(1, 800), (2, 320), (3, 73 * 8)]);
    }

    #[test]
    fn an_odd_duration_is_kept_exactly() {
        let start = Instant::now();
        let mut sender = EventSender::new(ClockRate::HZ_8000, EventSenderConfig::default());
        sender.push(digit('1'), Duration::from_millis(73), start).expect("room");
        let last = play(&mut sender, start).pop().expect("packets").1;
        assert_eq!((last.payload.duration, last.payload.is_end), (73 * 8, true));
    }

    #[test]
    fn durations_are_kept_within_bounds() {
        for (asked, units) in [(Duration::ZERO, 40 * 8), (Duration::MAX, 80_000)] {
            let start = Instant::now();
            let mut sender = EventSender::new(ClockRate::HZ_8000, EventSenderConfig::default());
            sender.push(digit('1'), asked, start).expect("room");
            let last = play(&mut sender, start).pop().expect("packets").1;
            let past = last.timestamp.distance_from(Timestamp(1_000_000)).unsigned_abs();
            assert_eq!(past + u32::from(last.payload.duration), units);
        }
    }

    #[test]
    fn a_long_digit_goes_on_in_segments() {
        let start = Instant::now();
        let mut sender = EventSender::new(ClockRate::HZ_48000, EventSenderConfig::default());
        sender.push(digit('0'), Duration::from_secs(2), start).expect("room");
        let sent = play(&mut sender, start);
        let (_, closing) =
            sent.iter().find(|(_, packet)| packet.payload.duration == 0xffff).expect("a full segment");
        assert_eq!((closing.timestamp, closing.payload.is_end), (Timestamp(1_000_000), false));
        let second: Vec<_> =
            sent.iter().filter(|(_, packet)| packet.timestamp == Timestamp(1_000_000 + 0xffff)).collect();
        assert!(second.iter().all(|(_, packet)| !packet.marker));
        assert_eq!(second[0].0, 1360, "told at the packet that would overflow");
        assert_eq!(second.last().expect("packets").1.payload.duration, (96_000 - 0xffff) as u16);
    }

    #[test]
    fn a_late_poll_catches_up() {
        let start = Instant::now();
        let mut sender = EventSender::new(ClockRate::HZ_8000, EventSenderConfig::default());
        sender.push(digit('1'), TAP, start).expect("room");
        assert!(sender.poll(start, Timestamp(7)).is_some());
        assert_eq!(sender.poll(start + Duration::from_millis(19), Timestamp(7)), None);
        let late = start + Duration::from_millis(65);
        let durations: Vec<_> = std::iter::from_fn(|| sender.poll(late, Timestamp(999)))
            .map(|packet| (packet.timestamp, packet.payload.duration))
            .collect();
        assert_eq!(durations, [(Timestamp(7), 320), (Timestamp(7), 480), (Timestamp(7), 640)]);
    }

    #[test]
    fn a_full_queue_refuses() {
        let start = Instant::now();
        let mut sender = EventSender::new(ClockRate::HZ_8000, EventSenderConfig::default());
        for _ in 0..QUEUE_MAX {
            sender.push(digit('1'), TAP, start).expect("room");
        }
        assert_eq!(sender.push(digit('1'), TAP, start), Err(QueueFull));
    }
}
