//! A call that is being dialled.

use std::time::Duration;

use super::{Call, CallEnd, CallProgress};
use crate::agent::{AgentError, Heard, Talk, Uplink, Voice};

/// A call that is being dialled. Dropped before an answer, it is cancelled.
#[derive(Debug)]
pub struct Dialing {
    call: Call,
}

impl Dialing {
    pub(in crate::agent) const fn new(call: Call) -> Self {
        Self { call }
    }

    /// Waits until it rings, is answered or ends; tells how far it is.
    ///
    /// # Errors
    /// Nothing happened in that time.
    pub async fn ringing(&self, limit: Duration) -> Result<CallProgress, AgentError> {
        self.call.wait_for("ringing", limit, |it| *it != CallProgress::Calling).await
    }

    /// Says this as soon as there is media.
    pub fn say(&self, voice: Option<Voice>) {
        self.call.say(voice);
    }

    /// Speaks at these times; the first lasts until [`Call::begin_talk`].
    pub fn talk(&self, talk: Talk) {
        self.call.media.talk(talk);
    }

    /// What is sent goes over this network.
    pub fn send_over(&self, uplink: Uplink) {
        self.call.media.send_over(uplink);
    }

    /// How far it is.
    #[must_use]
    pub fn progress(&self) -> CallProgress {
        self.call.progress()
    }

    /// What comes before the answer.
    ///
    /// # Errors
    /// The call broke.
    pub async fn heard(&self) -> Result<Heard, AgentError> {
        self.call.heard().await
    }

    /// Waits for the answer.
    ///
    /// # Errors
    /// The call was refused or broke, or nobody answered in that time: then it is cancelled.
    pub async fn answered(self, limit: Duration) -> Result<Call, AgentError> {
        let is_settled = |it: &CallProgress| matches!(it, CallProgress::Up | CallProgress::Ended(_));
        match self.call.wait_for("an answer", limit, is_settled).await? {
            CallProgress::Ended(end) => Err(end.into_error()),
            _ => Ok(self.call),
        }
    }

    /// Gives up, and tells how the call ended: a 200 may have crossed the CANCEL.
    ///
    /// # Errors
    /// The other end never said that it is over.
    pub async fn cancel(self) -> Result<CallEnd, AgentError> {
        self.call.hang_up().await
    }
}
