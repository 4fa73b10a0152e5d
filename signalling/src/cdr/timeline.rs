//! What a leg, or a call, did from its begin to its end, without a gap.
//!
//! ```text
//!  |--trying--|--ringing--|--early--|----talking----|--on_hold--|--talking--|--ending--|
//!  begin                                                                              end
//! ```
//!
//! Stretches are told by where they begin and how long they are, in whole milliseconds since the call began; each ends
//! where the next begins, so that they add up to the whole by their making.

use serde::{Deserialize, Serialize};

/// What goes on in a stretch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// It is called, or calls, and nobody was told of a phone that rings.
    Trying,
    /// A phone rings.
    Ringing,
    /// Something is heard before the answer.
    Early,
    /// It was answered.
    Talking,
    /// The party has put the call on hold: it listens, or sends, or neither.
    OnHold,
    /// It is being hung up.
    Ending,
}

impl Stage {
    /// All of them, in the order in which they come in a call.
    pub const ALL: [Self; 6] =
        [Self::Trying, Self::Ringing, Self::Early, Self::Talking, Self::OnHold, Self::Ending];

    /// What it is called in records, figures and traces.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Trying => "trying",
            Self::Ringing => "ringing",
            Self::Early => "early",
            Self::Talking => "talking",
            Self::OnHold => "on_hold",
            Self::Ending => "ending",
        }
    }
}

/// A stretch of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Segment {
    /// What goes on.
    pub stage: Stage,
    /// When it begins, in milliseconds since the call began.
    pub begin_ms: u64,
    /// How long it is; absent while it lasts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<u64>,
}

/// Something that is no stretch of time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// When, in milliseconds since the call began.
    pub at_ms: u64,
    /// What.
    #[serde(flatten)]
    pub what: Happening,
}

/// What is noted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Happening {
    /// The party wants another in its place.
    TransferAsked {
        /// Whom, as it would have dialled.
        destination: String,
    },
    /// Another has taken its place.
    Transferred,
    /// Nobody took its place.
    TransferFailed {
        /// Why, in the words of [`super::name_of`].
        cause: String,
    },
    /// The callee is to be called elsewhere.
    Redirected {
        /// Where, best first.
        places: Vec<String>,
    },
    /// It is there as a supervisor.
    Supervises {
        /// The name of the leg that is supervised.
        of: String,
    },
    /// It takes the place of another leg of the call.
    TookPlace {
        /// The leg's name.
        of: String,
    },
}

/// Stretches and notes of one leg, or of the call.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timeline {
    /// The stretches, without gap and overlap.
    pub segments: Vec<Segment>,
    /// What happened besides.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<Note>,
    /// Stretches and notes for which there was no room; the last stretch that is told goes on through them.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub left_out: u32,
}

/// Stretches of one leg that are told. Chosen by us: a person does not hold and resume more often, and a program that does
/// is not to fill our memory.
const SEGMENTS_MAX: usize = 200;

/// Notes of one leg that are told. Chosen by us: the same, for transfers.
const NOTES_MAX: usize = 20;

impl Timeline {
    /// A timeline that begins.
    #[must_use]
    pub fn begin(stage: Stage, at_ms: u64) -> Self {
        let first = Segment { stage, begin_ms: at_ms, duration_ms: None };
        Self { segments: vec![first], notes: Vec::new(), left_out: 0 }
    }

    /// What goes on; `None` when it is over.
    #[must_use]
    pub fn stage(&self) -> Option<Stage> {
        self.segments.last().filter(|last| last.duration_ms.is_none()).map(|last| last.stage)
    }

    /// When it began.
    #[must_use]
    pub fn begin_ms(&self) -> u64 {
        self.segments.first().map_or(0, |first| first.begin_ms)
    }

    /// Goes over to another stage. Nothing happens where it is in it already, or over. Tells whether it did.
    pub fn enter(&mut self, stage: Stage, at_ms: u64) -> bool {
        if self.stage().is_none_or(|current| current == stage) {
            return false;
        }
        // The end has room always.
        if self.segments.len() >= SEGMENTS_MAX && stage != Stage::Ending {
            self.left_out += 1;
            return false;
        }
        let begin_ms = self.close_last(at_ms);
        self.segments.push(Segment { stage, begin_ms, duration_ms: None });
        true
    }

