//! What an agent says: a clip, encoded once for each way that it is asked for, shared by all callers.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use webtrunk_codecs::opus::{OpusBandwidth, OpusEncoder, OpusEncoderConfig};
use webtrunk_codecs::resample::resample;
use webtrunk_codecs::tone::{Tone, ToneGenerator};
use webtrunk_codecs::wav::{Clip, WavError, read_wav};
use webtrunk_codecs::{CodecId, Encoder, EncoderConfig, OpenError, SampleRate, encoder};

use super::ScriptStep;
use crate::agent::sdp::Format;

/// What an agent says, over and over. Clones share it.
#[derive(Debug, Clone)]
pub struct Voice {
    source: Arc<Source>,
    /// What Opus is prepared for, where the other end decodes redundancy.
    expected_loss_percent: u8,
}

/// The payloads of a clip in one encoding, which is said over and over.
#[derive(Debug, Clone)]
pub(crate) struct Packets {
    all: Arc<[Box<[u8]>]>,
    /// So many at the end are said again and again. What is before them is said once.
    round: usize,
}

#[derive(Debug)]
enum Source {
    Clip { clip: Clip, is_distinct: bool, encoded: Mutex<HashMap<Encoding, Packets>> },
    Numbered,
    Scripted(Arc<[ScriptStep]>),
}

/// A clip cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum VoiceError {
    /// The file cannot be read.
    #[error("cannot read {0}: {1}")]
    File(PathBuf, #[source] io::Error),
    /// The file is no WAV file of a kind that we know.
    #[error("cannot use {0}: {1}; give a WAV file of 16-bit PCM, u-law or A-law")]
    Wav(PathBuf, #[source] WavError),
    /// The clip is shorter than one packet.
    #[error("a clip must have at least 20 ms of sound")]
    TooShort,
}

/// One way to encode the clip.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Encoding {
    codec: CodecId,
    bandwidth: Option<OpusBandwidth>,
    bitrate_bps: u32,
    expected_loss_percent: u8,
}

/// The packets of a voice in one encoding.
#[derive(Debug, Clone)]
pub(crate) enum Frames {
    Encoded(Packets),
    /// Each packet says which one it is.
    Numbered,
    /// Each packet is given, of whatever length.
    Scripted(Arc<[ScriptStep]>),
}

/// Octets that begin a numbered packet: not what speech or a tone looks like.
const NUMBERED: [u8; 8] = *b"webtrunk";
/// Octets of 20 ms of G.711.
const G711_FRAME: usize = 160;
/// 20 ms of L16 at 48 kHz.
const PAYLOAD_MAX: usize = 1920;
/// What browsers spend on mono speech.
const OPUS_BITRATE_BPS: u32 = 32_000;
const OPUS_BITRATE_LIMITS: std::ops::RangeInclusive<u32> = 6000..=510_000;

impl Voice {
    /// A WAV file.
    ///
    /// # Errors
    /// The file cannot be read or used.
    pub fn from_wav(path: &Path) -> Result<Self, VoiceError> {
        let file = std::fs::read(path).map_err(|error| VoiceError::File(path.to_owned(), error))?;
        let clip = read_wav(&file).map_err(|error| VoiceError::Wav(path.to_owned(), error))?;
        Self::from_clip(clip)
    }

    /// Samples.
    ///
    /// # Errors
    /// They are less than one packet.
    pub fn from_clip(mut clip: Clip) -> Result<Self, VoiceError> {
        let rate = clip.rate.hz() as usize;
        // Whole packets, so that what is said over and over has the length of the clip.
        let packets = clip.samples.len() * 50 / rate;
        clip.samples.truncate(packets * rate / 50);
        if packets == 0 {
            return Err(VoiceError::TooShort);
        }
        Ok(Self::new(clip, true))
    }

    /// A sine of this frequency and level: one second of it, which joins up with itself.
    #[must_use]
    pub fn tone(frequency_hz: u16, level_dbm0: f64) -> Self {
        let rate = SampleRate::HZ_48000;
        let mut samples = vec![0; rate.hz() as usize];
        let mut generator = ToneGenerator::new(Tone::sine(f64::from(frequency_hz), level_dbm0), rate);
        // The first second fades in.
        generator.fill(&mut samples);
        generator.fill(&mut samples);
        Self::new(Clip { samples, rate }, false)
    }

