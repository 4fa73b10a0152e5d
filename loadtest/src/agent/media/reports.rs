//! RTCP, RFC 3550 6: what we tell of our stream and of the other end's, and what it tells of ours.

use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use rtc_rtcp::packet::{Packet, marshal, unmarshal};
use rtc_rtcp::receiver_report::ReceiverReport;
use rtc_rtcp::reception_report::ReceptionReport;
use rtc_rtcp::sender_report::SenderReport;
use rtc_rtcp::source_description::{
    SdesType, SourceDescription, SourceDescriptionChunk, SourceDescriptionItem,
};

use super::RtpHeader;

/// What the other end's latest report said of our stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PeerReport {
    /// Share of packets lost since the report before, in 256ths.
    pub fraction_lost: u8,
    /// Packets lost in all.
    pub total_lost: u32,
    /// Interarrival jitter in timestamp units.
    pub jitter: u32,
    /// To the other end and back, where it heard a report of ours.
    pub round_trip: Option<Duration>,
}

/// Both directions' bookkeeping.
#[derive(Debug)]
pub(crate) struct Reports {
    next_at: Instant,
    reception: Option<Reception>,
    /// The middle bits of the latest sender report's time, and when it came.
    heard_report: Option<(u32, Instant)>,
    pub(crate) peer: Option<PeerReport>,
    /// The loss that is told, in 256ths, whatever it is.
    claim: Option<u8>,
}

/// One incoming stream, RFC 3550 A.3 and A.8.
#[derive(Debug)]
struct Reception {
    ssrc: u32,
    first: u32,
    highest: u32,
    received: u32,
    before: (u32, u32),
    transit: Option<i64>,
    jitter: f64,
}

/// Our stream, as a sender report tells of it.
pub(crate) struct Sending {
    pub(crate) ssrc: u32,
    pub(crate) rtp_time: u32,
    pub(crate) packets: u32,
    pub(crate) octets: u32,
}

/// RFC 3550 6.2, as browsers do for audio.
const INTERVAL: Duration = Duration::from_secs(5);
/// The first one comes sooner, so that short calls have reports too.
const FIRST: Duration = Duration::from_secs(1);
/// Seconds from the NTP epoch, 1900, to 1970.
const NTP_EPOCH: u64 = 2_208_988_800;

impl Reports {
    pub(crate) fn new(now: Instant) -> Self {
        Self { next_at: now + FIRST, reception: None, heard_report: None, peer: None, claim: None }
    }

    /// Tells of so much loss from now on, in percent, every second; or again of what there is.
    pub(crate) fn claim_loss(&mut self, percent: Option<u8>, now: Instant) {
        self.claim = percent.map(|percent| (u16::from(percent.min(99)) * 256 / 100) as u8);
        self.next_at = now;
    }

    /// Notes an audio packet of a stream of this clock rate.
    pub(crate) fn note(&mut self, header: &RtpHeader, clock_rate_hz: u32, at: SystemTime) {
        let sequence = header.sequence;
        let reception = match &mut self.reception {
            Some(reception) if reception.ssrc == header.ssrc => reception,
            other => other.insert(Reception {
                ssrc: header.ssrc,
                first: sequence.into(),
                highest: sequence.into(),
                received: 0,
                before: (0, 0),
                transit: None,
                jitter: 0.0,
            }),
        };
        reception.received = reception.received.wrapping_add(1);
        let step = sequence.wrapping_sub(reception.highest as u16).cast_signed();
        if step > 0 {
            reception.highest = reception.highest.wrapping_add(u32::from(step.unsigned_abs()));
        }
        let since_epoch = at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let arrival = since_epoch.as_micros() * u128::from(clock_rate_hz) / 1_000_000;
        let transit = (arrival as u32).wrapping_sub(header.timestamp).cast_signed();
        if let Some(before) = reception.transit.replace(transit.into()) {
            let difference = (i64::from(transit) - before).unsigned_abs() as f64;
            reception.jitter += (difference - reception.jitter) / 16.0;
        }
    }

    /// Takes a compound packet. What cannot be read is left out.
    pub(crate) fn handle(&mut self, compound: &[u8], our_ssrc: u32, now: Instant) {
        let packets = unmarshal(&mut Bytes::copy_from_slice(compound)).unwrap_or_default();
        for packet in packets {
            let any = packet.as_any();
            let blocks = if let Some(report) = any.downcast_ref::<SenderReport>() {
                self.heard_report = Some(((report.ntp_time >> 16) as u32, now));
                &report.reports
            } else if let Some(report) = any.downcast_ref::<ReceiverReport>() {
                &report.reports
            } else {
                continue;
            };
            if let Some(block) = blocks.iter().find(|block| block.ssrc == our_ssrc) {
                self.peer = Some(PeerReport {
                    fraction_lost: block.fraction_lost,
                    total_lost: block.total_lost,
                    jitter: block.jitter,
                    round_trip: round_trip(block),
                });
            }
        }
    }

