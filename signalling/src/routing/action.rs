//! The actions of a rule, as configured and as compiled.

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use webtrunk_engine::EndCause;
use webtrunk_engine::call::ConferenceRole;

use super::bridge::{BridgeAction, BridgeSpec};
use super::keys::FeatureKeys;
use super::menu::{MenuAction, MenuSpec};
use super::pattern::{Captures, Patterns};
use super::plan::{Conference, Play, Record, Step, Tone};
use super::rule::RuleFault;
use super::template::Template;

/// One action of a rule, as configured. Texts called "template" may hold references: `$1` is the
/// first group of the rule's `destination`, `${name}` a named group of any of its patterns, `$$` a dollar.
#[derive(Debug, Clone, PartialEq)]
pub enum ActionSpec {
    /// See [`Step::Answer`].
    Answer,
    /// See [`Step::Wait`].
    Wait(Duration),
    /// See [`Step::Play`].
    Play(Play),
    /// See [`Step::Record`].
    Record(Record),
    /// See [`Step::StopRecording`].
    StopRecording,
    /// See [`Step::Echo`].
    Echo,
    /// See [`Step::Tone`].
    Tone(Tone),
    /// See [`Step::Bridge`].
    Bridge(BridgeSpec),
    /// See [`Step::Conference`].
    Conference(ConferenceSpec),
    /// See [`Step::Menu`].
    Menu(MenuSpec),
    /// See [`Step::Reject`].
    Reject(EndCause),
    /// See [`Step::Hangup`].
    Hangup,
}

/// A conference, as configured.
#[derive(Debug, Clone, PartialEq)]
pub struct ConferenceSpec {
    /// Template of its room's name.
    pub room: String,
    /// What the caller is to the others; whom a supervisor whispers to stands in `target`.
    pub role: ConferenceRole,
    /// Template of the name of the party that a supervisor whispers to, or may.
    pub target: Option<String>,
    /// How much louder than it comes the caller is heard, in dB: -40 to 12.
    pub gain_db: f32,
    /// Whether nobody hears the caller.
    pub is_muted: bool,
    /// The keys by which the caller changes what it is.
    pub keys: FeatureKeys,
}

/// A compiled action.
#[derive(Debug, Clone)]
pub(super) enum Action {
    Fixed(Step),
    /// A conference whose texts are templates still.
    Conference {
        room: Template,
        target: Option<Template>,
        plain: Conference,
    },
    Menu(MenuAction),
    Bridge(BridgeAction),
}

impl Action {
    pub(super) fn compile(spec: &ActionSpec, patterns: &Patterns) -> Result<Self, RuleFault> {
        Ok(match spec {
            ActionSpec::Answer => Self::Fixed(Step::Answer),
            ActionSpec::Wait(time) => Self::Fixed(Step::Wait(*time)),
            ActionSpec::Play(play) if play.prompts.is_empty() => return Err(RuleFault::PlayNothing),
            ActionSpec::Play(play) => Self::Fixed(Step::Play(play.clone())),
            ActionSpec::Record(record) => Self::Fixed(Step::Record(record.clone())),
            ActionSpec::StopRecording => Self::Fixed(Step::StopRecording),
            ActionSpec::Echo => Self::Fixed(Step::Echo),
            ActionSpec::Tone(tone) => Self::Fixed(Step::Tone(checked(*tone)?)),
            ActionSpec::Reject(cause) => Self::Fixed(Step::Reject(*cause)),
            ActionSpec::Hangup => Self::Fixed(Step::Hangup),
            ActionSpec::Bridge(spec) => Self::Bridge(BridgeAction::compile(spec, patterns)?),
            ActionSpec::Menu(spec) => Self::Menu(MenuAction::compile(spec, patterns)?),
            ActionSpec::Conference(spec) => Self::compile_conference(spec, patterns)?,
        })
    }

    fn compile_conference(spec: &ConferenceSpec, patterns: &Patterns) -> Result<Self, RuleFault> {
        let ConferenceSpec { room, role, target, gain_db, is_muted, keys } = spec;
        if room.is_empty() {
            return Err(RuleFault::NoRoom);
        }
        if !GAINS_DB.contains(gain_db) {
            return Err(RuleFault::Gain { gain_db: *gain_db });
        }
        let target = target.as_ref().map(|target| Template::compile(target, patterns)).transpose()?;
        let plain = Conference {
            room: room.as_str().into(),
            role: role.clone(),
            target: None,
            gain_db: *gain_db,
            is_muted: *is_muted,
            keys: keys.clone(),
        };
        Ok(Self::Conference { room: Template::compile(room, patterns)?, target, plain })
    }

    /// The steps for one call; `None` where a bridge has nobody to call, or a conference no room.
    pub(super) fn expand(&self, captures: &Captures<'_>, dice: u64) -> Option<Vec<Step>> {
        Some(vec![match self {
            Self::Fixed(step) => step.clone(),
            Self::Conference { room, target, plain } => {
                let room = Some(room.expand(captures)).filter(|room| !room.is_empty())?.into();
                let target: Option<Arc<str>> = target.as_ref().map(|target| target.expand(captures).into());
                let role = match (&plain.role, &target) {
                    (ConferenceRole::Whisper { .. }, Some(to)) => {
                        ConferenceRole::Whisper { to: Arc::clone(to) }
                    }
                    (role, _) => role.clone(),
                };
                Step::Conference(Conference { room, role, target, ..plain.clone() })
            }
            Self::Menu(menu) => Step::Menu(menu.expand(captures, dice)),
            Self::Bridge(bridge) => return bridge.expand(captures, dice),
        }])
    }
}

/// How much louder or softer a party may be made. Chosen by us: what the mixer takes, and what is still heard.
pub const GAINS_DB: RangeInclusive<f32> = -40.0..=12.0;

/// The highest frequency that the narrowest codec carries: half of 8 kHz, not included.
const TONE_FREQUENCY_END_HZ: u32 = 4000;

fn checked(tone: Tone) -> Result<Tone, RuleFault> {
    if tone.frequency_hz == 0 || tone.frequency_hz >= TONE_FREQUENCY_END_HZ {
        return Err(RuleFault::ToneFrequency { frequency_hz: tone.frequency_hz });
    }
    if !(tone.level_dbm0 <= 0.0 && tone.level_dbm0 >= -60.0) {
        return Err(RuleFault::ToneLevel { level_dbm0: tone.level_dbm0 });
    }
    Ok(tone)
}
