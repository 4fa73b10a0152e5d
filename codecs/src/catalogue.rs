//! What a session description has to say of each codec.

use crate::l16::L16Rate;
use crate::opus;
use std::num::NonZeroU32;

/// The codecs that the gateway speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CodecId {
    /// G.711 u-law, RFC 3551 4.5.14.
    Pcmu,
    /// G.711 A-law, RFC 3551 4.5.14.
    Pcma,
    /// Opus, RFC 6716 and RFC 7587.
    Opus,
    /// G.722 at 64 kbit/s, RFC 3551 4.5.2: samples at 16 kHz, but a clock of 8 kHz.
    G722,
    /// Samples as they are, one channel, RFC 3551 4.5.11: a format for each rate.
    L16(L16Rate),
}

/// RTP timestamp units per second: not always the sample rate (RFC 3551 4.5.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClockRate(NonZeroU32);

/// Samples per second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SampleRate(NonZeroU32);

impl CodecId {
    /// Every codec, best first.
    pub const ALL: [Self; 7] = [
        Self::Opus,
        Self::G722,
        Self::Pcmu,
        Self::Pcma,
        Self::L16(L16Rate::Wide),
        Self::L16(L16Rate::Full),
        Self::L16(L16Rate::Narrow),
    ];

    /// What a party is offered that has no wish of its own, best first: Opus, and what every phone speaks.
    pub const USUAL: [Self; 3] = [Self::Opus, Self::Pcmu, Self::Pcma];

    /// The codec that `text` names in the manner of `a=rtpmap`, as `L16/16000`, in either case. Where the
    /// clock rate is left out the first of [`Self::ALL`] with the name is meant.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (name, clock_hz) = match text.split_once('/') {
            Some((name, clock)) => (name, Some(clock.parse().ok()?)),
            None => (text, None),
        };
        Self::ALL.into_iter().find(|codec| {
            let clock_fits = clock_hz.is_none_or(|hz: u32| hz == codec.clock_rate().hz());
            clock_fits && codec.encoding_name().eq_ignore_ascii_case(name)
        })
    }

    /// The name in `a=rtpmap`, compared without regard to case (RFC 8866 6.6).
    #[must_use]
    pub const fn encoding_name(self) -> &'static str {
        match self {
            Self::Pcmu => "PCMU",
            Self::Pcma => "PCMA",
            Self::Opus => "opus",
            Self::G722 => "G722",
            Self::L16(_) => "L16",
        }
    }

    /// The clock rate in `a=rtpmap`.
    #[must_use]
    pub const fn clock_rate(self) -> ClockRate {
        match self {
            Self::Pcmu | Self::Pcma | Self::G722 => ClockRate::HZ_8000,
            Self::Opus => ClockRate::HZ_48000,
            Self::L16(rate) => ClockRate(rate.sample_rate().0),
        }
    }

    /// The number of channels in `a=rtpmap`: Opus always says two, whatever it carries (RFC 7587 4.1).
    #[must_use]
    pub const fn rtpmap_channels(self) -> u8 {
        match self {
            Self::Pcmu | Self::Pcma | Self::G722 | Self::L16(_) => 1,
            Self::Opus => 2,
        }
    }

    /// The payload type fixed by RFC 3551 table 4, where there is one.
    #[must_use]
    pub const fn static_payload_type(self) -> Option<u8> {
        match self {
            Self::Pcmu => Some(0),
            Self::Pcma => Some(8),
            Self::G722 => Some(9),
            // 10 and 11 are L16 at 44.1 kHz.
            Self::Opus | Self::L16(_) => None,
        }
    }

    /// The highest sample rate at which the codec carries anything more.
    #[must_use]
    pub const fn native_rate(self) -> SampleRate {
        match self {
            Self::Pcmu | Self::Pcma => SampleRate::HZ_8000,
            Self::G722 => SampleRate::HZ_16000,
            Self::Opus => SampleRate::HZ_48000,
            Self::L16(rate) => rate.sample_rate(),
        }
    }

    /// How long a payload lasts, in ticks of [`Self::clock_rate`]; a malformed one of Opus not at all.
    #[must_use]
    pub fn ticks_in(self, payload: &[u8]) -> u32 {
        let bytes = u32::try_from(payload.len()).unwrap_or(u32::MAX);
        match self {
            // At 64 kbit/s, of all three.
            Self::Pcmu | Self::Pcma | Self::G722 => bytes,
            Self::L16(_) => bytes / 2,
            Self::Opus => opus::ticks_in(payload),
        }
    }
}

