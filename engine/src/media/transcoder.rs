//! From one codec to another, packet by packet: decode, repair, encode.
//!
//! ```text
//! packet (+ how many were lost before it)
//!   -> recover or conceal what is missing -> decode -> frames of the far side's ptime -> encode -> sink
//! ```
//!
//! Time is kept by the sender's timestamps: what neither arrived nor was repaired passes as silence
//! that is not sent, so the output's timestamp advances with the time that passed.

use std::cell::RefCell;
use std::ops::AddAssign;
use std::thread::LocalKey;
use std::time::Duration;

use webtrunk_codecs::comfort_noise::{Activity, Sid, SilenceDetector};
use webtrunk_codecs::{ClockRate, Decoder, Encoder, SampleRate};

use super::lent::{Idle, Room, lend};
use super::limits::{CONCEALED_MAX, PACKET_MS_MAX, PAYLOAD_MAX};
use super::listening::{LEVEL_ONE_IN, Overheard};
use super::packetizer::Packetizer;
use super::quality::level_dbov;

/// Samples of the longest packet at the highest rate.
const PCM_MAX: usize = SampleRate::HZ_48000.samples_in_ms(PACKET_MS_MAX);

/// The least that a silence descriptor can tell.
const SILENCE_DBOV: f32 = -127.0;

/// A step of the timestamp that is not a pause any more but another timeline: ten seconds.
const PAUSE_SECONDS_MAX: i64 = 10;

/// More than so much that was made up too much is not left out again: it was another timeline.
const EXCESS_MAX: Duration = Duration::from_secs(1);

/// What the transcoder made: one payload for the far side.
#[derive(Debug)]
pub struct Coded<'a> {
    /// The payload; empty where nothing is encoded.
    pub payload: &'a [u8],
    /// Samples of time, at [`Transcoder::sample_rate`], that passed unsent before it.
    pub skipped: usize,
    /// Samples in it.
    pub samples: usize,
}

/// Turns the packets of one stream into those of another.
pub struct Transcoder {
    decoder: Box<dyn Decoder>,
    encoder: Box<dyn Encoder>,
    /// Somebody is sent what is encoded; else nothing is.
    may_send: bool,
    input_clock: ClockRate,
    packetizer: Packetizer,
    /// The input timestamp at which the next packet should begin.
    expected: Option<u32>,
    /// Samples in the packet before, the best guess for one that was lost.
    packet_samples: usize,
    skipped: usize,
    /// Time was made up, or passed, since the last packet.
    is_made_up: bool,
    /// Samples that were made up and came after all.
    excess: usize,
    /// Knows the background, where that may be needed.
    background: Option<SilenceDetector>,
    /// Packets until the level of one is measured.
    until_level: u8,
    counters: TranscoderCounters,
    /// Samples of the longest packet that is decoded.
    samples_max: usize,
}

/// Where samples and payloads are while a packet is worked on; afterwards nothing in it is needed.
struct Scratch {
    pcm: [i16; PCM_MAX],
    payload: [u8; PAYLOAD_MAX],
}

thread_local! {
    static SCRATCH: Idle<Scratch> = const { RefCell::new(Vec::new()) };
}

/// What became of the frames.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TranscoderCounters {
    /// Lost frames restored from redundancy in the next packet.
    pub recovered: u64,
    /// Lost frames invented.
    pub concealed: u64,
    /// Packets that were not of the agreed codec.
    pub undecodable: u64,
}

impl AddAssign for TranscoderCounters {
    fn add_assign(&mut self, other: Self) {
        self.recovered += other.recovered;
        self.concealed += other.concealed;
        self.undecodable += other.undecodable;
    }
}

impl Default for Scratch {
    fn default() -> Self {
        Self { pcm: [0; PCM_MAX], payload: [0; PAYLOAD_MAX] }
    }
}

impl Room for Scratch {
    fn idle() -> &'static LocalKey<Idle<Self>> {
        &SCRATCH
    }
}

