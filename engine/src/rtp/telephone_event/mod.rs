//! Digits as RTP payload: telephone-event (RFC 4733).
//!
//! A key press is an event named by the timestamp at which it began; its packets repeat it with a
//! growing duration, and the last one comes three times. Every leg has a receiver and a sender of
//! its own, so digits are regenerated, never forwarded.

use std::time::Duration;

mod payload;
mod receiver;
mod sender;

pub use payload::EventPayload;
pub use receiver::{DigitEvent, DigitEvents, EventReceiver};
pub use sender::{EventPacket, EventSender, EventSenderConfig, QueueFull};

/// Shortest digit: what ITU-T Q.24 asks receivers of tones to hear.
pub const DIGIT_MIN: Duration = Duration::from_millis(40);

/// Longest digit, said in segments (RFC 4733 2.5.1.3). Chosen by us: whoever asks for more has a key stuck.
pub const DIGIT_MAX: Duration = Duration::from_secs(10);

/// Longest duration that a packet can say, in clock rate units. A press that is held longer goes
/// on in a new segment, which begins this much later (RFC 4733 2.5.1.3).
const SEGMENT_UNITS: u32 = u16::MAX as u32;

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use proptest::prelude::*;
    use webtrunk_codecs::ClockRate;
    use webtrunk_codecs::tone::Digit;

    use super::*;
    use crate::rtp::Timestamp;

    /// What the link does to one packet.
    #[derive(Debug, Clone, Copy)]
    struct Fate {
        copies: usize,
        delay: Duration,
    }

    fn fate() -> impl Strategy<Value = Fate> {
        let copies = prop_oneof![3 => Just(1_usize), 2 => Just(0), 1 => Just(2)];
        (copies, 0..30_u64).prop_map(|(copies, delay)| Fate { copies, delay: Duration::from_millis(delay) })
    }

    proptest! {
        #[test]
        fn every_digit_arrives_once_over_a_bad_link(
            keys in "[0-9A-D*#]{1,12}",
            clock_hz in prop::sample::select(vec![8000, 16_000, 48_000]),
            ptime_ms in prop::sample::select(vec![10_u64, 20]),
            start_timestamp: u32,
            fates in prop::collection::vec(fate(), 300),
        ) {
            let clock_rate = ClockRate::new(clock_hz).expect("not zero");
            let config = EventSenderConfig { ptime: Duration::from_millis(ptime_ms), ..Default::default() };
            let start = Instant::now();
            let mut sender = EventSender::new(clock_rate, config);
            for key in keys.chars() {
                sender.push(digit(key), Duration::from_millis(100), start).expect("room");
            }

            let mut arriving = Vec::new();
            let mut fates = fates.into_iter().cycle();
            while let Some(now) = sender.poll_timeout() {
                let elapsed_ms = now.duration_since(start).as_millis() as u32;
                let stream_time = Timestamp(start_timestamp).plus(elapsed_ms * (clock_hz / 1000));
                while let Some(packet) = sender.poll(now, stream_time) {
                    let fate = fates.next().expect("endless");
                    // The first packet of a digit survives: a digit of which nothing came is lost.
                    let copies = if packet.marker { fate.copies.max(1) } else { fate.copies };
                    arriving.extend((0..copies).map(|copy| (now + fate.delay * (copy as u32 + 1) / 2, packet)));
                }
            }
            arriving.sort_by_key(|(at, _)| *at);

            let mut receiver = EventReceiver::new(clock_rate);
            let mut heard = Vec::new();
            for (at, packet) in arriving {
                while let Some(due) = receiver.poll_timeout().filter(|due| *due <= at) {
                    heard.extend(receiver.handle_timeout(due));
                }
                let mut payload = [0; EventPayload::LEN];
                packet.payload.write_to(&mut payload);
                heard.extend(
                    receiver.handle_packet(packet.timestamp, packet.marker, &payload, at).expect("well formed"),
                );
            }
            if let Some(due) = receiver.poll_timeout() {
                heard.extend(receiver.handle_timeout(due));
            }
            let expected = keys.chars().flat_map(|key| [(key, true), (key, false)]);
            let heard = heard.into_iter().map(|event| match event {
                DigitEvent::Pressed { digit } => (digit.to_char(), true),
                DigitEvent::Released { digit, duration } => {
                    assert!(duration <= Duration::from_millis(100));
                    (digit.to_char(), false)
                }
            });
            prop_assert!(heard.eq(expected), "each digit is pressed and released once, in order");
        }
    }

    fn digit(key: char) -> Digit {
        Digit::parse(key).expect("a key of the telephone")
    }
}
