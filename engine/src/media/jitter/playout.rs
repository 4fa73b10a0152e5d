//! A jitter buffer with its decoder behind it: frames of samples as the clock asks for them.
//!
//! What the reader's delay is too long by is taken out of the sound a period at a time, what it is too
//! short by is put in, so that nobody hears the delay change. What is missing is recovered from the
//! next packet, else concealed; pauses are silent. Packets may last whatever they like.

use std::time::{Duration, Instant};

use webtrunk_codecs::comfort_noise::{NoiseGenerator, Sid};
use webtrunk_codecs::{ClockRate, Decoder};

use super::fates::JitterCounters;
use super::reader::{JitterReader, Pull};
use super::stretch::TimeStretch;
use crate::media::limits::PACKET_MS_MAX;

/// Longest frame that may be asked for.
const FRAME_MS_MAX: u32 = 60;

/// Sound is shortened when the delay is longer than aimed for by more than this. Chosen by us: less
/// than a packet, more than arrivals wander by.
const SHORTEN_ABOVE_US: i64 = 15_000;

/// Sound is lengthened when the delay is shorter than aimed for by more than this.
const LENGTHEN_BELOW_US: i64 = -10_000;

/// Beyond this the delay is worse than what is heard of its change.
const INSIST_ABOVE_US: i64 = 40_000;

/// Time between two changes, of at most 10 ms each.
const REST: Duration = Duration::from_millis(40);

/// Over how long a step in the sound is smoothed, as a divisor of a rate: 5 ms.
const SMOOTHING_RATE: u32 = 200;

/// Packets without sound (malformed ones) that are passed over for one frame.
const EMPTY_MAX: usize = 8;

/// Plays one stream.
pub struct Playout {
    reader: JitterReader,
    decoder: Box<dyn Decoder>,
    clock: ClockRate,
    stretch: TimeStretch,
    /// Samples that are ready: the first `length` of them.
    ready: Box<[i16]>,
    length: usize,
    last_sample: i16,
    /// The last samples were not followed by those that belong behind them.
    is_broken: bool,
    rest_until: Option<Instant>,
    noise: NoiseGenerator,
    /// The sender's pause has a sound.
    is_noisy: bool,
    counters: PlayoutCounters,
}

/// What a frame is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Played {
    /// At least in part of what was sent.
    Voice,
    /// Of what was invented, or recovered.
    Concealed,
    /// The sender pauses, or has not begun.
    Silence,
}

/// What was done to the sound.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PlayoutCounters {
    /// Lost packets restored from redundancy in the next one.
    pub recovered: u64,
    /// Packets that were not of the codec.
    pub undecodable: u64,
    /// Samples taken out.
    pub removed: u64,
    /// Samples put in.
    pub inserted: u64,
}

impl Playout {
    /// Plays what `reader`, whose stream ticks at `clock`, gives to `decoder`.
    #[must_use]
    pub fn new(reader: JitterReader, decoder: Box<dyn Decoder>, clock: ClockRate) -> Self {
        let rate = decoder.sample_rate();
        let room = rate.samples_in_ms(PACKET_MS_MAX) + 2 * rate.samples_in_ms(FRAME_MS_MAX);
        Self {
            reader,
            decoder,
            clock,
            stretch: TimeStretch::new(rate),
            ready: vec![0; room].into(),
            length: 0,
            last_sample: 0,
            is_broken: false,
            rest_until: None,
            noise: NoiseGenerator::new(rate, rand::random()),
            is_noisy: false,
            counters: PlayoutCounters::default(),
        }
    }

    /// Fills `frame`, at most 60 ms, with what is to be heard from `now` on.
    ///
    /// # Panics
    /// If `frame` is longer.
    pub fn pull_frame(&mut self, now: Instant, frame: &mut [i16]) -> Played {
        assert!(frame.len() <= self.decoder.sample_rate().samples_in_ms(FRAME_MS_MAX), "60 ms at most");
        let mut played = if self.length > 0 { Played::Voice } else { Played::Silence };
        self.fill(frame.len(), now, &mut played);
        // The reader is asked again when fewer samples than a frame are ready.
        let frames = self.length / frame.len().max(1);
        let next_pull = Duration::from_secs((frames * frame.len()) as u64) / self.decoder.sample_rate().hz();
        if self.adapt(now, now + next_pull) {
            self.fill(frame.len(), now, &mut played);
        }
        frame.copy_from_slice(&self.ready[..frame.len()]);
        self.ready.copy_within(frame.len()..self.length, 0);
        self.length -= frame.len();
        played
    }

    /// What became of packets so far.
    #[must_use]
    pub fn fates(&self) -> JitterCounters {
        self.reader.counters()
    }

    /// What was done to the sound so far.
    #[must_use]
    pub fn counters(&self) -> PlayoutCounters {
        self.counters
    }

