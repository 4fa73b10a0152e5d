//! Samples in, Opus packets out.

use std::ffi::c_int;

use opusic_sys as ffi;

use super::library::{Library, Refused, Setting};
use super::{check_rate, samples_in_step};
use crate::comfort_noise::{Activity, SilenceDetector};
use crate::{EncodeError, Encoder, OpenError, SampleRate};

/// The lengths of one frame in steps of 2.5 ms: 2.5, 5, 10, 20, 40 and 60 ms. libopus packs several
/// frames into longer packets, but then speech lost 1 dB of its level in our tests.
const FRAME_STEPS: [usize; 6] = [1, 2, 4, 8, 16, 24];
/// What libopus works with; it would clamp silently.
const BITRATE_BPS: std::ops::RangeInclusive<u32> = 6000..=510_000;

/// A payload of DTX that is no longer need not be sent.
const SILENCE_MAX: usize = 2;

/// What to optimise for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum OpusApplication {
    /// Intelligible speech.
    #[default]
    Voice,
    /// Faithful sound.
    Audio,
    /// No linear prediction: 4 ms less delay and the least work, but no in-band redundancy.
    LowDelay,
}

/// The audio bandwidth of a packet (RFC 6716 table 1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum OpusBandwidth {
    /// Up to 4 kHz.
    Narrow,
    /// Up to 6 kHz.
    Medium,
    /// Up to 8 kHz.
    Wide,
    /// Up to 12 kHz.
    SuperWide,
    /// Up to 20 kHz.
    Full,
}

/// How to encode. The default is for telephone speech.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct OpusEncoderConfig {
    /// Bits per second, 6000..=510000. At 32 kbit/s, which browsers use too, redundancy can be taken from
    /// it at any complexity and speech keeps its level; at 24 kbit/s it lost 0.4 dB.
    pub bitrate_bps: u32,
    /// Work per packet, 0..=10. 5 costs about 0.06 ms for 20 ms of narrow band; 10 a fifth more, 0 a third.
    pub complexity: u8,
    /// Whether to put a low-bitrate copy of the last frame into the next (RFC 6716 2.1.7).
    pub inband_fec: bool,
    /// How much loss to protect against, 0..=100 %, until the far end reports what it sees. At 0 no copies
    /// are made; 5 % is enough for them, at a third more work and little of the quality.
    pub expected_loss_percent: u8,
    /// Whether to say little in silence. A payload of at most two bytes then need not be sent. What is silence we
    /// judge, not libopus alone: a tone that goes on for a second is none.
    pub dtx: bool,
    /// Whether the bitrate may follow the sound; `false` is `cbr=1` of RFC 7587 6.1.
    pub variable_bitrate: bool,
    /// The most that the far end plays; `None` leaves it to the sample rate and bitrate.
    pub max_bandwidth: Option<OpusBandwidth>,
    /// What to optimise for.
    pub application: OpusApplication,
}

/// An Opus encoder, mono.
#[derive(Debug)]
pub struct OpusEncoder {
    library: Library,
    rate: SampleRate,
    /// What is configured; 6000..=510000.
    bitrate_bps: u32,
    /// Tells when libopus may look for silence, where that need not be sent: it takes a steady tone for noise.
    silence: Option<Box<SilenceDetector>>,
}

impl Default for OpusEncoderConfig {
    fn default() -> Self {
        Self {
            bitrate_bps: 32_000,
            complexity: 5,
            inband_fec: true,
            expected_loss_percent: 5,
            dtx: false,
            variable_bitrate: true,
            max_bandwidth: None,
            application: OpusApplication::Voice,
        }
    }
}

impl OpusBandwidth {
    /// The bandwidth that serves a receiver of `maxplaybackrate` Hz (RFC 7587 7, table 2).
    #[must_use]
    pub const fn for_playback_rate(hz: u32) -> Self {
        match hz {
            0..=8000 => Self::Narrow,
            8001..=12_000 => Self::Medium,
            12_001..=16_000 => Self::Wide,
            16_001..=24_000 => Self::SuperWide,
            _ => Self::Full,
        }
    }

