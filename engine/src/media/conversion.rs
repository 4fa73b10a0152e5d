//! From one leg's codec to another's, pauses included: who listens is not left without packets for long.
//!
//! ```text
//!          voice            comfort noise, silence of Opus, or nothing for 200 ms
//!  Idle -----------> Voice ------------------------------------------------------> Pause
//!                      ^------------------------- voice ----------------------------'
//! ```
//!
//! In a pause a listener who agreed on comfort noise is told what the background sounds like (RFC 3389): at its
//! begin, whenever the speaker tells, and twice a second. Everybody else hears it, in packets as ever. The
//! output's time is the speaker's: what was made up for is no longer missing when the voice comes back, and what was
//! made up too much is left out of the next pause.

use std::time::{Duration, Instant};

use webtrunk_codecs::comfort_noise::{NoiseGenerator, SID_ORDER_MAX, Sid};
use webtrunk_codecs::{CodecId, Encoder, EncoderConfig, OpenError};

use super::listening::{Overheard, says_silence};
use super::output::OutputStream;
use super::sender::{Heard, SendAgreement, meeting_rate};
use super::transcoder::{Coded, Transcoder};
use crate::sdp::OpusParameters;

/// Nothing for so long is a pause that nobody announced. Chosen by us: longer than a gap is waited for, and than most
/// standstills of a radio link, shorter than listeners take for a dead line.
const STALL: Duration = Duration::from_millis(200);

/// The background is made up in frames of this length.
const FRAME_MS: u32 = 20;
const FRAME: Duration = Duration::from_millis(FRAME_MS as u64);

/// A frame is made up this long after its packet would have come in time: voice that comes back is seldom too late
/// for its place. Chosen by us: half a packet.
const GRACE: Duration = Duration::from_millis(10);

/// So often the background is told anew in a pause. RFC 3389 leaves it open; chosen by us.
const TELL_EVERY: Duration = Duration::from_millis(500);

/// Time that we were late by for more than this passes in silence, and not in a burst.
const LATENESS_MAX: Duration = Duration::from_millis(100);

/// Decodes one leg's codec, and encodes another's.
pub(crate) struct Conversion {
    transcoder: Transcoder,
    between: Between,
    state: State,
    noise: NoiseGenerator,
    /// The background as the speaker told it last.
    told: Option<Sid>,
}

/// What a conversion was made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Between {
    input: CodecId,
    output: CodecId,
    ptime_ms: u32,
    /// What the peer asks of an Opus encoder.
    opus: OpusParameters,
    /// Whether the speaker may send comfort noise.
    hears_noise: bool,
    /// Whether the listener takes it.
    tells_noise: bool,
}

#[derive(Debug, Clone, Copy)]
enum State {
    /// Nothing of the speaker is in the stream.
    Idle,
    /// It speaks; its next packet is due at that moment.
    Voice { next_at: Instant },
    /// It pauses, and what it does not send was made up for, or told, until that moment.
    Pause { made_until: Instant, is_told: bool },
}

