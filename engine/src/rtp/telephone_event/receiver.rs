//! Hears digits: every key press once, whatever the link did to its packets (RFC 4733 2.5.2).
//!
//! ```text
//!            first packet               end packet
//!  (none) ----------------> Held --------------------> Ended
//!                           |  ^ |                        |
//!              new segment  +--+ | 200 ms of silence      |
//!                                v                        |
//!                             Expired                     |
//!                                |                        |
//!                                +---- later timestamp ---+---> Held, the next press
//! ```
//!
//! A press is named by its timestamp and its digit, so repeated, late and reordered packets add
//! nothing, and the same digit at a later timestamp is another press.

use std::iter::Flatten;
use std::time::{Duration, Instant};

use webtrunk_codecs::ClockRate;
use webtrunk_codecs::tone::Digit;

use super::{EventPayload, SEGMENT_UNITS};
use crate::rtp::{DropReason, Timestamp};

/// How long a held digit may be silent before it counts as released. Chosen by us: three lost
/// packets at the longest usual ptime of 60 ms.
const SILENCE_MAX: Duration = Duration::from_millis(200);

/// What a receiver reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DigitEvent {
    /// A key went down; told at the first of its packets that arrives.
    Pressed {
        /// The key.
        digit: Digit,
    },
    /// The key that went down last went up.
    Released {
        /// The key.
        digit: Digit,
        /// How long it was held, as far as its packets said.
        duration: Duration,
    },
}

/// What one packet brought: at most the end of the last press, and beginning and end of a new one.
pub type DigitEvents = Flatten<std::array::IntoIter<Option<DigitEvent>, 3>>;

/// The digits of one RTP stream.
#[derive(Debug, Clone)]
pub struct EventReceiver {
    clock_rate: ClockRate,
    last: Option<Press>,
}

#[derive(Debug, Clone, Copy)]
struct Press {
    digit: Digit,
    /// When the segment began that the last packet was of.
    segment: Timestamp,
    /// Length of the segments before it, in clock rate units.
    past_units: u32,
    /// Longest duration that was said of this segment.
    segment_units: u16,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// The key is down.
    Held { heard_at: Instant },
    /// The key went up.
    Ended,
    /// The end did not come; the rest of the press, should it come, is not news.
    Expired,
}

/// How a packet relates to the press before it.
enum Relation {
    /// It tells of the same segment.
    Same,
    /// It tells of the press's next segment.
    Continued,
    /// It tells of an older press.
    Late,
    /// It tells of another press.
    New,
}

impl EventReceiver {
    /// A receiver that has heard nothing yet. `clock_rate` is the telephone-event's own.
    #[must_use]
    pub const fn new(clock_rate: ClockRate) -> Self {
        Self { clock_rate, last: None }
    }

    /// The telephone-event's own clock.
    #[must_use]
    pub const fn clock_rate(&self) -> ClockRate {
        self.clock_rate
    }

    /// Reads a packet of the telephone-event payload type. Events that are no digits are passed over.
    ///
    /// # Errors
    /// [`DropReason::TooShort`] if the payload is none.
    pub fn handle_packet(
        &mut self,
        timestamp: Timestamp,
        marker: bool,
        payload: &[u8],
        now: Instant,
    ) -> Result<DigitEvents, DropReason> {
        let payload = EventPayload::parse(payload)?;
        let Some(digit) = Digit::from_event_code(payload.event) else {
            return Ok([None; 3].into_iter().flatten());
        };
        let mut ended = None;
        let mut pressed = None;
        match self.last.as_mut().map(|last| (last.relation(digit, timestamp, marker, self.clock_rate), last))
        {
            Some((Relation::Same, _)) => {}
            Some((Relation::Continued, last)) => last.continue_at(timestamp),
            Some((Relation::Late, _)) => return Ok([None; 3].into_iter().flatten()),
            Some((Relation::New, _)) | None => {
                ended = self.end(State::Ended);
                pressed = Some(DigitEvent::Pressed { digit });
                self.last = Some(Press {
                    digit,
                    segment: timestamp,
                    past_units: 0,
                    segment_units: 0,
                    state: State::Held { heard_at: now },
                });
            }
        }
        let released = self.update(&payload, now);
        Ok([ended, pressed, released].into_iter().flatten())
    }

    /// When [`Self::handle_timeout`] is due.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        match self.last?.state {
            State::Held { heard_at } => Some(heard_at + SILENCE_MAX),
            State::Ended | State::Expired => None,
        }
    }

    /// Releases a digit of which no packet has come for too long.
    pub fn handle_timeout(&mut self, now: Instant) -> Option<DigitEvent> {
        self.poll_timeout().filter(|due| *due <= now)?;
        self.end(State::Expired)
    }

    /// Takes over what a packet of the current press says.
    fn update(&mut self, payload: &EventPayload, now: Instant) -> Option<DigitEvent> {
        let press = self.last.as_mut()?;
        let State::Held { heard_at } = &mut press.state else { return None };
        *heard_at = now;
        press.segment_units = press.segment_units.max(payload.duration);
        if payload.is_end { self.end(State::Ended) } else { None }
    }

    /// Ends the press, if one is held.
    fn end(&mut self, state: State) -> Option<DigitEvent> {
        let press = self.last.as_mut().filter(|press| matches!(press.state, State::Held { .. }))?;
        press.state = state;
        let units = u64::from(press.past_units) + u64::from(press.segment_units);
        let duration = Duration::from_secs(units) / self.clock_rate.hz();
        Some(DigitEvent::Released { digit: press.digit, duration })
    }
}