    const fn to_library(self) -> c_int {
        match self {
            Self::Narrow => ffi::OPUS_BANDWIDTH_NARROWBAND,
            Self::Medium => ffi::OPUS_BANDWIDTH_MEDIUMBAND,
            Self::Wide => ffi::OPUS_BANDWIDTH_WIDEBAND,
            Self::SuperWide => ffi::OPUS_BANDWIDTH_SUPERWIDEBAND,
            Self::Full => ffi::OPUS_BANDWIDTH_FULLBAND,
        }
    }
}

impl OpusApplication {
    /// At 8 kHz speech is coded by linear prediction anyway: then the rest of libopus need not be there.
    fn to_library(self, rate: SampleRate) -> c_int {
        match self {
            Self::Voice if rate == SampleRate::HZ_8000 => ffi::OPUS_APPLICATION_RESTRICTED_SILK,
            Self::Voice => ffi::OPUS_APPLICATION_VOIP,
            Self::Audio => ffi::OPUS_APPLICATION_AUDIO,
            Self::LowDelay => ffi::OPUS_APPLICATION_RESTRICTED_LOWDELAY,
        }
    }
}

impl OpusEncoder {
    /// An encoder for samples at `rate`: 8, 16 or 48 kHz. Numbers out of range are brought into it.
    ///
    /// # Errors
    /// [`OpenError`] for another rate, or when libopus has no memory.
    pub fn new(rate: SampleRate, config: &OpusEncoderConfig) -> Result<Self, OpenError> {
        check_rate(rate)?;
        let library = Library::new(rate.hz(), config.application.to_library(rate));
        let library = library.map_err(|_| OpenError::Library)?;
        let bitrate_bps = config.bitrate_bps.clamp(*BITRATE_BPS.start(), *BITRATE_BPS.end());
        let silence = config.dtx.then(|| Box::new(SilenceDetector::new(rate)));
        let mut encoder = Self { library, rate, bitrate_bps, silence };
        encoder.configure(config).map_err(|_| OpenError::Library)?;
        Ok(encoder)
    }

    /// Changes the bitrate, 6000..=510000 bits per second, from the next packet on.
    pub fn set_bitrate(&mut self, bps: u32) {
        let bps = bps.clamp(*BITRATE_BPS.start(), *BITRATE_BPS.end());
        self.set(Setting::BitrateBps, bps.cast_signed()).expect("libopus takes 6 to 510 kbit/s");
    }

    /// Encodes no more than this band from the next packet on.
    pub fn set_max_bandwidth(&mut self, bandwidth: OpusBandwidth) {
        self.set(Setting::MaxBandwidth, bandwidth.to_library())
            .expect("libopus takes each of them at any time");
    }

    /// Samples that the decoder's sound is late by.
    ///
    /// # Errors
    /// libopus cannot tell.
    pub(crate) fn look_ahead(&mut self) -> Result<u32, OpenError> {
        self.library.look_ahead().map_err(|_| OpenError::Library)
    }

    fn configure(&mut self, config: &OpusEncoderConfig) -> Result<(), Refused> {
        self.set_bitrate(config.bitrate_bps);
        self.set_complexity(config.complexity);
        self.set_expected_loss(config.expected_loss_percent);
        self.set(Setting::InbandFec, config.inband_fec.into())?;
        self.set(Setting::VariableBitrate, config.variable_bitrate.into())?;
        match config.max_bandwidth {
            Some(bandwidth) => self.set(Setting::MaxBandwidth, bandwidth.to_library()),
            None => Ok(()),
        }
    }

    fn set(&mut self, setting: Setting, value: i32) -> Result<(), Refused> {
        self.library.set(setting, value)
    }

    /// What `steps` of 2.5 ms need at the least bitrate: less, and libopus would send nothing but
    /// a table-of-contents byte.
    const fn bytes_min(steps: usize) -> usize {
        let bits = steps * *BITRATE_BPS.start() as usize / 400;
        bits.div_ceil(8) + 1
    }
}

