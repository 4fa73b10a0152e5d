//! Wall clock as RTCP carries it (RFC 3550 4): handed in by the shell, never asked for here.

use std::time::Duration;

use super::Timestamp;

/// Seconds since 1900 in the upper 32 bits, fractions of a second in the lower.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NtpTime(pub u64);

/// The middle 32 bits of an [`NtpTime`]: units of 1/65536 s, wrapping after 18 hours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ShortNtpTime(pub u32);

/// From 1900, where NTP begins, to 1970, where Unix does (RFC 868).
const UNIX_EPOCH_S: u64 = 2_208_988_800;

impl NtpTime {
    /// The time this long after the Unix epoch. Wraps in 2036, as NTP does.
    #[must_use]
    pub fn from_unix(since_epoch: Duration) -> Self {
        let seconds = since_epoch.as_secs() % (1 << 32) + UNIX_EPOCH_S;
        let fraction = (u64::from(since_epoch.subsec_nanos()) << 32) / 1_000_000_000;
        Self(seconds << 32 | fraction)
    }

    /// The middle 32 bits, as reception reports carry them.
    #[must_use]
    pub const fn short(self) -> ShortNtpTime {
        ShortNtpTime((self.0 >> 16) as u32)
    }
}

impl ShortNtpTime {
    /// Units per second.
    pub const UNITS_PER_S: u32 = 1 << 16;

    /// How many units `self` is later than `other`, by the shorter way round; negative if earlier.
    #[must_use]
    pub const fn distance_from(self, other: Self) -> i32 {
        Timestamp(self.0).distance_from(Timestamp(other.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unix_time_becomes_ntp_time() {
        assert_eq!(NtpTime::from_unix(Duration::ZERO).0, 2_208_988_800 << 32);
        let time = NtpTime::from_unix(Duration::from_millis(1_000_500));
        assert_eq!(time.0, (2_208_988_800 + 1000) << 32 | 1 << 31);
        assert_eq!(time.short(), ShortNtpTime((((2_208_988_800_u64 + 1000) & 0xffff) as u32) << 16 | 0x8000));
        let after_2036 = NtpTime::from_unix(Duration::from_secs((1 << 32) - UNIX_EPOCH_S + 5));
        assert_eq!(after_2036.0, 5 << 32);
    }

    #[test]
    fn short_time_wraps() {
        assert_eq!(ShortNtpTime(5).distance_from(ShortNtpTime(u32::MAX - 4)), 10);
    }
}
