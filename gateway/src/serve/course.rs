//! From serving to the end: what is heard meanwhile, and what follows from it.

use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio::time::{Interval, interval};
use tracing::{error, info};

use super::ServeError;
use crate::admin::{DrainReport, Errand};
use crate::drain::{Drain, Turn};
use crate::reload::Reloading;
use crate::shutdown::Shutdown;
use crate::supervision::{Fault, Panics, Watchdog};
use crate::telephony::Telephony;

/// How long calls that are there may go on in a process that is to be started anew since so many break. Chosen by us: most
/// calls are over by then, and nobody can call meanwhile.
const UNSOUND_MAX: Duration = Duration::from_secs(120);

/// How often it is looked at how many calls are left, while the gateway is being drained.
const LOOK: Duration = Duration::from_millis(200);

/// All that is heard while the gateway serves.
pub(super) struct Course<'s> {
    pub(super) telephony: &'s mut Telephony,
    pub(super) shutdown: &'s mut Shutdown,
    /// What reads the configuration again, where there is a file of it.
    pub(super) reloading: Option<Reloading>,
    /// What operators want done.
    pub(super) errands: mpsc::Receiver<Errand>,
    pub(super) watchdog: &'s mut Watchdog,
    pub(super) panics: &'s mut Panics,
    pub(super) drain: Drain,
    /// Why it is of no use any more.
    pub(super) unsound: Option<Fault>,
}

impl Course<'_> {
    /// Returns when the gateway is to end, and why, where that is not what it was asked for.
    pub(super) async fn run(mut self) -> Result<(), ServeError> {
        let mut looks = interval(LOOK);
        loop {
            match self.hear(&mut looks).await? {
                Some(Turn::Close { until }) => {
                    let (calls, in_s) = (self.telephony.calls_left(), (until - Instant::now()).as_secs());
                    info!(
                        calls,
                        in_s,
                        "no new calls are taken, and those that are there may end by themselves; a further SIGINT or \
                         SIGTERM hangs them up"
                    );
                    self.telephony.refuse_calls(until).await;
                }
                Some(Turn::End(occasion)) => {
                    info!(?occasion, calls = self.telephony.calls_left(), "the gateway ends");
                    return self.unsound.map_or(Ok(()), |fault| Err(fault.into()));
                }
                None => {}
            }
        }
    }

    /// The next that is heard; what follows from it.
    async fn hear(&mut self, looks: &mut Interval) -> Result<Option<Turn>, ServeError> {
        let Self { telephony, drain, .. } = self;
        let turn = tokio::select! {
            () = self.shutdown.requested() => Some(drain.ask(telephony.calls_left(), Instant::now())),
            _ = looks.tick(), if drain.until().is_some() => drain.look(telephony.calls_left(), Instant::now()),
            timeout = taken_up(&mut self.reloading) => {
                drain.set_timeout(timeout);
                None
            }
            Some(errand) = self.errands.recv() => self.run_errand(errand),
            collapse = telephony.collapsed() => {
                error!(%collapse, "no more calls can be carried: the gateway ends");
                return Err(collapse.into());
            }
            fault = self.watchdog.fault() => return Err(fault.into()),
            fault = self.panics.too_many(), if self.unsound.is_none() => {
                error!(%fault, "the gateway takes no calls any more, and ends to be started anew");
                self.unsound = Some(fault);
                Some(drain.hurry(UNSOUND_MAX, telephony.calls_left(), Instant::now()))
            }
        };
        Ok(turn)
    }

    /// Does what an operator wants done, or has it done; what follows from it.
    fn run_errand(&mut self, errand: Errand) -> Option<Turn> {
        match errand {
            Errand::Reload { is_dry, reply } => {
                // Without a file there is nothing to be read again: whoever asks sees that nobody answers.
                self.reloading.as_ref()?.ask(is_dry, reply);
                None
            }
            Errand::Drain { is_now, reply } => {
                let (calls, now) = (self.telephony.calls_left(), Instant::now());
                let turn = match (is_now, self.drain.until()) {
                    (true, _) => Some(self.drain.end(now)),
                    (false, None) => Some(self.drain.ask(calls, now)),
                    // Asking again tells how far it is.
                    (false, Some(_)) => None,
                };
                let until = self.drain.until().unwrap_or(now);
                // Who asked may be gone.
                let _ = reply.send(DrainReport::new(calls, until, now));
                turn
            }
        }
    }
}

/// Returns when another configuration was taken up, with how long calls may go on by it; never, where there is no file of it.
async fn taken_up(reloading: &mut Option<Reloading>) -> Duration {
    match reloading {
        Some(reloading) => reloading.taken_up().await,
        None => std::future::pending().await,
    }
}
