//! A thread of its own that sees whether the others go on.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};
use tracing::{error, warn};
use webtrunk_engine::engine::Engine;

use super::stalls::{Finding, LOOK, Stalls};
use super::{EXIT_UNSOUND, Fault, Mishaps, ServiceManager};

/// How often signalling's thread says that it goes on.
const BEAT: Duration = Duration::from_millis(100);

/// How long the orderly end may take once somebody is dead, before the process ends as it is. Twice what calls and their
/// peers are given when it stops.
const LAST_RESORT: Duration = Duration::from_secs(20);

/// Watches the media threads and the one that it was started on, until it is dropped.
pub struct Watchdog {
    fault: watch::Receiver<Option<Fault>>,
    is_over: Arc<AtomicBool>,
    beating: JoinHandle<()>,
}

/// What a watchdog has found, to be read at any time.
#[derive(Debug, Clone)]
pub struct Faults(watch::Receiver<Option<Fault>>);

impl Faults {
    /// Who does not come back; `None` as long as all are well.
    #[must_use]
    pub fn found(&self) -> Option<Fault> {
        self.0.borrow().clone()
    }
}

impl From<watch::Receiver<Option<Fault>>> for Faults {
    fn from(found: watch::Receiver<Option<Fault>>) -> Self {
        Self(found)
    }
}

impl Watchdog {
    /// Starts to watch. `manager` hears that the process lives as long as everybody beats. Needs a tokio runtime around it.
    #[must_use]
    pub fn start(engine: Engine, manager: Arc<ServiceManager>, mishaps: Mishaps) -> Self {
        let (tell, fault) = watch::channel(None);
        let is_over = Arc::new(AtomicBool::new(false));
        let beats = Arc::new(AtomicU64::new(0));
        let beating = tokio::spawn(beat(Arc::clone(&beats), manager, fault.clone()));
        let eye = Eye { engine, beats, fault: tell, mishaps, is_over: Arc::clone(&is_over) };
        // Without the thread its end of the channel is gone, which is a fault at once.
        if let Err(error) = thread::Builder::new().name("watchdog".to_owned()).spawn(move || eye.watch()) {
            error!(%error, "there is no thread to watch over the others");
        }
        Self { fault, is_over, beating }
    }

    /// What it finds.
    #[must_use]
    pub fn faults(&self) -> Faults {
        self.fault.clone().into()
    }

    /// Returns when somebody does not come back.
    pub async fn fault(&mut self) -> Fault {
        match self.fault.wait_for(Option::is_some).await.ok().and_then(|fault| fault.clone()) {
            Some(fault) => fault,
            // The thread has ended, and so nothing is known any more.
            None => Fault::Stall { who: "the watchdog".to_owned() },
        }
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        self.beating.abort();
    }
}

/// Beats for the thread that this runs on, and for the service manager.
async fn beat(beats: Arc<AtomicU64>, manager: Arc<ServiceManager>, fault: watch::Receiver<Option<Fault>>) {
    let mut ticks = interval(BEAT);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut told_at: Option<Instant> = None;
    loop {
        ticks.tick().await;
        beats.fetch_add(1, Ordering::Relaxed);
        let Some(often) = manager.interval() else { continue };
        if told_at.is_none_or(|at| at.elapsed() >= often) && fault.borrow().is_none() {
            told_at = Some(Instant::now());
            manager.tell_alive();
        }
    }
}

/// What the thread has.
struct Eye {
    engine: Engine,
    /// Signalling's.
    beats: Arc<AtomicU64>,
    fault: watch::Sender<Option<Fault>>,
    mishaps: Mishaps,
    is_over: Arc<AtomicBool>,
}

impl Eye {
    fn watch(self) {
        let watched = self.beats().len();
        (0..watched).for_each(|index| self.mishaps.watch(&self.name(index)));
        let mut stalls = Stalls::new(watched, Instant::now());
        let mut dead_at: Option<Instant> = None;
        while !self.is_over.load(Ordering::Relaxed) {
            thread::sleep(LOOK);
            let now = Instant::now();
            for (index, finding) in stalls.look(&self.beats(), now) {
                self.tell(index, finding);
                if finding == Finding::Dead {
                    dead_at.get_or_insert(now);
                }
            }
            if dead_at.is_some_and(|at| now.saturating_duration_since(at) >= LAST_RESORT) {
                error!("the process does not end in order, and ends as it is");
                std::process::exit(EXIT_UNSOUND.into());
            }
        }
    }

    /// Of the media threads in their order, and of signalling's last.
    fn beats(&self) -> Vec<u64> {
        let shards = self.engine.vital_signs().into_iter().map(|signs| signs.beats);
        shards.chain([self.beats.load(Ordering::Relaxed)]).collect()
    }

    /// Whose beats have this place.
    fn name(&self, index: usize) -> String {
        match self.engine.vital_signs().get(index) {
            Some(_) => format!("media shard {index}"),
            None => "signalling".to_owned(),
        }
    }

    fn tell(&self, index: usize, finding: Finding) {
        let signs = self.engine.vital_signs().get(index).copied();
        let who = self.name(index);
        let signs = signs.unwrap_or_default();
        let (calls, legs, busy_permille) = (signs.calls, signs.legs, signs.busy_permille);
        match finding {
            Finding::StandsStill => {
                self.mishaps.add_stall(&who);
                warn!(who, calls, legs, busy_permille, "a thread stands still");
            }
            Finding::GoesOn(stood) => warn!(who, calls, legs, ?stood, "a thread goes on"),
            Finding::Dead => {
                error!(who, calls, legs, busy_permille, "a thread does not come back");
                self.fault.send_replace(Some(Fault::Stall { who }));
            }
        }
    }
}