    /// The report that is due, if one is.
    pub(crate) fn poll(&mut self, sending: &Sending, now: Instant) -> Option<Vec<u8>> {
        if now < self.next_at {
            return None;
        }
        self.next_at = now + if self.claim.is_some() { FIRST } else { INTERVAL };
        let reports: Vec<_> = self.reception_report(now).into_iter().collect();
        let report: Box<dyn Packet> = if sending.packets == 0 {
            Box::new(ReceiverReport { ssrc: sending.ssrc, reports, ..ReceiverReport::default() })
        } else {
            Box::new(SenderReport {
                ssrc: sending.ssrc,
                ntp_time: ntp_now(),
                rtp_time: sending.rtp_time,
                packet_count: sending.packets,
                octet_count: sending.octets,
                reports,
                ..SenderReport::default()
            })
        };
        let name = SourceDescriptionItem { sdes_type: SdesType::SdesCname, text: "loadtest".into() };
        let chunk = SourceDescriptionChunk { source: sending.ssrc, items: vec![name] };
        let description = Box::new(SourceDescription { chunks: vec![chunk] });
        marshal(&[report, description]).ok().map(Into::into)
    }

    fn reception_report(&mut self, now: Instant) -> Option<ReceptionReport> {
        let reception = self.reception.as_mut()?;
        let expected = reception.highest.wrapping_sub(reception.first).wrapping_add(1);
        let (expected_before, received_before) = reception.before;
        reception.before = (expected, reception.received);
        let expected_now = expected.wrapping_sub(expected_before);
        let received_now = reception.received.wrapping_sub(received_before);
        let lost_now = expected_now.saturating_sub(received_now);
        let fraction_lost = u64::from(lost_now) * 256 / u64::from(expected_now.max(1));
        let fraction_lost = u8::try_from(fraction_lost).unwrap_or(u8::MAX);
        let (last_sender_report, delay) = self.heard_report.map_or((0, 0), |(middle, at)| {
            let waited = now.saturating_duration_since(at);
            (middle, (waited.as_secs_f64() * 65_536.0) as u32)
        });
        Some(ReceptionReport {
            ssrc: reception.ssrc,
            fraction_lost: self.claim.unwrap_or(fraction_lost),
            total_lost: expected.saturating_sub(reception.received).min(0x7f_ffff),
            last_sequence_number: reception.highest,
            jitter: reception.jitter as u32,
            last_sender_report,
            delay,
        })
    }
}

/// RFC 3550 6.4.1: now, less the time of our report, less the time that the other end had it.
fn round_trip(block: &ReceptionReport) -> Option<Duration> {
    let now = (ntp_now() >> 16) as u32;
    let units = now.wrapping_sub(block.last_sender_report).wrapping_sub(block.delay);
    // Clocks of both ends run at slightly different speeds.
    let units = if units > u32::MAX / 2 { 0 } else { units };
    (block.last_sender_report != 0).then(|| Duration::from_secs_f64(f64::from(units) / 65_536.0))
}

fn ntp_now() -> u64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let fraction = (u64::from(now.subsec_nanos()) << 32) / 1_000_000_000;
    ((now.as_secs() + NTP_EPOCH) << 32) | fraction
}

#[cfg(test)]
mod tests {
    use super::*;

    const SENDING: Sending = Sending { ssrc: 1, rtp_time: 800, packets: 5, octets: 800 };

    fn header(sequence: u16) -> RtpHeader {
        let timestamp = u32::from(sequence) * 160;
        RtpHeader { marker: false, payload_type: 0, sequence, timestamp, ssrc: 2 }
    }

    #[test]
    fn what_one_lost_the_other_is_told() {
        let start = Instant::now();
        let (mut listener, mut speaker) = (Reports::new(start), Reports::new(start));
        let began_at = SystemTime::now();
        for index in (0..100_u16).filter(|index| index % 4 != 3) {
            let at = began_at + Duration::from_millis(20) * u32::from(index);
            listener.note(&header(65_500_u16.wrapping_add(index)), 8000, at);
        }
        let report = listener.poll(&SENDING, start + FIRST).expect("due");
        speaker.handle(&report, 2, start);
        let told = speaker.peer.expect("a block about us");
        // 99 expected, for the last of the hundred was lost: 24 of them.
        assert_eq!((told.total_lost, told.fraction_lost), (24, (24 * 256 / 99) as u8));
        assert_eq!(told.round_trip, None);
        assert_eq!(listener.poll(&SENDING, start + FIRST), None);
    }

    #[test]
    fn the_round_trip_leaves_out_the_wait() {
        let start = Instant::now();
        let (mut one, mut other) = (Reports::new(start), Reports::new(start));
        other.note(&RtpHeader { ssrc: 1, ..header(1) }, 8000, SystemTime::now());
        let report = one.poll(&SENDING, start + FIRST).expect("due");
        other.handle(&report, 9, start + FIRST);
        let answer = other.poll(&Sending { ssrc: 9, packets: 0, ..SENDING }, start + FIRST).expect("due");
        one.handle(&answer, 1, start + FIRST);
        let round_trip = one.peer.and_then(|it| it.round_trip).expect("measured");
        assert!(round_trip < Duration::from_secs(2), "{round_trip:?}");
    }

    #[test]
    fn what_is_no_rtcp_is_left_out() {
        let mut reports = Reports::new(Instant::now());
        reports.handle(b"\x80\xc8\x00", 1, Instant::now());
        reports.handle(&[0x81; 40], 1, Instant::now());
        assert_eq!(reports.peer, None);
    }
}