impl Press {
    fn relation(&self, digit: Digit, timestamp: Timestamp, marker: bool, clock_rate: ClockRate) -> Relation {
        let advance = timestamp.distance_from(self.segment);
        let is_contiguous = advance > 0
            && (advance % SEGMENT_UNITS.cast_signed() == 0 || advance == i32::from(self.segment_units));
        // A segment and two seconds back; what is older is of a clock that was set anew.
        let late_max = i64::from(SEGMENT_UNITS) + 2 * i64::from(clock_rate.hz());
        if advance == 0 && digit == self.digit {
            Relation::Same
        } else if is_contiguous && digit == self.digit && !marker && self.state != State::Ended {
            Relation::Continued
        } else if (-late_max..0).contains(&i64::from(advance)) {
            Relation::Late
        } else {
            Relation::New
        }
    }

    fn continue_at(&mut self, timestamp: Timestamp) {
        let advance = timestamp.distance_from(self.segment).unsigned_abs();
        self.past_units = self.past_units.saturating_add(advance);
        self.segment = timestamp;
        self.segment_units = 0;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A receiver at 8 kHz, its clock, and what it has reported.
    struct Listener {
        receiver: EventReceiver,
        start: Instant,
        heard: Vec<String>,
    }

    impl Listener {
        fn new() -> Self {
            Self {
                receiver: EventReceiver::new(ClockRate::HZ_8000),
                start: Instant::now(),
                heard: Vec::new(),
            }
        }

        /// A packet of `key`, pressed at `timestamp`, arrives `at_ms`.
        fn packet(&mut self, at_ms: u64, key: char, timestamp: u32, duration: u16, flags: &str) -> &mut Self {
            let event = Digit::parse(key).expect("a key").event_code();
            let payload = EventPayload { event, is_end: flags.contains('E'), volume: 10, duration };
            let mut bytes = [0; EventPayload::LEN];
            payload.write_to(&mut bytes);
            let now = self.start + Duration::from_millis(at_ms);
            let events = self
                .receiver
                .handle_packet(Timestamp(timestamp), flags.contains('M'), &bytes, now)
                .expect("long enough");
            self.heard.extend(events.map(describe));
            self
        }

        fn wait_until(&mut self, at_ms: u64) -> &mut Self {
            let events = self.receiver.handle_timeout(self.start + Duration::from_millis(at_ms));
            self.heard.extend(events.map(describe));
            self
        }

        /// What was reported since the last time.
        fn heard(&mut self) -> String {
            std::mem::take(&mut self.heard).join(" ")
        }
    }

    fn describe(event: DigitEvent) -> String {
        match event {
            DigitEvent::Pressed { digit } => format!("{}", digit.to_char()),
            DigitEvent::Released { digit, duration } => {
                format!("{}up{}", digit.to_char(), duration.as_millis())
            }
        }
    }

    #[test]
    fn a_press_is_told_at_its_first_packet_and_its_length_at_the_end() {
        let mut listener = Listener::new();
        assert_eq!(listener.packet(0, '5', 1000, 160, "M").heard(), "5");
        assert_eq!(listener.packet(20, '5', 1000, 320, "").heard(), "");
        assert_eq!(listener.packet(40, '5', 1000, 480, "E").heard(), "5up60");
        assert_eq!(listener.packet(60, '5', 1000, 480, "E").packet(80, '5', 1000, 480, "E").heard(), "");
        assert_eq!(listener.receiver.poll_timeout(), None);
    }

    #[test]
    fn a_lost_first_packet_is_made_good_by_any_other() {
        let mut listener = Listener::new();
        assert_eq!(listener.packet(20, '5', 1000, 320, "").heard(), "5");
        assert_eq!(listener.packet(40, '5', 1000, 480, "E").heard(), "5up60");
        assert_eq!(listener.packet(500, '#', 5000, 800, "E").heard(), "# #up100");
        assert_eq!(listener.packet(480, '#', 5000, 160, "M").heard(), "", "the first packet, late");
    }

    #[test]
    fn equal_digits_at_different_timestamps_are_two() {
        let mut listener = Listener::new();
        listener.packet(0, '1', 1000, 160, "M").packet(20, '1', 1000, 320, "E");
        listener.packet(100, '1', 1800, 160, "M").packet(120, '1', 1800, 320, "E");
        assert_eq!(listener.heard(), "1 1up40 1 1up40");
    }

    #[test]
    fn late_packets_of_an_earlier_press_add_nothing() {
        let mut listener = Listener::new();
        listener.packet(0, '1', 1000, 160, "M").packet(100, '2', 1800, 160, "M");
        assert_eq!(listener.heard(), "1 1up20 2");
        listener.packet(101, '1', 1000, 320, "E").packet(102, '2', 1800, 320, "E");
        listener.packet(103, '1', 1000, 320, "E").packet(104, '2', 1800, 160, "M");
        assert_eq!(listener.heard(), "2up40");
    }

    #[test]
    fn a_lost_end_is_made_good_by_time_or_by_the_next_press() {
        let mut listener = Listener::new();
        listener.packet(0, '1', 1000, 160, "M").packet(20, '1', 1000, 320, "");
        assert_eq!(listener.wait_until(219).heard(), "1");
        assert_eq!(listener.wait_until(220).heard(), "1up40");
        assert_eq!(listener.packet(240, '1', 1000, 800, "E").heard(), "", "the end, too late");
        listener.packet(300, '1', 3400, 160, "M").packet(400, '2', 4200, 160, "M");
        assert_eq!(listener.heard(), "1 1up20 2");
    }

    #[test]
    fn a_long_press_in_segments_is_one() {
        let mut listener = Listener::new();
        listener.packet(0, '0', 1000, 160, "M").packet(8191, '0', 1000, 0xffff, "");
        listener.packet(8200, '0', 1000 + 0xffff, 80, "").packet(8220, '0', 1000 + 0xffff, 240, "E");
        assert_eq!(listener.heard(), "0 0up8221");
    }

    #[test]
    fn a_long_press_outlasts_a_break_of_the_link() {
        let mut listener = Listener::new();
        listener.packet(0, '0', 1000, 160, "M").wait_until(9000);
        assert_eq!(listener.heard(), "0 0up20");
        listener.packet(9000, '0', 1000 + 0xffff, 6400, "").packet(17_000, '0', 1000 + 2 * 0xffff, 80, "E");
        assert_eq!(listener.heard(), "", "it was released long ago");
        assert_eq!(listener.packet(20_000, '0', 1000 + 3 * 0xffff, 160, "M").heard(), "0", "pressed again");
    }

    #[test]
    fn an_equal_digit_right_after_the_end_is_another_press() {
        let mut listener = Listener::new();
        listener.packet(0, '0', 1000, 160, "M").packet(20, '0', 1000, 320, "E");
        listener.packet(60, '0', 1320, 320, "E");
        assert_eq!(listener.heard(), "0 0up40 0 0up40");
    }

    #[test]
    fn a_clock_set_back_does_not_silence_the_keys() {
        let mut listener = Listener::new();
        listener.packet(0, '1', 4_000_000, 160, "E").packet(1000, '2', 1000, 160, "E");
        assert_eq!(listener.heard(), "1 1up20 2 2up20");
    }

    #[test]
    fn timestamps_wrap() {
        let mut listener = Listener::new();
        listener.packet(0, '1', u32::MAX - 99, 160, "E").packet(150, '2', 1100, 160, "E");
        listener.packet(151, '1', u32::MAX - 99, 160, "E");
        assert_eq!(listener.heard(), "1 1up20 2 2up20");
    }

    #[test]
    fn other_events_than_digits_are_passed_over() {
        let mut receiver = EventReceiver::new(ClockRate::HZ_8000);
        for event in 16..=255 {
            let events = receiver
                .handle_packet(Timestamp(1), true, &[event, 0x8a, 0, 160], Instant::now())
                .expect("long enough");
            assert_eq!(events.count(), 0);
        }
        let refused = receiver.handle_packet(Timestamp(1), true, &[1, 2, 3], Instant::now());
        assert_eq!(refused.expect_err("three bytes"), DropReason::TooShort);
    }

    proptest! {
        #[test]
        fn arbitrary_packets_never_panic_and_presses_pair_with_releases(
            packets in prop::collection::vec(
                (0_u64..300, any::<u32>(), 0_u32..4, any::<bool>(), prop::collection::vec(any::<u8>(), 0..6)),
                1..60,
            ),
        ) {
            let mut receiver = EventReceiver::new(ClockRate::HZ_8000);
            let mut now = Instant::now();
            let mut events = Vec::new();
            for (wait_ms, timestamp, near, marker, mut payload) in packets {
                now += Duration::from_millis(wait_ms);
                events.extend(receiver.handle_timeout(now));
                let timestamp = if near < 3 { near * SEGMENT_UNITS } else { timestamp };
                if let Some(event) = payload.first_mut() {
                    *event %= 18;
                }
                if let Ok(heard) = receiver.handle_packet(Timestamp(timestamp), marker, &payload, now) {
                    events.extend(heard);
                }
            }
            let mut held = None;
            for event in events {
                held = match event {
                    DigitEvent::Pressed { digit } => {
                        prop_assert_eq!(held, None);
                        Some(digit)
                    }
                    DigitEvent::Released { digit, .. } => {
                        prop_assert_eq!(held, Some(digit));
                        None
                    }
                };
            }
        }
    }
}
