//! What becomes of a call: the steps of the rule that matched, with every reference filled in.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use webtrunk_engine::EndCause;
use webtrunk_engine::call::ConferenceRole;
use webtrunk_engine::media::RecordingFormat;

use super::keys::FeatureKeys;
use super::menu::Menu;
use crate::adapter::HeaderChange;

/// The verdict on one call.
#[derive(Debug, Clone, PartialEq)]
pub enum Decision {
    /// A rule matched; its steps are run in order.
    Run(Plan),
    /// The call is not allowed.
    Refuse {
        /// What the caller is told.
        cause: EndCause,
        /// Why, for the log.
        reason: Refusal,
    },
}

/// Why a call was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// No rule is for this caller and this destination.
    NoRule,
    /// The rule matched, but a reference in it came out empty, so there is nobody, or no room, to call.
    NobodyToCall {
        /// The rule's name.
        rule: Arc<str>,
    },
}

/// The steps of one rule for one call.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// The rule that matched.
    pub rule: Arc<str>,
    /// What to do, in order; never empty. After the last step the call is hung up.
    pub steps: Vec<Step>,
}

impl Plan {
    /// The room in which the caller may meet others; a plan has one at most.
    #[must_use]
    pub fn room(&self) -> Option<&Arc<str>> {
        room_of(&self.steps)
    }
}

fn room_of(steps: &[Step]) -> Option<&Arc<str>> {
    steps.iter().find_map(|step| match step {
        Step::Conference(conference) => Some(&conference.room),
        Step::Menu(menu) => menu.choices.iter().find_map(|(_, steps)| room_of(steps)),
        _ => None,
    })
}

/// One thing that is done with a call.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// Accepts the call. Comes before every step that is heard, unless a bridge does it.
    Answer,
    /// Goes on after this time.
    Wait(Duration),
    /// Plays prompts and goes on at the end of the last.
    Play(Play),
    /// Records the caller, and whom it hears, to a file: from now on, or from the answer on; or lets parties do so.
    Record(Record),
    /// Ends the recording, and nobody may begin one any more.
    StopRecording,
    /// Sends the caller's audio back until the caller hangs up.
    Echo,
    /// Plays a tone; without a duration, until the caller hangs up.
    Tone(Tone),
    /// Calls others. Answered by one, the plan ends with that call; answered by none, the next step
    /// runs, and where there is none the caller gets the cause of the failure.
    Bridge(Bridge),
    /// Lets the caller into a conference. Let in, it stays until it hangs up; where the conference is full,
    /// the next step runs.
    Conference(Conference),
    /// Asks for a key, whose steps are then run in place of those that follow; where none comes, those are.
    Menu(Menu),
    /// Refuses the call (or ends it, where it was answered) with this cause.
    Reject(EndCause),
    /// Ends the call.
    Hangup,
}

/// What is recorded, and what parties may change of that while they talk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// What is written.
    pub format: RecordingFormat,
    /// Nothing is recorded before a party asks for it.
    pub is_on_demand: bool,
    /// The keys by which parties ask.
    pub keys: FeatureKeys,
    /// Parties may ask in signalling (INFO).
    pub takes_requests: bool,
    /// Trunks' parties may ask too, not only users.
    pub is_for_trunks: bool,
}

/// Prompts, one after another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Play {
    /// Their names, as configured; never empty. No templates, so that no caller chooses what is opened.
    pub prompts: Vec<Arc<str>>,
    /// Plays them again and again.
    pub is_repeated: bool,
    /// A digit ends it, and the next step follows.
    pub is_interruptible: bool,
}

/// A conference, and what the caller is in it.
#[derive(Debug, Clone, PartialEq)]
pub struct Conference {
    /// Where it meets; never empty. Whoever names the same room meets.
    pub room: Arc<str>,
    /// What the caller is to the others.
    pub role: ConferenceRole,
    /// Whom it may whisper to.
    pub target: Option<Arc<str>>,
    /// How much louder than it comes the caller is heard, in dB.
    pub gain_db: f32,
    /// Whether nobody hears the caller.
    pub is_muted: bool,
    /// The keys by which the caller changes what it is.
    pub keys: FeatureKeys,
}

/// A sine tone.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tone {
    /// In Hz, below half of the narrowest sample rate: 1..=3999.
    pub frequency_hz: u32,
    /// Level in dBm0, 0 or less; +3.14 dBm0 is the loudest sine that G.711 carries.
    pub level_dbm0: f32,
    /// How long; `None` for ever.
    pub duration: Option<Duration>,
}

/// Whom to call, all at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bridge {
    /// Everyone who is rung; the first to answer gets the call. Never empty.
    pub callees: Vec<Callee>,
    /// The number that the callees are shown instead of the caller's own.
    pub shown_number: Option<String>,
    /// What the callees are told besides.
    pub headers: Vec<HeaderChange>,
    /// It is run where the one before it failed by one of these; `None` where its turn comes in any case.
    pub only_after: Option<Arc<[EndCause]>>,
    /// How long nothing may be heard of the callees, not even that it rings; `None` as long as it may ring.
    pub progress_timeout: Option<Duration>,
}

/// One who is rung, and how long it may ring.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Callee {
    /// Who it is.
    pub target: BridgeTarget,
    /// How long it may ring.
    pub ring_timeout: Duration,
}

impl Bridge {
    /// A bridge that says nothing besides.
    #[must_use]
    pub const fn new(callees: Vec<Callee>) -> Self {
        Self { callees, shown_number: None, headers: Vec::new(), only_after: None, progress_timeout: None }
    }
}

/// Who is rung.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BridgeTarget {
    /// A user, at every contact that is registered.
    User(String),
    /// A number at a trunk.
    Trunk {
        /// The trunk's name.
        trunk: Arc<str>,
        /// What is dialled there.
        number: String,
    },
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoRule => f.write_str("no rule is for this caller and this destination"),
            Self::NobodyToCall { rule } => {
                write!(f, "rule {rule:?} matched, but what it is to call came out empty")
            }
        }
    }
}
