//! When a packet's sound belongs: by its timestamp, anchored to the wall clock by when packets come.
//!
//! A packet's transit is its arrival less its timestamp. The smallest transit of the last two seconds is that of
//! a packet that waited for nobody, and is what timestamps are anchored by. So jitter does not move the sound, and
//! a sender's clock that is fast or slow is followed.

use webtrunk_codecs::ClockRate;

/// How long a transit counts: eight buckets of a quarter of a second. At 1000 ppm a clock is 2 ms off in that time.
const BUCKETS: usize = 8;
const BUCKET_US: u64 = 250_000;

/// A step of the timestamp that is not a pause any more but another timeline: ten minutes, the longest hold
/// after which the clocks are compared rather than begun anew.
const PAUSE_SECONDS_MAX: i64 = 600;

/// A timeline that differs from the time of arrival by more than this is another one.
const STRAY_US: i64 = 2_000_000;

/// The places of one stream's packets.
#[derive(Debug)]
pub(super) struct Places {
    clock: ClockRate,
    /// The last timestamp, as it came and counted on from the first.
    last: Option<(u32, i64)>,
    /// The smallest transit in microseconds of each bucket.
    transits: [Option<i64>; BUCKETS],
    /// The bucket of the last packet, counted from the begin.
    bucket: u64,
}

impl Places {
    pub(super) const fn new(clock: ClockRate) -> Self {
        Self { clock, last: None, transits: [None; BUCKETS], bucket: 0 }
    }

    /// When a packet of this timestamp could have come first, in microseconds after the begin; it came at `at_us`.
    /// Tells also whether it goes on from the packets before.
    pub(super) fn place(&mut self, timestamp: u32, at_us: u64) -> (i64, bool) {
        let at = i64::try_from(at_us).unwrap_or(i64::MAX);
        let hz = i64::from(self.clock.hz());
        let step =
            self.last.map(|(last, ticks)| (i64::from(timestamp.wrapping_sub(last).cast_signed()), ticks));
        let known = step.filter(|(step, _)| (0..PAUSE_SECONDS_MAX * hz).contains(step));
        let ticks = known.map_or(0, |(step, ticks)| ticks + step);
        let transit = at - ticks * 1_000_000 / hz;
        self.expire(at_us / BUCKET_US);
        let base = self.base().unwrap_or(transit);
        // After a pause the window is empty, and the last that is known of the clocks is gone with it.
        if known.is_none() || (transit - base).abs() > STRAY_US {
            return self.begin(timestamp, at_us);
        }
        self.last = Some((timestamp, ticks));
        self.note(transit);
        (at - transit + self.base().unwrap_or(transit), true)
    }

    fn begin(&mut self, timestamp: u32, at_us: u64) -> (i64, bool) {
        let at = i64::try_from(at_us).unwrap_or(i64::MAX);
        self.transits = [None; BUCKETS];
        self.last = Some((timestamp, 0));
        self.note(at);
        (at, false)
    }

    fn base(&self) -> Option<i64> {
        self.transits.iter().flatten().min().copied()
    }

    fn note(&mut self, transit: i64) {
        let least = &mut self.transits[self.bucket as usize % BUCKETS];
        *least = Some(least.map_or(transit, |least| least.min(transit)));
    }

    /// Forgets what is older than the window.
    fn expire(&mut self, bucket: u64) {
        let passed = bucket.saturating_sub(self.bucket).min(BUCKETS as u64);
        for older in 0..passed {
            self.transits[(bucket - older) as usize % BUCKETS] = None;
        }
        self.bucket = self.bucket.max(bucket);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jitter_moves_nothing_once_a_packet_came_in_time() {
        let mut places = Places::new(ClockRate::HZ_8000);
        let late_us = [9000, 0, 30_000, 4000, 90_000, 0, 17_000];
        for (packet, late_us) in late_us.into_iter().enumerate() {
            let sent_us = packet as u64 * 20_000;
            let (place_us, _) = {
                let timestamp = (u32::MAX - 100).wrapping_add(packet as u32 * 160);
                places.place(timestamp, 50_000 + sent_us + late_us)
            };
            let expected = 50_000 + sent_us + if packet == 0 { late_us } else { 0 };
            assert_eq!(place_us, expected as i64, "packet {packet}");
        }
    }

    #[test]
    fn drifting_clocks_are_followed_and_longer_ways_after_two_seconds() {
        for drift_ppm in [-200_i64, 200] {
            let mut places = Places::new(ClockRate::HZ_48000);
            for packet in 0..30_000_i64 {
                let at_us = packet * 20_000 + packet * 20_000 * drift_ppm / 1_000_000;
                let (place_us, _) = places.place(packet as u32 * 960, at_us as u64);
                assert!((place_us - at_us).abs() < 500, "{place_us} at {at_us}");
            }
        }
        let mut places = Places::new(ClockRate::HZ_8000);
        let place = |packet: u64| {
            places.place(packet as u32 * 160, packet * 20_000 + if packet > 100 { 60_000 } else { 0 })
        };
        let late = (0..300).map(place).last().map(|(place_us, _)| place_us);
        assert_eq!(late, Some(299 * 20_000 + 60_000));
    }

    #[test]
    fn another_timeline_begins_where_it_comes() {
        let mut places = Places::new(ClockRate::HZ_8000);
        assert_eq!(places.place(1000, 0), (0, false));
        assert_eq!(places.place(1160, 20_000), (20_000, true));
        assert_eq!(places.place(4_000_000_000, 45_000), (45_000, false), "a restarted sender");
        assert_eq!(places.place(4_000_000_160, 65_000), (65_000, true));
        assert_eq!(places.place(4_000_048_160, 85_000), (85_000, false), "six seconds that did not pass");
    }
}
