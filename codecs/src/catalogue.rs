//! What a session description has to say of each codec.

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
}

/// RTP timestamp units per second: not always the sample rate (RFC 3551 4.5.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClockRate(NonZeroU32);

/// Samples per second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SampleRate(NonZeroU32);

impl CodecId {
    /// Every codec, best first for a caller with no wish of its own.
    pub const ALL: [Self; 3] = [Self::Opus, Self::Pcmu, Self::Pcma];

    /// The name in `a=rtpmap`, compared without regard to case (RFC 8866 6.6).
    #[must_use]
    pub const fn encoding_name(self) -> &'static str {
        match self {
            Self::Pcmu => "PCMU",
            Self::Pcma => "PCMA",
            Self::Opus => "opus",
        }
    }

    /// The clock rate in `a=rtpmap`.
    #[must_use]
    pub const fn clock_rate(self) -> ClockRate {
        match self {
            Self::Pcmu | Self::Pcma => ClockRate::HZ_8000,
            Self::Opus => ClockRate::HZ_48000,
        }
    }

    /// The number of channels in `a=rtpmap`: Opus always says two, whatever it carries (RFC 7587 4.1).
    #[must_use]
    pub const fn rtpmap_channels(self) -> u8 {
        match self {
            Self::Pcmu | Self::Pcma => 1,
            Self::Opus => 2,
        }
    }

    /// The payload type fixed by RFC 3551 table 4, where there is one.
    #[must_use]
    pub const fn static_payload_type(self) -> Option<u8> {
        match self {
            Self::Pcmu => Some(0),
            Self::Pcma => Some(8),
            Self::Opus => None,
        }
    }

    /// The highest sample rate at which the codec carries anything more.
    #[must_use]
    pub const fn native_rate(self) -> SampleRate {
        match self {
            Self::Pcmu | Self::Pcma => SampleRate::HZ_8000,
            Self::Opus => SampleRate::HZ_48000,
        }
    }
}

impl ClockRate {
    /// The telephone's clock.
    pub const HZ_8000: Self = Self(NonZeroU32::new(8000).expect("not zero"));
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
