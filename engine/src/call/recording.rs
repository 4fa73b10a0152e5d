//! What of a call is recorded: one leg's party, and whom it hears.

use std::time::{Duration, Instant};

use webtrunk_codecs::CodecId;

use crate::LegId;
use crate::leg::Leg;
use crate::media::{Heard, HeardKind, Hears, Side, Tap, TapHeard};
use crate::rtp::{RtpPacket, SequenceNumber};

use super::events::CallEvent;
use super::state::Call;

/// A recording under way, as the media thread sees it.
pub(super) struct Recording {
    left: LegId,
    tap: Tap,
    /// The number of the last packet that was taken as it came.
    last: Option<SequenceNumber>,
}

/// A packet whose number is further behind than this is another stream's: as in the reorder buffer.
const OVERTAKEN_MAX: i16 = 150;

impl Recording {
    pub(super) const fn new(left: LegId, tap: Tap) -> Self {
        Self { left, tap, last: None }
    }

    /// The party on the left.
    pub(super) const fn left(&self) -> LegId {
        self.left
    }

    /// On which side a speaker is heard, if on any.
    pub(super) fn side_of<'a>(
        &self,
        speaker: LegId,
        mut others: impl Iterator<Item = &'a Leg>,
    ) -> Option<Side> {
        if speaker == self.left {
            return Some(Side::Left);
        }
        let hears = |leg: &Leg| matches!(leg.sender.hears, Hears::Leg { from, .. } if from == speaker);
        others.any(|leg| leg.id() == self.left && hears(leg)).then_some(Side::Right)
    }

    /// Where what this leg's party hears of ours is to go too, if it is the one on the left.
    pub(super) fn tap_of(&mut self, listener: LegId) -> Option<&mut Tap> {
        (listener == self.left).then_some(&mut self.tap)
    }

    /// Takes a packet of the party on the left as it came, in a conference: one that was overtaken is missing.
    pub(super) fn hear_as_it_comes(&mut self, codec: CodecId, packet: &RtpPacket<'_>, now: Instant) {
        let ahead = self.last.map_or(1, |last| packet.sequence().distance_from(last));
        if (-OVERTAKEN_MAX..=0).contains(&ahead) {
            return;
        }
        self.last = Some(packet.sequence());
        // A jump is another stream, and no loss.
        let lost_before = u32::try_from(ahead - 1).ok().filter(|lost| *lost < OVERTAKEN_MAX as u32);
        let heard = Heard {
            kind: HeardKind::Voice,
            payload: packet.payload(),
            timestamp: packet.timestamp(),
            marker: packet.marker(),
            lost_before: lost_before.unwrap_or(0),
        };
        self.hear(Side::Left, codec, heard, now);
    }

    /// Takes a packet of voice.
    pub(super) fn hear(&mut self, side: Side, codec: CodecId, heard: Heard<'_>, now: Instant) {
        let Heard { payload, timestamp, lost_before, .. } = heard;
        self.tap.hear(TapHeard { side, codec, timestamp: timestamp.0, lost_before, payload }, now);
    }

    pub(super) fn pause(&mut self) {
        self.tap.pause();
    }

    pub(super) fn resume(&mut self) {
        self.tap.resume();
    }

    /// Marks this moment; tells how far from the begin it is.
    pub(super) fn mark(&mut self, now: Instant) -> Duration {
        Duration::from_micros(self.tap.mark(now))
    }

    /// Whether the recorder needs no more.
    pub(super) fn is_over(&self) -> bool {
        self.tap.is_over()
    }

    /// Ends it, as it was told to.
    pub(super) fn stop(self, now: Instant) {
        self.tap.stop(now);
    }

    /// Ends it, since there is nobody left to record.
    pub(super) fn leave(self, now: Instant) {
        self.tap.leave(now);
    }
}

impl Call {
    /// Whether a recording could begin: none runs.
    pub(crate) fn can_record(&self) -> bool {
        self.recording.as_ref().is_none_or(Recording::is_over)
    }

    /// Lets a recorder hear a party, and whom it hears.
    pub fn record(&mut self, leg: LegId, tap: Tap) {
        self.recording = Some(Recording::new(leg, tap));
    }

    /// Ends the recording.
    pub fn stop_recording(&mut self, now: Instant) {
        if let Some(recording) = self.recording.take() {
            recording.stop(now);
        }
    }

    /// Marks this moment of the recording.
    pub fn mark_recording(&mut self, now: Instant) {
        if let Some(recording) = &mut self.recording {
            let position = recording.mark(now);
            self.events.push_back(CallEvent::RecordingMarked { position });
        }
    }
}