impl Encoder for OpusEncoder {
    /// Takes 2.5, 5, 10, 20, 40 or 60 ms; speech at 8 kHz no less than 10. A small `out` bounds the payload, down to 6 kbit/s.
    fn encode(&mut self, pcm: &[i16], out: &mut [u8]) -> Result<usize, EncodeError> {
        let wrong_length = EncodeError::FrameLength { samples: pcm.len() };
        let step = samples_in_step(self.rate);
        let steps = pcm.len() / step;
        if !pcm.len().is_multiple_of(step) || !FRAME_STEPS.contains(&steps) {
            return Err(wrong_length);
        }
        if out.len() < Self::bytes_min(steps) {
            return Err(EncodeError::OutputTooSmall);
        }
        if let Some(silence) = &mut self.silence {
            let is_silence = silence.push(pcm) == Activity::Silence;
            self.library.set(Setting::Dtx, is_silence.into()).expect("libopus takes it at any time");
        }
        self.library
            .encode(pcm, out)
            .map_err(|refused| if refused.is_for_room() { EncodeError::OutputTooSmall } else { wrong_length })
    }

    fn sample_rate(&self) -> SampleRate {
        self.rate
    }

    fn set_expected_loss(&mut self, percent: u8) {
        self.set(Setting::ExpectedLossPercent, percent.min(100).into()).expect("libopus takes 0 to 100 %");
    }

    fn set_bitrate_share(&mut self, percent: u8) {
        self.set_bitrate(self.bitrate_bps / 100 * u32::from(percent.min(100)));
    }

    fn set_complexity(&mut self, complexity: u8) {
        self.set(Setting::Complexity, complexity.min(10).into()).expect("libopus takes 0 to 10");
    }

