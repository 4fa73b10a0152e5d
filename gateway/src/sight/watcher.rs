//! The thread that takes messages off the tap: masks their secrets, keeps them, and hands them to the exporter.

use std::io;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use webtrunk_signalling::lock::lock;
use webtrunk_signalling::sip::trace::{
    CallTrace, Gone, NotFound, Note, Ring, Tap, TapCounts, TapReader, TraceTotals, tap,
};

use super::hep::{Exporter, HepCounts};
use super::own_address::OwnAddresses;
use crate::config::{HepConfig, TraceConfig};

/// How long the thread waits for a message before it looks whether there can be any more.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long it rests when it has taken all that was there: a message that comes meanwhile wakes nobody, which is what
/// costs most. Chosen by us: nobody sees the delay.
const REST: Duration = Duration::from_millis(5);

/// The messages of late, for whoever asks; cheap to clone.
#[derive(Debug, Clone)]
pub struct Sight {
    ring: Arc<Mutex<Ring>>,
    tap: Tap,
    exporter: Option<Exporter>,
}

/// What was counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SightCounts {
    /// Messages that came to be kept, and those for which there was no time.
    pub tap: TapCounts,
    /// What is held.
    pub ring: TraceTotals,
    /// What was sent to the collector; `None` without one.
    pub hep: Option<HepCounts>,
}

/// A thread cannot be started.
#[derive(Debug, thiserror::Error)]
#[error(
    "no thread can be started that keeps traces of calls: {0}; allow the process more threads, or write enabled = false into [trace]"
)]
pub struct SightError(#[from] io::Error);

impl Sight {
    /// Starts keeping and sending; `None` where the configuration wants neither.
    ///
    /// # Errors
    /// [`SightError`].
    pub fn start(trace: &TraceConfig, hep: Option<&HepConfig>) -> Result<Option<Self>, SightError> {
        if !trace.is_enabled {
            return Ok(None);
        }
        let exporter = hep.map(Exporter::start).transpose()?;
        let (tap, reader) = tap();
        let ring = Arc::new(Mutex::new(Ring::new(trace.bounds)));
        let watcher = Watcher {
            reader,
            ring: Arc::clone(&ring),
            exporter: exporter.clone(),
            addresses: OwnAddresses::default(),
        };
        thread::Builder::new().name("sight".to_owned()).spawn(move || watcher.run())?;
        Ok(Some(Self { ring, tap, exporter }))
    }

    /// What messages and calls are told to.
    #[must_use]
    pub fn tap(&self) -> Tap {
        self.tap.clone()
    }

    /// The call that is called so: `last`, `call-7`, a Call-ID, or the begin of one.
    ///
    /// # Errors
    /// There is none, or more than one.
    pub fn find(&self, name: &str) -> Result<CallTrace, NotFound> {
        lock(&self.ring).find(name)
    }

    /// The latest `max`, latest first.
    #[must_use]
    pub fn latest(&self, max: usize) -> Vec<CallTrace> {
        lock(&self.ring).latest(max)
    }

    /// What was counted so far.
    #[must_use]
    pub fn counts(&self) -> SightCounts {
        let hep = self.exporter.as_ref().map(Exporter::counts);
        SightCounts { tap: self.tap.counts(), ring: lock(&self.ring).totals(), hep }
    }
}

struct Watcher {
    reader: TapReader,
    ring: Arc<Mutex<Ring>>,
    exporter: Option<Exporter>,
    addresses: OwnAddresses,
}

impl Watcher {
    /// Until all that could tell something are gone.
    fn run(mut self) {
        let mut patience = PATIENCE;
        loop {
            match self.reader.next(patience) {
                Ok(Some(note)) => {
                    self.take(note);
                    patience = Duration::ZERO;
                }
                Ok(None) => {
                    if patience.is_zero() {
                        thread::sleep(REST);
                    }
                    patience = PATIENCE;
                }
                Err(Gone) => return,
            }
        }
    }

    fn take(&mut self, note: Note) {
        match note {
            Note::Passed(passing) => {
                let Some(seen) = passing.redacted(self.addresses.of(&passing.flow)) else { return };
                let seen = Arc::new(seen);
                if let Some(exporter) = &self.exporter {
                    exporter.send(&seen);
                }
                lock(&self.ring).push(seen);
            }
            Note::LegNamed { leg, call_id } => lock(&self.ring).leg_named(leg, &call_id),
            Note::LegJoined { leg, call } => lock(&self.ring).leg_joined(leg, call),
            Note::CallOver { call } => lock(&self.ring).call_over(call),
        }
    }
}
