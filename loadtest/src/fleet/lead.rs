//! Leading agents through a run.
//!
//! ```text
//! Mustering -- so many are there --> Preparing -- all are ready --> Running -- all told all --> Over
//!     |                                  |                             |                         ^
//!     | time is over                     | refused, vanished,          | by hand, one vanished,  |
//!     v                                  v time is over                v the target vanished     |
//!   Failed <-----------------------------+                          Ending -- all told all ------+
//!                                                                      +----- time is over ------+
//! ```
//!
//! What an agent does not answer is said to it again with each tick.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use super::error::LeadError;
use super::member::{Clock, Member};
use super::words::{Command, Order, PROTOCOL, Play, To, Told, Word};
use crate::drive::Live;
use crate::report::Ending;
use crate::scenario::Share;

/// What is to be played, and by how many.
#[derive(Debug, Clone)]
pub(super) struct Task {
    /// A name for this run that no other has.
    pub(super) run: String,
    pub(super) what: Play,
    pub(super) agents: usize,
    /// How long agents are waited for.
    pub(super) within: Duration,
    /// How long it takes at most, from its begin on.
    pub(super) lasts_max: Duration,
}

/// The leader of a run.
#[derive(Debug)]
pub(super) struct Lead {
    task: Task,
    phase: Phase,
    members: Vec<Member>,
    /// Those that work for another leader.
    busy: BTreeSet<String>,
    /// Why the run was ended before its time.
    stopped: Option<Stopped>,
    /// By the leader's clock.
    begins_ms: i64,
    orders: Vec<(To, Order)>,
    news: Vec<String>,
}

/// How far it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Phase {
    Mustering { until: Instant },
    Preparing { until: Instant },
    Running { until: Instant },
    Ending { until: Instant },
    Over,
    Failed(LeadError),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Stopped {
    ByHand,
    Target(String),
    Agent,
}

/// Who says nothing for so long, though it is asked each second, has vanished. Chosen by us: a bus that was away is back by then.
pub(super) const VANISHED_AFTER: Duration = Duration::from_secs(10);
/// How long agents may take to connect and register: 5000 of them, twenty at a time.
const PREPARING_MAX: Duration = Duration::from_secs(300);
/// How soon all begin: the slowest order has come by then.
const BEGIN_IN: Duration = Duration::from_secs(2);
/// How long calls may take to be over, and rows to be told: as long as a call's own end, and what waits to be listened to.
const ENDING_MAX: Duration = Duration::from_secs(120);

impl Lead {
    pub(super) fn new(task: Task, now: Instant) -> Self {
        Self {
            phase: Phase::Mustering { until: now + task.within },
            task,
            members: Vec::new(),
            busy: BTreeSet::new(),
            stopped: None,
            begins_ms: 0,
            orders: Vec::new(),
            news: Vec::new(),
        }
    }

    /// Goes on with time, once a second.
    pub(super) fn tick(&mut self, now: Instant, clock_ms: i64) {
        if self.is_done() {
            return;
        }
        self.order(To::All, Command::Muster { asked_ms: clock_ms });
        self.note_vanished(now);
        match self.phase {
            Phase::Mustering { until } if now >= until => {
                let here = self.names(|_| true);
                let busy = self.busy.iter().cloned().collect();
                self.fail(LeadError::TooFew { wanted: self.task.agents, here, busy });
            }
            Phase::Preparing { until } if now >= until => {
                self.fail(LeadError::NotReady(self.names(|it| it.agents.is_none())));
            }
            Phase::Running { until } if now >= until => self.end(None, now),
            Phase::Ending { until } if now >= until => {
                for member in self.members.iter_mut().filter(|it| !it.is_complete()) {
                    member.has_vanished = true;
                }
            }
            _ => {}
        }
        self.repeat();
        self.settle(now);
    }

    /// Takes what an agent says.
    pub(super) fn hear(&mut self, told: Told, now: Instant, clock_ms: i64) {
        let Told { protocol, agent, word } = told;
        if self.is_done() {
            return;
        }
        if protocol != PROTOCOL {
            if matches!(self.phase, Phase::Mustering { .. }) {
                self.fail(LeadError::OtherVersion(agent));
            }
            return;
        }
        if let Word::Here { instance, asked_ms, clock_ms: theirs_ms, is_free } = word {
            let clock = Clock::of(asked_ms, theirs_ms, clock_ms);
            return self.note_here(agent, instance, is_free, clock, now);
        }
        let Some(member) = self.members.iter_mut().find(|it| it.name == agent) else { return };
        member.heard_at = now;
        if let Word::Refused { why } = word {
            if matches!(self.phase, Phase::Preparing { .. }) {
                return self.fail(LeadError::Refused { name: agent, why });
            }
            if !member.has_vanished && !member.is_complete() {
                member.has_vanished = true;
                self.news.push(format!("{agent} is out of it: {why}; the others end their calls"));
                self.end(Some(Stopped::Agent), now);
            }
            return self.settle(now);
        }
        let was_ready = member.agents.is_some();
        member.note(word);
        if member.agents.is_some() && !was_ready {
            let ready = self.members.iter().filter(|it| it.agents.is_some()).count();
            self.news.push(format!("{agent} is ready: {ready} of {}", self.members.len()));
            if ready == self.members.len() {
                self.begin(now, clock_ms);
            }
        }
        self.settle(now);
    }

