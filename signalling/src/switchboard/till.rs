//! Where calls are paid for: the ledger of all, and the meter of each call.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Instant, SystemTime};

use tracing::info;
use webtrunk_engine::{EndCause, LegId};

use crate::adapter::{Dial, Origin, Target};
use crate::b2bua::Directory;
use crate::calendar;
use crate::lock::lock;
use crate::spending::{CallLimits, Ledger, Meter, Refusal, Spent};

/// Keeps what was spent over a restart.
pub trait SpentKeeper: Send + Sync {
    /// Keeps the latest; never waits.
    fn keep(&self, spent: Spent);
}

/// Numbers of trunks that were dialled and not called, since the start, by why; to be read at any time.
#[derive(Debug, Default)]
pub struct Forbidden {
    numbers: AtomicU64,
    minutes: AtomicU64,
}

/// The ledger of all calls.
#[derive(Default)]
pub(super) struct Till {
    ledger: Mutex<Ledger>,
    forbidden: Arc<Forbidden>,
    keeper: Option<Arc<dyn SpentKeeper>>,
}

/// What one call pays.
pub(super) struct Bill<'a> {
    till: &'a Till,
    meter: Meter,
}

impl Forbidden {
    /// Those that are none that may be called.
    #[must_use]
    pub fn by_number(&self) -> u64 {
        self.numbers.load(Ordering::Relaxed)
    }

    /// Those for which the minutes of the day were over.
    #[must_use]
    pub fn by_minutes(&self) -> u64 {
        self.minutes.load(Ordering::Relaxed)
    }

    fn add(&self, refusal: Refusal) {
        let counter = match refusal {
            Refusal::Number => &self.numbers,
            Refusal::Minutes => &self.minutes,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

impl Till {
    pub(super) fn new(kept: Vec<Spent>, keeper: Option<Arc<dyn SpentKeeper>>) -> Self {
        Self { ledger: Mutex::new(Ledger::new(kept)), keeper, forbidden: Arc::default() }
    }

    /// What was not called.
    pub(super) fn forbidden(&self) -> Arc<Forbidden> {
        Arc::clone(&self.forbidden)
    }

    /// Begins a call of somebody; whether it may begin one more.
    pub(super) fn begin(&self, origin: &Origin, limits: &CallLimits) -> bool {
        self.ledger().begin(origin, limits, Instant::now())
    }

    fn keep(&self, spent: Vec<Spent>) {
        if let Some(keeper) = &self.keeper {
            spent.into_iter().for_each(|spent| keeper.keep(spent));
        }
    }

    /// It is whole between any two statements of ours.
    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        lock(&self.ledger)
    }
}

impl<'a> Bill<'a> {
    pub(super) fn new(till: &'a Till) -> Self {
        Self { till, meter: Meter::default() }
    }

    /// A leg is about to be dialled; why it is not, where it is not.
    pub(super) fn dial(&mut self, dial: &Dial, directory: &dyn Directory) -> Result<(), EndCause> {
        let Target::Trunk { trunk, number } = &dial.target else { return Ok(()) };
        let payers = payers(dial.on_behalf_of.as_deref(), trunk, directory);
        let mut ledger = self.till.ledger();
        self.meter.dial(dial.leg, number, payers, &mut ledger, at()).map_err(|(refusal, payer)| {
            self.till.forbidden.add(refusal);
            let _leg = dial.span.enter();
            match refusal {
                Refusal::Number => info!(%payer, number, "not called: the number is none that may be called"),
                Refusal::Minutes => info!(%payer, number, "not called: the minutes of the day are over"),
            }
            EndCause::Forbidden
        })
    }

    pub(super) fn answered(&mut self, leg: LegId) {
        self.meter.answered(leg, &mut self.till.ledger(), at());
    }

    pub(super) fn ended(&mut self, leg: LegId) {
        let spent = self.meter.ended(leg, &mut self.till.ledger(), at());
        self.till.keep(spent);
    }

    /// When it is to be looked at.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.meter.poll_timeout()
    }

    /// Whether the call has to end now.
    pub(super) fn is_used_up(&mut self) -> bool {
        let (is_used_up, spent) = self.meter.check(&mut self.till.ledger(), at());
        self.till.keep(spent);
        is_used_up
    }
}

impl Drop for Bill<'_> {
    fn drop(&mut self) {
        let spent = self.meter.ended_all(&mut self.till.ledger(), at());
        self.till.keep(spent);
    }
}

/// Whether a number may be written to, by who writes and by the trunk.
pub(super) fn may_write(writer: Option<&str>, target: &Target, directory: &dyn Directory) -> bool {
    let Target::Trunk { trunk, number } = target else { return true };
    payers(writer, trunk, directory).iter().all(|(_, limits)| limits.allow(number))
}

/// Who pays for a leg, of those who have limits.
fn payers(user: Option<&str>, trunk: &str, directory: &dyn Directory) -> Vec<(Origin, Arc<CallLimits>)> {
    let others = user.and_then(|user| directory.counted_with(user)).map(Origin::User);
    let user = user.map(|user| Origin::User(user.to_owned()));
    let all = user.into_iter().chain(others).chain([Origin::Trunk(trunk.to_owned())]);
    all.filter_map(|payer| directory.limits(&payer).map(|limits| (payer, limits))).collect()
}

/// The day is the calendar's, so that a clock that is set back brings no minutes back.
fn at() -> (Instant, SystemTime) {
    (Instant::now(), calendar::now())
}
