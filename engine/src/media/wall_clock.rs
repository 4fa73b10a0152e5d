//! Wall-clock time for sender reports, derived from the monotonic clock: one look at start, so that a
//! clock that is set back or forth disturbs no call.

use std::time::{Duration, Instant, SystemTime};

use crate::rtp::NtpTime;

/// Maps monotonic instants to NTP time.
#[derive(Debug, Clone, Copy)]
pub struct WallClock {
    anchor: Instant,
    since_epoch: Duration,
}

impl WallClock {
    /// A clock that shows `wall` at `anchor`.
    #[must_use]
    pub fn new(anchor: Instant, wall: SystemTime) -> Self {
        let since_epoch = wall.duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
        Self { anchor, since_epoch }
    }

    /// NTP time at `now`.
    #[must_use]
    pub fn ntp_at(&self, now: Instant) -> NtpTime {
        NtpTime::from_unix(self.since_epoch + now.saturating_duration_since(self.anchor))
    }
}