impl ClockRate {
    /// The telephone's clock.
    pub const HZ_8000: Self = Self(NonZeroU32::new(8000).expect("not zero"));
    /// The clock of wide band L16; not of G.722 (RFC 3551 4.5.2).
    pub const HZ_16000: Self = Self(NonZeroU32::new(16_000).expect("not zero"));
    /// Opus' clock (RFC 7587 4.1).
    pub const HZ_48000: Self = Self(NonZeroU32::new(48_000).expect("not zero"));

    /// A clock of `hz` ticks per second; `None` for zero.
    #[must_use]
    pub const fn new(hz: u32) -> Option<Self> {
        match NonZeroU32::new(hz) {
            Some(hz) => Some(Self(hz)),
            None => None,
        }
    }

    /// Ticks per second.
    #[must_use]
    pub const fn hz(self) -> u32 {
        self.0.get()
    }
}

impl SampleRate {
    /// Narrow band, the telephone's rate.
    pub const HZ_8000: Self = Self(NonZeroU32::new(8000).expect("not zero"));
    /// Wide band.
    pub const HZ_16000: Self = Self(NonZeroU32::new(16_000).expect("not zero"));
    /// Full band.
    pub const HZ_48000: Self = Self(NonZeroU32::new(48_000).expect("not zero"));

    /// A rate of `hz` samples per second; `None` for zero.
    #[must_use]
    pub const fn new(hz: u32) -> Option<Self> {
        match NonZeroU32::new(hz) {
            Some(hz) => Some(Self(hz)),
            None => None,
        }
    }

    /// Samples per second.
    #[must_use]
    pub const fn hz(self) -> u32 {
        self.0.get()
    }

    /// Samples in `ms` milliseconds.
    #[must_use]
    pub const fn samples_in_ms(self, ms: u32) -> usize {
        (self.0.get() / 1000 * ms) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_codec_is_found_by_its_name_and_clock() {
        for codec in CodecId::ALL {
            let name = format!("{}/{}", codec.encoding_name(), codec.clock_rate().hz());
            assert_eq!(CodecId::parse(&name.to_lowercase()), Some(codec));
        }
        assert_eq!(CodecId::parse("OPUS"), Some(CodecId::Opus));
        assert_eq!(CodecId::parse("L16"), Some(CodecId::L16(L16Rate::Wide)));
        for other in ["", "G729", "G722/16000", "L16/44100", "L16/", "opus/48000/2"] {
            assert_eq!(CodecId::parse(other), None, "{other}");
        }
    }

    #[test]
    fn a_payload_tells_how_long_it_lasts() {
        for codec in CodecId::ALL {
            let rate = codec.native_rate();
            let mut encoder =
                crate::encoder(codec, rate, &crate::EncoderConfig::default()).expect("its rate");
            for ms in [10, 20, 40, 60] {
                let mut payload = [0; 6000];
                let length = encoder.encode(&vec![0; rate.samples_in_ms(ms)], &mut payload).expect("a frame");
                let ticks = codec.clock_rate().hz() / 1000 * ms;
                assert_eq!(codec.ticks_in(&payload[..length]), ticks, "{codec:?}, {ms} ms");
            }
        }
        assert_eq!(CodecId::Opus.ticks_in(&[]), 0);
    }

    #[test]
    fn the_clock_of_g722_is_half_its_sample_rate() {
        let (clock, rate) = (CodecId::G722.clock_rate(), CodecId::G722.native_rate());
        assert_eq!((clock, rate), (ClockRate::HZ_8000, SampleRate::HZ_16000));
    }
}