    fn is_silence(&self, payload: &[u8]) -> bool {
        self.silence.is_some() && payload.len() <= SILENCE_MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tone::{Tone, ToneGenerator};

    fn encoder(rate: SampleRate) -> OpusEncoder {
        OpusEncoder::new(rate, &OpusEncoderConfig::default()).expect("a rate we run")
    }

    #[test]
    fn takes_every_frame_length_and_no_other() {
        for rate in [SampleRate::HZ_8000, SampleRate::HZ_16000, SampleRate::HZ_48000] {
            let mut encoder = encoder(rate);
            let mut out = [0; 1500];
            for tenths_of_ms in [25, 50, 100, 200, 400, 600] {
                let pcm = vec![0; (rate.hz() * tenths_of_ms / 10_000) as usize];
                let encoded = encoder.encode(&pcm, &mut out);
                // Speech alone has frames of 10 ms and more.
                if rate == SampleRate::HZ_8000 && tenths_of_ms < 100 {
                    assert_eq!(encoded, Err(EncodeError::FrameLength { samples: pcm.len() }));
                    continue;
                }
                let length = encoded.expect("a length of Opus");
                assert_eq!(::opus::packet::get_nb_samples(&out[..length], rate.hz()).ok(), Some(pcm.len()));
            }
            for samples in [0, 1, 159, 161, rate.samples_in_ms(30), rate.samples_in_ms(120)] {
                let refused = encoder.encode(&vec![0; samples], &mut out);
                assert_eq!(refused, Err(EncodeError::FrameLength { samples }));
            }
        }
    }

    #[test]
    fn a_small_buffer_bounds_the_payload_and_a_tiny_one_is_refused() {
        let mut encoder = encoder(SampleRate::HZ_8000);
        assert_eq!(encoder.encode(&[0; 160], &mut [0; 15]), Err(EncodeError::OutputTooSmall));
        let noise: Vec<i16> = (0..160_i32).map(|n| (n * n * 7919 % 20_000 - 10_000) as i16).collect();
        assert!(encoder.encode(&noise, &mut [0; 20]).is_ok_and(|length| (3..=20).contains(&length)));
    }

    #[test]
    fn numbers_out_of_range_are_brought_into_it() {
        let config = OpusEncoderConfig {
            bitrate_bps: u32::MAX,
            complexity: 255,
            expected_loss_percent: 255,
            ..Default::default()
        };
        let mut encoder = OpusEncoder::new(SampleRate::HZ_48000, &config).expect("a rate we run");
        assert_eq!(encoder.library.get(Setting::Complexity), Some(10));
        assert_eq!(encoder.library.get(Setting::ExpectedLossPercent), Some(100));
    }

    #[test]
    fn the_configuration_reaches_the_library() {
        let config = OpusEncoderConfig {
            bitrate_bps: 17_000,
            complexity: 3,
            inband_fec: false,
            expected_loss_percent: 7,
            dtx: true,
            variable_bitrate: false,
            max_bandwidth: Some(OpusBandwidth::Wide),
            application: OpusApplication::Audio,
        };
        let mut library = OpusEncoder::new(SampleRate::HZ_48000, &config).expect("a rate we run").library;
        for (setting, value) in [
            (Setting::BitrateBps, 17_000),
            (Setting::Complexity, 3),
            (Setting::InbandFec, 0),
            (Setting::ExpectedLossPercent, 7),
            (Setting::VariableBitrate, 0),
            (Setting::MaxBandwidth, ffi::OPUS_BANDWIDTH_WIDEBAND),
        ] {
            assert_eq!(library.get(setting), Some(value), "{setting:?}");
        }
    }

    #[test]
    fn a_share_of_the_bitrate_is_one_of_what_is_configured() {
        let config = OpusEncoderConfig { bitrate_bps: 24_000, ..Default::default() };
        let mut encoder = OpusEncoder::new(SampleRate::HZ_8000, &config).expect("a rate we run");
        for (percent, bitrate) in [(75, 18_000), (100, 24_000), (0, 6000), (255, 24_000)] {
            encoder.set_bitrate_share(percent);
            assert_eq!(encoder.library.get(Setting::BitrateBps), Some(bitrate), "{percent} %");
        }
    }

    #[test]
    fn silence_need_not_be_sent_where_dtx_is_wanted() {
        for dtx in [true, false] {
            let config = OpusEncoderConfig { dtx, ..Default::default() };
            let mut encoder = OpusEncoder::new(SampleRate::HZ_8000, &config).expect("a rate we run");
            let mut out = [0; 1275];
            let silent = (0..100).filter(|_| {
                let length = encoder.encode(&[0; 160], &mut out).expect("20 ms");
                encoder.is_silence(&out[..length])
            });
            let silent = silent.count();
            assert_eq!(silent > 60, dtx, "{silent} of 100");
            assert_eq!(silent > 0, dtx, "{silent} of 100");
        }
    }

    #[test]
    fn a_steady_tone_is_no_silence_at_any_level_that_tones_have() {
        let config = OpusEncoderConfig { dtx: true, ..Default::default() };
        for rate in [SampleRate::HZ_8000, SampleRate::HZ_16000, SampleRate::HZ_48000] {
            for level_dbm0 in [-10.0, -20.0, -30.0] {
                let mut encoder = OpusEncoder::new(rate, &config).expect("a rate we run");
                let mut tone = ToneGenerator::new(Tone::sine(425.0, level_dbm0), rate);
                let (mut frame, mut out) = (vec![0; rate.samples_in_ms(20)], [0; 1275]);
                for number in 0..250 {
                    tone.fill(&mut frame);
                    let length = encoder.encode(&frame, &mut out).expect("20 ms");
                    assert!(
                        !encoder.is_silence(&out[..length]),
                        "frame {number}, {level_dbm0} dBm0, {rate:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn other_rates_are_refused() {
        let rate = SampleRate::new(44_100).expect("not zero");
        let opened = OpusEncoder::new(rate, &OpusEncoderConfig::default());
        assert!(matches!(opened, Err(OpenError::SampleRate { hz: 44_100 })));
    }

    #[test]
    fn playback_rates_are_served_by_the_rfcs_bandwidths() {
        let served = [8000, 12_000, 16_000, 24_000, 48_000].map(OpusBandwidth::for_playback_rate);
        let bandwidths = [
            OpusBandwidth::Narrow,
            OpusBandwidth::Medium,
            OpusBandwidth::Wide,
            OpusBandwidth::SuperWide,
            OpusBandwidth::Full,
        ];
        assert_eq!(served, bandwidths);
    }
}