    /// Silence, in packets.
    #[must_use]
    pub fn silence() -> Self {
        let rate = SampleRate::HZ_8000;
        Self::new(Clip { samples: vec![0; rate.hz() as usize], rate }, false)
    }

    /// A clip whose end joins up with its beginning, as a tone's does.
    ///
    /// # Errors
    /// It is less than one packet.
    pub fn joining_up(clip: Clip) -> Result<Self, VoiceError> {
        let Clip { samples, rate } = &clip;
        if samples.len() < rate.samples_in_ms(20) {
            Err(VoiceError::TooShort)
        } else {
            Ok(Self::new(clip, false))
        }
    }

    /// Packets that say which one they are, so that the way of each can be followed where they are
    /// passed through. They are noise to the ear, and G.711 alone can carry them.
    #[must_use]
    pub fn numbered() -> Self {
        Self { source: Arc::new(Source::Numbered), expected_loss_percent: 0 }
    }

    /// Packets, pauses and comfort noise, step after step and over again, whatever the codec.
    #[must_use]
    pub fn scripted(steps: Vec<ScriptStep>) -> Self {
        Self { source: Arc::new(Source::Scripted(steps.into())), expected_loss_percent: 0 }
    }

    /// The same as a browser says it when reports tell it of so much loss: to who decodes redundancy, with it.
    #[must_use]
    pub fn expecting_loss(&self, percent: u8) -> Self {
        Self { source: Arc::clone(&self.source), expected_loss_percent: percent }
    }

    /// How it is to be encoded for a far end that described the codec so.
    pub(crate) fn encoding(&self, codec: CodecId, format: &Format) -> Encoding {
        Encoding::for_format(codec, format, self.expected_loss_percent)
    }

    /// Whether each moment of it sounds different, so that the sound tells which one it is.
    pub(crate) fn is_distinct(&self) -> bool {
        matches!(&*self.source, Source::Clip { is_distinct: true, .. })
    }

    fn new(clip: Clip, is_distinct: bool) -> Self {
        let source = Source::Clip { clip, is_distinct, encoded: Mutex::default() };
        Self { source: Arc::new(source), expected_loss_percent: 0 }
    }

    /// The clip; `None` for numbered and scripted packets.
    #[must_use]
    pub fn clip(&self) -> Option<&Clip> {
        match &*self.source {
            Source::Clip { clip, .. } => Some(clip),
            Source::Numbered | Source::Scripted(_) => None,
        }
    }

    /// Its packets for a far end that wants them so, if they were made already.
    pub(crate) fn frames(&self, encoding: Encoding) -> Option<Frames> {
        match &*self.source {
            Source::Numbered => Some(Frames::Numbered),
            Source::Scripted(steps) => Some(Frames::Scripted(Arc::clone(steps))),
            Source::Clip { encoded, .. } => lock(encoded).get(&encoding).cloned().map(Frames::Encoded),
        }
    }

    /// Makes its packets for a far end that wants them so. Takes the processor for a while: an Opus
    /// packet takes some 0.2 ms.
    ///
    /// # Errors
    /// The codec has no such encoding.
    pub(crate) fn encode(&self, encoding: Encoding) -> Result<(), OpenError> {
        if let Source::Clip { clip, is_distinct, encoded } = &*self.source {
            // A tone joins up with itself, and so must its encoder, which remembers: from silence it comes to the level of
            // a tone in the first round alone. That is said too, for a decoder that began elsewhere would be far off.
            let rounds = if *is_distinct { 1 } else { 2 };
            lock(encoded).insert(encoding, encoding.encode(clip, rounds)?);
        }
        Ok(())
    }
}

