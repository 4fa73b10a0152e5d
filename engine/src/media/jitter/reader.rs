//! The half that plays: puts packets in order, lets each wait for its time, tells what is missing.
//!
//! ```text
//!            first packet waited its time
//!  Idle ------------------------------------> Playing
//!    ^                                           |
//!    +--------- another SSRC, a restart ---------+
//! ```
//!
//! | while playing, the next packet is | answer |
//! |---|---|
//! | here | the packet |
//! | here, but begins later than the last one ended (DTX) | silence until its time has come |
//! | lost: a later one is here | missing, with the later one if it is the very next |
//! | not here, nor any other | missing, five times in a row at most; then silence |
//! | overdue by more than the longest delay, and others are here | left out |

use std::time::{Duration, Instant};

use webtrunk_codecs::ClockRate;

use super::config::JitterConfig;
use super::delay::DelayEstimator;
use super::fates::JitterCounters;
use super::record::{Content, Record};
use super::ring::RingReader;
use super::seen::{Seen, Sight};
use super::waiting::{Held, Waiting};
use crate::media::limits::{CONCEALED_MAX, PACKET_MAX};
use crate::rtp::{ExtendedSequence, PayloadType, Ssrc, Timestamp};

/// What a packet is taken to last before one was played: 20 ms, as a divisor of the clock.
const PACKETS_PER_S: u32 = 50;

/// Gives packets out at their time, on the thread that plays them.
pub struct JitterReader {
    ring: RingReader,
    /// Everything before this position in the ring has been looked at.
    scanned: u64,
    epoch: Instant,
    clock: ClockRate,
    ssrc: Option<Ssrc>,
    seen: Seen,
    /// The last timestamp, unwrapped.
    timeline: Option<(Timestamp, i64)>,
    waiting: Waiting,
    delay: DelayEstimator,
    state: State,
    counters: JitterCounters,
    last_delay_us: i64,
    /// Time was left out since this was last asked.
    is_cut: bool,
    payload: Box<[u8; PACKET_MAX]>,
}

#[derive(Debug, Clone, Copy)]
enum State {
    /// Nothing has been played of this stream.
    Idle,
    Playing(Cursor),
}

/// Where playing has come to.
#[derive(Debug, Clone, Copy)]
struct Cursor {
    /// The packet that was played first.
    first: ExtendedSequence,
    /// The packet to play next.
    next: ExtendedSequence,
    /// The unwrapped timestamp at which it should begin.
    timestamp: i64,
    /// What the last packet lasted, the best guess for one that is missing.
    ticks: u32,
    concealed_in_row: u32,
    /// The sender said that it pauses.
    is_paused: bool,
}

/// What is to be played now.
#[derive(Debug, PartialEq, Eq)]
pub enum Pull<'a> {
    /// Nothing has come, or it has not waited its time yet.
    Idle,
    /// This packet.
    Packet(Pulled<'a>),
    /// Silence begins, of the kind that this packet describes (RFC 3389).
    Noise(Pulled<'a>),
    /// A packet that is not here.
    Missing {
        /// What it would have lasted, in ticks of the clock rate.
        ticks: u32,
        /// The very next packet, which may carry redundancy; it is given out again when it is due.
        next: Option<Pulled<'a>>,
    },
    /// The sender pauses, or is gone.
    Silence,
}

/// A packet that was given out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pulled<'a> {
    /// Its number, with its wraps.
    pub sequence: ExtendedSequence,
    /// Its timestamp as it came.
    pub timestamp: Timestamp,
    /// What the payload is.
    pub payload_type: PayloadType,
    /// The encoded bytes.
    pub payload: &'a [u8],
}

/// A decision, before anything is borrowed.
enum Decision {
    Idle,
    Play(Held),
    Missing { ticks: u32, next: Option<Held> },
    Silence,
}

