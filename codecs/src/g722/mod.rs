//! G.722, 7 kHz of sound in 64 kbit/s: two bands of 4 kHz, each in adaptive differential code.
//!
//! ```text
//! 16 kHz --> QMF --> lower band, 8 kHz --> 6 bits --+
//!                                                   +--> one octet per two samples
//!                --> higher band, 8 kHz -> 2 bits --+
//! ```
//!
//! Mode 1 of the Recommendation, the only one of RTP, where the clock ticks at 8 kHz though the samples
//! come at 16 (RFC 3551 4.5.2): a tick for each octet. To and from narrow band the lower band alone is
//! coded and decoded, so nothing is resampled between G.722 and G.711. Names of steps, in capitals, are
//! those of the Recommendation's clause 6, whose 16-bit arithmetic is kept to the bit.

mod band;
mod decoder;
mod encoder;
mod qmf;

pub use decoder::G722Decoder;
pub use encoder::G722Encoder;

use crate::{OpenError, SampleRate};

/// What a codec of two rates works with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Width {
    /// 8 kHz samples: the lower band.
    Narrow,
    /// 16 kHz samples: both bands.
    Wide,
}

impl Width {
    fn at(rate: SampleRate) -> Result<Self, OpenError> {
        match rate {
            SampleRate::HZ_8000 => Ok(Self::Narrow),
            SampleRate::HZ_16000 => Ok(Self::Wide),
            other => Err(OpenError::SampleRate { hz: other.hz() }),
        }
    }

    const fn rate(self) -> SampleRate {
        match self {
            Self::Narrow => SampleRate::HZ_8000,
            Self::Wide => SampleRate::HZ_16000,
        }
    }

    const fn samples_per_octet(self) -> usize {
        match self {
            Self::Narrow => 1,
            Self::Wide => 2,
        }
    }
}