    /// How much longer than by the fastest way what is heard next took.
    #[must_use]
    pub fn playout_delay(&self) -> Duration {
        let ready = Duration::from_secs(self.length as u64) / self.decoder.sample_rate().hz();
        self.reader.playout_delay() + ready
    }

    /// The delay that is aimed for.
    #[must_use]
    pub fn target_delay(&self) -> Duration {
        self.reader.target_delay()
    }

    /// Makes at least `wanted` samples ready.
    fn fill(&mut self, wanted: usize, now: Instant, played: &mut Played) {
        let mut empty = 0;
        while self.length < wanted {
            let before = self.length;
            let made = self.add_packet(wanted, now);
            if made != Played::Silence && *played != Played::Voice {
                *played = made;
            }
            empty += usize::from(self.length == before);
            if empty == EMPTY_MAX {
                self.add_silence(wanted);
            }
        }
    }

    /// Adds what the reader gives next.
    fn add_packet(&mut self, wanted: usize, now: Instant) -> Played {
        let Self { reader, decoder, clock, ready, length, counters, .. } = self;
        let ratio = (u64::from(decoder.sample_rate().hz()), u64::from(clock.hz()));
        let samples_in = |ticks: u32| (u64::from(ticks) * ratio.0 / ratio.1) as usize;
        let pull = reader.pull(now, |payload| {
            let ticks = decoder.duration_of(payload)? as u64 * ratio.1 / ratio.0;
            u32::try_from(ticks).ok()
        });
        let room = &mut ready[*length..];
        let (made, samples) = match pull {
            Pull::Packet(packet) => match decoder.decode(packet.payload, room) {
                Ok(samples) => (Played::Voice, samples),
                Err(_) => {
                    counters.undecodable += 1;
                    (Played::Concealed, 0)
                }
            },
            Pull::Missing { ticks, next } => {
                let lost = samples_in(ticks).min(room.len());
                let lost = &mut room[..lost];
                match next {
                    Some(next) => counters.recovered += u64::from(decoder.recover(next.payload, lost)),
                    None => decoder.conceal(lost),
                }
                (Played::Concealed, lost.len())
            }
            Pull::Noise(described) => {
                if let Some(sid) = Sid::parse(described.payload) {
                    self.noise.update(&sid);
                    self.is_broken |= !std::mem::replace(&mut self.is_noisy, true);
                }
                self.add_silence(wanted);
                return Played::Silence;
            }
            Pull::Idle | Pull::Silence => {
                self.add_silence(wanted);
                return Played::Silence;
            }
        };
        self.is_broken |= std::mem::take(&mut self.is_noisy);
        self.is_broken |= self.reader.take_cut();
        self.take_up(samples);
        made
    }

    fn add_silence(&mut self, wanted: usize) {
        let samples = wanted.saturating_sub(self.length);
        let added = &mut self.ready[self.length..self.length + samples];
        if self.is_noisy {
            self.noise.fill(added);
            return self.take_up(samples);
        }
        added.fill(0);
        self.is_broken |= self.last_sample != 0;
        self.take_up(samples);
        self.is_broken = true;
    }

    /// Appends what was written behind the ready samples; a step in the sound is let die away.
    fn take_up(&mut self, samples: usize) {
        let added = &mut self.ready[self.length..self.length + samples];
        let Some(&first) = added.first() else { return };
        if std::mem::take(&mut self.is_broken) {
            let step = i32::from(self.last_sample) - i32::from(first);
            let smoothing = (self.decoder.sample_rate().hz() / SMOOTHING_RATE) as i32;
            for (sample, n) in added.iter_mut().zip(0..smoothing) {
                let smoothed = i32::from(*sample) + step * (smoothing - n) / smoothing;
                *sample = smoothed.clamp(i16::MIN.into(), i16::MAX.into()) as i16;
            }
        }
        self.last_sample = added.last().copied().unwrap_or(first);
        self.length += samples;
    }

    /// Shortens or lengthens what is ready, after which the reader would be asked again at
    /// `next_pull`; returns whether it was shortened.
    fn adapt(&mut self, now: Instant, next_pull: Instant) -> bool {
        let Some(excess) = self.reader.excess_us(next_pull) else { return false };
        if self.rest_until.is_some_and(|until| now < until) {
            return false;
        }
        let (removed, inserted) = if excess > SHORTEN_ABOVE_US {
            (self.stretch.shorten(&mut self.ready[..self.length], excess > INSIST_ABOVE_US), 0)
        } else if excess < LENGTHEN_BELOW_US {
            (0, self.stretch.lengthen(&mut self.ready, self.length, false))
        } else {
            (0, 0)
        };
        if removed + inserted > 0 {
            self.rest_until = Some(now + REST);
        }
        self.length = self.length - removed + inserted;
        self.counters.removed += removed as u64;
        self.counters.inserted += inserted as u64;
        removed > 0
    }
}
