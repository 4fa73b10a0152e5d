//! The receiving half of a leg: what of its packets is voice, what a digit, and what is of no use.
//!
//! Voice goes through the reorder buffer to whoever hears it packet by packet, or, where the party is in a
//! conference, into a jitter buffer for the conference's clock.

use std::ops::Range;
use std::time::{Duration, Instant};

use webtrunk_codecs::{ClockRate, CodecId};

use super::intake::Intake;
use super::jitter::{Content, JitterCounters};
use super::pace::Pace;
use super::reorder::{Inserted, Ready, ReorderBuffer, ReorderCounters};
use super::stream_stats::StreamStats;
use super::transcoder::TranscoderCounters;
use crate::leg::Deed;
use crate::rtp::telephone_event::{DigitEvent, EventReceiver};
use crate::rtp::{DropCounters, DropReason, ReceiverStats, RtpPacket, Ssrc};
use crate::sdp::{Negotiated, PayloadFormat, Receivable};

/// A peer changes its codec no sooner than this after it did. Chosen by us: it may with any packet (RFC 3264 6.1), and
/// none does with every one; each change costs us new codecs.
const CODEC_KEPT: Duration = Duration::from_millis(100);

/// The receiving half.
pub(crate) struct Receiver {
    pace: Pace,
    reorder: ReorderBuffer,
    /// Takes voice instead of the reorder buffer while the party is in a conference.
    intake: Option<Box<Intake>>,
    digits: Option<EventReceiver>,
    statistics: StreamStats,
    /// Packets that came and were of use, of whatever stream.
    packets: u64,
    /// What became of packets in jitter buffers that are gone.
    fates_before: ReorderCounters,
    /// What was repaired behind them.
    repaired_before: TranscoderCounters,
    drops: DropCounters,
    accepts: Option<Accepts>,
    /// When the peer changed its codec last.
    changed_at: Option<Instant>,
    /// The peer said last that it pauses.
    is_paused: bool,
}

/// What is accepted of the peer.
#[derive(Debug, Clone, Copy)]
struct Accepts {
    /// Of the codecs that it may send, the one that it does.
    codec: CodecId,
    may_receive: bool,
}

impl Receiver {
    pub(crate) fn new() -> Self {
        Self {
            pace: Pace::default(),
            reorder: ReorderBuffer::default(),
            intake: None,
            digits: None,
            statistics: StreamStats::default(),
            packets: 0,
            fates_before: ReorderCounters::default(),
            repaired_before: TranscoderCounters::default(),
            drops: DropCounters::new(),
            accepts: None,
            changed_at: None,
            is_paused: false,
        }
    }

    /// Takes what was agreed, first or anew.
    pub(crate) fn agree(&mut self, agreed: &Negotiated) {
        let may_still = |codec: &CodecId| agreed.receives(PayloadFormat::Codec(*codec));
        let codec = self.codec().filter(may_still).unwrap_or(agreed.codec);
        self.accepts = Some(Accepts { codec, may_receive: agreed.direction.receives() });
    }

    /// The codec that the peer sends, of those that it may; once agreed.
    pub(crate) fn codec(&self) -> Option<CodecId> {
        self.accepts.map(|accepts| accepts.codec)
    }

    /// The peer sends another codec from now on.
    ///
    /// # Errors
    /// [`DropReason::TooFast`] if it did so just before.
    pub(crate) fn change_codec(&mut self, codec: CodecId, now: Instant) -> Result<(), DropReason> {
        if self.changed_at.is_some_and(|at| now.saturating_duration_since(at) < CODEC_KEPT) {
            return Err(DropReason::TooFast);
        }
        self.changed_at = Some(now);
        self.accepts = self.accepts.map(|accepts| Accepts { codec, ..accepts });
        Ok(())
    }

    /// Takes a plain RTP packet that lies in `range` of its datagram and should be one of `receivable`.
    pub(crate) fn handle_rtp(
        &mut self,
        bytes: &[u8],
        range: Range<usize>,
        receivable: &[Receivable],
        now: Instant,
    ) -> Result<Deed, DropReason> {
        let packet = RtpPacket::parse(bytes)?;
        let accepts = self.accepts.ok_or(DropReason::NotReady)?;
        let format = Receivable::format_in(receivable, packet.payload_type());
        let format = format.ok_or(DropReason::UnknownPayloadType)?;
        if !self.pace.admits(lasts(format, packet.payload()), now) {
            return Err(DropReason::TooFast);
        }
        self.packets += 1;
        let clock = accepts.codec.clock_rate();
        let statistics = self.statistics.count_for(packet.ssrc(), clock);
        match format {
            PayloadFormat::Codec(codec) if codec == accepts.codec => {
                statistics.set_clock_rate(clock);
                statistics.handle_media(packet.sequence(), packet.timestamp(), now);
            }
            // With the first of another codec its clock is not taken up yet: it may be refused.
            PayloadFormat::Codec(_) | PayloadFormat::TelephoneEvent(_) | PayloadFormat::ComfortNoise(_) => {
                statistics.handle_sequence(packet.sequence());
            }
        }
        self.is_paused = matches!(format, PayloadFormat::ComfortNoise(_));
        if !accepts.may_receive {
            return Ok(Deed::Done);
        }
        // A digit's packets take their places in the stream too, or they would be missed as voice.
        if self.intake.is_some() {
            self.buffer(&packet, format, now)?;
            return match format {
                PayloadFormat::TelephoneEvent(clock) => self.hear_digit(&packet, clock, now),
                PayloadFormat::Codec(_) | PayloadFormat::ComfortNoise(_) => Ok(Deed::Buffered(range)),
            };
        }
        let inserted = self.reorder.insert(&packet, bytes, now);
        if let PayloadFormat::TelephoneEvent(clock) = format {
            return self.hear_digit(&packet, clock, now);
        }
        match inserted {
            Inserted::Deliver => Ok(Deed::Voice(range)),
            Inserted::Held => Ok(Deed::Done),
            Inserted::Dropped(reason) => Err(reason),
        }
    }

