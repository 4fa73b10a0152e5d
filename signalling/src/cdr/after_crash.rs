//! What becomes of a record whose call ended with the process.

use super::end::CRASH;
use super::{By, CallRecord, EndRecord, LegEnd, Stage, Stamp, Timeline};

impl CallRecord {
    /// Ends it, for the process that had the call was killed. `alive_at` is when that one is known to have lived last: all
    /// that lasted is taken to have lasted until then.
    #[must_use]
    pub fn after_crash(mut self, alive_at: Stamp) -> Self {
        let alive_ms = u64::try_from(alive_at.ms().saturating_sub(self.began_at.ms())).unwrap_or(0);
        // A clock that was set back does not make a stretch shorter than what is known of it.
        let known = |timeline: &Timeline| timeline.segments.last().map_or(0, |last| last.begin_ms);
        let legs = self.legs.iter().map(|leg| known(&leg.timeline));
        let end_ms = legs.chain([known(&self.timeline), alive_ms]).max().unwrap_or(alive_ms);
        for leg in &mut self.legs {
            if leg.timeline.stage().is_some() {
                leg.timeline.end(end_ms);
                leg.duration_ms = leg.timeline.duration_ms();
            }
            leg.end.get_or_insert_with(|| LegEnd::new(CRASH, By::Crash));
        }
        self.timeline.end(end_ms);
        self.sum_up();
        self.end = Some(EndRecord::crashed());
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