/// What goes into the output stream.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Made<'a> {
    /// A payload of the agreed codec, and whether it is marked as the first of a talkspurt.
    Voice(&'a [u8], bool),
    /// A silence descriptor.
    Noise(&'a [u8]),
}

impl Between {
    fn new((input, hears_noise): (CodecId, bool), output: &SendAgreement) -> Self {
        Self {
            input,
            output: output.codec,
            ptime_ms: output.ptime_ms,
            opus: output.opus,
            hears_noise,
            tells_noise: output.comfort_noise.is_some(),
        }
    }
}

impl Conversion {
    /// From a leg that sends this codec, and perhaps comfort noise, to one that agreed on `output`.
    pub(crate) fn open(
        input: (CodecId, bool),
        output: &SendAgreement,
        config: &EncoderConfig,
    ) -> Result<Self, OpenError> {
        let rate = meeting_rate(input.0, output.codec);
        let decoder = webtrunk_codecs::decoder(input.0, rate)?;
        let encoder = webtrunk_codecs::encoder(output.codec, rate, &output.encoder_config(config))?;
        let mut transcoder = Transcoder::new(decoder, encoder, input.0.clock_rate(), output.ptime_ms);
        let between = Between::new(input, output);
        if between.input == CodecId::Opus || between.hears_noise {
            transcoder.learn_background();
        }
        let noise = NoiseGenerator::new(rate, rand::random());
        Ok(Self { transcoder, between, state: State::Idle, noise, told: None })
    }

    /// Whether it still fits the two agreements.
    pub(crate) fn fits(&self, input: (CodecId, bool), output: &SendAgreement) -> bool {
        self.between == Between::new(input, output)
    }

    /// The encoder, to be told what the far end and the machine can bear.
    pub(crate) fn encoder(&mut self) -> &mut dyn Encoder {
        self.transcoder.encoder()
    }

    /// Whether what is made is of use: where it is not, time passes and nothing is encoded.
    pub(crate) fn set_encoding(&mut self, may_send: bool) {
        self.transcoder.set_encoding(may_send);
    }

    /// Takes a packet of voice.
    pub(crate) fn handle_voice(
        &mut self,
        heard: Heard<'_>,
        now: Instant,
        output: &mut OutputStream,
        mut send: impl FnMut(&mut OutputStream, Made<'_>),
    ) -> Overheard {
        if !matches!(self.state, State::Idle) && says_silence(self.between.input, heard.payload) {
            if matches!(self.state, State::Voice { .. }) {
                self.begin_pause(now);
            }
            self.handle_timeout(now, output, send);
            return Overheard::default();
        }
        if matches!(self.state, State::Idle) {
            output.begin_source(now);
        }
        let may_be_background = self.between.tells_noise && matches!(self.state, State::Pause { .. });
        let overheard = self.transcoder.handle_packet(
            heard.payload,
            heard.timestamp.0,
            heard.lost_before,
            may_be_background,
            sink(self.units(output), output, now, &mut send),
        );
        let next_at = now + self.transcoder.packet_duration();
        if overheard.is_background {
            // By a packet now and then Opus tells what its background sounds like.
            self.state = State::Pause { made_until: next_at, is_told: true };
            self.tell(now, output, &mut send);
        } else {
            self.state = State::Voice { next_at };
        }
        overheard
    }

    /// Takes a silence descriptor of the speaker: a pause begins, or goes on with another background.
    pub(crate) fn handle_noise(
        &mut self,
        heard: Heard<'_>,
        now: Instant,
        output: &mut OutputStream,
        mut send: impl FnMut(&mut OutputStream, Made<'_>),
    ) {
        let Some(sid) = Sid::parse(heard.payload) else { return };
        self.told = Some(sid);
        match self.state {
            State::Idle | State::Voice { .. } => {
                if matches!(self.state, State::Idle) {
                    output.begin_source(now);
                }
                let sink = sink(self.units(output), output, now, &mut send);
                self.transcoder.pass_to(heard.timestamp.0, sink);
                self.begin_pause(now);
            }
            State::Pause { made_until, .. } if self.between.tells_noise => {
                self.pass(now.saturating_duration_since(made_until), now, output, &mut send);
                self.state = State::Pause { made_until: made_until.max(now), is_told: false };
            }
            State::Pause { .. } => self.noise.update(&sid),
        }
        self.handle_timeout(now, output, send);
    }

    /// Does what is due.
    pub(crate) fn handle_timeout(
        &mut self,
        now: Instant,
        output: &mut OutputStream,
        mut send: impl FnMut(&mut OutputStream, Made<'_>),
    ) {
        if let State::Voice { next_at } = self.state
            && next_at + STALL <= now
        {
            self.pass(now - next_at, now, output, &mut send);
            self.begin_pause(now);
        }
        let State::Pause { mut made_until, mut is_told } = self.state else { return };
        let late = now.saturating_duration_since(made_until);
        if self.between.tells_noise {
            if !is_told && made_until <= now {
                let sink = sink(self.units(output), output, now, &mut send);
                made_until += self.transcoder.finish_frame(sink);
                self.tell(now, output, &mut send);
                is_told = true;
            } else if late >= TELL_EVERY {
                self.pass(late, now, output, &mut send);
                made_until = now;
                self.tell(now, output, &mut send);
            }
        } else {
            if late > GRACE + LATENESS_MAX {
                self.pass(late, now, output, &mut send);
                made_until = now;
            }
            while made_until + GRACE <= now {
                self.fill(now, output, &mut send);
                made_until += FRAME;
            }
        }
        self.state = State::Pause { made_until, is_told };
    }

    /// When something is due without a packet.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        match self.state {
            State::Idle => None,
            State::Voice { next_at } => Some(next_at + STALL),
            State::Pause { made_until, is_told: true } if self.between.tells_noise => {
                Some(made_until + TELL_EVERY)
            }
            State::Pause { made_until, .. } if self.between.tells_noise => Some(made_until),
            State::Pause { made_until, .. } => Some(made_until + GRACE),
        }
    }

    /// What was made up too much before is left out now.
    fn begin_pause(&mut self, now: Instant) {
        self.noise.update(&self.background());
        let made_until = now + self.transcoder.take_excess();
        self.state = State::Pause { made_until, is_told: false };
    }

    /// What the pause sounds like.
    fn background(&self) -> Sid {
        self.told.unwrap_or_else(|| self.transcoder.background())
    }

    /// Tells the listener what the pause sounds like, at the stream's own time.
    fn tell(
        &mut self,
        now: Instant,
        output: &mut OutputStream,
        send: &mut impl FnMut(&mut OutputStream, Made<'_>),
    ) {
        let (clock, rate) = self.units(output);
        output.skip(ticks(self.transcoder.take_skipped(), clock, rate));
        output.advance_past(0, now);
        let mut payload = [0; SID_ORDER_MAX + 1];
        if let Some(length) = self.background().write_to(&mut payload) {
            send(output, Made::Noise(&payload[..length]));
        }
    }

    /// Makes up a frame of the background.
    fn fill(
        &mut self,
        now: Instant,
        output: &mut OutputStream,
        send: &mut impl FnMut(&mut OutputStream, Made<'_>),
    ) {
        let sink = sink(self.units(output), output, now, send);
        let samples = self.transcoder.sample_rate().samples_in_ms(FRAME_MS);
        self.transcoder.fill(samples, |frame| self.noise.fill(frame), sink);
    }

    /// Lets time pass in silence.
    fn pass(
        &mut self,
        time: Duration,
        now: Instant,
        output: &mut OutputStream,
        send: &mut impl FnMut(&mut OutputStream, Made<'_>),
    ) {
        let sink = sink(self.units(output), output, now, send);
        let samples = time.as_micros() * u128::from(self.transcoder.sample_rate().hz()) / 1_000_000;
        self.transcoder.pass(usize::try_from(samples).unwrap_or(0), sink);
    }

    /// Ticks of the output's clock in a second, and samples.
    fn units(&self, output: &OutputStream) -> (u32, u32) {
        (output.clock().hz(), self.transcoder.sample_rate().hz())
    }
}

/// Puts what was made into the stream, at its time.
fn sink(
    (clock, rate): (u32, u32),
    output: &mut OutputStream,
    now: Instant,
    send: &mut impl FnMut(&mut OutputStream, Made<'_>),
) -> impl FnMut(Coded<'_>) {
    move |coded| {
        if coded.skipped > 0 {
            output.skip(ticks(coded.skipped, clock, rate));
        }
        send(output, Made::Voice(coded.payload, false));
        output.advance_past(ticks(coded.samples, clock, rate), now);
    }
}

/// The clock may be faster than the samples (Opus at 8 kHz) or slower (G.722 at 16 kHz).
fn ticks(samples: usize, clock: u32, rate: u32) -> u32 {
    let ticks = samples as u64 * u64::from(clock) / u64::from(rate);
    u32::try_from(ticks).unwrap_or(u32::MAX)
}