impl Transcoder {
    /// Decodes with `decoder`, whose stream ticks at `input_clock`, and encodes frames of
    /// `ptime_ms` with `encoder`; both work at the same sample rate.
    #[must_use]
    pub fn new(
        decoder: Box<dyn Decoder>,
        encoder: Box<dyn Encoder>,
        input_clock: ClockRate,
        ptime_ms: u32,
    ) -> Self {
        let rate = encoder.sample_rate();
        let frame = rate.samples_in_ms(ptime_ms);
        Self {
            decoder,
            encoder,
            may_send: true,
            input_clock,
            packetizer: Packetizer::new(frame),
            expected: None,
            packet_samples: 0,
            skipped: 0,
            is_made_up: false,
            excess: 0,
            background: None,
            until_level: 0,
            counters: TranscoderCounters::default(),
            samples_max: rate.samples_in_ms(PACKET_MS_MAX).min(PCM_MAX),
        }
    }

    /// The rate at which samples pass from decoder to encoder.
    #[must_use]
    pub fn sample_rate(&self) -> SampleRate {
        self.encoder.sample_rate()
    }

    /// What became of the frames so far.
    #[must_use]
    pub fn counters(&self) -> TranscoderCounters {
        self.counters
    }

    /// Whether frames are encoded; where they are not, they are handed out without a byte, so that their time passes.
    pub fn set_encoding(&mut self, may_send: bool) {
        self.may_send = may_send;
    }

    /// The encoder, to be told what the far end and the machine can bear.
    pub fn encoder(&mut self) -> &mut dyn Encoder {
        self.encoder.as_mut()
    }

    /// Listens to what the background is like from now on.
    pub fn learn_background(&mut self) {
        self.background = Some(SilenceDetector::new(self.sample_rate()));
    }

    /// The background: as it was learned, else as loud as what came last; silence where neither is known.
    #[must_use]
    pub fn background(&self) -> Sid {
        let Some(background) = &self.background else { return Sid::white(f32::NEG_INFINITY) };
        let learned = background.sid();
        if learned.level_dbov() > SILENCE_DBOV {
            return learned;
        }
        Sid::white(background.level_dbov())
    }

    /// How long the last packet lasted.
    #[must_use]
    pub fn packet_duration(&self) -> Duration {
        self.duration_of(self.packet_samples)
    }

    /// How much was made up that came after all, since this was last asked.
    pub fn take_excess(&mut self) -> Duration {
        let excess = std::mem::take(&mut self.excess);
        self.duration_of(excess)
    }

    /// Samples of time that passed unsent and of which nobody was told yet.
    pub fn take_skipped(&mut self) -> usize {
        std::mem::take(&mut self.skipped)
    }

