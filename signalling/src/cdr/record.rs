//! The record of a call.

use serde::{Deserialize, Serialize};

use super::timeline::is_zero;
use super::{By, EndRecord, QualityRecord, RecordId, Stage, Stamp, Timeline};
use crate::adapter::Origin;

/// What became of a call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CallRecord {
    /// Names it, for ever.
    pub id: RecordId,
    /// Its name in the log, for the life of the process; absent where it was refused before it had one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call: Option<String>,
    /// By whose rights it was made.
    pub origin: OriginRecord,
    /// Who had the gateway make it, an API key by its id; absent where the caller called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub originated_by: Option<String>,
    /// Who called, as shown: number or user name.
    pub caller: String,
    /// The display name with it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub caller_name: String,
    /// What was dialled.
    pub destination: String,
    /// The listener to which it came.
    pub listener: String,
    /// The rule that decided; absent where none did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// When it came, as people have it.
    pub began_at: Stamp,
    /// When the caller was answered; in a call that the gateway made, when the first party answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answered_at: Option<Stamp>,
    /// When all was over: by the begin and the length, so that a clock which was set meanwhile confuses nobody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Stamp>,
    /// How long it was.
    pub duration_ms: u64,
    /// How long of it was after the caller was answered, until it was being hung up.
    pub talked_ms: u64,
    /// Whether the wall clock was set meanwhile, so that its dates tell of another length.
    pub clock_step: bool,
    /// The call's own stretches: they add up to its length.
    pub timeline: Timeline,
    /// Everybody who took part, in their order.
    pub legs: Vec<LegRecord>,
    /// Legs for which there was no room.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub legs_left_out: u32,
    /// The files to which it was recorded.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub recordings: Vec<String>,
    /// Recordings for which there was no room.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub recordings_left_out: u32,
    /// How it ended; absent while it lasts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<EndRecord>,
}

/// By whose rights a call was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OriginRecord {
    /// A user's.
    User(String),
    /// A trunk's.
    Trunk(String),
}

/// One party's part in a call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LegRecord {
    /// Its name in the log, for the life of the process.
    pub leg: String,
    /// Whether it came in or was called.
    pub way: Way,
    /// The user or trunk behind it; absent for the inner end of two calls that were joined.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub party: Option<OriginRecord>,
    /// Its number or name: of who called, or what was called.
    pub number: String,
    /// Its stretches: they add up to its length.
    pub timeline: Timeline,
    /// How long it was.
    pub duration_ms: u64,
    /// How it ended; absent while it lasts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<LegEnd>,
    /// Its media, once it is over; absent where it had none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quality: Option<Box<QualityRecord>>,
}

/// Which way a leg was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Way {
    /// It came in.
    In,
    /// We called it.
    Out,
}

/// How a leg ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LegEnd {
    /// Why, in the words of [`super::name_of`], or `crash`.
    pub cause: String,
    /// Whether its own party ended it, or we did.
    pub by: By,
    /// The final response by which the party refused the call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sip_status: Option<u16>,
    /// The cause in the telephone network (ITU-T Q.850) that the party told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub q850: Option<u16>,
}

impl From<&Origin> for OriginRecord {
    fn from(origin: &Origin) -> Self {
        match origin {
            Origin::User(name) => Self::User(name.clone()),
            Origin::Trunk(name) => Self::Trunk(name.clone()),
        }
    }
}

impl LegEnd {
    /// An end of which the party said nothing.
    pub(super) fn new(cause: &str, by: By) -> Self {
        Self { cause: cause.to_owned(), by, sip_status: None, q850: None }
    }
}

impl LegRecord {
    /// How long it talked or was on hold.
    #[must_use]
    pub fn talked_ms(&self) -> u64 {
        self.timeline.duration_in_ms(Stage::Talking) + self.timeline.duration_in_ms(Stage::OnHold)
    }
}

impl Way {
    /// What its party is to the call.
    pub(super) const fn side(self) -> By {
        match self {
            Self::In => By::Caller,
            Self::Out => By::Callee,
        }
    }
}
