//! Digits as payload, RFC 4733: one at a time out, each once in.

use std::collections::VecDeque;
use std::time::{Duration, SystemTime};

use webtrunk_codecs::tone::Digit;

use super::PTIME;

/// A digit that came as telephone-event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeardDigit {
    /// The key.
    pub digit: char,
    /// When the kernel got its first packet.
    pub at: SystemTime,
    /// How long it was held, as far as heard, in RTP timestamp units.
    pub duration: u16,
    /// Whether a packet said that it ended.
    pub is_ended: bool,
    /// The RTP timestamp of its beginning, which names it.
    pub timestamp: u32,
}

/// The digits to be sent.
#[derive(Debug, Default)]
pub(crate) struct DigitSender {
    waiting: VecDeque<Press>,
    state: State,
}

/// A digit to be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Press {
    pub(crate) digit: Digit,
    /// Which of the digits that were heard it returns, if any.
    pub(crate) returns: Option<usize>,
}

#[derive(Debug, Clone, Copy, Default)]
enum State {
    #[default]
    Idle,
    /// A digit is being pressed, for this many packets so far.
    Pressed { press: Press, began_at: u32, packets: u32 },
    /// It was let go; so many packets of silence were between it and the next.
    Released { packets: u32 },
}

/// What goes out at one step of the clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum DigitStep {
    /// No digit: audio as usual.
    Audio,
    /// Between two digits: nothing.
    Silence,
    /// This payload, with this timestamp, so many times; and what begins with it.
    Event { payload: [u8; 4], timestamp: u32, begins: Option<Press>, copies: usize },
}

/// Packets that one digit is pressed for: 100 ms.
const PRESSED: u32 = 5;
/// Packets of silence between two: 60 ms.
const RELEASED: u32 = 3;
/// RFC 4733 2.5.1.4: the last packet goes out three times.
const END_COPIES: usize = 3;
/// -10 dBm0.
const VOLUME: u8 = 10;

impl DigitSender {
    pub(crate) fn press(&mut self, digits: impl IntoIterator<Item = Digit>) {
        self.waiting.extend(digits.into_iter().map(|digit| Press { digit, returns: None }));
    }

    /// Returns a digit to who sent it: this one of those that were heard.
    pub(crate) fn send_back(&mut self, digit: Digit, heard: usize) {
        self.waiting.push_back(Press { digit, returns: Some(heard) });
    }

    /// Nobody takes them any more.
    pub(crate) fn give_up(&mut self) {
        *self = Self::default();
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.waiting.is_empty() && matches!(self.state, State::Idle)
    }

    /// One step of the clock at this timestamp, of a stream of this clock rate.
    pub(crate) fn step(&mut self, timestamp: u32, clock_rate_hz: u32) -> DigitStep {
        if let State::Idle = self.state {
            let Some(press) = self.waiting.pop_front() else { return DigitStep::Audio };
            self.state = State::Pressed { press, began_at: timestamp, packets: 0 };
        }
        match &mut self.state {
            State::Idle => DigitStep::Audio,
            State::Pressed { press, began_at, packets } => {
                *packets += 1;
                let (began_at, is_last) = (*began_at, *packets == PRESSED);
                let begins = (*packets == 1).then_some(*press);
                let duration = duration_of(*packets, clock_rate_hz).to_be_bytes();
                let end = if is_last { 0x80 } else { 0 };
                let payload = [event_of(press.digit), end | VOLUME, duration[0], duration[1]];
                if is_last {
                    self.state = State::Released { packets: 0 };
                }
                let copies = if is_last { END_COPIES } else { 1 };
                DigitStep::Event { payload, timestamp: began_at, begins, copies }
            }
            State::Released { packets } => {
                *packets += 1;
                if *packets == RELEASED {
                    self.state = State::Idle;
                }
                DigitStep::Silence
            }
        }
    }
}

