//! The actions of a rule, as configured and as compiled.

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use webtrunk_engine::EndCause;
use webtrunk_engine::call::ConferenceRole;

use super::keys::FeatureKeys;
use super::pattern::{Captures, Patterns};
use super::plan::{Bridge, BridgeTarget, Conference, Play, Record, Step, Tone};
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
    /// See [`Step::Reject`].
    Reject(EndCause),
    /// See [`Step::Hangup`].
    Hangup,
}

/// A bridge, as configured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BridgeSpec {
    /// Whom to call.
    pub to: BridgeTo,
    /// Template of the number that the callee is shown; `None` shows the caller's own.
    pub shown_number: Option<String>,
    /// How long it may ring.
    pub ring_timeout: Duration,
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

/// Whom a bridge calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BridgeTo {
    /// Users by name (templates), all at once.
    Users(Vec<String>),
    /// A number (template) at a trunk (its name, no template: no caller chooses who is paid).
    Trunk {
        /// The trunk's name.
        trunk: String,
        /// What is dialled there.
        number: String,
    },
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
    BridgeUsers {
        users: Vec<Template>,
        shown_number: Option<Template>,
        ring_timeout: Duration,
    },
    BridgeTrunk {
        trunk: Arc<str>,
        number: Template,
        shown_number: Option<Template>,
        ring_timeout: Duration,
    },
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
            ActionSpec::Bridge(spec) => Self::compile_bridge(spec, patterns)?,
            ActionSpec::Conference(spec) => Self::compile_conference(spec, patterns)?,
        })
    }

    fn compile_bridge(spec: &BridgeSpec, patterns: &Patterns) -> Result<Self, RuleFault> {
        let template = |text: &String| Template::compile(text, patterns);
        let shown_number = spec.shown_number.as_ref().map(template).transpose()?;
        let ring_timeout = spec.ring_timeout;
        match &spec.to {
            BridgeTo::Users(users) if users.is_empty() => Err(RuleFault::BridgeToNobody),
            BridgeTo::Users(users) => {
                let users = users.iter().map(template).collect::<Result<_, _>>()?;
                Ok(Self::BridgeUsers { users, shown_number, ring_timeout })
            }
            BridgeTo::Trunk { trunk, number } => Ok(Self::BridgeTrunk {
                trunk: trunk.as_str().into(),
                number: template(number)?,
                shown_number,
                ring_timeout,
            }),
        }
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

    /// The step for one call; `None` where a bridge has nobody to call, or a conference no room.
    pub(super) fn expand(&self, captures: &Captures<'_>) -> Option<Step> {
        let (targets, shown_number, ring_timeout) = match self {
            Self::Fixed(step) => return Some(step.clone()),
            Self::Conference { room, target, plain } => {
                let room = Some(room.expand(captures)).filter(|room| !room.is_empty())?.into();
                let target: Option<Arc<str>> = target.as_ref().map(|target| target.expand(captures).into());
                let role = match (&plain.role, &target) {
                    (ConferenceRole::Whisper { .. }, Some(to)) => {
                        ConferenceRole::Whisper { to: Arc::clone(to) }
                    }
                    (role, _) => role.clone(),
                };
                return Some(Step::Conference(Conference { room, role, target, ..plain.clone() }));
            }
            Self::BridgeUsers { users, shown_number, ring_timeout } => {
                let names = users.iter().map(|user| user.expand(captures)).filter(|name| !name.is_empty());
                (names.map(BridgeTarget::User).collect::<Vec<_>>(), shown_number, ring_timeout)
            }
            Self::BridgeTrunk { trunk, number, shown_number, ring_timeout } => {
                let number = Some(number.expand(captures)).filter(|number| !number.is_empty());
                let target = number.map(|number| BridgeTarget::Trunk { trunk: Arc::clone(trunk), number });
                (target.into_iter().collect(), shown_number, ring_timeout)
            }
        };
        if targets.is_empty() {
            return None;
        }
        let shown_number = shown_number.as_ref().map(|number| number.expand(captures));
        Some(Step::Bridge(Bridge { targets, shown_number, ring_timeout: *ring_timeout }))
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
