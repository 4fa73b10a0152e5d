//! What an agent owes the leader that it works for: one at a time.
//!
//! ```text
//!         Prepare              connected          Begin           calls are over
//! free ------------> Preparing --------> Ready ----------> Running -----------> Over
//!  ^                     |                 |                 |                    |
//!  |     it cannot, or Dismiss, or the leader is silent      | Stop: all calls    |
//!  +---------------------+-----------------+                 | are ended          |
//!  |                                                         | breaks: Broken     |
//!  +----------------------------- Dismiss, or the leader is silent ---------------+
//! ```
//!
//! A leader that is silent while calls are up ends them: no load without somebody who wants it.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::words::{Account, Command, Order, Play, Second, Word};
use crate::report::{AgentsReport, CallReport};
use crate::scenario::Share;

/// What an agent owes.
#[derive(Debug)]
pub(super) struct Duty {
    instance: u64,
    service: Option<Service>,
    /// Its owner wants no more of it.
    is_leaving: bool,
}

/// Work for one leader.
#[derive(Debug)]
struct Service {
    run: String,
    stage: Stage,
    /// When the leader was last heard of.
    heard_at: Instant,
    /// What was told of calls, for a bus that loses it.
    rows: Vec<CallReport>,
}

#[derive(Debug)]
enum Stage {
    Preparing,
    Ready(BTreeMap<String, AgentsReport>),
    /// `is_wanted` until nobody waits for its end any more.
    Running {
        is_wanted: bool,
    },
    Over {
        account: Account,
        told_at: Instant,
    },
    /// There will be no account, for this reason.
    Broken {
        why: String,
        told_at: Instant,
    },
}

/// What is to be done, by who has hands.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Deed {
    /// Say this to the leader of this run.
    Tell(String, Word),
    /// Connect the agents.
    Prepare { run: String, share: Share, what: Play },
    /// Begin calls, at this time by our own clock.
    Begin { run: String, at_ms: i64 },
    /// End all calls.
    Stop,
    /// Let the agents go, or stop connecting them.
    LetGo,
}

/// A leader that says nothing for so long is gone: it asks each second. As long as it waits for an agent.
const SILENCE_MAX: Duration = super::lead::VANISHED_AFTER;
/// How often the end is told until the leader has all.
const OVER_INTERVAL: Duration = Duration::from_secs(2);

impl Duty {
    pub(super) const fn new(instance: u64) -> Self {
        Self { instance, service: None, is_leaving: false }
    }

    /// Whether it works for this run.
    pub(super) fn serves(&self, run: &str) -> bool {
        self.service.as_ref().is_some_and(|it| it.run == run)
    }

    pub(super) const fn is_leaving(&self) -> bool {
        self.is_leaving
    }

    /// Whether there is nothing left to do for anybody.
    pub(super) const fn has_left(&self) -> bool {
        self.is_leaving && self.service.is_none()
    }

    /// Does what a leader says, as far as it is for us.
    pub(super) fn obey(&mut self, order: Order, now: Instant, clock_ms: i64) -> Vec<Deed> {
        let Order { run, command, .. } = order;
        let is_own = self.serves(&run);
        if let Some(service) = self.service.as_mut().filter(|_| is_own) {
            service.heard_at = now;
        }
        match command {
            Command::Muster { asked_ms } => {
                let is_free = !self.is_leaving && (is_own || self.service.is_none());
                let here = Word::Here { instance: self.instance, asked_ms, clock_ms, is_free };
                vec![Deed::Tell(run, here)]
            }
            Command::Prepare { instance, share, what } if instance == self.instance => {
                self.prepare(run, share, what, now)
            }
            Command::Prepare { .. } => Vec::new(),
            _ if !is_own => Vec::new(),
            Command::Begin { at_ms } => self.begin(at_ms),
            Command::Again { rows } => self.tell_again(&rows),
            Command::Stop => self.stop(),
            Command::Dismiss => self.let_go(),
        }
    }

    /// The agents of this run are connected, or why not.
    pub(super) fn prepared(
        &mut self,
        run: &str,
        prepared: Result<BTreeMap<String, AgentsReport>, String>,
    ) -> Vec<Deed> {
        let Some(service) = self.service.as_mut().filter(|it| it.run == run) else { return Vec::new() };
        match prepared {
            Ok(agents) => {
                service.stage = Stage::Ready(agents.clone());
                vec![Deed::Tell(run.to_owned(), Word::Ready { agents })]
            }
            Err(why) => {
                self.service = None;
                vec![Deed::Tell(run.to_owned(), Word::Refused { why })]
            }
        }
    }

    /// Another second of this run is over.
    pub(super) fn second(&self, run: &str, second: Second) -> Vec<Deed> {
        if self.serves(run) { vec![Deed::Tell(run.to_owned(), Word::Second(second))] } else { Vec::new() }
    }