fn lock(encoded: &Mutex<HashMap<Encoding, Packets>>) -> MutexGuard<'_, HashMap<Encoding, Packets>> {
    encoded.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Encoding {
    /// As a browser encodes for a peer that described the codec so (RFC 7587 6.1).
    fn for_format(codec: CodecId, format: &Format, expected_loss_percent: u8) -> Self {
        if codec != CodecId::Opus {
            return Self { codec, bandwidth: None, bitrate_bps: 64_000, expected_loss_percent: 0 };
        }
        let has_redundancy = format.number("useinbandfec") == Some(1);
        let bitrate = format.number("maxaveragebitrate").unwrap_or(OPUS_BITRATE_BPS);
        Self {
            codec,
            bandwidth: format.number("maxplaybackrate").map(OpusBandwidth::for_playback_rate),
            bitrate_bps: bitrate.clamp(*OPUS_BITRATE_LIMITS.start(), *OPUS_BITRATE_LIMITS.end()),
            expected_loss_percent: if has_redundancy { expected_loss_percent } else { 0 },
        }
    }

    /// The packets of so many rounds, of which the last is said over and over.
    fn encode(self, clip: &Clip, rounds: usize) -> Result<Packets, OpenError> {
        let mut encoder: Box<dyn Encoder> = if self.codec == CodecId::Opus {
            let config = OpusEncoderConfig {
                bitrate_bps: self.bitrate_bps,
                max_bandwidth: self.bandwidth,
                expected_loss_percent: self.expected_loss_percent,
                // Time is no matter here.
                complexity: 10,
                ..OpusEncoderConfig::default()
            };
            Box::new(OpusEncoder::new(SampleRate::HZ_48000, &config)?)
        } else {
            encoder(self.codec, self.codec.native_rate(), &EncoderConfig::default())?
        };
        let rate = encoder.sample_rate();
        let samples = resample(&clip.samples, clip.rate, rate);
        let mut payload = [0; PAYLOAD_MAX];
        // What is left at the end is shorter than a packet.
        let frames = samples.chunks_exact(rate.hz() as usize / 50);
        let all = std::iter::repeat_n(frames.clone(), rounds).flatten().map(|frame| {
            let length =
                encoder.encode(frame, &mut payload).expect("20 ms fit any codec and its longest payload");
            payload[..length].into()
        });
        Ok(Packets { all: all.collect(), round: frames.len() })
    }
}

impl Packets {
    /// The packet of this number.
    fn at(&self, index: u32) -> &[u8] {
        let (index, once) = (index as usize, self.all.len() - self.round);
        &self.all[if index < once { index } else { once + (index - once) % self.round }]
    }
}

impl Frames {
    /// Puts the payload of packet number `index` into `out`, replacing what was there; a script has none for each
    /// tick of the clock.
    pub(crate) fn write(&self, index: u32, out: &mut Vec<u8>) {
        out.clear();
        match self {
            Self::Encoded(packets) => out.extend(packets.at(index)),
            Self::Scripted(_) => {}
            Self::Numbered => {
                out.extend(NUMBERED);
                out.extend(index.to_be_bytes());
                out.resize(G711_FRAME, 0xd5);
            }
        }
    }
}

/// Which packet of [`Voice::numbered`] this payload is; `None` where it is none.
#[must_use]
pub fn packet_number(payload: &[u8]) -> Option<u32> {
    let (number, _) = payload.strip_prefix(&NUMBERED)?.split_first_chunk()?;
    Some(u32::from_be_bytes(*number))
}

#[cfg(test)]
mod tests {
    use webtrunk_codecs::decoder;

    use super::*;
    use crate::hear::{Hum, level_dbm0};

    /// A decoder that begins with the first packet hears a tone at its level from the begin on, and where rounds join up.
    #[test]
    fn a_tone_has_its_level_from_its_first_packet_on() {
        let voice = Voice::joining_up(Hum::of_caller(3).clip()).expect("two seconds");
        let said = level_dbm0(&voice.clip().expect("it is one").samples[8000..16_000]);
        for codec in [CodecId::Pcmu, CodecId::G722, CodecId::Opus] {
            let encoding = Encoding::for_format(codec, &Format::offered(codec, 96), 0);
            voice.encode(encoding).expect("it can be encoded");
            let frames = voice.frames(encoding).expect("it was");
            let rate = SampleRate::HZ_16000;
            let rate = if codec == CodecId::Pcmu { codec.native_rate() } else { rate };
            let mut ear = decoder(codec, rate).expect("it can be decoded");
            let (mut packet, mut pcm) = (Vec::new(), vec![0; rate.samples_in_ms(20)]);
            // The beep is louder by four decibels, and is in the first five of a hundred.
            for index in 0..500 {
                frames.write(index, &mut packet);
                ear.decode(&packet, &mut pcm).expect("a packet");
                let louder = level_dbm0(&pcm) - said;
                let most = if index % 100 < 6 { 7.0 } else { 1.5 };
                assert!(louder < most && (index < 3 || louder > -1.5), "{codec:?} {index}: {louder} dB");
            }
        }
    }
}
