//! All hooks: what of each event each is told, and what is to be sent now. It has no clock, no task and no socket; `task.rs` has.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tracing::{info, warn};
use webtrunk_signalling::cdr::Stamp;
use webtrunk_signalling::moment::Moment;

use super::message::Message;
use super::receiver::{Receiver, Told};
use super::schedule::Waiting;
use super::spool::{Kept, SpoolChange, SpoolKeeper};
use super::thread::Counts;
use crate::config::Webhook;
use crate::rest::events::Numbered;

/// All hooks, and what waits for each.
pub(super) struct Desk {
    /// `None` where nothing outlives the process.
    keeper: Option<Arc<dyn SpoolKeeper>>,
    receivers: BTreeMap<String, Receiver>,
    next_seq: u64,
}

/// What is to be sent. How that ended has to be told.
#[derive(Debug)]
pub(super) struct Due {
    /// Of whom, and what.
    pub(super) of: Try,
    pub(super) hook: Arc<Webhook>,
    pub(super) message: Message,
}

/// Which hook is sent which message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Try {
    hook: String,
    seq: u64,
    /// The receiver's, when it began.
    generation: u64,
}

impl Desk {
    /// These hooks; `kept` waits since an earlier process.
    pub(super) fn new(
        hooks: &[Webhook],
        mut kept: Vec<Kept>,
        keeper: Option<Arc<dyn SpoolKeeper>>,
        at: Moment,
    ) -> Self {
        let next_seq = kept.iter().map(|kept| kept.seq).max().map_or(1, |last| last + 1);
        let mut desk = Self { keeper, receivers: BTreeMap::new(), next_seq };
        desk.take_up(hooks, at.now);
        kept.sort_unstable_by_key(|kept| kept.seq);
        desk.take_in(kept, at);
        desk
    }

    /// Takes up the hooks that there are now.
    pub(super) fn take_up(&mut self, hooks: &[Webhook], now: Instant) {
        // What the one customer was to be told is nothing for another.
        let is_there =
            |own: &Webhook| hooks.iter().any(|hook| hook.name == own.name && hook.customer == own.customer);
        let removed: Vec<_> = self
            .receivers
            .iter()
            .filter(|(_, receiver)| !is_there(&receiver.hook))
            .map(|(name, _)| name.clone())
            .collect();
        for name in removed {
            let Some(receiver) = self.receivers.remove(&name) else { continue };
            warn_of_lost(&name, receiver.schedule.len());
            self.keep(SpoolChange::over(&name, &receiver.schedule.seqs().collect::<Vec<_>>()));
        }
        for hook in hooks {
            match self.receivers.get_mut(&hook.name) {
                Some(receiver) => receiver.take_up(hook, now),
                None => drop(self.receivers.insert(hook.name.clone(), Receiver::new(hook, now))),
            }
        }
    }

    /// All are tried again at once, those too that are gone.
    pub(super) fn reopen(&mut self, now: Instant) {
        self.receivers.values_mut().for_each(|receiver| receiver.reopen(now));
    }

    /// Tells each hook of an event, by this name, what it may know.
    pub(super) fn take(&mut self, event: &Numbered, id: &str, at: Moment) {
        let mut changes = Vec::new();
        for (name, receiver) in &mut self.receivers {
            let told = receiver.wants(event).then(|| Message::new(id.to_owned(), event, &receiver.key));
            let Some(message) = told.flatten() else { continue };
            let seq = self.next_seq;
            self.next_seq += 1;
            let until_ms = until_ms(event.at, receiver.hook.give_up);
            changes.push(SpoolChange::Waits(Kept {
                seq,
                hook: name.clone(),
                customer: receiver.hook.customer.clone(),
                message: message.clone(),
                until_ms,
            }));
            let dropped = receiver.add(Waiting { seq, message, until: instant(until_ms, at) });
            changes.extend(SpoolChange::over(name, &dropped));
        }
        self.keep(changes);
    }

    /// What is to be sent now.
    pub(super) fn poll(&mut self, now: Instant) -> Vec<Due> {
        let (mut all, mut over) = (Vec::new(), Vec::new());
        for (name, receiver) in &mut self.receivers {
            over.extend(SpoolChange::over(name, &receiver.give_up(now)));
            let Some(Waiting { seq, message, .. }) = receiver.schedule.poll(now).cloned() else { continue };
            let of = Try { hook: name.clone(), seq, generation: receiver.generation };
            all.push(Due { of, hook: Arc::clone(&receiver.hook), message });
        }
        self.keep(over);
        all
    }

