//! What a load is.

use std::net::SocketAddr;
use std::time::Duration;

use super::Losses;
use crate::agent::{AgentError, Credentials, PhoneConfig, WebrtcConfig};
use crate::hear::PesqError;

/// What a load is.
#[derive(Debug, Clone)]
pub struct LoadConfig {
    /// What each caller is; who, is the next of `users`.
    pub caller: WebrtcConfig,
    /// Who calls, in turn; each call has a connection of its own.
    pub users: Vec<Credentials>,
    /// Whom to call; `{call}` stands for the number of the call in five digits, by which the phone tells
    /// calls apart.
    pub destination: String,
    /// The phone that answers; `None` where the gateway itself does, with an echo or the like.
    pub phone: Option<PhoneConfig>,
    /// How many calls.
    pub calls: usize,
    /// How many to begin in a second.
    pub rate: f64,
    /// How long all of them are up together.
    pub duration: Duration,
    /// The process of the gateway, to be measured.
    pub pid: Option<u32>,
    /// Let that process stand still for so long, in the middle.
    pub stall: Option<Duration>,
    /// How many calls to score by the measure that is built in.
    pub scored: usize,
    /// How many calls to score by PESQ.
    pub pesq: usize,
    /// Whether callers register first.
    pub registers: bool,
    /// What is lost on purpose.
    pub losses: Losses,
    /// Where rtpengine listens for NG: then it lies between callers and phone, nobody speaks SIP, and server,
    /// users and destination are of no matter.
    pub rtpengine: Option<SocketAddr>,
}

/// How far a load is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoadProgress {
    /// Callers that are connected.
    Connected(usize),
    /// Calls whose set-up has ended, well or not.
    SetUp(usize),
    /// Time that all were up together.
    Talking(Duration),
    /// Calls that have been judged.
    Judged(usize),
}

/// Bounds of a load: what one process and one machine can bear.
pub(super) const CALLS_MAX: usize = 5000;
pub(super) const DURATION_MAX: Duration = Duration::from_secs(3600);
/// Then peers believe that it is gone.
const STALL_MAX: Duration = Duration::from_secs(5);
/// What stands for the number of the call.
pub(super) const PLACEHOLDER: &str = "{call}";

/// A load cannot be run.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The configuration makes no sense.
    #[error("{0}")]
    Config(String),
    /// An agent failed before any call.
    #[error(transparent)]
    Agent(#[from] AgentError),
    /// A process cannot be measured.
    #[error("cannot read process {pid}: {why}; is it running, and ours?")]
    Process {
        /// Which.
        pid: u32,
        /// Why.
        why: String,
    },
    /// Speech cannot be scored.
    #[error(transparent)]
    Pesq(#[from] PesqError),
}

impl LoadConfig {
    pub(super) fn check(&self) -> Result<(), LoadError> {
        let fault = if self.users.is_empty() {
            "no user to call as; name one".to_owned()
        } else if self.calls == 0 || self.calls > CALLS_MAX {
            format!("{} calls are not between 1 and {CALLS_MAX}", self.calls)
        } else if !(self.rate > 0.0 && self.rate <= 1000.0) {
            format!("{} calls a second are not between 0 and 1000", self.rate)
        } else if self.duration.is_zero() || self.duration > DURATION_MAX {
            format!("{:?} is not between a second and {DURATION_MAX:?}", self.duration)
        } else if self.stall.is_some_and(|it| it.is_zero() || it > STALL_MAX || it * 4 > self.duration) {
            format!(
                "a stall of {:?} is not between a millisecond and {STALL_MAX:?}, or takes more than a quarter of the load",
                self.stall.unwrap_or_default()
            )
        } else if self.stall.is_some() && self.pid.is_none() {
            "who is to stand still? give the gateway's process id".to_owned()
        } else if let Some(fault) = self.losses.fault() {
            fault
        } else if self.rtpengine.is_some() {
            let needs = [(self.phone.is_none(), "a phone"), (self.registers, "callers that do not register")];
            match needs.into_iter().find(|(is_missing, _)| *is_missing) {
                Some((_, what)) => format!("rtpengine answers no call and speaks no SIP; it needs {what}"),
                None => return Ok(()),
            }
        } else if self.phone.is_some() && self.calls > 1 && !self.destination.contains(PLACEHOLDER) {
            format!(
                "the phone tells calls apart by the number dialled; put {PLACEHOLDER} into the destination \
                 {:?}, as in 7{PLACEHOLDER}",
                self.destination
            )
        } else {
            return Ok(());
        };
        Err(LoadError::Config(fault))
    }

    /// The caller of one call: its user, and the losses on its way.
    pub(super) fn caller(&self, call: usize) -> WebrtcConfig {
        let mut caller = self.caller.clone();
        caller.credentials.clone_from(&self.users[call % self.users.len()]);
        if self.losses.callers > 0.0 {
            let percent = (self.losses.callers * 100.0).round() as u8;
            caller.uplink = self.losses.of_caller(call);
            caller.voice = caller.voice.map(|voice| voice.expecting_loss(percent));
        }
        caller
    }

    /// The number of one call.
    pub(super) fn destination_of(&self, call: usize) -> String {
        self.destination.replace(PLACEHOLDER, &format!("{call:05}"))
    }

    /// The call of a number.
    pub(super) fn call_of(&self, number: &str) -> Option<usize> {
        (0..self.calls).find(|call| self.destination_of(*call) == number)
    }
}
