//! The way of one leg's packets into another leg's stream: as they are, or transcoded.

use std::time::Instant;

use webtrunk_codecs::{ClockRate, CodecId, Encoder, EncoderConfig, OpenError};

use super::conversion::{Conversion, Made};
use super::listening::Overheard;
use super::output::OutputStream;
use super::sender::{Heard, HeardKind, SendAgreement};
use crate::rtp::Timestamp;

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
    /// Different codecs, or pauses that the other leg cannot be told of.
    Convert(Box<Conversion>),
}

impl Path {
    /// The path from a leg that sends this codec, and perhaps comfort noise, to one that agreed on `output`.
    pub(crate) fn open(
        input: (CodecId, bool),
        output: &SendAgreement,
        config: &EncoderConfig,
    ) -> Result<Self, OpenError> {
        if passes(input, output) {
            return Ok(Self::PassThrough { last: None, clock: input.0.clock_rate() });
        }
        Conversion::open(input, output, config).map(|conversion| Self::Convert(Box::new(conversion)))
    }

    /// Whether this path still fits the two agreements, so that a re-offer need not disturb it.
    pub(crate) fn fits(&self, input: (CodecId, bool), output: &SendAgreement) -> bool {
        match self {
            Self::Closed => false,
            Self::PassThrough { clock, .. } => passes(input, output) && *clock == input.0.clock_rate(),
            Self::Convert(conversion) => !passes(input, output) && conversion.fits(input, output),
        }
    }

    /// Whether packets are decoded on the way.
    pub(crate) fn is_transcoded(&self) -> bool {
        matches!(self, Self::Convert(_))
    }

    /// Whether what is made is of use: where it is not, time passes and nothing is encoded.
    pub(crate) fn set_encoding(&mut self, may_send: bool) {
        if let Self::Convert(conversion) = self {
            conversion.set_encoding(may_send);
        }
    }

    /// The encoder, where there is one.
    pub(crate) fn encoder(&mut self) -> Option<&mut dyn Encoder> {
        match self {
            Self::Convert(conversion) => Some(conversion.encoder()),
            Self::Closed | Self::PassThrough { .. } => None,
        }
    }

    /// Carries one packet across; `send` gets everything that is made of it, at the output's time.
    pub(crate) fn handle(
        &mut self,
        heard: Heard<'_>,
        now: Instant,
        output: &mut OutputStream,
        mut send: impl FnMut(&mut OutputStream, Made<'_>),
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
                let made = match heard.kind {
                    HeardKind::Voice => Made::Voice(heard.payload, heard.marker),
                    HeardKind::Noise => Made::Noise(heard.payload),
                };
                send(output, made);
                Overheard::default()
            }
            Self::Convert(conversion) => match heard.kind {
                HeardKind::Voice => conversion.handle_voice(heard, now, output, send),
                HeardKind::Noise => {
                    conversion.handle_noise(heard, now, output, send);
                    Overheard::default()
                }
            },
        }
    }

    /// Does what is due: a pause is made up for.
    pub(crate) fn handle_timeout(
        &mut self,
        now: Instant,
        output: &mut OutputStream,
        send: impl FnMut(&mut OutputStream, Made<'_>),
    ) {
        if let Self::Convert(conversion) = self {
            conversion.handle_timeout(now, output, send);
        }
    }

    /// When something is due without a packet.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        match self {
            Self::Convert(conversion) => conversion.poll_timeout(),
            Self::Closed | Self::PassThrough { .. } => None,
        }
    }
}

/// Whether packets can be relayed unread: comfort noise among them is of use only to who agreed on it.
fn passes((codec, has_noise): (CodecId, bool), output: &SendAgreement) -> bool {
    codec == output.codec && (!has_noise || output.comfort_noise.is_some())
}

/// How many lost packets are shown to who listens; a jump of the sequence is no loss.
fn lost_packets(lost: u32) -> u16 {
    u16::try_from(lost).ok().filter(|lost| *lost <= LOST_MAX).unwrap_or(0)
}