impl JitterReader {
    pub(super) fn new(ring: RingReader, config: JitterConfig, clock: ClockRate, now: Instant) -> Self {
        Self {
            ring,
            scanned: 0,
            epoch: now,
            clock,
            ssrc: None,
            seen: Seen::new(),
            timeline: None,
            waiting: Waiting::new(),
            delay: DelayEstimator::new(&config),
            state: State::Idle,
            counters: JitterCounters::default(),
            last_delay_us: 0,
            is_cut: false,
            payload: Box::new([0; PACKET_MAX]),
        }
    }

    /// What is to be played at `now`. `ticks_of` tells how long a payload lasts, in ticks of the
    /// clock rate, and `None` for one that is malformed; such a one is given out all the same.
    ///
    /// Call it as often as samples are needed: it gives one packet's worth at a time.
    pub fn pull(&mut self, now: Instant, ticks_of: impl Fn(&[u8]) -> Option<u32>) -> Pull<'_> {
        self.scan();
        let decision = self.decide(self.us_at(now));
        let held = match decision {
            Decision::Play(held) | Decision::Missing { next: Some(held), .. } => Some(held),
            Decision::Idle | Decision::Silence | Decision::Missing { next: None, .. } => None,
        };
        if let Some(held) = held {
            self.ring.read(held.position, &mut self.payload[..held.length]);
        }
        if let (Decision::Play(Held { content: Content::Voice, length, .. }), State::Playing(cursor)) =
            (&decision, &mut self.state)
        {
            cursor.ticks = ticks_of(&self.payload[..*length]).unwrap_or(cursor.ticks);
            cursor.timestamp += i64::from(cursor.ticks);
        }
        self.ring.free_to(self.waiting.first_position().unwrap_or(self.scanned));
        match decision {
            Decision::Idle => Pull::Idle,
            Decision::Silence => Pull::Silence,
            Decision::Missing { ticks, next } => {
                self.counters.concealed += 1;
                Pull::Missing { ticks, next: next.map(|held| self.pulled(held)) }
            }
            Decision::Play(held) if held.content == Content::Noise => Pull::Noise(self.pulled(held)),
            Decision::Play(held) => Pull::Packet(self.pulled(held)),
        }
    }

    /// How much longer the next packet will have waited at `next_pull` than is aimed for, in
    /// microseconds; negative if shorter. `None` while the sender pauses or packets are missing.
    #[must_use]
    pub fn excess_us(&self, next_pull: Instant) -> Option<i64> {
        let State::Playing(cursor) = self.state else { return None };
        if cursor.is_paused || cursor.concealed_in_row > 0 {
            return None;
        }
        let excess = self.delay_of(cursor.timestamp, self.us_at(next_pull)) - self.delay.target();
        match self.waiting.front() {
            // Where nothing waits there is nothing to be early with.
            None => Some(excess.min(0)),
            Some(front) => {
                let is_next = front.sequence == cursor.next && front.timestamp <= cursor.timestamp;
                is_next.then_some(excess)
            }
        }
    }

    /// How much longer than by the fastest way the last packet took until it was given out.
    #[must_use]
    pub fn playout_delay(&self) -> Duration {
        Duration::from_micros(u64::try_from(self.last_delay_us).unwrap_or(0))
    }

    /// The delay that is aimed for.
    #[must_use]
    pub fn target_delay(&self) -> Duration {
        Duration::from_micros(u64::try_from(self.delay.target()).unwrap_or(0))
    }

    /// Whether, since this was last asked, time was left out, so that what was given out last does not
    /// follow smoothly.
    pub fn take_cut(&mut self) -> bool {
        std::mem::take(&mut self.is_cut)
    }

    /// What became of packets so far.
    #[must_use]
    pub fn counters(&self) -> JitterCounters {
        self.counters
    }

    /// Packets that wait.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Takes note of what came since.
    fn scan(&mut self) {
        let written = self.ring.written();
        while self.scanned < written {
            let record = Record::from_words(std::array::from_fn(|n| self.ring.word(self.scanned + n as u64)));
            let position = self.scanned + Record::HEAD as u64;
            self.scanned += record.words();
            self.counters.received += 1;
            self.take(record, position);
        }
    }

    fn take(&mut self, record: Record, position: u64) {
        if self.ssrc != Some(record.ssrc) {
            self.begin_stream(record.ssrc);
        }
        let mut sight = self.seen.note(record.sequence);
        if sight == Sight::Restarted {
            self.begin_stream(record.ssrc);
            sight = self.seen.note(record.sequence);
        }
        match sight {
            Sight::New { sequence, is_reordered } => self.hold(record, sequence, is_reordered, position),
            Sight::Duplicate => self.counters.duplicate += 1,
            Sight::Strange | Sight::Restarted => self.counters.discarded += 1,
        }
    }

    fn hold(&mut self, record: Record, sequence: ExtendedSequence, is_reordered: bool, position: u64) {
        let arrived_us = i64::try_from(record.arrived_us).unwrap_or(i64::MAX);
        let timestamp = self.unwrap(record.timestamp);
        // The packets of a digit share one timestamp and tell nothing of the way.
        if record.content != Content::Other {
            self.delay.handle(arrived_us, self.us_of(timestamp));
        }
        if let State::Playing(cursor) = self.state
            && sequence < cursor.next
        {
            self.counters.late += 1;
            // What was sent before the first packet that was played was never missed.
            let was_missed = sequence >= cursor.first;
            self.counters.lost = self.counters.lost.saturating_sub(was_missed.into());
            return;
        }
        self.counters.reordered += u64::from(is_reordered);
        let held = Held {
            sequence,
            timestamp,
            arrived_us,
            content: record.content,
            payload_type: record.payload_type,
            position,
            length: record.length.into(),
        };
        if let Some(given_way) = self.waiting.insert(held) {
            self.counters.discarded += 1;
            if let State::Playing(mut cursor) = self.state {
                self.counters.lost += cursor.pass(&given_way);
                self.state = State::Playing(cursor);
            }
        }
    }

    fn begin_stream(&mut self, ssrc: Ssrc) {
        self.counters.discarded += self.waiting.len() as u64;
        self.waiting.clear();
        self.ssrc = Some(ssrc);
        self.seen = Seen::new();
        self.timeline = None;
        self.delay.clear();
        self.state = State::Idle;
    }

    fn decide(&mut self, now_us: i64) -> Decision {
        let mut cursor = match self.state {
            State::Playing(cursor) => cursor,
            State::Idle => match self.waiting.front() {
                Some(front) if self.due_at(&front) <= now_us => Cursor::at(&front, self.clock),
                Some(_) | None => return Decision::Idle,
            },
        };
        self.leave_out_overdue(&mut cursor, now_us);
        let decision = self.next_for(&mut cursor, now_us);
        self.state = State::Playing(cursor);
        decision
    }

    /// While others wait behind it, no packet is played beyond the longest delay.
    fn leave_out_overdue(&mut self, cursor: &mut Cursor, now_us: i64) {
        while let Some(front) = self.waiting.front() {
            if self.waiting.len() == 1 || self.delay_of(front.timestamp, now_us) <= self.delay.max() {
                return;
            }
            self.waiting.pop();
            self.counters.lost += cursor.pass(&front);
            self.counters.late += 1;
            self.is_cut = true;
        }
    }

    fn next_for(&mut self, cursor: &mut Cursor, now_us: i64) -> Decision {
        while let Some(front) = self.waiting.front() {
            let missing = front.sequence.distance_from(cursor.next);
            let ahead = front.timestamp - cursor.timestamp;
            if missing > 0 {
                self.counters.lost += 1;
                // A stall may have filled the time of the first of them.
                let has_room = ahead > (missing - 1).saturating_mul(cursor.ticks.into());
                if has_room && !cursor.is_silent() && !self.can_skip(cursor, now_us) {
                    let next = (missing == 1 && front.content == Content::Voice).then_some(front);
                    return cursor.conceal(ahead, next);
                }
                let is_cut = has_room && !cursor.is_silent();
                let skipped = if is_cut { ahead.min(cursor.ticks.into()) } else { 0 };
                cursor.timestamp += skipped;
                self.is_cut |= is_cut;
                cursor.next = cursor.next.plus(1);
                continue;
            }
            let is_early = ahead > 0 && self.due_at(&front) > now_us;
            if front.content != Content::Other && is_early {
                return Decision::Silence;
            }
            self.waiting.pop();
            self.counters.played += 1;
            cursor.next = front.sequence.plus(1);
            cursor.is_paused = front.content != Content::Voice;
            if front.content == Content::Other {
                continue;
            }
            cursor.concealed_in_row = 0;
            cursor.timestamp = front.timestamp;
            self.last_delay_us = self.delay_of(front.timestamp, now_us);
            return Decision::Play(front);
        }
        if cursor.is_silent() { Decision::Silence } else { cursor.stall() }
    }

    /// Whether a lost packet's time is better left out: the delay is longer than it should be by more.
    fn can_skip(&self, cursor: &Cursor, now_us: i64) -> bool {
        let excess = self.delay_of(cursor.timestamp, now_us) - self.delay.target();
        excess > self.us_of(cursor.ticks.into())
    }

    /// When a packet is to be played: the target after the fastest way, but not longer after it came
    /// than the longest delay, whatever its timestamp says.
    fn due_at(&self, held: &Held) -> i64 {
        let aimed = self.delay.arrival_of(self.us_of(held.timestamp)) + self.delay.target();
        aimed.min(held.arrived_us.saturating_add(self.delay.max()))
    }

    fn delay_of(&self, timestamp: i64, now_us: i64) -> i64 {
        now_us - self.delay.arrival_of(self.us_of(timestamp))
    }

    fn us_of(&self, ticks: i64) -> i64 {
        ticks.saturating_mul(1_000_000) / i64::from(self.clock.hz())
    }

    fn us_at(&self, now: Instant) -> i64 {
        i64::try_from(now.saturating_duration_since(self.epoch).as_micros()).unwrap_or(i64::MAX)
    }

    fn unwrap(&mut self, timestamp: Timestamp) -> i64 {
        let unwrapped = self.timeline.map_or(timestamp.0.into(), |(last, unwrapped)| {
            unwrapped + i64::from(timestamp.distance_from(last))
        });
        self.timeline = Some((timestamp, unwrapped));
        unwrapped
    }

    fn pulled(&self, held: Held) -> Pulled<'_> {
        Pulled {
            sequence: held.sequence,
            timestamp: Timestamp(held.timestamp as u32),
            payload_type: held.payload_type,
            payload: &self.payload[..held.length],
        }
    }
}