    /// A call of this run is over.
    pub(super) fn call(&mut self, run: &str, call: CallReport) -> Vec<Deed> {
        let Some(service) = self.service.as_mut().filter(|it| it.run == run) else { return Vec::new() };
        let row = service.rows.len();
        service.rows.push(call.clone());
        vec![Deed::Tell(run.to_owned(), Word::Call { row, call: Box::new(call) })]
    }

    /// All calls of this run are over.
    pub(super) fn finished(&mut self, run: &str, mut account: Account, now: Instant) -> Vec<Deed> {
        let Some(service) = self.service.as_mut().filter(|it| it.run == run) else { return Vec::new() };
        if matches!(service.stage, Stage::Running { is_wanted: false }) {
            self.service = None;
            return vec![Deed::LetGo];
        }
        account.rows = service.rows.len();
        service.stage = Stage::Over { account: account.clone(), told_at: now };
        vec![Deed::Tell(run.to_owned(), Word::Over(account))]
    }

    /// This run broke in our own hands: its leader is told until it lets go.
    pub(super) fn broken(&mut self, run: &str, why: String, now: Instant) -> Vec<Deed> {
        let Some(service) = self.service.as_mut().filter(|it| it.run == run) else { return Vec::new() };
        if matches!(service.stage, Stage::Running { is_wanted: false }) {
            self.service = None;
            return vec![Deed::LetGo];
        }
        service.stage = Stage::Broken { why: why.clone(), told_at: now };
        vec![Deed::Tell(run.to_owned(), Word::Refused { why })]
    }

    /// Goes on with time, once a second.
    pub(super) fn tick(&mut self, now: Instant) -> Vec<Deed> {
        let Some(service) = &mut self.service else { return Vec::new() };
        if now >= service.heard_at + SILENCE_MAX {
            return self.let_go();
        }
        match &mut service.stage {
            Stage::Over { account, told_at } if now >= *told_at + OVER_INTERVAL => {
                *told_at = now;
                vec![Deed::Tell(service.run.clone(), Word::Over(account.clone()))]
            }
            Stage::Broken { why, told_at } if now >= *told_at + OVER_INTERVAL => {
                *told_at = now;
                vec![Deed::Tell(service.run.clone(), Word::Refused { why: why.clone() })]
            }
            _ => Vec::new(),
        }
    }

    /// Its owner wants no more of it: calls are ended, and told of.
    pub(super) fn leave(&mut self) -> Vec<Deed> {
        self.is_leaving = true;
        let Some(service) = &self.service else { return Vec::new() };
        match service.stage {
            Stage::Running { .. } => vec![Deed::Stop],
            Stage::Over { .. } | Stage::Broken { .. } => Vec::new(),
            Stage::Preparing | Stage::Ready(_) => {
                let why = "it was ended by hand".to_owned();
                let told = Deed::Tell(service.run.clone(), Word::Refused { why });
                self.service = None;
                vec![told, Deed::LetGo]
            }
        }
    }

    fn prepare(&mut self, run: String, share: Share, what: Play, now: Instant) -> Vec<Deed> {
        match &self.service {
            None if !self.is_leaving => {
                let (stage, rows) = (Stage::Preparing, Vec::new());
                self.service = Some(Service { run: run.clone(), stage, heard_at: now, rows });
                vec![Deed::Prepare { run, share, what }]
            }
            // The leader has not heard it.
            Some(Service { run: own, stage: Stage::Ready(agents), .. }) if *own == run => {
                vec![Deed::Tell(run, Word::Ready { agents: agents.clone() })]
            }
            None | Some(_) => Vec::new(),
        }
    }

    fn begin(&mut self, at_ms: i64) -> Vec<Deed> {
        match &mut self.service {
            Some(Service { run, stage, .. }) if matches!(stage, Stage::Ready(_)) => {
                *stage = Stage::Running { is_wanted: true };
                vec![Deed::Begin { run: run.clone(), at_ms }]
            }
            None | Some(_) => Vec::new(),
        }
    }

    fn tell_again(&self, rows: &[usize]) -> Vec<Deed> {
        let Some(service) = &self.service else { return Vec::new() };
        let known = rows.iter().filter_map(|row| Some((*row, service.rows.get(*row)?)));
        known
            .map(|(row, call)| {
                Deed::Tell(service.run.clone(), Word::Call { row, call: Box::new(call.clone()) })
            })
            .collect()
    }

    fn stop(&self) -> Vec<Deed> {
        match &self.service {
            Some(Service { stage: Stage::Running { .. }, .. }) => vec![Deed::Stop],
            None | Some(_) => Vec::new(),
        }
    }

    fn let_go(&mut self) -> Vec<Deed> {
        match &mut self.service {
            None => Vec::new(),
            Some(Service { stage: Stage::Running { is_wanted }, .. }) => {
                *is_wanted = false;
                vec![Deed::Stop]
            }
            Some(_) => {
                self.service = None;
                vec![Deed::LetGo]
            }
        }
    }
}