impl HeardDigit {
    /// Takes one payload of a stream of events, which came at this time, into the list of digits so far.
    pub(crate) fn take(digits: &mut Vec<Self>, at: SystemTime, timestamp: u32, payload: &[u8]) {
        let [event, flags, high, low, ..] = *payload else { return };
        let Some(digit) = KEYS.get(usize::from(event)).map(|key| char::from(*key)) else { return };
        let (duration, is_ended) = (u16::from_be_bytes([high, low]), flags & 0x80 != 0);
        match digits.iter_mut().rev().find(|it| it.timestamp == timestamp && it.digit == digit) {
            Some(known) => {
                known.duration = known.duration.max(duration);
                known.is_ended |= is_ended;
            }
            None => digits.push(Self { digit, at, duration, is_ended, timestamp }),
        }
    }
}

/// RFC 4733 3.2: the order of the events.
const KEYS: &[u8; 16] = b"0123456789*#ABCD";

fn event_of(digit: Digit) -> u8 {
    let key = digit.to_char();
    KEYS.iter().position(|it| char::from(*it) == key).map_or(0, |at| at as u8)
}

fn duration_of(packets: u32, clock_rate_hz: u32) -> u16 {
    let held: Duration = PTIME * packets;
    u16::try_from(held.as_millis() as u64 * u64::from(clock_rate_hz) / 1000).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All that goes out for `keys`, with the number of the step.
    fn send(keys: &str) -> Vec<(u32, DigitStep)> {
        let mut sender = DigitSender::default();
        sender.press(keys.chars().filter_map(Digit::parse));
        let mut steps = Vec::new();
        for at in 0..1000 {
            if sender.is_idle() {
                break;
            }
            steps.push((at, sender.step(at * 160, 8000)));
        }
        steps
    }

    #[test]
    fn one_digit_grows_and_ends_three_times() {
        let steps = send("#");
        let begins = Digit::parse('#').map(|digit| Press { digit, returns: None });
        let first = DigitStep::Event { payload: [11, 10, 0, 160], timestamp: 0, begins, copies: 1 };
        let last = DigitStep::Event { payload: [11, 0x8a, 3, 32], timestamp: 0, begins: None, copies: 3 };
        assert_eq!((&steps[0].1, &steps[4].1), (&first, &last));
        assert!(steps[5..].iter().all(|(_, step)| *step == DigitStep::Silence));
        assert_eq!(steps.len(), 8);
    }

    #[test]
    fn all_sixteen_are_heard_once_each_whatever_is_lost() {
        let keys = "0123456789*#ABCD1123";
        for lost in [None, Some(0), Some(4)] {
            let mut heard = Vec::new();
            for (at, step) in send(keys) {
                if let DigitStep::Event { payload, timestamp, copies, .. } = step
                    && lost != Some(at % 8)
                {
                    let came_at = SystemTime::UNIX_EPOCH + PTIME * at;
                    (0..copies).for_each(|_| HeardDigit::take(&mut heard, came_at, timestamp, &payload));
                }
            }
            assert_eq!(heard.iter().map(|it| it.digit).collect::<String>(), keys, "{lost:?} lost");
            assert!(heard.iter().all(|it| it.is_ended == (lost != Some(4))));
            // Each began eight steps after the one before, and came with the first of it that did.
            let first = u32::from(lost == Some(0));
            let came = (0..heard.len() as u32).map(|nth| SystemTime::UNIX_EPOCH + PTIME * (8 * nth + first));
            assert!(heard.iter().map(|it| it.at).eq(came), "{lost:?} lost: {heard:?}");
        }
    }

    #[test]
    fn other_events_are_no_digits() {
        let mut heard = Vec::new();
        for payload in [&[16, 10, 0, 1][..], &[255, 0, 0, 1], &[1, 2, 3], &[]] {
            HeardDigit::take(&mut heard, SystemTime::UNIX_EPOCH, 1, payload);
        }
        assert_eq!(heard, []);
    }
}
