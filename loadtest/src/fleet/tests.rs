//! A leader and its agents in virtual time, over a bus that loses what it is told to lose.

use std::collections::{BTreeMap, HashSet};
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::duty::{Deed, Duty};
use super::error::LeadError;
use super::lead::{Lead, Phase, Task, VANISHED_AFTER};
use super::merge::{Frame, merge};
use super::words::{Account, Order, Second, To, Told, Word};
use crate::report::{AgentsReport, CallReport, Ending, Moment, Outcome, Report, example};
use crate::scenario::{Share, Thresholds};
use crate::verdict::Fitness;

/// One step of virtual time.
const STEP: Duration = Duration::from_millis(100);
/// Calls of each agent, one a second, each of as long.
const CALLS: usize = 6;

/// A run that an agent plays.
struct Play {
    run: String,
    share: Share,
    begins_ms: i64,
    begun: usize,
    told: usize,
    is_stopped: bool,
}

struct Agent {
    name: &'static str,
    duty: Duty,
    /// Milliseconds by which its clock is ahead.
    ahead_ms: i64,
    play: Option<Play>,
    share: Option<Share>,
    is_alive: bool,
    /// Why it takes no part.
    refuses: Option<&'static str>,
    ending: Ending,
    /// By the leader's clock.
    began_ms: Option<i64>,
    was_let_go: bool,
}

struct World {
    now: Instant,
    clock_ms: i64,
    lead: Lead,
    agents: Vec<Agent>,
    /// Of a hundred messages.
    lost_percent: u32,
    chance: StdRng,
    leads: bool,
}

