//! From the media thread to the recorder's, without lock, allocation or waiting: the ring of the jitter buffer.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use webtrunk_codecs::CodecId;

use crate::media::jitter::ring::{Full, RingReader, RingWriter, ring, words_of};
use crate::media::limits::PACKET_MAX;

/// Bytes that may wait. Two seconds of two parties with 20 ms of G.711 a packet take 37 kB; of wide band L16, the
/// most that is common, 131 kB.
const RING_BYTES: usize = 128 << 10;

/// Words of a record's head.
const HEAD: usize = 3;

/// Stands for a recording that goes on.
const NEVER: u64 = u64::MAX;

/// Whose voice it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    /// The recorded party.
    Left,
    /// Whom it hears.
    Right,
}

/// A packet of voice, in its order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Heard<'a> {
    pub(crate) side: Side,
    pub(crate) codec: CodecId,
    pub(crate) timestamp: u32,
    /// Packets that were lost just before it.
    pub(crate) lost_before: u32,
    pub(crate) payload: &'a [u8],
}

/// What both halves see.
struct Shared {
    /// Microseconds after its begin at which the recording ends.
    ends_us: AtomicU64,
    /// Whether it was told to end, and not only left.
    is_stopped: AtomicBool,
    /// The recorder needs no more.
    is_over: AtomicBool,
    /// Packets for which there was no room.
    dropped: AtomicU64,
}

/// The media thread's half of a recording.
pub struct Tap {
    ring: RingWriter,
    shared: Arc<Shared>,
    begun_at: Instant,
    /// When the last packet came.
    last_us: u64,
    is_paused: bool,
}

/// The recorder's half of a recording.
pub struct Feed {
    ring: RingReader,
    shared: Arc<Shared>,
    position: u64,
    payload: Box<[u8; PACKET_MAX]>,
}

/// What a feed gives out.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fed<'a> {
    /// A packet that came so many microseconds after the begin.
    Packet { at_us: u64, heard: Heard<'a> },
    /// A mark that was set then.
    Mark { at_us: u64 },
}

/// The two halves of a recording that begins now.
#[must_use]
pub fn tap(now: Instant) -> (Tap, Feed) {
    let (writer, reader) = ring(RING_BYTES / 8);
    let shared = Arc::new(Shared {
        ends_us: AtomicU64::new(NEVER),
        is_stopped: AtomicBool::new(false),
        is_over: AtomicBool::new(false),
        dropped: AtomicU64::new(0),
    });
    let tap = Tap { ring: writer, shared: Arc::clone(&shared), begun_at: now, last_us: 0, is_paused: false };
    (tap, Feed { ring: reader, shared, position: 0, payload: Box::new([0; PACKET_MAX]) })
}

impl Tap {
    /// Takes a packet of voice that came now. While the recording is paused it is silence.
    pub(crate) fn hear(&mut self, heard: Heard<'_>, now: Instant) {
        if self.is_paused || self.is_over() || heard.payload.len() > PACKET_MAX {
            return;
        }
        let codec = CodecId::ALL.iter().position(|codec| *codec == heard.codec).unwrap_or(0) as u64;
        let side = u64::from(heard.side == Side::Right);
        let lost = u64::from(u16::try_from(heard.lost_before).unwrap_or(u16::MAX));
        let about = heard.payload.len() as u64 | side << 16 | codec << 24 | lost << 32;
        self.push([about, heard.timestamp.into(), self.us(now)], heard.payload);
    }

    /// Sets a mark; tells its place, in microseconds after the begin.
    pub(crate) fn mark(&mut self, now: Instant) -> u64 {
        let at_us = self.us(now);
        self.push([MARK, 0, at_us], &[]);
        at_us
    }

    /// Lets silence stand for what is said from now on.
    pub(crate) fn pause(&mut self) {
        self.is_paused = true;
    }

    /// Ends a pause.
    pub(crate) fn resume(&mut self) {
        self.is_paused = false;
    }

    /// Ends the recording now.
    pub(crate) fn stop(mut self, now: Instant) {
        self.last_us = self.us(now);
        self.shared.is_stopped.store(true, Ordering::Relaxed);
    }

    /// Ends the recording now, since there is nobody left to record.
    pub(crate) fn leave(mut self, now: Instant) {
        self.last_us = self.us(now);
    }

    /// Whether the recorder needs no more: its disk is full, say.
    pub(crate) fn is_over(&self) -> bool {
        self.shared.is_over.load(Ordering::Relaxed)
    }

