//! The way of one leg's packets into another leg's stream: as they are, or transcoded.

use std::time::Instant;

use webtrunk_codecs::{ClockRate, Encoder, EncoderConfig, OpenError};

use super::listening::Overheard;
use super::output::OutputStream;
use super::sender::{Heard, SendAgreement, meeting_rate};
use super::transcoder::{Transcoder, TranscoderCounters};
use crate::rtp::Timestamp;
use crate::sdp::OpusParameters;
use webtrunk_codecs::CodecId;

/// A step of the timestamp longer than this is another timeline, not a pause.
const PAUSE_SECONDS_MAX: u32 = 10;

/// Lost packets in a row that a listener is shown. Chosen by us: ten seconds of them, far below the half of
/// all sequence numbers beyond which nobody can count.
const LOST_MAX: u16 = 500;

/// How packets get across.
pub(crate) enum Path {
    /// One of the two legs has not agreed on a codec yet.
    Closed,
    /// Same codec on both sides: the payload is relayed unread.
    PassThrough { last: Option<Timestamp>, clock: ClockRate },
    /// Different codecs.
    Transcode { transcoder: Box<Transcoder>, between: Between, is_begun: bool },
}

/// What a transcoder was made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Between {
    input: CodecId,
    output: CodecId,
    ptime_ms: u32,
    /// What the peer asks of an Opus encoder.
    opus: OpusParameters,
}

impl Between {
    fn new(input: CodecId, output: &SendAgreement) -> Self {
        Self { input, output: output.codec, ptime_ms: output.ptime_ms, opus: output.opus }
    }
}

impl Path {
    /// The path from a leg that sends `input` to one that agreed on `output`.
    pub(crate) fn open(
        input: CodecId,
        output: &SendAgreement,
        config: &EncoderConfig,
    ) -> Result<Self, OpenError> {
        if input == output.codec {
            return Ok(Self::PassThrough { last: None, clock: input.clock_rate() });
        }
        let rate = meeting_rate(input, output.codec);
        let decoder = webtrunk_codecs::decoder(input, rate)?;
        let encoder = webtrunk_codecs::encoder(output.codec, rate, &output.encoder_config(config))?;
        let transcoder = Transcoder::new(decoder, encoder, input.clock_rate(), output.ptime_ms);
        let between = Between::new(input, output);
        Ok(Self::Transcode { transcoder: Box::new(transcoder), between, is_begun: false })
    }

    /// Whether this path still fits the two agreements, so that a re-offer need not disturb it.
    pub(crate) fn fits(&self, input: CodecId, output: &SendAgreement) -> bool {
        match self {
            Self::Closed => false,
            Self::PassThrough { clock, .. } => input == output.codec && *clock == input.clock_rate(),
            Self::Transcode { between, .. } => *between == Between::new(input, output),
        }
    }

    /// Whether packets are decoded on the way.
    pub(crate) fn is_transcoded(&self) -> bool {
        matches!(self, Self::Transcode { .. })
    }

    /// What was repaired on the way.
    pub(crate) fn counters(&self) -> TranscoderCounters {
        match self {
            Self::Transcode { transcoder, .. } => transcoder.counters(),
            Self::Closed | Self::PassThrough { .. } => TranscoderCounters::default(),
        }
    }

    /// The stream is somebody else's for a while: what comes after begins anew, at its own time. A packet of what
    /// is relayed lasts `ticks`.
    pub(crate) fn interrupt(&mut self, ticks: u32, output: &mut OutputStream) {
        match self {
            Self::Closed => {}
            Self::PassThrough { last, .. } => {
                if last.take().is_some() {
                    output.end_source(ticks);
                }
            }
            Self::Transcode { transcoder, is_begun, .. } => {
                *is_begun = false;
                transcoder.begin_anew();
            }
        }
    }

    /// The encoder, where there is one.
    pub(crate) fn encoder(&mut self) -> Option<&mut dyn Encoder> {
        match self {
            Self::Transcode { transcoder, .. } => Some(transcoder.encoder()),
            Self::Closed | Self::PassThrough { .. } => None,
        }
    }

    /// Carries one packet across; `send` gets every payload at the output's time, with its marker.
    pub(crate) fn handle(
        &mut self,
        heard: Heard<'_>,
        now: Instant,
        output: &mut OutputStream,
        mut send: impl FnMut(&mut OutputStream, &[u8], bool),
    ) -> Overheard {
        match self {
            Self::Closed => Overheard::default(),
            Self::PassThrough { last, clock } => {
                let step = last.map(|last| heard.timestamp.distance_from(last));
                match step.and_then(|step| u32::try_from(step).ok()) {
                    Some(ticks) if ticks <= PAUSE_SECONDS_MAX * clock.hz() => {
                        output.advance_to(ticks, now);
                        output.leave_out(lost_packets(heard.lost_before));
                    }
                    Some(_) | None => output.begin_source(now),
                }
                *last = Some(heard.timestamp);
                send(output, heard.payload, heard.marker);
                Overheard::default()
            }
            Self::Transcode { transcoder, is_begun, .. } => {
                if !std::mem::replace(is_begun, true) {
                    output.begin_source(now);
                }
                // The clock may be faster than the samples (Opus at 8 kHz) or slower (G.722 at 16 kHz).
                let (clock, rate) = (output.clock().hz(), transcoder.sample_rate().hz());
                let ticks = |samples: usize| {
                    let ticks = samples as u64 * u64::from(clock) / u64::from(rate);
                    u32::try_from(ticks).unwrap_or(u32::MAX)
                };
                transcoder.handle_packet(heard.payload, heard.timestamp.0, heard.lost_before, |coded| {
                    if coded.skipped > 0 {
                        output.skip(ticks(coded.skipped));
                    }
                    send(output, coded.payload, false);
                    output.advance_past(ticks(coded.samples), now);
                })
            }
        }
    }
}

/// How many lost packets are shown to who listens; a jump of the sequence is no loss.
fn lost_packets(lost: u32) -> u16 {
    u16::try_from(lost).ok().filter(|lost| *lost <= LOST_MAX).unwrap_or(0)
}