impl World {
    fn of(names: &[&'static str], wanted: usize) -> Self {
        let now = Instant::now();
        let task = Task {
            run: "r1".to_owned(),
            what: super::words::Play {
                name: "s.toml".to_owned(),
                text: "the scenario".to_owned(),
                times: 2.0,
            },
            agents: wanted,
            within: Duration::from_secs(20),
            lasts_max: Duration::from_secs(60),
        };
        let agents = names.iter().copied().zip(1..).map(|(name, at)| Agent {
            name,
            duty: Duty::new(at),
            ahead_ms: 0,
            play: None,
            share: None,
            is_alive: true,
            refuses: None,
            ending: Ending::Completed,
            began_ms: None,
            was_let_go: false,
        });
        Self {
            now,
            clock_ms: 1_790_000_000_000,
            lead: Lead::new(task, now),
            agents: agents.collect(),
            lost_percent: 0,
            chance: StdRng::seed_from_u64(7),
            leads: true,
        }
    }

    /// Until this holds, which it does within six minutes.
    fn run_until(&mut self, is_so: impl Fn(&Self) -> bool) {
        for _ in 0..3600 {
            if is_so(self) {
                return;
            }
            self.step();
        }
        panic!("it is {:?}", self.lead.phase());
    }

    fn run_for(&mut self, time: Duration) {
        let end = self.now + time;
        while self.now < end {
            self.step();
        }
    }

    fn step(&mut self) {
        self.now += STEP;
        self.clock_ms += 100;
        let is_second = self.clock_ms % 1000 == 0;
        if is_second && self.leads {
            self.lead.tick(self.now, self.clock_ms);
        }
        for at in 0..self.agents.len() {
            let mut deeds = self.agents[at].play(self.now, self.clock_ms);
            if is_second {
                deeds.extend(self.agents[at].duty.tick(self.now));
            }
            self.carry_out(at, deeds);
        }
        self.deliver();
    }

    fn deliver(&mut self) {
        loop {
            let orders = self.lead.orders();
            if orders.is_empty() {
                return;
            }
            for (to, order) in orders {
                for at in 0..self.agents.len() {
                    let is_meant = match &to {
                        To::All => true,
                        To::Agent(name) => *name == self.agents[at].name,
                    };
                    if is_meant && self.leads {
                        self.order(at, order.clone());
                    }
                }
            }
        }
    }

    fn order(&mut self, at: usize, order: Order) {
        if self.loses() || !self.agents[at].is_alive {
            return;
        }
        let agent = &mut self.agents[at];
        let deeds = agent.duty.obey(order, self.now, self.clock_ms + agent.ahead_ms);
        self.carry_out(at, deeds);
    }

    fn carry_out(&mut self, at: usize, deeds: Vec<Deed>) {
        for deed in deeds {
            let agent = &mut self.agents[at];
            match deed {
                Deed::Tell(_, word) => {
                    let told = Told { protocol: super::words::PROTOCOL, agent: agent.name.to_owned(), word };
                    if agent.is_alive && self.leads && !self.loses() {
                        self.lead.hear(told, self.now, self.clock_ms);
                    }
                }
                Deed::Prepare { run, share, what } => {
                    assert_eq!((what.text.as_str(), what.times), ("the scenario", 2.0));
                    agent.share = Some(share);
                    let ready = AgentsReport { wished: 2, ready: 2, failures: BTreeMap::new() };
                    let prepared = match agent.refuses {
                        Some(why) => Err(why.to_owned()),
                        None => Ok([("callers".to_owned(), ready)].into()),
                    };
                    let more = agent.duty.prepared(&run, prepared);
                    self.carry_out(at, more);
                }
                Deed::Begin { run, at_ms } => {
                    let share = agent.share.expect("it was prepared");
                    agent.play =
                        Some(Play { run, share, begins_ms: at_ms, begun: 0, told: 0, is_stopped: false });
                }
                Deed::Stop => {
                    if let Some(play) = &mut agent.play {
                        play.is_stopped = true;
                    }
                }
                Deed::LetGo => agent.was_let_go = true,
            }
        }
    }

    fn loses(&mut self) -> bool {
        self.chance.random_range(0..100) < self.lost_percent
    }

    fn report(&self) -> Report {
        let thresholds = Thresholds::default();
        let ending = self.lead.ending();
        let frame = Frame { scenario: "s.toml", began_at: 0, ending, thresholds, target: &[] };
        merge(frame, self.lead.members())
    }

    fn is_over(&self) -> bool {
        *self.lead.phase() == Phase::Over
    }

    fn is_running(&self) -> bool {
        matches!(self.lead.phase(), Phase::Running { .. })
    }
}

impl Agent {
    /// One step of what it plays: a call a second, which is over after another.
    fn play(&mut self, now: Instant, clock_ms: i64) -> Vec<Deed> {
        let Some(play) = self.play.as_mut().filter(|_| self.is_alive) else { return Vec::new() };
        let since_ms = clock_ms + self.ahead_ms - play.begins_ms;
        if since_ms < 0 {
            return Vec::new();
        }
        self.began_ms.get_or_insert(clock_ms);
        let (run, mut deeds) = (play.run.clone(), Vec::new());
        let seconds = usize::try_from(since_ms / 1000).expect("it began");
        if !play.is_stopped {
            play.begun = (seconds + 1).min(CALLS);
        }
        let over = if play.is_stopped { play.begun } else { seconds.min(CALLS) };
        for nth in play.told..over {
            let call = example::call(play.share.number(nth), Outcome::Ended);
            deeds.extend(self.duty.call(&run, CallReport { began_s: nth as f64, ..call }));
        }
        play.told = over;
        if since_ms % 1000 == 0 {
            let (at_s, up, begun) = (since_ms as f64 / 1000.0, play.begun - over, play.begun);
            let moment = Some(Moment { at_s, up, begun, ..Moment::default() });
            deeds.extend(self.duty.second(&run, Second { begun, up, moment, ..Second::default() }));
        }
        if play.is_stopped || over == CALLS {
            let ending = if play.is_stopped { Ending::BrokenOff } else { self.ending.clone() };
            let fitness = Fitness { packets: 500, is_fit: true, ..Fitness::default() };
            let agents = BTreeMap::new();
            let account = Account { ending, agents, turned_away: 0, fitness, took_s: 6.0, rows: 0 };
            deeds.extend(self.duty.finished(&run, account, now));
            self.play = None;
        }
        deeds
    }
}

#[test]
fn all_calls_of_all_agents_are_in_the_report() {
    let mut world = World::of(&["b", "a"], 2);
    world.run_until(World::is_over);
    let report = world.report();
    assert_eq!((report.ending.clone(), report.calls.len()), (Ending::Completed, 2 * CALLS));
    assert!(report.calls.iter().map(|it| it.call).eq(0..2 * CALLS), "each number once");
    let names: Vec<_> = report.generators.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(names, ["a", "b"], "by name, whoever was there first");
    assert_eq!((report.agents["callers"].ready, report.fitness.packets), (4, 1000));
    assert!(report.curve.iter().any(|it| it.up == 2 && it.begun == 4), "{:?}", report.curve);
    assert!(world.agents.iter().all(|it| it.was_let_go), "they are free for another run");
}

#[test]
fn all_begin_at_one_time_whatever_their_clocks_say() {
    let mut world = World::of(&["a", "b", "c"], 3);
    (world.agents[0].ahead_ms, world.agents[2].ahead_ms) = (3_600_000, -250);
    world.run_until(World::is_over);
    let began: HashSet<_> = world.agents.iter().map(|it| it.began_ms.expect("it began") / 300).collect();
    assert_eq!(began.len(), 1, "to the length of a step: {began:?}");
    assert_eq!(world.report().generators[0].clock_ahead_ms, 3_600_000);
}

#[test]
fn every_call_is_told_though_the_bus_loses_a_third_of_all_messages() {
    let mut world = World::of(&["a", "b", "c"], 3);
    world.lost_percent = 33;
    world.run_until(World::is_over);
    let report = world.report();
    assert_eq!((report.ending, report.calls.len()), (Ending::Completed, 3 * CALLS));
}

#[test]
fn by_hand_all_agents_end_their_calls_and_tell_of_them() {
    let mut world = World::of(&["a", "b"], 2);
    world.run_until(|world| world.lead.live().begun >= 4);
    world.lead.stop(world.now);
    assert!(world.lead.live().is_ending);
    world.run_until(World::is_over);
    let report = world.report();
    assert_eq!(report.ending, Ending::BrokenOff);
    assert!((4..2 * CALLS).contains(&report.calls.len()), "{}", report.calls.len());
    assert!(world.agents.iter().all(|it| it.play.is_none() && it.was_let_go));
}

#[test]
fn who_vanishes_ends_the_run_and_what_it_told_is_kept() {
    let mut world = World::of(&["a", "b"], 2);
    world.run_until(|world| world.lead.live().begun >= 6);
    world.agents[1].is_alive = false;
    // It is noticed while the other still calls.
    world.agents[0].play.as_mut().expect("it calls").begins_ms += 20_000;
    world.run_until(World::is_over);
    let report = world.report();
    assert_eq!(report.ending, Ending::AgentsVanished { names: vec!["b".to_owned()] });
    let told: Vec<_> = report.generators.iter().map(|it| (it.has_vanished, it.calls > 0)).collect();
    assert_eq!(told, [(false, true), (true, true)]);
    assert!(!report.is_good() && report.sentence().contains("agents vanished (b)"));
}

#[test]
fn who_breaks_ends_the_run_with_its_reason_and_is_free_again() {
    let mut world = World::of(&["a", "b"], 2);
    world.run_until(|world| world.lead.live().begun >= 4);
    world.agents[1].play = None;
    // It is noticed while the other still calls, though the bus loses the first word of it.
    world.agents[0].play.as_mut().expect("it calls").begins_ms += 20_000;
    let deeds = world.agents[1].duty.broken("r1", "it broke".to_owned(), world.now);
    world.lost_percent = 100;
    world.carry_out(1, deeds);
    world.lost_percent = 0;
    world.lead.news();
    world.run_until(World::is_over);
    assert!(world.lead.news().iter().any(|it| it == "b is out of it: it broke; the others end their calls"));
    assert_eq!(world.report().ending, Ending::AgentsVanished { names: vec!["b".to_owned()] });
    world.run_for(Duration::from_secs(1));
    assert!(world.agents.iter().all(|it| it.was_let_go && !it.duty.serves("r1")), "both are free again");
}

#[test]
fn agents_whose_leader_is_gone_end_their_calls() {
    let mut world = World::of(&["a", "b"], 2);
    world.run_until(|world| world.lead.live().begun >= 2);
    world.leads = false;
    for agent in &mut world.agents {
        agent.play.as_mut().expect("it calls").begins_ms += 60_000;
    }
    world.run_for(VANISHED_AFTER + Duration::from_secs(2));
    assert!(world.agents.iter().all(|it| it.play.as_ref().is_none_or(|play| play.is_stopped)));
    world.run_for(Duration::from_secs(60));
    assert!(world.agents.iter().all(|it| it.was_let_go && !it.duty.serves("r1")), "they are free again");
}

#[test]
fn a_target_that_is_gone_for_one_is_gone_for_all() {
    let mut world = World::of(&["a", "b"], 2);
    world.agents[0].ending = Ending::TargetVanished { last: "dial: no response".to_owned() };
    world.run_until(World::is_running);
    world.run_until(World::is_over);
    assert!(matches!(world.report().ending, Ending::TargetVanished { last } if last.contains("no response")));
}

#[test]
fn who_does_not_want_to_is_told_with_its_reason_and_the_others_are_let_go() {
    let mut world = World::of(&["a", "b"], 2);
    world.agents[1].refuses = Some("the target is a stranger");
    world.run_until(|world| matches!(world.lead.phase(), Phase::Failed(_)));
    let expected = LeadError::Refused { name: "b".to_owned(), why: "the target is a stranger".to_owned() };
    assert_eq!(*world.lead.phase(), Phase::Failed(expected));
    world.run_for(Duration::from_secs(1));
    assert!(world.agents[0].was_let_go && world.agents.iter().all(|it| it.began_ms.is_none()));
}

#[test]
fn too_few_agents_are_told_by_name() {
    let mut world = World::of(&["a"], 2);
    world.run_until(|world| matches!(world.lead.phase(), Phase::Failed(_)));
    let (here, busy) = (vec!["a".to_owned()], Vec::new());
    assert_eq!(*world.lead.phase(), Phase::Failed(LeadError::TooFew { wanted: 2, here, busy }));
}

#[test]
fn two_of_one_name_are_refused() {
    let mut world = World::of(&["a", "a", "b"], 3);
    world.run_until(|world| matches!(world.lead.phase(), Phase::Failed(_)));
    assert_eq!(*world.lead.phase(), Phase::Failed(LeadError::TwoOfOneName("a".to_owned())));
}

#[test]
fn who_works_for_one_leader_is_not_free_for_another() {
    let mut world = World::of(&["a"], 1);
    world.run_until(World::is_running);
    let order = Order {
        protocol: super::words::PROTOCOL,
        run: "r2".to_owned(),
        command: super::words::Command::Muster { asked_ms: 0 },
    };
    let agent = &mut world.agents[0];
    let told = agent.duty.obey(order.clone(), world.now, 5);
    let is_here = |deeds: &[Deed], expected: bool| matches!(deeds, [Deed::Tell(run, Word::Here { is_free, .. })] if run == "r2" && *is_free == expected);
    assert!(is_here(&told, false), "{told:?}");
    let stop = Order { command: super::words::Command::Stop, ..order.clone() };
    assert!(agent.duty.obey(stop, world.now, 5).is_empty(), "another leader's word counts nothing");
    world.run_until(World::is_over);
    let told = world.agents[0].duty.obey(order, world.now, 5);
    assert!(is_here(&told, true), "{told:?}");
}

#[test]
fn an_agent_that_is_ended_by_hand_ends_the_run() {
    let mut world = World::of(&["a", "b"], 2);
    world.run_until(|world| world.lead.live().begun >= 4);
    let deeds = world.agents[0].duty.leave();
    world.carry_out(0, deeds);
    world.run_until(World::is_over);
    assert_eq!(world.report().ending, Ending::BrokenOff);
    world.run_for(Duration::from_secs(1));
    assert!(world.agents[0].duty.has_left());
}