    fn push(&mut self, head: [u64; HEAD], bytes: &[u8]) {
        self.last_us = head[2];
        if let Err(Full) = self.ring.push(head, bytes) {
            self.shared.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn us(&self, now: Instant) -> u64 {
        u64::try_from(now.saturating_duration_since(self.begun_at).as_micros()).unwrap_or(NEVER - 1)
    }
}

impl Drop for Tap {
    /// However it went: the recorder is not left waiting.
    fn drop(&mut self) {
        self.shared.ends_us.store(self.last_us, Ordering::Release);
    }
}

/// A head that stands for a mark.
const MARK: u64 = 1 << 48;

impl Feed {
    /// What comes next; `None` when nothing waits.
    pub(super) fn poll(&mut self) -> Option<Fed<'_>> {
        if self.position == self.ring.written() {
            return None;
        }
        let [about, timestamp, at_us] = [0, 1, 2].map(|word| self.ring.word(self.position + word));
        let length = usize::from(about as u16);
        let payload = &mut self.payload[..length];
        self.ring.read(self.position + HEAD as u64, payload);
        self.position += HEAD as u64 + words_of(length);
        self.ring.free_to(self.position);
        if about == MARK {
            return Some(Fed::Mark { at_us });
        }
        let side = if about >> 16 & 1 == 1 { Side::Right } else { Side::Left };
        let codec = CodecId::ALL[usize::from((about >> 24) as u8)];
        let heard = Heard {
            side,
            codec,
            timestamp: timestamp as u32,
            lost_before: (about >> 32) as u16 as u32,
            payload,
        };
        Some(Fed::Packet { at_us, heard })
    }

    /// When the recording ends, in microseconds after its begin, and whether it was told to. To be asked before
    /// the last packets are polled.
    pub(super) fn ends(&self) -> Option<(u64, bool)> {
        let ends_us = self.shared.ends_us.load(Ordering::Acquire);
        (ends_us != NEVER).then(|| (ends_us, self.shared.is_stopped.load(Ordering::Relaxed)))
    }

    /// Tells the media thread that no more is needed.
    pub(super) fn close(&self) {
        self.shared.is_over.store(true, Ordering::Relaxed);
    }

    /// Packets for which there was no room since the last call.
    pub(super) fn take_dropped(&self) -> u64 {
        self.shared.dropped.swap(0, Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn heard(payload: &[u8]) -> Heard<'_> {
        Heard { side: Side::Right, codec: CodecId::G722, timestamp: u32::MAX, lost_before: 70_000, payload }
    }

    #[test]
    fn what_is_heard_is_fed_with_its_time() {
        let now = Instant::now();
        let (mut tap, mut feed) = tap(now);
        tap.hear(heard(&[7; 13]), now + Duration::from_micros(1234));
        assert_eq!(tap.mark(now + Duration::from_millis(5)), 5000);
        let lost_before = u16::MAX.into();
        let expected = Heard { lost_before, ..heard(&[7; 13]) };
        assert_eq!(feed.poll(), Some(Fed::Packet { at_us: 1234, heard: expected }));
        assert_eq!(feed.poll(), Some(Fed::Mark { at_us: 5000 }));
        assert_eq!(feed.poll(), None);
        assert_eq!(feed.ends(), None);
    }

    #[test]
    fn a_pause_keeps_everything_back_and_no_recorder_is_waited_for() {
        let now = Instant::now();
        let (mut tap, mut feed) = tap(now);
        tap.pause();
        tap.hear(heard(&[1; 160]), now);
        tap.resume();
        assert_eq!(feed.poll(), None);
        // Two seconds of two parties fit; what comes then is lost, not waited for.
        (0..197).for_each(|_| tap.hear(heard(&[2; 640]), now));
        assert_eq!(feed.take_dropped(), 0);
        (0..200).for_each(|_| tap.hear(heard(&[2; 640]), now));
        assert_eq!(feed.take_dropped(), 200);
        feed.close();
        assert!(tap.is_over());
    }

    #[test]
    fn the_end_is_told_however_it_came() {
        let now = Instant::now();
        let later = now + Duration::from_millis(40);
        let ends = |end: fn(Tap, Instant)| {
            let (mut tap, feed) = tap(now);
            tap.hear(heard(&[1]), now + Duration::from_millis(20));
            end(tap, later);
            feed.ends()
        };
        assert_eq!(ends(Tap::stop), Some((40_000, true)));
        assert_eq!(ends(Tap::leave), Some((40_000, false)));
        assert_eq!(ends(|tap, _| drop(tap)), Some((20_000, false)));
    }
}