impl Cursor {
    fn at(first: &Held, clock: ClockRate) -> Self {
        Self {
            first: first.sequence,
            next: first.sequence,
            timestamp: first.timestamp,
            ticks: clock.hz() / PACKETS_PER_S,
            concealed_in_row: 0,
            is_paused: false,
        }
    }

    /// Goes on behind a packet that is not played; returns how many were lost before it.
    fn pass(&mut self, left_out: &Held) -> u64 {
        let missing = left_out.sequence.distance_from(self.next);
        self.next = left_out.sequence.plus(1);
        self.timestamp = left_out.timestamp + i64::from(self.ticks);
        u64::try_from(missing).unwrap_or(0)
    }

    /// Gives the next packet up; at most `room` ticks are to be filled.
    fn conceal(&mut self, room: i64, next: Option<Held>) -> Decision {
        let ticks = u32::try_from(room).unwrap_or(u32::MAX).min(self.ticks);
        self.next = self.next.plus(1);
        self.timestamp += i64::from(ticks);
        self.concealed_in_row += 1;
        Decision::Missing { ticks, next }
    }

    /// Fills time without giving up a packet: it may only be delayed.
    fn stall(&mut self) -> Decision {
        self.timestamp += i64::from(self.ticks);
        self.concealed_in_row += 1;
        Decision::Missing { ticks: self.ticks, next: None }
    }

    const fn is_silent(&self) -> bool {
        self.is_paused || self.concealed_in_row >= CONCEALED_MAX
    }
}