    /// Ends it.
    pub fn end(&mut self, at_ms: u64) {
        if self.stage().is_some() {
            self.close_last(at_ms);
        }
    }

    /// Notes what happened.
    pub fn note(&mut self, what: Happening, at_ms: u64) {
        if self.notes.len() < NOTES_MAX {
            self.notes.push(Note { at_ms, what });
        } else {
            self.left_out += 1;
        }
    }

    /// How long it was, or is as far as it is told.
    #[must_use]
    pub fn duration_ms(&self) -> u64 {
        self.segments.iter().filter_map(|segment| segment.duration_ms).sum()
    }

    /// How long it was in a stage.
    #[must_use]
    pub fn duration_in_ms(&self, stage: Stage) -> u64 {
        self.segments
            .iter()
            .filter(|segment| segment.stage == stage)
            .filter_map(|segment| segment.duration_ms)
            .sum()
    }

    /// Closes the last stretch, where it is open; tells where. A moment before its begin is its begin.
    fn close_last(&mut self, at_ms: u64) -> u64 {
        let Some(last) = self.segments.last_mut() else { return at_ms };
        let at_ms = at_ms.max(last.begin_ms);
        last.duration_ms = Some(at_ms - last.begin_ms);
        at_ms
    }
}

/// By reference, as serde asks.
pub(super) const fn is_zero(count: &u32) -> bool {
    *count == 0
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const STAGES: [Stage; 6] =
        [Stage::Trying, Stage::Ringing, Stage::Early, Stage::Talking, Stage::OnHold, Stage::Ending];

    proptest! {
        /// Whatever happens, and however often, and if time should run backwards.
        #[test]
        fn the_segments_add_up_to_the_duration_without_a_gap(
            begin in 0_u64..10_000,
            steps in prop::collection::vec((0_usize..6, 0_u64..100_000), 0..400),
            end in 0_u64..200_000,
        ) {
            let mut timeline = Timeline::begin(Stage::Trying, begin);
            for (stage, at) in &steps {
                timeline.enter(STAGES[*stage], *at);
            }
            timeline.end(end);
            prop_assert_eq!(timeline.stage(), None);
            let mut at = begin;
            for segment in &timeline.segments {
                prop_assert_eq!(segment.begin_ms, at);
                at += segment.duration_ms.expect("it is over");
            }
            prop_assert_eq!(timeline.duration_ms(), at - begin);
            let latest = steps.iter().map(|(_, at)| *at).chain([begin, end]).max().expect("some");
            prop_assert!(at <= latest);
            let sum: u64 = STAGES.iter().map(|stage| timeline.duration_in_ms(*stage)).sum();
            prop_assert_eq!(sum, timeline.duration_ms());
            let told: Timeline =
                serde_json::from_str(&serde_json::to_string(&timeline).expect("plain")).expect("ours");
            prop_assert_eq!(told, timeline);
        }
    }

    #[test]
    fn a_peer_that_never_stops_holding_fills_no_memory_and_its_end_is_told() {
        let mut timeline = Timeline::begin(Stage::Talking, 0);
        for step in 1..=1000 {
            timeline.enter(if step % 2 == 1 { Stage::OnHold } else { Stage::Talking }, step * 10);
            timeline.note(Happening::Transferred, step);
        }
        timeline.enter(Stage::Ending, 20_000);
        timeline.end(20_010);
        assert_eq!((timeline.segments.len(), timeline.notes.len()), (SEGMENTS_MAX + 1, NOTES_MAX));
        assert!(timeline.left_out >= 1000, "{}", timeline.left_out);
        assert_eq!((timeline.duration_ms(), timeline.duration_in_ms(Stage::Ending)), (20_010, 10));
    }

    #[test]
    fn a_stage_is_called_the_same_wherever_it_is_told() {
        for stage in Stage::ALL {
            assert_eq!(serde_json::to_value(stage).expect("plain"), stage.name());
        }
    }

    #[test]
    fn what_is_over_stays_as_it_was() {
        let mut timeline = Timeline::begin(Stage::Trying, 5);
        timeline.end(9);
        assert!(!timeline.enter(Stage::Talking, 20));
        timeline.end(30);
        assert_eq!(timeline.duration_ms(), 4);
    }
}