    /// Takes in how a try ended; `chance` is from 0 to 1.
    pub(super) fn on_ended(&mut self, of: &Try, outcome: Outcome, now: Instant, chance: f64) {
        let receiver = self.receivers.get_mut(&of.hook);
        // The hook may have been taken out meanwhile, and another of its name been put in.
        let Some(receiver) = receiver.filter(|own| own.schedule.seqs().next() == Some(of.seq)) else {
            return;
        };
        if of.generation != receiver.generation && outcome != Outcome::Taken {
            return receiver.schedule.start_over(now);
        }
        if let Told::Over(seq) = receiver.on_ended(outcome, now, chance) {
            self.keep([SpoolChange::Over(seq)]);
        }
    }

    /// Whether it is one of the hooks as they are now, and not as one was before a reload.
    pub(super) fn has(&self, hook: &Arc<Webhook>) -> bool {
        self.receivers.get(&hook.name).is_some_and(|receiver| Arc::ptr_eq(&receiver.hook, hook))
    }

    /// When there is something to do; `None` where that is for others to say.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.receivers.values().filter_map(|receiver| receiver.schedule.poll_timeout()).min()
    }

    /// Whether something is to be sent now, or is on its way.
    pub(super) fn is_busy(&self, now: Instant) -> bool {
        self.receivers.values().any(|receiver| receiver.schedule.is_busy(now))
    }

    /// How each hook does, by its name.
    pub(super) fn counts(&self) -> Vec<(String, Counts)> {
        self.receivers.iter().map(|(name, receiver)| (name.clone(), receiver.counts())).collect()
    }

    /// Takes in what an earlier process left, in its order.
    fn take_in(&mut self, kept: Vec<Kept>, at: Moment) {
        // Of each hook the last that is not for it as it is: what is older is of a time before it.
        let mut foreign: BTreeMap<String, u64> = BTreeMap::new();
        for own in &kept {
            let receiver = self.receivers.get(&own.hook);
            if receiver.is_none_or(|receiver| receiver.hook.customer != own.customer) {
                foreign.insert(own.hook.clone(), own.seq);
            }
        }
        let mut lost: BTreeMap<String, usize> = BTreeMap::new();
        let mut over: BTreeMap<String, Vec<u64>> = BTreeMap::new();
        for Kept { seq, hook, message, until_ms, .. } in kept {
            let is_lost = foreign.get(&hook).is_some_and(|last| seq <= *last);
            match self.receivers.get_mut(&hook).filter(|_| !is_lost) {
                Some(receiver) => {
                    let dropped = receiver.add(Waiting { seq, message, until: instant(until_ms, at) });
                    over.entry(hook).or_default().extend(dropped);
                }
                None => {
                    *lost.entry(hook.clone()).or_default() += 1;
                    over.entry(hook).or_default().push(seq);
                }
            }
        }
        lost.iter().for_each(|(name, events)| warn_of_lost(name, *events));
        self.keep(over.iter().filter_map(|(name, run)| SpoolChange::over(name, run)));
    }

    fn keep(&self, changes: impl IntoIterator<Item = SpoolChange>) {
        if let Some(keeper) = &self.keeper {
            changes.into_iter().for_each(|change| keeper.keep(change));
        }
    }
}

/// How a try ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The receiver has it.
    Taken,
    /// The receiver wants to hear no more.
    Gone,
    /// It does not have it, as far as we know.
    Failed(String),
}

fn warn_of_lost(hook: &str, events: usize) {
    match events {
        0 => info!(hook, "a webhook is told no more of what happens"),
        events => warn!(
            hook,
            events, "a webhook is there no more, or is another customer's, and what waited for it is lost"
        ),
    }
}

fn until_ms(at: Stamp, give_up: Duration) -> i64 {
    at.ms().saturating_add(i64::try_from(give_up.as_millis()).unwrap_or(i64::MAX))
}

/// A moment of the wall clock by the other.
fn instant(wall_ms: i64, at: Moment) -> Instant {
    let left_ms = wall_ms.saturating_sub(Stamp::from(at.wall).ms());
    at.now + Duration::from_millis(u64::try_from(left_ms).unwrap_or(0))
}

#[cfg(test)]
mod tests;