    /// Ends it by hand.
    pub(super) fn stop(&mut self, now: Instant) {
        match self.phase {
            Phase::Mustering { .. } | Phase::Preparing { .. } => self.fail(LeadError::BrokenOff),
            Phase::Running { .. } | Phase::Ending { .. } => self.end(Some(Stopped::ByHand), now),
            Phase::Over | Phase::Failed(_) => {}
        }
    }

    /// The longest order that there will be: it has the scenario in it.
    pub(super) fn longest_order(&self) -> Order {
        let of = self.task.agents;
        let share = Share { index: of.saturating_sub(1), of };
        Order { protocol: PROTOCOL, run: self.task.run.clone(), command: self.preparing(u64::MAX, share) }
    }

    pub(super) const fn phase(&self) -> &Phase {
        &self.phase
    }

    pub(super) fn members(&self) -> &[Member] {
        &self.members
    }

    /// When it begins or began, in milliseconds since 1970 by the leader's clock.
    pub(super) const fn begins_ms(&self) -> i64 {
        self.begins_ms
    }

    /// What is to be said on the bus.
    pub(super) fn orders(&mut self) -> Vec<(To, Order)> {
        std::mem::take(&mut self.orders)
    }

    /// What is to be said to people.
    pub(super) fn news(&mut self) -> Vec<String> {
        std::mem::take(&mut self.news)
    }

    /// What the run is like at all agents. Lateness is that of the latest.
    pub(super) fn live(&self) -> Live {
        let rows = self.members.iter().flat_map(|it| it.rows.values());
        let mut live = Live { is_ending: matches!(self.phase, Phase::Ending { .. }), ..Live::of(rows) };
        for member in &self.members {
            let Some(second) = &member.second else { continue };
            live.begun += second.begun;
            live.late_percent = live.late_percent.max(second.late_percent);
            // Of whose calls are over, and of whom nothing is known, none is up.
            if member.account.is_some() || member.has_vanished {
                continue;
            }
            live.ringing += second.ringing;
            live.up += second.up;
            if let Some(theirs) = &second.moment {
                let moment = live.moment.get_or_insert_default();
                moment.at_s = moment.at_s.max(theirs.at_s);
                moment.own_cpu_percent = moment.own_cpu_percent.max(theirs.own_cpu_percent);
            }
        }
        if let Some(moment) = &mut live.moment {
            (moment.up, moment.begun) = (live.up, live.begun);
        }
        live
    }

    /// How it ended.
    pub(super) fn ending(&self) -> Ending {
        let vanished = self.names(|it| it.has_vanished);
        match &self.stopped {
            Some(Stopped::ByHand) => Ending::BrokenOff,
            Some(Stopped::Target(last)) => Ending::TargetVanished { last: last.clone() },
            Some(Stopped::Agent) => Ending::AgentsVanished { names: vanished },
            None if !vanished.is_empty() => Ending::AgentsVanished { names: vanished },
            None => {
                let accounts = self.members.iter().filter_map(|it| it.account.as_ref());
                let early = accounts.map(|it| &it.ending).find(|it| **it != Ending::Completed);
                early.cloned().unwrap_or(Ending::Completed)
            }
        }
    }

    fn note_here(&mut self, name: String, instance: u64, is_free: bool, clock: Clock, now: Instant) {
        if let Some(member) = self.members.iter_mut().find(|it| it.name == name) {
            if member.instance == instance {
                member.heard_at = now;
                member.note_clock(clock);
            } else if matches!(self.phase, Phase::Mustering { .. }) {
                self.fail(LeadError::TwoOfOneName(name));
            }
            return;
        }
        if !matches!(self.phase, Phase::Mustering { .. }) {
            return;
        }
        if !is_free {
            self.busy.insert(name);
            return;
        }
        self.busy.remove(&name);
        self.news.push(format!("{name} is there: {} of {}", self.members.len() + 1, self.task.agents));
        self.members.push(Member::new(name, instance, clock, now));
        if self.members.len() == self.task.agents {
            // So that the same agents get the same shares in every run.
            self.members.sort_by(|one, other| one.name.cmp(&other.name));
            self.phase = Phase::Preparing { until: now + PREPARING_MAX };
            self.repeat();
        }
    }

