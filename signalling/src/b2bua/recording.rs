//! The recording of a call: begun and ended by the plan, and by parties that may.

use tracing::{info, warn};
use webtrunk_engine::LegId;
use webtrunk_engine::call::CallCommand;
use webtrunk_engine::media::RecordingEnd;

use super::call::B2bua;
use crate::adapter::{Command, RecordWish};
use crate::routing::{FeatureKeys, Record, RecordingFeature};

/// The recording of one call.
#[derive(Debug, Default)]
pub(super) struct Recording {
    /// What the plan says, from its step on.
    plan: Option<Record>,
    stage: Stage,
}

/// How far a recording is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Stage {
    #[default]
    Off,
    /// It begins with the answer.
    Awaited,
    On,
    Paused,
}

impl B2bua {
    /// The plan's step to record.
    pub(super) fn plan_recording(&mut self, record: Record) {
        let begins = !record.is_on_demand;
        self.recording.plan = Some(record);
        if begins && self.recording.stage == Stage::Off {
            self.recording.stage = Stage::Awaited;
        }
        if self.caller.is_talking() {
            self.begin_recording();
        }
    }

    /// The caller is there: what was to be recorded from then on is.
    pub(super) fn begin_recording(&mut self) {
        if self.recording.stage == Stage::Awaited {
            self.record();
        }
    }

    /// The plan's step to record no more.
    pub(super) fn stop_recording(&mut self) {
        self.recording = Recording::default();
        self.media(CallCommand::StopRecording);
    }

    /// Another party is the caller now: it is recorded in a new file.
    pub(super) fn follow_caller(&mut self) {
        let stage = self.recording.stage;
        if matches!(stage, Stage::On | Stage::Paused) {
            self.media(CallCommand::StopRecording);
            self.record();
        }
        if stage == Stage::Paused {
            self.recording.stage = stage;
            self.media(CallCommand::PauseRecording);
        }
    }

    /// A recording ended; where nobody told it to, its disk is full, say.
    pub(super) fn on_recording_stopped(&mut self, end: &RecordingEnd) {
        if *end != RecordingEnd::Stopped {
            self.recording.stage = Stage::Off;
        }
    }

    /// The keys by which a party may change the recording.
    pub(super) fn recording_keys(&self, leg: LegId) -> Option<&FeatureKeys> {
        self.recording_plan(leg).map(|plan| &plan.keys)
    }

    /// A party wants something of the recording, in signalling.
    pub(super) fn on_record_asked(&mut self, leg: LegId, wish: RecordWish) {
        let may = self.recording_plan(leg).is_some_and(|plan| plan.takes_requests);
        let is_done = may && self.change_recording(wish);
        info!(?wish, is_done, "a party asks for the recording to be changed");
        let answer = self.party(leg).map(|party| party.signal(Command::AnswerRecord { leg, is_done }));
        answer.into_iter().for_each(|answer| self.effect(answer));
    }

    /// A party pressed keys that are for the recording.
    pub(super) fn on_recording_keys(&mut self, feature: RecordingFeature) {
        let wish = match (feature, self.recording.stage) {
            (RecordingFeature::Record, Stage::Off | Stage::Awaited) => RecordWish::On,
            (RecordingFeature::Record, Stage::On | Stage::Paused) => RecordWish::Off,
            (RecordingFeature::Pause, Stage::Paused) => RecordWish::Resume,
            (RecordingFeature::Pause, _) => RecordWish::Pause,
            (RecordingFeature::Mark, _) => {
                info!("keys mark the recording");
                return self.media(CallCommand::MarkRecording);
            }
        };
        let is_done = self.change_recording(wish);
        info!(?wish, is_done, "keys change the recording");
    }

    /// Tells whether there was, or is now, what is wanted.
    fn change_recording(&mut self, wish: RecordWish) -> bool {
        match (wish, self.recording.stage) {
            (RecordWish::On, Stage::Off | Stage::Awaited) => self.record(),
            (RecordWish::On | RecordWish::Resume, Stage::Paused) => {
                self.recording.stage = Stage::On;
                self.media(CallCommand::ResumeRecording);
            }
            (RecordWish::Off, Stage::On | Stage::Paused | Stage::Awaited) => {
                self.recording.stage = Stage::Off;
                self.media(CallCommand::StopRecording);
            }
            (RecordWish::Pause, Stage::On) => {
                self.recording.stage = Stage::Paused;
                self.media(CallCommand::PauseRecording);
            }
            (RecordWish::On | RecordWish::Resume, Stage::On)
            | (RecordWish::Off, Stage::Off)
            | (RecordWish::Pause, Stage::Paused) => {}
            (RecordWish::Pause | RecordWish::Resume, Stage::Off | Stage::Awaited) => return false,
        }
        true
    }

    fn record(&mut self) {
        let Some(format) = self.recording.plan.as_ref().map(|plan| plan.format) else {
            return warn!("there is no plan to record by");
        };
        self.recording.stage = Stage::On;
        self.media(CallCommand::StartRecording { leg: self.caller.leg, format });
    }

    /// The plan, where it lets this party change the recording, which it may from the answer on.
    fn recording_plan(&self, leg: LegId) -> Option<&Record> {
        let plan = self.recording.plan.as_ref()?;
        let party = self.party(leg)?;
        ((party.is_user() || plan.is_for_trunks) && party.is_talking() && self.caller.is_talking())
            .then_some(plan)
    }
}
