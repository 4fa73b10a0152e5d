//! RTCP of a leg: what we report, when, and what the peer's reports tell (RFC 3550 6).

use std::time::{Duration, Instant};

use super::listening::Listening;
use super::output::OutputStream;
use super::receiver::Receiver;
use super::wall_clock::WallClock;
use crate::leg::LegTransport;
use crate::net::Outbox;
use crate::rtp::DropReason;
use crate::rtp::rtcp::{
    Cname, CompoundPacket, CompoundReport, ExtendedBlock, ExtendedReportWriter, ReportBlock, RtcpPacket,
};
use crate::sdp::Negotiated;

/// The first report comes early, so that the round trip is known soon. Chosen by us.
const FIRST_AFTER: Duration = Duration::from_secs(1);

/// The mean time between reports (RFC 3550 6.2).
const INTERVAL: Duration = Duration::from_secs(5);

/// Longest report of ours: one block, a name, VoIP metrics.
const REPORT_MAX: usize = 176;

/// RTCP of one leg.
pub(crate) struct Reports {
    cname: Cname,
    clock: WallClock,
    next_at: Option<Instant>,
    /// How long the packets of either side last.
    ptime: Duration,
    /// The peer asked for VoIP metrics (RFC 3611 5).
    sends_metrics: bool,
}

/// What is reported of: the halves of a leg.
pub(crate) struct Halves<'a> {
    pub(crate) receiver: &'a mut Receiver,
    pub(crate) listening: Option<&'a mut Listening>,
    pub(crate) output: &'a OutputStream,
}

impl Reports {
    pub(crate) fn new(clock: WallClock) -> Self {
        let cname = Cname::from_random(rand::random());
        Self { cname, clock, next_at: None, ptime: Duration::ZERO, sends_metrics: false }
    }

    /// Takes what was agreed, first or anew.
    pub(crate) fn agree(&mut self, agreed: &Negotiated) {
        self.ptime = Duration::from_millis(agreed.ptime_tx_ms.into());
        self.sends_metrics = agreed.sends_voip_metrics;
    }

    /// Media can flow: reports begin.
    pub(crate) fn begin(&mut self, now: Instant) {
        self.next_at.get_or_insert(now + FIRST_AFTER);
    }

    /// Reads a compound packet of the peer; returns the loss that it reports of our stream, in percent.
    ///
    /// # Errors
    /// [`DropReason`] when it is malformed.
    pub(crate) fn handle_rtcp(
        &self,
        compound: &[u8],
        now: Instant,
        receiver: &mut Receiver,
        output: &mut OutputStream,
    ) -> Result<Option<u8>, DropReason> {
        let mut loss = None;
        for packet in CompoundPacket::parse(compound)?.packets() {
            match packet {
                RtcpPacket::SenderReport(report) => {
                    if let Some(statistics) = receiver.statistics_of(report.ssrc()) {
                        statistics.handle_sender_report(report.sender_info().ntp_time, now);
                    }
                    loss = self.read_blocks(report.blocks(), now, output).or(loss);
                }
                RtcpPacket::ReceiverReport(report) => {
                    loss = self.read_blocks(report.blocks(), now, output).or(loss);
                }
                RtcpPacket::ExtendedReport(report) => {
                    let metrics = report.blocks().filter_map(|block| match block {
                        ExtendedBlock::VoipMetrics(metrics) => Some(metrics),
                        ExtendedBlock::Other { .. } => None,
                    });
                    let ours = output.ssrc();
                    if let Some(metrics) = metrics.filter(|metrics| metrics.ssrc == ours).last() {
                        output.stats_mut().handle_voip_metrics(metrics);
                    }
                }
                // A BYE never ends a call by itself: signalling does.
                RtcpPacket::SourceDescription | RtcpPacket::Goodbye | RtcpPacket::Other { .. } => {}
            }
        }
        Ok(loss)
    }

    /// Sends a report when one is due.
    pub(crate) fn handle_timeout(
        &mut self,
        now: Instant,
        halves: Halves<'_>,
        transport: &mut LegTransport,
        outbox: &mut Outbox,
    ) {
        if self.next_at.is_none_or(|at| at > now) {
            return;
        }
        self.send(false, now, halves, transport, outbox);
        // Half to one and a half of the mean, so that legs do not fall into step (RFC 3550 6.3.1).
        self.next_at = Some(now + INTERVAL.mul_f32(0.5 + rand::random::<f32>()));
    }

    /// Tells the peer that our stream ends.
    pub(crate) fn say_goodbye(
        &self,
        now: Instant,
        halves: Halves<'_>,
        transport: &mut LegTransport,
        outbox: &mut Outbox,
    ) {
        if self.next_at.is_some() {
            self.send(true, now, halves, transport, outbox);
        }
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.next_at
    }

    fn send(
        &self,
        is_goodbye: bool,
        now: Instant,
        halves: Halves<'_>,
        transport: &mut LegTransport,
        outbox: &mut Outbox,
    ) {
        let Halves { receiver, listening, output } = halves;
        let metrics = listening.and_then(|listening| {
            let round_trip = output.stats().remote().and_then(|remote| remote.round_trip);
            listening.refresh(round_trip, receiver.jitter(), self.ptime);
            let source = receiver.statistics_now().filter(|_| self.sends_metrics)?.ssrc();
            listening.voip_metrics(source, self.ptime)
        });
        let block = receiver.statistics_now().and_then(|statistics| statistics.take_report_block(now));
        let report = CompoundReport {
            ssrc: output.ssrc(),
            sender_info: output.stats().sender_info(self.clock.ntp_at(now), now),
            blocks: block.as_slice(),
            cname: &self.cname,
            extended: metrics
                .as_ref()
                .map(|metrics| ExtendedReportWriter { ssrc: output.ssrc(), voip_metrics: metrics }),
            is_goodbye,
        };
        let mut compound = [0; REPORT_MAX];
        if report.byte_len() <= REPORT_MAX {
            let length = report.write_to(&mut compound);
            transport.send_rtcp(&compound[..length], outbox);
        }
    }

    fn read_blocks(
        &self,
        blocks: impl Iterator<Item = ReportBlock>,
        now: Instant,
        output: &mut OutputStream,
    ) -> Option<u8> {
        let ours = output.ssrc();
        let block = blocks.filter(|block| block.ssrc == ours).last()?;
        output.stats_mut().handle_report_block(&block, self.clock.ntp_at(now));
        u8::try_from(u16::from(block.fraction_lost) * 100 / 256).ok()
    }
}
