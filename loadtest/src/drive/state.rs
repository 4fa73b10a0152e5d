//! What a run is like at the moment, and what came of its calls so far.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::report::{CallReport, Distribution, Moment, Outcome};
use crate::verdict::Lateness;

/// What a run is like, shared by all its calls.
#[derive(Debug, Default)]
pub struct State {
    begun: AtomicUsize,
    up: AtomicUsize,
    ringing: AtomicUsize,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    calls: Vec<CallReport>,
    lateness: Lateness,
    /// Calls in a row of which the target said nothing at all.
    unheard: usize,
    turned_away: usize,
}

/// What is shown of it while it goes on.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Live {
    /// Calls that began.
    pub begun: usize,
    /// Calls that are being set up.
    pub ringing: usize,
    /// Calls that are up.
    pub up: usize,
    /// Calls that are over, and how they went by cause: `ok`, findings, failures.
    pub over: BTreeMap<String, usize>,
    /// The middle of the set-up times so far, in milliseconds.
    pub setup_p50_ms: Option<f64>,
    /// The middle of the opinion scores so far.
    pub mos_p50: Option<f64>,
    /// Of the set-up times, one in a hundred is longer.
    pub setup_p99_ms: Option<f64>,
    /// Packets lost of all that came, in percent.
    pub loss_percent: f64,
    /// Packets of the load tester's own that left late, of those of calls that are over, in percent.
    pub late_percent: f64,
    /// Whether no more calls begin, and those that are there are ended.
    pub is_ending: bool,
    /// The last second; `None` before the first is over.
    pub moment: Option<Moment>,
}

/// A call counts as being set up, or as up, as long as this lives.
#[derive(Debug)]
pub(super) struct Counted<'s>(&'s AtomicUsize);

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl State {
    /// The number of the next call; `None` where there are to be no more.
    pub(super) fn begin(&self, most: usize) -> Option<usize> {
        let more = |begun| if begun < most { Some(begun + 1) } else { None };
        self.begun.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).ok()
    }

    /// One that began is not to be after all: there was no room.
    pub(super) fn turn_away(&self) {
        self.kept().turned_away += 1;
    }

    pub(super) fn turned_away(&self) -> usize {
        self.kept().turned_away
    }

    pub(super) fn begun(&self) -> usize {
        self.begun.load(Ordering::Relaxed)
    }

    pub(super) fn is_ringing(&self) -> Counted<'_> {
        self.ringing.fetch_add(1, Ordering::Relaxed);
        Counted(&self.ringing)
    }

    pub(super) fn is_up(&self) -> Counted<'_> {
        self.up.fetch_add(1, Ordering::Relaxed);
        Counted(&self.up)
    }

    pub(super) fn up(&self) -> usize {
        self.up.load(Ordering::Relaxed)
    }

    pub(super) fn note_dial(&self, late: std::time::Duration) {
        self.kept().lateness.note_dial(late);
    }

    /// Takes what came of a call; how many in a row the target said nothing of.
    pub(super) fn note(&self, call: CallReport, lateness: &Lateness) -> usize {
        let mut kept = self.kept();
        let is_unheard = matches!(call.outcome, Outcome::Failed { is_unheard: true, .. });
        kept.unheard = if is_unheard { kept.unheard + 1 } else { 0 };
        kept.lateness.merge(lateness);
        kept.calls.push(call);
        kept.unheard
    }

    /// All calls so far, and how late the load tester was.
    pub(super) fn take(&self) -> (Vec<CallReport>, Lateness) {
        let mut kept = self.kept();
        (std::mem::take(&mut kept.calls), std::mem::take(&mut kept.lateness))
    }

    /// What is shown.
    #[must_use]
    pub fn live(&self) -> Live {
        let kept = self.kept();
        Live {
            begun: self.begun(),
            ringing: self.ringing.load(Ordering::Relaxed),
            up: self.up(),
            late_percent: kept.lateness.late_percent(),
            ..Live::of(&kept.calls)
        }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Live {
    /// What these calls, which are over, were like.
    pub(crate) fn of<'c>(calls: impl IntoIterator<Item = &'c CallReport>) -> Self {
        let mut live = Self::default();
        let (mut setups, mut scores, mut lost, mut received) = (Vec::new(), Vec::new(), 0, 0);
        for call in calls {
            for cause in call.causes() {
                *live.over.entry(cause).or_default() += 1;
            }
            setups.extend(call.setup_ms);
            for direction in call.directions() {
                scores.extend(direction.mos);
                lost += direction.lost;
                received += direction.received;
            }
        }
        let setups = Distribution::of(setups);
        live.setup_p50_ms = setups.map(|setups| setups.p50);
        live.setup_p99_ms = setups.map(|setups| setups.p99);
        live.mos_p50 = Distribution::of(scores).map(|scores| scores.p50);
        live.loss_percent = lost as f64 * 100.0 / (lost + received).max(1) as f64;
        live
    }
}
