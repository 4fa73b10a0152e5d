//! What becomes of a record whose end nobody could write: its process was killed, or was so far behind that it had no room.

use super::{CallRecord, EndRecord, LegEnd, Stage, Stamp, Timeline};

/// How far the clocks may tell different lengths before the wall clock is said to have been set: what `moment` takes, which
/// leaves room for how late the other one was read.
const CLOCK_STEP_MS: u64 = 1000;

/// When the process that had a call is known to have lived last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LastSign {
    /// By the wall clock.
    pub at: Stamp,
    /// How long after the call's begin, in milliseconds, by a clock that nobody sets; `None` where that is not known.
    pub after_ms: Option<u64>,
}

impl CallRecord {
    /// Ends it, for the process that had the call was killed: all that lasted is taken to have lasted until its last sign of life.
    #[must_use]
    pub fn after_crash(mut self, last: LastSign) -> Self {
        let by_wall_ms = u64::try_from(last.at.ms().saturating_sub(self.began_at.ms())).unwrap_or(0);
        let stepped_ms = last.after_ms.filter(|ms| ms.abs_diff(by_wall_ms) > CLOCK_STEP_MS);
        self.clock_step |= stepped_ms.is_some();
        self.end_at(stepped_ms.unwrap_or(by_wall_ms), EndRecord::crashed())
    }

    /// Ends it as it is known to have ended, after so long; what happened between what was kept of it and its end is not known.
    #[must_use]
    pub fn ended_unseen(self, Unseen { duration_ms, end }: Unseen) -> Self {
        self.end_at(duration_ms, end)
    }

    /// What is left of a record that is over, where there is no room for all of it.
    #[must_use]
    pub fn unseen(&self) -> Option<Unseen> {
        Some(Unseen { duration_ms: self.duration_ms, end: self.end.clone()? })
    }

    fn end_at(mut self, ms: u64, end: EndRecord) -> Self {
        // It is no shorter than what is known of it.
        let known = |timeline: &Timeline| timeline.segments.last().map_or(0, |last| last.begin_ms);
        let legs = self.legs.iter().map(|leg| known(&leg.timeline));
        let end_ms = legs.chain([known(&self.timeline), ms]).max().unwrap_or(ms);
        for leg in &mut self.legs {
            if leg.timeline.stage().is_some() {
                leg.timeline.end(end_ms);
                leg.duration_ms = leg.timeline.duration_ms();
            }
            leg.end.get_or_insert_with(|| LegEnd::new(&end.cause, end.by));
        }
        self.timeline.end(end_ms);
        self.sum_up();
        self.end = Some(end);
        self
    }

    /// Tells by the timeline, which is over, how long the call was.
    pub(super) fn sum_up(&mut self) {
        self.duration_ms = self.timeline.duration_ms();
        self.talked_ms =
            [Stage::Talking, Stage::OnHold].map(|it| self.timeline.duration_in_ms(it)).iter().sum();
        self.ended_at = Some(self.began_at.plus_ms(self.duration_ms));
    }
}

/// The end of a call for whose record there was no room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unseen {
    /// How long the call was.
    pub duration_ms: u64,
    /// How it ended.
    pub end: EndRecord,
}