    /// Puts a packet into the jitter buffer: one of another codec into one of its own.
    fn buffer(
        &mut self,
        packet: &RtpPacket<'_>,
        format: PayloadFormat,
        now: Instant,
    ) -> Result<(), DropReason> {
        let content = match format {
            PayloadFormat::Codec(_) => Content::Voice,
            PayloadFormat::TelephoneEvent(_) => Content::Other,
            PayloadFormat::ComfortNoise(_) => Content::Noise,
        };
        if let PayloadFormat::Codec(codec) = format
            && self.codec() != Some(codec)
        {
            self.change_codec(codec, now)?;
            let intake = Intake::open(codec, now).map_err(|_| DropReason::NotReady)?;
            self.set_intake(Some(Box::new(intake)));
        }
        self.intake.as_mut().ok_or(DropReason::NotReady)?.insert(packet, content, now)
    }

    fn hear_digit(
        &mut self,
        packet: &RtpPacket<'_>,
        clock: ClockRate,
        now: Instant,
    ) -> Result<Deed, DropReason> {
        let digits = match &mut self.digits {
            Some(digits) if digits.clock_rate() == clock => digits,
            other => other.insert(EventReceiver::new(clock)),
        };
        let mut keys = digits.handle_packet(packet.timestamp(), packet.marker(), packet.payload(), now)?;
        let keys = [keys.next(), keys.next(), keys.next()];
        Ok(if keys == [None; 3] { Deed::Done } else { Deed::Keys(keys) })
    }

    /// The jitter buffer that voice goes into instead of being delivered, where there is one.
    pub(crate) fn intake(&mut self) -> Option<&mut Intake> {
        self.intake.as_deref_mut()
    }

    /// Sets where voice goes: into a jitter buffer, or out as it comes.
    pub(crate) fn set_intake(&mut self, intake: Option<Box<Intake>>) {
        if self.intake.is_some() || intake.is_some() {
            self.reorder.forget_stream();
        }
        if let Some(former) = std::mem::replace(&mut self.intake, intake) {
            self.fates_before += fates_of(&former);
            self.repaired_before += former.repaired();
        }
    }

    /// Whether the peer said last that it pauses.
    pub(crate) fn is_paused(&self) -> bool {
        self.is_paused
    }

    /// The next packet that waited and whose turn or time has come.
    pub(crate) fn next_ready(&mut self, now: Instant) -> Option<Ready<'_>> {
        self.reorder.next_ready(now)
    }

    /// Does what is due; a key whose end was lost goes up.
    pub(crate) fn handle_timeout(&mut self, now: Instant) -> Option<DigitEvent> {
        self.digits.as_mut()?.handle_timeout(now)
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        let digits = self.digits.as_ref().and_then(EventReceiver::poll_timeout);
        [self.reorder.poll_timeout(), digits].into_iter().flatten().min()
    }

    pub(crate) fn count_drop(&mut self, reason: DropReason) {
        self.drops.count(reason);
    }

    pub(crate) fn drops(&self) -> &DropCounters {
        &self.drops
    }

    pub(crate) fn fates(&self) -> ReorderCounters {
        let mut fates = self.fates_before;
        fates += self.reorder.counters();
        fates += self.intake.as_deref().map(fates_of).unwrap_or_default();
        fates
    }

    /// What of the party's voice was repaired for conferences.
    pub(crate) fn repaired(&self) -> TranscoderCounters {
        let mut repaired = self.repaired_before;
        repaired += self.intake.as_ref().map(|intake| intake.repaired()).unwrap_or_default();
        repaired
    }

    /// Packets that came and were of use.
    pub(crate) fn packets(&self) -> u64 {
        self.packets
    }

    pub(crate) fn jitter(&self) -> Duration {
        self.statistics.now().map_or(Duration::ZERO, ReceiverStats::jitter)
    }

    /// Statistics of the stream that comes now.
    pub(crate) fn statistics_now(&mut self) -> Option<&mut ReceiverStats> {
        self.statistics.now_mut()
    }

    /// Statistics of that stream, if it is the one that comes now.
    pub(crate) fn statistics_of(&mut self, ssrc: Ssrc) -> Option<&mut ReceiverStats> {
        self.statistics.now_mut().filter(|statistics| statistics.ssrc() == ssrc)
    }
}

/// How long a payload lasts that is voice.
fn lasts(format: PayloadFormat, payload: &[u8]) -> Duration {
    match format {
        PayloadFormat::Codec(codec) => {
            let (ticks, hz) = (codec.ticks_in(payload), codec.clock_rate().hz());
            Duration::from_micros(u64::from(ticks) * 1_000_000 / u64::from(hz))
        }
        PayloadFormat::TelephoneEvent(_) | PayloadFormat::ComfortNoise(_) => Duration::ZERO,
    }
}

fn fates_of(intake: &Intake) -> ReorderCounters {
    let JitterCounters { lost, late, duplicate, reordered, .. } = intake.fates();
    ReorderCounters { lost, late, duplicate, reordered }
}
