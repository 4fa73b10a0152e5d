//! What was sent of one stream, and what its receiver says of it (RFC 3550 6.4.1).

use std::time::{Duration, Instant};

use webtrunk_codecs::ClockRate;

use super::rtcp::{ReportBlock, SenderInfo, VoipMetrics};
use super::{NtpTime, ShortNtpTime, Timestamp};

/// Longest round trip that is believed. Chosen by us: what is longer is a peer's wrong clock.
const ROUND_TRIP_MAX: Duration = Duration::from_secs(10);

/// Counts of one stream that we send.
#[derive(Debug, Clone)]
pub struct SenderStats {
    clock_rate: ClockRate,
    packets: u64,
    octets: u64,
    last_sent: Option<(Timestamp, Instant)>,
    remote: Option<RemoteReport>,
    metrics: Option<VoipMetrics>,
}

/// What the receiver of our stream last reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RemoteReport {
    /// Lost between its last two reports, in 1/256.
    pub fraction_lost: u8,
    /// Lost since the beginning; negative where packets came twice.
    pub cumulative_lost: i32,
    /// Interarrival jitter there.
    pub jitter: Duration,
    /// The way there and back; `None` until it has had a report of ours.
    pub round_trip: Option<Duration>,
}

impl SenderStats {
    /// Counts of a stream of which nothing was sent yet.
    #[must_use]
    pub const fn new(clock_rate: ClockRate) -> Self {
        Self { clock_rate, packets: 0, octets: 0, last_sent: None, remote: None, metrics: None }
    }

    /// Goes on in the units of another clock.
    pub const fn set_clock_rate(&mut self, clock_rate: ClockRate) {
        self.clock_rate = clock_rate;
    }

    /// Counts a packet sent at `now`.
    pub const fn handle_sent(&mut self, timestamp: Timestamp, payload_len: usize, now: Instant) {
        self.packets += 1;
        self.octets += payload_len as u64;
        self.last_sent = Some((timestamp, now));
    }

    /// What our next report says we sent; `None` if that is nothing.
    #[must_use]
    pub fn sender_info(&self, ntp_time: NtpTime, now: Instant) -> Option<SenderInfo> {
        let (timestamp, sent_at) = self.last_sent?;
        let elapsed = now.saturating_duration_since(sent_at);
        let units = elapsed.as_nanos() * u128::from(self.clock_rate.hz()) / 1_000_000_000;
        Some(SenderInfo {
            ntp_time,
            rtp_timestamp: timestamp.plus(units as u32),
            packet_count: self.packets as u32,
            octet_count: self.octets as u32,
        })
    }

    /// Reads the block that a report of `now` has about our stream.
    pub fn handle_report_block(&mut self, block: &ReportBlock, now: NtpTime) {
        self.remote = Some(RemoteReport {
            fraction_lost: block.fraction_lost,
            cumulative_lost: block.cumulative_lost,
            jitter: Duration::from_secs(block.jitter.into()) / self.clock_rate.hz(),
            round_trip: round_trip(block, now).or(self.remote.and_then(|remote| remote.round_trip)),
        });
    }

    /// Takes the VoIP metrics that the receiver of our stream reports of it.
    pub const fn handle_voip_metrics(&mut self, metrics: VoipMetrics) {
        self.metrics = Some(metrics);
    }

    /// The VoIP metrics that the receiver last reported.
    #[must_use]
    pub const fn voip_metrics(&self) -> Option<&VoipMetrics> {
        self.metrics.as_ref()
    }

    /// What the receiver last reported.
    #[must_use]
    pub const fn remote(&self) -> Option<&RemoteReport> {
        self.remote.as_ref()
    }

    /// Packets sent.
    #[must_use]
    pub const fn packets_sent(&self) -> u64 {
        self.packets
    }

    /// Payload bytes sent.
    #[must_use]
    pub const fn octets_sent(&self) -> u64 {
        self.octets
    }
}

