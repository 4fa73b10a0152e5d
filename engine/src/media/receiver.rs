//! The receiving half of a leg: what of its packets is voice, what a digit, and what is of no use.
//!
//! Voice goes through the reorder buffer to whoever hears it packet by packet, or, where the party is in a
//! conference, into a jitter buffer for the conference's clock.

use std::ops::Range;
use std::time::{Duration, Instant};

use webtrunk_codecs::ClockRate;

use super::intake::Intake;
use super::jitter::{Content, JitterCounters};
use super::pace::Pace;
use super::reorder::{Inserted, Ready, ReorderBuffer, ReorderCounters};
use super::reports::statistics_for;
use super::transcoder::TranscoderCounters;
use crate::leg::Deed;
use crate::rtp::telephone_event::{DigitEvent, EventReceiver};
use crate::rtp::{DropCounters, DropReason, PayloadType, ReceiverStats, RtpPacket, Ssrc};
use crate::sdp::Negotiated;

/// The receiving half.
pub(crate) struct Receiver {
    pace: Pace,
    reorder: ReorderBuffer,
    /// Takes voice instead of the reorder buffer while the party is in a conference.
    intake: Option<Box<Intake>>,
    digits: Option<EventReceiver>,
    statistics: Option<ReceiverStats>,
    /// Packets that came and were of use, of whatever stream.
    packets: u64,
    /// What became of packets in jitter buffers that are gone.
    fates_before: ReorderCounters,
    /// What was repaired behind them.
    repaired_before: TranscoderCounters,
    drops: DropCounters,
    accepts: Option<Accepts>,
    /// The peer said last that it pauses.
    is_paused: bool,
}

/// What the peer may send.
#[derive(Debug, Clone, Copy)]
struct Accepts {
    voice: PayloadType,
    telephone_event: Option<PayloadType>,
    comfort_noise: Option<PayloadType>,
    event_clock: Option<ClockRate>,
    clock: ClockRate,
    may_receive: bool,
}

impl Receiver {
    pub(crate) fn new() -> Self {
        Self {
            pace: Pace::default(),
            reorder: ReorderBuffer::default(),
            intake: None,
            digits: None,
            statistics: None,
            packets: 0,
            fates_before: ReorderCounters::default(),
            repaired_before: TranscoderCounters::default(),
            drops: DropCounters::new(),
            accepts: None,
            is_paused: false,
        }
    }

    /// Takes what was agreed, first or anew.
    pub(crate) fn agree(&mut self, agreed: &Negotiated) {
        let event_clock = agreed.telephone_event.map(|event| event.clock_rate);
        let had_clock = self.accepts.and_then(|accepts| accepts.event_clock);
        if event_clock != had_clock {
            self.digits = event_clock.map(EventReceiver::new);
        }
        if let Some(statistics) = &mut self.statistics {
            statistics.set_clock_rate(agreed.codec.clock_rate());
        }
        self.accepts = Some(Accepts {
            event_clock,
            voice: agreed.payload_type_rx,
            telephone_event: agreed.telephone_event.map(|event| event.payload_type_rx),
            comfort_noise: agreed.comfort_noise.map(|noise| noise.payload_type_rx),
            clock: agreed.codec.clock_rate(),
            may_receive: agreed.direction.receives(),
        });
    }

    /// Takes a plain RTP packet that lies in `range` of its datagram.
    pub(crate) fn handle_rtp(
        &mut self,
        bytes: &[u8],
        range: Range<usize>,
        now: Instant,
    ) -> Result<Deed, DropReason> {
        let packet = RtpPacket::parse(bytes)?;
        let accepts = self.accepts.ok_or(DropReason::NotReady)?;
        let payload_type = packet.payload_type();
        let is_event = Some(payload_type) == accepts.telephone_event;
        let is_noise = Some(payload_type) == accepts.comfort_noise;
        if !is_event && !is_noise && payload_type != accepts.voice {
            return Err(DropReason::UnknownPayloadType);
        }
        if !self.pace.admits(now) {
            return Err(DropReason::TooFast);
        }
        self.packets += 1;
        let statistics = statistics_for(&mut self.statistics, &packet, accepts.clock);
        self.is_paused = is_noise;
        if is_event || is_noise {
            statistics.handle_sequence(packet.sequence());
        } else {
            statistics.handle_media(packet.sequence(), packet.timestamp(), now);
        }
        if !accepts.may_receive {
            return Ok(Deed::Done);
        }
        // A digit's packets take their places in the stream too, or they would be missed as voice.
        if let Some(intake) = &mut self.intake {
            let content = match (is_event, is_noise) {
                (true, _) => Content::Other,
                (false, true) => Content::Noise,
                (false, false) => Content::Voice,
            };
            intake.insert(&packet, content, now)?;
            return if is_event { self.hear_digit(&packet, now) } else { Ok(Deed::Buffered(range)) };
        }
        let inserted = self.reorder.insert(&packet, bytes, now);
        if is_event {
            return self.hear_digit(&packet, now);
        }
        match inserted {
            Inserted::Deliver => Ok(Deed::Voice(range)),
            Inserted::Held => Ok(Deed::Done),
            Inserted::Dropped(reason) => Err(reason),
        }
    }

    fn hear_digit(&mut self, packet: &RtpPacket<'_>, now: Instant) -> Result<Deed, DropReason> {
        let Some(digits) = &mut self.digits else { return Ok(Deed::Done) };
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

    /// The payload type of voice, once agreed.
    pub(crate) fn voice(&self) -> Option<PayloadType> {
        self.accepts.map(|accepts| accepts.voice)
    }

    /// The payload type of comfort noise, where it was agreed.
    pub(crate) fn comfort_noise(&self) -> Option<PayloadType> {
        self.accepts?.comfort_noise
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
        self.statistics.as_ref().map_or(Duration::ZERO, ReceiverStats::jitter)
    }

    /// Statistics of the stream that comes now.
    pub(crate) fn statistics_now(&mut self) -> Option<&mut ReceiverStats> {
        self.statistics.as_mut()
    }

    /// Statistics of that stream, if it is the one that comes now.
    pub(crate) fn statistics_of(&mut self, ssrc: Ssrc) -> Option<&mut ReceiverStats> {
        self.statistics.as_mut().filter(|statistics| statistics.ssrc() == ssrc)
    }
}

fn fates_of(intake: &Intake) -> ReorderCounters {
    let JitterCounters { lost, late, duplicate, reordered, .. } = intake.fates();
    ReorderCounters { lost, late, duplicate, reordered }
}
