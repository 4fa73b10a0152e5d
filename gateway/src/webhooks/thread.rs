//! The thread of the hooks, and its face.

use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use std::{io, thread};

use tokio::runtime::Builder;
use tokio::sync::{oneshot, watch};
use tokio::time::timeout;
use tracing::warn;
use webtrunk_signalling::lock::lock;

use super::cut_calls::CutCalls;
use super::spool::{Kept, SpoolKeeper};
use super::task::Task;
use crate::config::{Config, Webhook};
use crate::rest::events::Hub;

/// How long what is due may take when the process ends. What is not sent by then is sent by the next one.
pub(super) const FAREWELL: Duration = Duration::from_secs(2);

/// The hooks, while they are served.
pub struct Webhooks {
    control: WebhookControl,
    finish: oneshot::Sender<()>,
    /// Comes to nothing, when all is over.
    over: oneshot::Receiver<()>,
}

/// Changes hooks, and tells how they do; cheap to clone.
#[derive(Clone)]
pub struct WebhookControl {
    settings: watch::Sender<Settings>,
    shown: Shown,
}

/// What hooks there are, and what they have to know of the gateway.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Served {
    /// The hooks.
    pub hooks: Arc<[Webhook]>,
    /// The addresses by which others reach the gateway from outside, besides those of the machine: nothing is sent to them.
    pub own: Arc<[IpAddr]>,
}

/// What an earlier process left.
pub struct Left {
    /// What waits for hooks.
    pub kept: Vec<Kept>,
    /// Calls that ended with it.
    pub cut: CutCalls,
}

/// What is served, and what somebody wants of it.
#[derive(Debug, Clone, Default)]
pub(super) struct Settings {
    pub(super) served: Served,
    /// How often somebody wanted those tried again that are gone.
    pub(super) reopened: u64,
}

/// What became of a hook's events since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Taken by the receiver.
    pub delivered: u64,
    /// Given up, since nobody took them in time.
    pub given_up: u64,
    /// Dropped for want of room.
    pub dropped: u64,
    /// Tries that failed.
    pub failures: u64,
    /// Events that wait.
    pub waiting: usize,
    /// Whether the last try failed, or the receiver is gone.
    pub is_down: bool,
}

/// Figures, as they are read from anywhere; cheap to clone.
#[derive(Debug, Clone, Default)]
pub(super) struct Shown {
    hooks: Arc<Mutex<Vec<(String, Counts)>>>,
    missed: Arc<AtomicU64>,
}

impl From<&Config> for Served {
    fn from(config: &Config) -> Self {
        Self { hooks: config.webhooks.clone().into(), own: config.external_addresses().into() }
    }
}

impl Webhooks {
    /// Serves these from now on, tells them what was left for them and the stream of calls that were cut; what waits is kept by `keeper`.
    ///
    /// # Errors
    /// The system has no thread left.
    pub fn start(
        hub: Hub,
        served: Served,
        left: Left,
        keeper: Option<Arc<dyn SpoolKeeper>>,
    ) -> io::Result<Self> {
        let (settings, changed) = watch::channel(Settings { served, reopened: 0 });
        let shown = Shown::default();
        let (finish, finishing) = oneshot::channel();
        let (end, over) = oneshot::channel();
        let task = Task::new(hub, changed, left, keeper, shown.clone());
        let runtime = Builder::new_current_thread().enable_all().build()?;
        thread::Builder::new().name("webhooks".to_owned()).spawn(move || {
            let _end: oneshot::Sender<()> = end;
            runtime.block_on(task.run(finishing));
            // A name that is being looked up is not waited for.
            runtime.shutdown_background();
        })?;
        Ok(Self { control: WebhookControl { settings, shown }, finish, over })
    }

    /// What changes them.
    #[must_use]
    pub fn control(&self) -> WebhookControl {
        self.control.clone()
    }

    /// Hears all that has happened, sends what is due, and ends.
    pub async fn finish(self) {
        // A thread that is gone has nothing left to do.
        let _ = self.finish.send(());
        if timeout(FAREWELL * 2, self.over).await.is_err() {
            warn!("the last events for webhooks could not be kept");
        }
    }
}

impl WebhookControl {
    /// Serves these from now on; what waits for those that were there goes on to wait.
    pub fn take_up(&self, served: Served) {
        self.settings.send_if_modified(|settings| {
            let is_other = settings.served != served;
            if is_other {
                settings.served = served;
            }
            is_other
        });
    }

    /// Those that are gone, or are down, are tried again at once.
    pub fn reopen(&self) {
        self.settings.send_modify(|settings| settings.reopened += 1);
    }

    /// How each does, by its name.
    #[must_use]
    pub fn counts(&self) -> Vec<(String, Counts)> {
        self.shown.all()
    }

    /// Events that no hook was told of, since there were too many at once.
    #[must_use]
    pub fn missed(&self) -> u64 {
        self.shown.missed()
    }
}

impl Shown {
    pub(super) fn show(&self, counts: Vec<(String, Counts)>) {
        *lock(&self.hooks) = counts;
    }

    pub(super) fn all(&self) -> Vec<(String, Counts)> {
        lock(&self.hooks).clone()
    }

    pub(super) fn missed(&self) -> u64 {
        self.missed.load(Ordering::Relaxed)
    }

    pub(super) fn add_missed(&self, events: u64) {
        self.missed.fetch_add(events, Ordering::Relaxed);
    }
}