    fn begin(&mut self, now: Instant, clock_ms: i64) {
        let in_ms = i64::try_from(BEGIN_IN.as_millis()).unwrap_or_default();
        self.begins_ms = clock_ms.saturating_add(in_ms);
        self.phase = Phase::Running { until: now + BEGIN_IN + self.task.lasts_max };
        self.news.push(format!("all are ready; calls begin in {} s", BEGIN_IN.as_secs()));
        self.repeat();
    }

    /// Says again what was not answered yet.
    fn repeat(&mut self) {
        let of = self.members.len();
        let mut orders = Vec::new();
        for (index, member) in self.members.iter().enumerate() {
            let command = match self.phase {
                Phase::Preparing { .. } if member.agents.is_none() => {
                    self.preparing(member.instance, Share { index, of })
                }
                Phase::Running { .. } if !member.has_begun() => {
                    Command::Begin { at_ms: self.begins_ms.saturating_add(member.clock.ahead_ms) }
                }
                Phase::Ending { .. } if member.account.is_none() => Command::Stop,
                Phase::Running { .. } | Phase::Ending { .. }
                    if member.account.is_some() && !member.is_complete() =>
                {
                    Command::Again { rows: member.missing() }
                }
                _ => continue,
            };
            orders.push((To::Agent(member.name.clone()), command));
        }
        for (to, command) in orders {
            self.order(to, command);
        }
    }

    fn preparing(&self, instance: u64, share: Share) -> Command {
        Command::Prepare { instance, share, what: self.task.what.clone() }
    }

    fn note_vanished(&mut self, now: Instant) {
        if matches!(self.phase, Phase::Mustering { .. }) {
            // Others may come in their place.
            self.members.retain(|it| now < it.heard_at + VANISHED_AFTER);
            return;
        }
        let mut names = Vec::new();
        for member in self.members.iter_mut().filter(|it| !it.has_vanished && !it.is_complete()) {
            if now >= member.heard_at + VANISHED_AFTER {
                member.has_vanished = true;
                names.push(member.name.clone());
            }
        }
        if names.is_empty() {
            return;
        }
        match self.phase {
            Phase::Preparing { .. } => self.fail(LeadError::Vanished(names)),
            Phase::Running { .. } => {
                self.news.push(format!("vanished: {}; the others end their calls", names.join(", ")));
                self.end(Some(Stopped::Agent), now);
            }
            _ => {}
        }
    }

    /// Ends the calls of all, for this reason if there is none yet.
    fn end(&mut self, why: Option<Stopped>, now: Instant) {
        if self.stopped.is_none() {
            self.stopped = why;
        }
        if matches!(self.phase, Phase::Running { .. }) {
            self.phase = Phase::Ending { until: now + ENDING_MAX };
            self.repeat();
        }
    }

    /// Looks whether one's end is that of all, and whether all is told.
    fn settle(&mut self, now: Instant) {
        if matches!(self.phase, Phase::Running { .. }) {
            let accounts = self.members.iter().filter_map(|it| it.account.as_ref());
            let early = accounts.map(|it| &it.ending).find(|it| **it != Ending::Completed);
            match early.cloned() {
                Some(Ending::TargetVanished { last }) => self.end(Some(Stopped::Target(last)), now),
                Some(_) => self.end(Some(Stopped::ByHand), now),
                None => {}
            }
        }
        let is_last = matches!(self.phase, Phase::Running { .. } | Phase::Ending { .. });
        if is_last && self.members.iter().all(|it| it.is_complete() || it.has_vanished) {
            self.phase = Phase::Over;
            self.order(To::All, Command::Dismiss);
        }
    }

    fn fail(&mut self, error: LeadError) {
        self.phase = Phase::Failed(error);
        self.order(To::All, Command::Dismiss);
    }

    fn order(&mut self, to: To, command: Command) {
        self.orders.push((to, Order { protocol: PROTOCOL, run: self.task.run.clone(), command }));
    }

    const fn is_done(&self) -> bool {
        matches!(self.phase, Phase::Over | Phase::Failed(_))
    }

    fn names(&self, which: impl Fn(&Member) -> bool) -> Vec<String> {
        self.members.iter().filter(|it| which(it)).map(|it| it.name.clone()).collect()
    }
}
