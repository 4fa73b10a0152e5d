//! What of a call is recorded: one leg's party, and whom it hears.

use std::time::{Duration, Instant};

use webtrunk_codecs::CodecId;

use crate::LegId;
use crate::leg::Leg;
use crate::media::{Heard, Hears, Side, Tap, TapHeard};

/// A recording under way, as the media thread sees it.
pub(super) struct Recording {
    left: LegId,
    tap: Tap,
}

impl Recording {
    pub(super) const fn new(left: LegId, tap: Tap) -> Self {
        Self { left, tap }
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
