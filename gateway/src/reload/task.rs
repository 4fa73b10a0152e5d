//! The task that reads the configuration again: beside all else, for reading takes its time, and a file system may hang.

use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tracing::{error, warn};

use super::{Changed, Refusal, ReloadReport, Reloads, Requested};
use crate::people::{self, PeopleError};

/// What an operator is told of a reload.
type Reply = oneshot::Sender<Result<ReloadReport, Refusal>>;

/// A reload that an operator asks for.
struct Asked {
    /// Whether nothing is to be changed.
    is_dry: bool,
    reply: Reply,
}

/// Reads the configuration again as often as it is asked to, one time after the other, until it is dropped.
pub struct Reloading {
    asked: mpsc::Sender<Asked>,
    drain_timeout: watch::Receiver<Duration>,
    task: JoinHandle<()>,
}

/// Reloads that may wait. Chosen by us: they are asked for by hand.
const WAITING: usize = 16;

impl Reloading {
    /// Has these done. Needs a tokio runtime around it.
    #[must_use]
    pub fn start(reloads: Reloads, changed: Changed) -> Self {
        let (asked, asking) = mpsc::channel(WAITING);
        let (tell, drain_timeout) = watch::channel(reloads.drain_timeout());
        let task = tokio::spawn(run(reloads, changed, asking, tell));
        Self { asked, drain_timeout, task }
    }

    /// Has it done once, or only told what it would change. Where too many wait already, the reply is dropped.
    pub fn ask(&self, is_dry: bool, reply: Reply) {
        // Whoever waits for the reply sees that nobody answers.
        let _ = self.asked.try_send(Asked { is_dry, reply });
    }

    /// Returns when another configuration was taken up, with how long calls may go on by it when the gateway is asked to stop.
    pub async fn taken_up(&mut self) -> Duration {
        if self.drain_timeout.changed().await.is_err() {
            error!("the configuration is not read again any more: what reads it broke off");
            return std::future::pending().await;
        }
        *self.drain_timeout.borrow_and_update()
    }
}

impl Drop for Reloading {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn run(
    mut reloads: Reloads,
    changed: Changed,
    mut asking: mpsc::Receiver<Asked>,
    drain_timeout: watch::Sender<Duration>,
) {
    // Why the store could not be read again: told once.
    let mut told = None;
    loop {
        let asked = tokio::select! {
            requested = reloads.requested() => match requested {
                Requested::Change(asked) => {
                    let people::Asked { change, by, reply, turn } = *asked;
                    let outcome = reloads.change(change, by.as_deref(), &changed).await;
                    if let Err(error @ (PeopleError::Unfit(_) | PeopleError::Unwritten(_))) = &outcome {
                        // Customers' back ends are not told why.
                        warn!(by, %error, "a change of people is not made");
                    }
                    drop(turn);
                    // Who asked may be gone.
                    let _ = reply.send(outcome);
                    continue;
                }
                Requested::Again => {
                    let unread = reloads.read_again(&changed).await.err().map(|error| error.to_string());
                    if let Some(error) = unread.as_ref().filter(|_| unread != told) {
                        warn!(error, "the store's people cannot be read again yet; it is tried every two seconds");
                    }
                    told = unread;
                    continue;
                }
                Requested::Reload => None,
            },
            asked = asking.recv() => match asked {
                Some(asked) => Some(asked),
                None => return,
            },
        };
        let is_dry = asked.as_ref().is_some_and(|asked| asked.is_dry);
        let outcome = match is_dry {
            true => reloads.rehearse(&changed).await,
            // The log tells how it went, whoever asked.
            false => reloads.reload(&changed).await,
        };
        drain_timeout.send_replace(reloads.drain_timeout());
        if let Some(Asked { reply, .. }) = asked {
            // Who asked may be gone.
            let _ = reply.send(outcome);
        }
    }
}
