//! The recording of a call: begun and ended by the plan, and by parties that may, as far as what is said of the parties
//! lets them (see `recording_policy`).

use tracing::info;
use webtrunk_engine::LegId;
use webtrunk_engine::call::CallCommand;
use webtrunk_engine::media::{RecordingEnd, RecordingFormat};

use super::call::{B2bua, Doing};
use crate::adapter::{Command, RecordWish, RecordingPolicy};
use crate::routing::{FeatureKeys, Record, RecordingFeature};

/// The recording of one call.
#[derive(Debug, Default)]
pub(super) struct Recording {
    /// What the plan says, from its step on.
    plan: Option<Record>,
    /// What the plan wants, and parties by it, from the answer on.
    wish: Wanted,
    stage: Stage,
}

/// What is wanted of a recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Wanted {
    #[default]
    Off,
    On,
    Paused,
}

/// How far a recording is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Stage {
    #[default]
    Off,
    On,
    Paused,
    /// It ended by itself, and is begun again where somebody asks for it.
    Broken,
}

impl B2bua {
    /// The plan's step to record.
    pub(super) fn plan_recording(&mut self, record: Record) {
        let begins = !record.is_on_demand;
        self.recording.plan = Some(record);
        if begins && self.recording.wish == Wanted::Off {
            self.wish_for_recording(Wanted::On);
        }
    }

    /// The plan's step to record no more.
    pub(super) fn stop_recording(&mut self) {
        self.recording.plan = None;
        self.wish_for_recording(Wanted::Off);
    }

    /// Another party is the caller now: it is recorded in a new file.
    pub(super) fn follow_caller(&mut self) {
        if matches!(self.recording.stage, Stage::On | Stage::Paused) {
            self.recording.stage = Stage::Off;
            self.media(CallCommand::StopRecording);
            // Who has it recorded whatever the plan says may be on the way out.
            if self.recording.wish != Wanted::Off {
                self.follow_recording();
            }
        }
    }

    /// A recording ended; where nobody told it to, its disk is full, say.
    pub(super) fn on_recording_stopped(&mut self, end: &RecordingEnd) {
        if *end != RecordingEnd::Stopped {
            (self.recording.wish, self.recording.stage) = (Wanted::Off, Stage::Broken);
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
        let wish = match (feature, self.recording.wish) {
            (RecordingFeature::Record, Wanted::Off) => RecordWish::On,
            (RecordingFeature::Record, Wanted::On | Wanted::Paused) => RecordWish::Off,
            (RecordingFeature::Pause, Wanted::Paused) => RecordWish::Resume,
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
        let is_allowed = match self.recording_policy() {
            RecordingPolicy::ByRule => true,
            RecordingPolicy::Always => matches!(wish, RecordWish::On | RecordWish::Resume),
            RecordingPolicy::Never => wish == RecordWish::Off,
        };
        if !is_allowed {
            return false;
        }
        let wanted = match (wish, self.recording.wish) {
            (RecordWish::Pause | RecordWish::Resume, Wanted::Off) => return false,
            (RecordWish::On | RecordWish::Resume, _) => Wanted::On,
            (RecordWish::Off, _) => Wanted::Off,
            (RecordWish::Pause, _) => Wanted::Paused,
        };
        self.wish_for_recording(wanted);
        true
    }

    fn wish_for_recording(&mut self, wanted: Wanted) {
        self.recording.wish = wanted;
        if wanted == Wanted::On && self.recording.stage == Stage::Broken {
            self.recording.stage = Stage::Off;
        }
        self.follow_recording();
    }

    /// Has recorded what is to be: from the answer on.
    pub(super) fn follow_recording(&mut self) {
        // The engine ends it with the call.
        if self.answered_at.is_none() || self.doing == Doing::Ending {
            return;
        }
        let wanted = match self.recording_policy() {
            RecordingPolicy::ByRule => self.recording.wish,
            RecordingPolicy::Always => Wanted::On,
            RecordingPolicy::Never => Wanted::Off,
        };
        let (stage, commands) = match (self.recording.stage, wanted) {
            (Stage::Broken, _)
            | (Stage::Off, Wanted::Off)
            | (Stage::On, Wanted::On)
            | (Stage::Paused, Wanted::Paused) => return,
            (Stage::Off, Wanted::On) => (Stage::On, vec![self.start_of_recording()]),
            (Stage::Off, Wanted::Paused) => {
                (Stage::Paused, vec![self.start_of_recording(), CallCommand::PauseRecording])
            }
            (Stage::On, Wanted::Paused) => (Stage::Paused, vec![CallCommand::PauseRecording]),
            (Stage::Paused, Wanted::On) => (Stage::On, vec![CallCommand::ResumeRecording]),
            (Stage::On | Stage::Paused, Wanted::Off) => (Stage::Off, vec![CallCommand::StopRecording]),
        };
        self.recording.stage = stage;
        commands.into_iter().for_each(|command| self.media(command));
    }

    /// What nobody has planned is recorded as WAV.
    fn start_of_recording(&self) -> CallCommand {
        let format = self.recording.plan.as_ref().map_or(RecordingFormat::Wav, |plan| plan.format);
        CallCommand::StartRecording { leg: self.caller.leg, format }
    }

    /// The plan, where it lets this party change the recording, which it may from the answer on.
    fn recording_plan(&self, leg: LegId) -> Option<&Record> {
        let plan = self.recording.plan.as_ref()?;
        let party = self.party(leg)?;
        ((party.is_user() || plan.is_for_trunks) && party.is_talking() && self.caller.is_talking())
            .then_some(plan)
    }
}
