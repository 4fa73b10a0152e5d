//! How loud a frame is.

/// The level of no sound at all: half a step of 16 bits.
pub const LEVEL_MIN_DBOV: f32 = -96.0;

/// Level of `frame` in dBov: 0 is a square wave of full scale, a sine of full scale is -3.01.
#[must_use]
pub fn level_dbov(frame: &[i16]) -> f32 {
    let energy: f32 = frame.iter().map(|&sample| f32::from(sample) * f32::from(sample)).sum();
    let mean = energy / frame.len().max(1) as f32;
    (10.0 * (mean / (32_768.0 * 32_768.0)).log10()).max(LEVEL_MIN_DBOV)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_those_of_known_frames() {
        assert!(level_dbov(&[i16::MIN; 160]).abs() < 0.01);
        assert!((level_dbov(&[3277, -3277]) + 20.0).abs() < 0.01);
        assert_eq!(level_dbov(&[0; 160]), LEVEL_MIN_DBOV);
        assert_eq!(level_dbov(&[]), LEVEL_MIN_DBOV);
    }
}
