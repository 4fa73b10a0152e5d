//! The timers of RFC 3261 17 and RFC 6026 by their letters, and the doubling retransmission they share.

use std::time::{Duration, Instant};

/// How long a transaction waits and how often it sends again (RFC 3261 17.1.1.1, table 4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimerConfig {
    /// Estimate of the round trip; first interval of every retransmission.
    pub t1: Duration,
    /// Longest interval between retransmissions of non-INVITE requests and of INVITE responses.
    pub t2: Duration,
    /// Longest time that a message stays in the network.
    pub t4: Duration,
    /// Timers B, D, F, H, J, L, M: when an unanswered message is given up. 64 * T1 in the RFC.
    pub give_up: Duration,
}

impl Default for TimerConfig {
    fn default() -> Self {
        let t1 = Duration::from_millis(500);
        Self { t1, t2: Duration::from_secs(4), t4: Duration::from_secs(5), give_up: t1 * 64 }
    }
}

/// A message that is sent again at doubling intervals: timers A, E, G, and the 2xx of RFC 3261 13.3.1.4.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::sip) struct Resend {
    at: Instant,
    interval: Duration,
    interval_max: Duration,
}

impl Resend {
    /// First retransmission after T1, then doubling without a bound: timer A, which timer B ends.
    pub(in crate::sip) fn unbounded(timers: &TimerConfig, now: Instant) -> Self {
        Self { at: now + timers.t1, interval: timers.t1, interval_max: Duration::MAX }
    }

    /// First retransmission after T1, then doubling up to T2: timers E and G.
    pub(in crate::sip) fn up_to_t2(timers: &TimerConfig, now: Instant) -> Self {
        Self { at: now + timers.t1, interval: timers.t1, interval_max: timers.t2 }
    }

    /// Every T2: timer E once a provisional response came.
    pub(in crate::sip) fn each_t2(timers: &TimerConfig, now: Instant) -> Self {
        Self { at: now + timers.t2, interval: timers.t2, interval_max: timers.t2 }
    }

    /// When to send next.
    pub(in crate::sip) const fn at(&self) -> Instant {
        self.at
    }

    /// Whether it is time to send.
    pub(in crate::sip) fn is_due(&self, now: Instant) -> bool {
        self.at <= now
    }

    /// Plans the next time, after one was sent at `now`.
    pub(in crate::sip) fn advance(&mut self, now: Instant) {
        self.interval = self.interval.saturating_mul(2).min(self.interval_max);
        self.at = now + self.interval;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invite_is_sent_seven_times_in_64_t1() {
        let sent_at = sending_times(Resend::unbounded);
        assert_eq!(sent_at, [500, 1_500, 3_500, 7_500, 15_500, 31_500]);
    }

    #[test]
    fn other_requests_are_sent_every_t2_in_the_end() {
        let sent_at = sending_times(Resend::up_to_t2);
        assert_eq!(sent_at, [500, 1_500, 3_500, 7_500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500]);
    }

    fn sending_times(begin: impl Fn(&TimerConfig, Instant) -> Resend) -> Vec<u128> {
        let timers = TimerConfig::default();
        let start = Instant::now();
        let mut resend = begin(&timers, start);
        let mut times = Vec::new();
        while resend.at() < start + timers.give_up {
            let now = resend.at();
            times.push((now - start).as_millis());
            assert!(resend.is_due(now));
            resend.advance(now);
            assert!(!resend.is_due(now));
        }
        times
    }
}
