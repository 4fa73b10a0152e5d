//! The silence descriptor, payload of comfort noise (RFC 3389 3).
//!
//! ```text
//! +-+-------------+---------------+-- - -+---------------+
//! |0|   level     |      N1       |      |      NM       |
//! +-+-------------+---------------+-- - -+---------------+
//! ```

/// The name in `a=rtpmap` (RFC 3389 4).
pub const CN_ENCODING_NAME: &str = "CN";
/// The payload type beside codecs whose clock is 8000 Hz (RFC 3551 table 4); others have a dynamic one.
pub const CN_PAYLOAD_TYPE: u8 = 13;
/// Reflection coefficients that are kept. A receiver may ignore those of higher order (RFC 3389 3.2).
pub const SID_ORDER_MAX: usize = 12;

/// Level and spectrum of a background.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Sid {
    /// 0 to 127 below 0 dBov.
    attenuation_db: u8,
    indices: [u8; SID_ORDER_MAX],
    order: usize,
}

impl Sid {
    /// A white background at `level_dbov`, which is brought into -127..=0.
    #[must_use]
    pub fn white(level_dbov: f32) -> Self {
        // `as` saturates, and takes what is no number for 0; that is as loud as anything.
        let attenuation_db = (-level_dbov).round().clamp(0.0, 127.0) as u8;
        Self { attenuation_db, indices: [FLAT; SID_ORDER_MAX], order: 0 }
    }

    /// The same level with a spectrum by its reflection coefficients, each between -1 and 1, the first being
    /// `-r(1) / r(0)` of the autocorrelation. Those beyond [`SID_ORDER_MAX`] are left out.
    #[must_use]
    pub fn with_spectrum(mut self, coefficients: &[f32]) -> Self {
        (self.order, self.indices) = (coefficients.len().min(SID_ORDER_MAX), [FLAT; SID_ORDER_MAX]);
        for (index, coefficient) in self.indices.iter_mut().zip(coefficients) {
            *index = (f32::from(FLAT) + coefficient / STEP).round().clamp(0.0, 254.0) as u8;
        }
        self
    }

    /// Reads a payload; `None` if it is empty.
    #[must_use]
    pub fn parse(payload: &[u8]) -> Option<Self> {
        let (level, spectrum) = payload.split_first()?;
        // The first bit is always 0; who sets it nevertheless can only mean the level.
        let mut sid = Self { attenuation_db: level & 0x7f, indices: [FLAT; SID_ORDER_MAX], order: 0 };
        sid.order = spectrum.len().min(SID_ORDER_MAX);
        sid.indices[..sid.order].copy_from_slice(&spectrum[..sid.order]);
        Some(sid)
    }

    /// Writes the payload to the start of `out` and returns its length; `None` if `out` is too small.
    pub fn write_to(&self, out: &mut [u8]) -> Option<usize> {
        let (level, spectrum) = out.get_mut(..=self.order)?.split_first_mut()?;
        *level = self.attenuation_db;
        spectrum.copy_from_slice(&self.indices[..self.order]);
        Some(1 + self.order)
    }

    /// The level, -127 to 0 dBov.
    #[must_use]
    pub fn level_dbov(&self) -> f32 {
        -f32::from(self.attenuation_db)
    }

    /// The reflection coefficients; none for a white background.
    pub fn spectrum(&self) -> impl Iterator<Item = f32> {
        let coefficient = |index: u8| match index {
            RESERVED => 0.0,
            index => (f32::from(index) - f32::from(FLAT)) * STEP,
        };
        self.indices.into_iter().take(self.order).map(coefficient)
    }
}

/// The index of the coefficient 0.
const FLAT: u8 = 127;
/// RFC 3389 3.2 leaves it to the future.
const RESERVED: u8 = 255;
/// From one index to the next (RFC 3389 3.2).
const STEP: f32 = 258.0 / 32_768.0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payloads_read_back() {
        for payload in [&[0][..], &[127], &[60, 0, 127, 254, 255], &[1; 13]] {
            let sid = Sid::parse(payload).expect("not empty");
            let mut out = [0; 20];
            assert_eq!(sid.write_to(&mut out), Some(payload.len()));
            assert_eq!(&out[..payload.len()], payload);
            assert_eq!(sid.write_to(&mut out[..payload.len() - 1]), None);
        }
        assert_eq!(Sid::parse(&[]), None);
        assert_eq!(Sid::parse(&[0x80 | 40]), Sid::parse(&[40]));
        assert_eq!(Sid::parse(&[50; 40]), Sid::parse(&[50; 13]), "higher orders are ignored");
    }

    #[test]
    fn numbers_are_those_of_the_rfc() {
        let sid = Sid::parse(&[78, 0, 127, 254, 255]).expect("not empty");
        assert_eq!(sid.level_dbov(), -78.0);
        let edge = 258.0 * 127.0 / 32_768.0;
        assert_eq!(sid.spectrum().collect::<Vec<_>>(), [-edge, 0.0, edge, 0.0]);
        assert_eq!(
            Sid::white(-78.4).with_spectrum(&[-2.0, 0.0, 2.0]),
            Sid::parse(&[78, 0, 127, 254]).expect("not empty")
        );
        assert_eq!(Sid::white(-300.0).level_dbov(), -127.0);
        assert_eq!(Sid::white(f32::NAN).level_dbov(), 0.0);
    }
}