/// Now, less when our report was sent, less how long it lay there (RFC 3550 6.4.1, figure 2).
fn round_trip(block: &ReportBlock, now: NtpTime) -> Option<Duration> {
    if block.last_sender_report == ShortNtpTime(0) {
        return None;
    }
    let since_report = i64::from(now.short().distance_from(block.last_sender_report));
    let units = u64::try_from(since_report - i64::from(block.delay_since_last_sender_report)).ok()?;
    let round_trip = Duration::from_nanos(units * 1_000_000_000 / u64::from(ShortNtpTime::UNITS_PER_S));
    (round_trip <= ROUND_TRIP_MAX).then_some(round_trip)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtp::Ssrc;

    fn block(last_sender_report: u32, delay: u32) -> ReportBlock {
        ReportBlock {
            ssrc: Ssrc(1),
            fraction_lost: 3,
            cumulative_lost: -4,
            highest_sequence: 5,
            jitter: 80,
            last_sender_report: ShortNtpTime(last_sender_report),
            delay_since_last_sender_report: delay,
        }
    }

    #[test]
    fn sender_info_counts_and_carries_the_clock_on() {
        let (mut stats, start) = (SenderStats::new(ClockRate::HZ_48000), Instant::now());
        assert_eq!(stats.sender_info(NtpTime(1), start), None);
        stats.handle_sent(Timestamp(u32::MAX - 959), 80, start);
        stats.handle_sent(Timestamp(0), 60, start + Duration::from_millis(20));
        let info = stats.sender_info(NtpTime(1), start + Duration::from_millis(25)).expect("two were sent");
        assert_eq!(
            info,
            SenderInfo {
                ntp_time: NtpTime(1),
                rtp_timestamp: Timestamp(240),
                packet_count: 2,
                octet_count: 140
            }
        );
        assert_eq!((stats.packets_sent(), stats.octets_sent()), (2, 140));
    }

    #[test]
    fn round_trip_is_the_figure_of_rfc_3550() {
        // 6.4.1: A = 0xb710:8000, DLSR = 0x0005:4000, LSR = 0xb705:2000, delay 6.125 s.
        let now = NtpTime(0xb44d_b710_8000_0000);
        let mut stats = SenderStats::new(ClockRate::HZ_8000);
        stats.handle_report_block(&block(0xb705_2000, 0x0005_4000), now);
        let remote = *stats.remote().expect("a report came");
        assert_eq!(remote.round_trip, Some(Duration::from_millis(6125)));
        assert_eq!((remote.fraction_lost, remote.cumulative_lost), (3, -4));
        assert_eq!(remote.jitter, Duration::from_millis(10));
    }

    #[test]
    fn round_trips_that_cannot_be_are_not_believed() {
        let now = NtpTime(0xb44d_b710_8000_0000);
        assert_eq!(round_trip(&block(0, 0), now), None, "no report of ours was heard");
        assert_eq!(round_trip(&block(0xb710_8000, 1), now), None, "negative");
        assert_eq!(round_trip(&block(0xb711_8000, 0), now), None, "from the future");
        assert_eq!(round_trip(&block(0xb705_2000, 0), now), None, "longer than 10 s");
        assert_eq!(round_trip(&block(0xb710_8000, u32::MAX), now), None);
        assert_eq!(round_trip(&block(0xb710_8000, 0), now), Some(Duration::ZERO));
    }

    #[test]
    fn a_report_without_round_trip_keeps_the_last_one() {
        let now = NtpTime(0xb44d_b710_8000_0000);
        let mut stats = SenderStats::new(ClockRate::HZ_8000);
        stats.handle_report_block(&block(0xb705_2000, 0x0005_4000), now);
        stats.handle_report_block(&block(0, 0), now);
        let remote = stats.remote().expect("a report came");
        assert_eq!(remote.round_trip, Some(Duration::from_millis(6125)));
    }
}