    /// Encodes what `make` writes, in place of what does not come.
    pub fn fill(&mut self, samples: usize, make: impl FnOnce(&mut [i16]), mut sink: impl FnMut(Coded<'_>)) {
        lend(|scratch: &mut Scratch| {
            make(&mut scratch.pcm[..samples]);
            self.encode(scratch, samples, &mut sink);
        });
        self.note_made_up(samples);
    }

    /// Lets time pass of which nothing comes and nothing is sent.
    pub fn pass(&mut self, samples: usize, mut sink: impl FnMut(Coded<'_>)) {
        lend(|scratch| self.skip(scratch, samples, &mut sink));
        self.note_made_up(samples);
    }

    /// Lets time pass up to this timestamp of the input.
    pub fn pass_to(&mut self, timestamp: u32, sink: impl FnMut(Coded<'_>)) {
        let missing = self.missing_samples(timestamp);
        self.expected.get_or_insert(timestamp);
        self.pass(missing, sink);
    }

    /// Fills up the frame that was begun, if one was, with silence; tells by how much time.
    pub fn finish_frame(&mut self, mut sink: impl FnMut(Coded<'_>)) -> Duration {
        let samples = self.packetizer.lacking();
        self.pass(samples, &mut sink);
        self.duration_of(samples)
    }

    /// Takes one packet, `lost_before` of its predecessors being lost, and hands payloads to `sink`. One that
    /// comes alone amid a pause and in which nothing but background is heard is not encoded where it
    /// `may_be_background`: its time passes.
    pub fn handle_packet(
        &mut self,
        payload: &[u8],
        timestamp: u32,
        lost_before: u32,
        may_be_background: bool,
        mut sink: impl FnMut(Coded<'_>),
    ) -> Overheard {
        lend(|scratch| self.transcode(scratch, payload, timestamp, lost_before, may_be_background, &mut sink))
    }

    fn transcode(
        &mut self,
        scratch: &mut Scratch,
        payload: &[u8],
        timestamp: u32,
        lost_before: u32,
        may_be_background: bool,
        sink: &mut impl FnMut(Coded<'_>),
    ) -> Overheard {
        let before = self.counters;
        let mut level_dbov = None;
        let Some(samples) = self.decoder.duration_of(payload).filter(|n| *n <= self.samples_max) else {
            self.counters.undecodable += 1;
            return Overheard::default();
        };
        let mut missing = self.missing_samples(timestamp);
        let may_be_background = may_be_background && (missing > 0 || self.is_made_up);
        self.is_made_up = false;
        let mut is_background = false;
        if lost_before > 0 && !may_be_background {
            missing -= self.repair(scratch, payload, missing, lost_before, sink);
        }
        self.skip(scratch, missing, sink);
        match self.decoder.decode(payload, &mut scratch.pcm[..self.samples_max]) {
            Ok(decoded) => {
                let heard = &scratch.pcm[..decoded];
                level_dbov = self.measure(heard);
                is_background = self.hears_background(heard) && may_be_background;
                if is_background {
                    self.skip(scratch, decoded, sink);
                } else {
                    self.encode(scratch, decoded, sink);
                }
            }
            Err(_) => {
                self.counters.undecodable += 1;
                self.decoder.conceal(&mut scratch.pcm[..samples]);
                self.encode(scratch, samples, sink);
            }
        }
        self.packet_samples = samples;
        self.expected = Some(timestamp.wrapping_add(self.to_clock(samples)));
        let since = |now: u64, before: u64| u32::try_from(now - before).unwrap_or(u32::MAX);
        Overheard {
            recovered: since(self.counters.recovered, before.recovered),
            concealed: since(self.counters.concealed, before.concealed),
            level_dbov,
            is_background,
        }
    }

    /// Listens for the background; whether there is nothing else.
    fn hears_background(&mut self, samples: &[i16]) -> bool {
        self.background.as_mut().is_some_and(|background| background.push(samples) == Activity::Silence)
    }

    /// The level, of one packet in a few.
    fn measure(&mut self, samples: &[i16]) -> Option<f32> {
        let is_turn = self.until_level == 0;
        self.until_level = if is_turn { LEVEL_ONE_IN } else { self.until_level } - 1;
        is_turn.then(|| level_dbov(samples))
    }

    /// Samples of time between the end of the packet before and the begin of this one.
    fn missing_samples(&mut self, timestamp: u32) -> usize {
        let Some(expected) = self.expected else { return 0 };
        let ticks = i64::from(timestamp.wrapping_sub(expected).cast_signed());
        let rate = self.sample_rate();
        let samples = ticks * i64::from(rate.hz()) / i64::from(self.input_clock.hz());
        let late = usize::try_from(-samples).unwrap_or(0);
        if self.is_made_up && late > 0 {
            if self.duration_of(self.excess + late) > EXCESS_MAX {
                self.excess = 0;
            } else {
                // Time that passed, and of which nobody was told yet, has not passed.
                let untold = late.min(self.skipped);
                self.skipped -= untold;
                self.excess += late - untold;
            }
        }
        if ticks <= 0 || ticks > PAUSE_SECONDS_MAX * i64::from(self.input_clock.hz()) {
            return 0;
        }
        usize::try_from(samples).unwrap_or(0)
    }

    /// Restores or invents what was lost, as far as that sounds right; returns the samples made.
    fn repair(
        &mut self,
        scratch: &mut Scratch,
        next: &[u8],
        missing: usize,
        lost: u32,
        sink: &mut impl FnMut(Coded<'_>),
    ) -> usize {
        let Some(frames) = missing.checked_div(self.packet_samples) else { return 0 };
        let most = CONCEALED_MAX as usize;
        let frames = frames.min(usize::try_from(lost).unwrap_or(most));
        let concealed = frames.saturating_sub(1).min(most);
        for _ in 0..concealed {
            self.counters.concealed += 1;
            self.decoder.conceal(&mut scratch.pcm[..self.packet_samples]);
            self.encode(scratch, self.packet_samples, sink);
        }
        // Between what was invented and the last lost frame time may have passed unrepaired.
        let silent = frames.saturating_sub(1 + concealed) * self.packet_samples;
        self.skip(scratch, silent, sink);
        if frames > 0 {
            if self.decoder.recover(next, &mut scratch.pcm[..self.packet_samples]) {
                self.counters.recovered += 1;
            } else {
                self.counters.concealed += 1;
            }
            self.encode(scratch, self.packet_samples, sink);
        }
        frames * self.packet_samples
    }

    fn skip(&mut self, scratch: &mut Scratch, samples: usize, sink: &mut impl FnMut(Coded<'_>)) {
        let Self { encoder, may_send, packetizer, skipped, .. } = self;
        let payload = &mut scratch.payload[..];
        let left = packetizer.skip(samples, |frame| {
            emit(encoder.as_mut(), *may_send, frame, payload, skipped, sink);
        });
        *skipped += left;
    }

    /// Encodes the first samples of the scratch.
    fn encode(&mut self, scratch: &mut Scratch, samples: usize, sink: &mut impl FnMut(Coded<'_>)) {
        let Self { encoder, may_send, packetizer, skipped, .. } = self;
        let Scratch { pcm, payload } = scratch;
        packetizer.push(&pcm[..samples], |frame| {
            emit(encoder.as_mut(), *may_send, frame, &mut payload[..], skipped, sink);
        });
    }

    /// The input need not bring any more what was made up of it.
    fn note_made_up(&mut self, samples: usize) {
        let ticks = self.to_clock(samples);
        self.expected = self.expected.map(|expected| expected.wrapping_add(ticks));
        self.is_made_up = true;
    }

    fn duration_of(&self, samples: usize) -> Duration {
        Duration::from_micros(samples as u64 * 1_000_000 / u64::from(self.sample_rate().hz()))
    }

    fn to_clock(&self, samples: usize) -> u32 {
        let ticks = samples as u64 * u64::from(self.input_clock.hz()) / u64::from(self.sample_rate().hz());
        u32::try_from(ticks).unwrap_or(u32::MAX)
    }
}

fn emit(
    encoder: &mut dyn Encoder,
    may_send: bool,
    frame: &[i16],
    payload: &mut [u8],
    skipped: &mut usize,
    sink: &mut impl FnMut(Coded<'_>),
) {
    if !may_send {
        sink(Coded { payload: &[], skipped: *skipped, samples: frame.len() });
        *skipped = 0;
        return;
    }
    #[cfg(test)]
    tests::ENCODED.set(tests::ENCODED.get() + 1);
    match encoder.encode(frame, payload) {
        // Silence that the codec says need not be sent: its time passes.
        Ok(length) if encoder.is_silence(&payload[..length]) => *skipped += frame.len(),
        Ok(length) => {
            sink(Coded { payload: &payload[..length], skipped: *skipped, samples: frame.len() });
            *skipped = 0;
        }
        // A frame that the codec cannot make passes as silence: the time stays right.
        Err(_) => *skipped += frame.len(),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::cell::Cell;

    use webtrunk_codecs::{CodecId, EncoderConfig, decoder, encoder};

    use super::*;

    thread_local! {
        /// Frames that this thread has encoded.
        pub(crate) static ENCODED: Cell<u32> = const { Cell::new(0) };
    }

    #[test]
    fn packets_of_a_fifth_of_a_second_are_decoded_and_longer_ones_refused() {
        let rate = SampleRate::HZ_8000;
        let decoder = decoder(CodecId::Pcmu, rate).expect("a decoder");
        let encoder = encoder(CodecId::Pcma, rate, &EncoderConfig::default()).expect("an encoder");
        let mut transcoder = Transcoder::new(decoder, encoder, ClockRate::HZ_8000, 20);
        let mut samples = 0;
        for (payload, timestamp) in [(&[0x55; 1600][..], 0), (&[0x55; 1601], 1600), (&[0x55; 160], 3201)] {
            transcoder.handle_packet(payload, timestamp, 0, false, |coded| samples += coded.samples);
        }
        assert_eq!((samples, transcoder.counters().undecodable), (1760, 1));
    }
}
