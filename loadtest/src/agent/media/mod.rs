//! The media of one call: a steady clock that sends, a log of what comes, over any transport.

mod digits;
mod handle;
mod heard;
mod held;
mod leg;
mod playout;
mod reports;
mod rtp;
mod script;
mod sender;
mod sent;
mod socket;
mod talk;
mod task;
mod uplink;
mod voice;
mod weather;

pub use digits::HeardDigit;
pub use heard::{Aside, Heard, HeardNoise, HeardPacket};
pub use reports::PeerReport;
pub use script::ScriptStep;
pub use sent::{Pause, Sent, SentDigit, SentPacket};
pub use talk::{Silence, Spell, Talk};
pub use uplink::{BadTimes, Uplink};
pub use voice::{Voice, VoiceError, packet_number};
pub use weather::Weather;

pub(crate) use digits::{DigitSender, DigitStep, Press};
pub(crate) use handle::{Media, MediaState};
pub(crate) use heard::Log;
pub(crate) use leg::{Leg, Received};
pub(crate) use reports::{Reports, Sending};
pub(crate) use rtp::RtpHeader;
pub(crate) use socket::MediaSocket;
pub(crate) use task::MediaConfig;

use std::time::Duration;

/// How much audio is in a packet that we send.
pub(crate) const PTIME: Duration = Duration::from_millis(20);
