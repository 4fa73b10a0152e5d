//! A run from beginning to end: calls at their times, until the bounds of the scenario.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use futures_util::FutureExt;
use rand::SeedableRng;
use rand::rngs::StdRng;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

use super::call::Planned;
use super::crowd::Crowd;
use super::state::{Live, State};
use super::stop::Stop;
use super::voices::Voices;
use crate::load::{ProcessMeter, Usage};
use crate::report::{CallReport, Ending, FORMAT, Moment, Outcome, Report, Summary, breaches, broken};
use crate::scenario::{Arrivals, Scenario, Traffic};
use crate::verdict::Lateness;

/// What all calls of a run share.
pub(super) struct Run {
    pub(super) scenario: Scenario,
    pub(super) crowd: Arc<Crowd>,
    pub(super) state: State,
    pub(super) voices: Voices,
    pub(super) stop: watch::Receiver<Stop>,
    /// One call is listened to at a time: the processor is for those that are up.
    pub(super) judging: Semaphore,
    room: Semaphore,
    began_at: Instant,
    stopper: watch::Sender<Stop>,
    on_call: Box<dyn Fn(&CallReport) + Send + Sync>,
}

/// Calls in a row that the target says nothing of, after which it is believed to be gone. Chosen by us.
const UNHEARD_MAX: usize = 5;
const SECOND: Duration = Duration::from_secs(1);

/// Runs a scenario with its agents. `stopper` ends it early; `watched` is a process to measure.
pub async fn run(
    name: &str,
    scenario: Scenario,
    crowd: impl Into<Arc<Crowd>>,
    stopper: watch::Sender<Stop>,
    watched: Option<ProcessMeter>,
    on_second: impl FnMut(&Live) + Send + 'static,
) -> Report {
    run_telling(name, scenario, crowd, stopper, watched, on_second, |_| ()).await
}

/// The same, telling of each call as soon as it is over and was listened to.
pub async fn run_telling(
    name: &str,
    scenario: Scenario,
    crowd: impl Into<Arc<Crowd>>,
    stopper: watch::Sender<Stop>,
    watched: Option<ProcessMeter>,
    on_second: impl FnMut(&Live) + Send + 'static,
    on_call: impl Fn(&CallReport) + Send + Sync + 'static,
) -> Report {
    let began_at = SystemTime::now();
    let run = Arc::new(Run {
        room: Semaphore::new(scenario.at_once),
        scenario,
        crowd: crowd.into(),
        state: State::default(),
        voices: Voices::new(),
        stop: stopper.subscribe(),
        judging: Semaphore::new(1),
        began_at: Instant::now(),
        stopper,
        on_call: Box::new(on_call),
    });
    let (over, curve) = tokio::sync::oneshot::channel();
    let watching = tokio::spawn(watch_it(Arc::clone(&run), watched, on_second, curve));
    let mut kinds = JoinSet::new();
    for (index, traffic) in run.scenario.traffic.iter().enumerate() {
        kinds.spawn(play_kind(Arc::clone(&run), Arc::new(traffic.clone()), index as u64));
    }
    while kinds.join_next().await.is_some() {}
    let _ = over.send(());
    let curve = watching.await.unwrap_or_default();
    run.report(name, began_at, curve)
}

/// Plays all calls of one kind. Where we break ourselves no more calls begin, of whatever kind, and those that are up are ended.
async fn play_kind(run: Arc<Run>, traffic: Arc<Traffic>, index: u64) {
    let mut calls = JoinSet::new();
    let beginning = AssertUnwindSafe(begin_calls(&run, &traffic, index, &mut calls));
    if let Err(panic) = beginning.catch_unwind().await {
        Stop::Broken(broken::why(&*panic).to_owned()).tell(&run.stopper);
    }
    while calls.join_next().await.is_some() {}
}

/// Begins the calls of one kind.
async fn begin_calls(run: &Arc<Run>, traffic: &Arc<Traffic>, index: u64, calls: &mut JoinSet<()>) {
    let seed = run.scenario.seed.wrapping_add(index);
    let mut random = StdRng::seed_from_u64(seed);
    let mut arrivals = Arrivals::new(traffic.arrival.clone(), seed);
    let closed = traffic.arrival.closed();
    let callers = run.crowd.callers.get(&traffic.from).cloned().unwrap_or_default();
    let round = run.scenario.population(&traffic.from).map_or(callers.len(), |it| it.count);
    let mut stop = run.stop.clone();
    let ends_at = run.began_at + run.scenario.time;
    let share = run.scenario.share;
    let (mut begun, mut arrived) = (0, 0);
    while let Some(at) = arrivals.next_at().map(|at| run.began_at + at)
        && at < ends_at
        && !callers.is_empty()
    {
        // Each of several takes its own of the same arrivals, so that they make the load of one together.
        let (length, is_own) = (traffic.length.draw(&mut random), share.takes(arrived));
        arrived += 1;
        if !is_own {
            continue;
        }
        let is_time = async {
            match closed {
                Some(most) => {
                    while calls.len() >= most {
                        calls.join_next().await;
                    }
                }
                None => sleep_until(at).await,
            }
        };
        tokio::select! {
            () = is_time => {}
            _ = stop.wait_for(|stop| *stop != Stop::Going) => break,
        }
        while calls.try_join_next().is_some() {}
        let now = Instant::now();
        if now >= ends_at || *run.stop.borrow() != Stop::Going {
            break;
        }
        let Some(nth) = run.state.begin(run.scenario.calls) else { break };
        let late = if closed.is_some() { Duration::ZERO } else { now - at };
        run.state.note_dial(late);
        let (number, caller) = &callers[begun % callers.len()];
        let planned = Planned {
            call: share.number(nth),
            turn: begun / callers.len() * round + number,
            caller: Arc::clone(caller),
            traffic: Arc::clone(traffic),
            length,
            began_s: (now - run.began_at).as_secs_f64(),
            load: run.state.up(),
        };
        begun += 1;
        calls.spawn(play(Arc::clone(run), planned));
    }
}

async fn play(run: Arc<Run>, planned: Planned) {
    let Ok(_room) = run.room.try_acquire() else {
        run.state.turn_away();
        return;
    };
    // A call that we broke ourselves is one that failed, and not one that never was.
    let broken = planned.broken();
    let playing = AssertUnwindSafe(planned.play(Arc::clone(&run)));
    let (call, lateness) = playing.catch_unwind().await.unwrap_or_else(|_| (broken, Lateness::default()));
    let last = match &call.outcome {
        Outcome::Failed { cause, .. } => cause.clone(),
        Outcome::Ended | Outcome::BrokenOff => String::new(),
    };
    // Whoever is told of the call may break; it is one of the report all the same.
    let telling = std::panic::catch_unwind(AssertUnwindSafe(|| (run.on_call)(&call)));
    let unheard = run.state.note(call, &lateness);
    if let Err(panic) = telling {
        Stop::Broken(broken::why(&*panic).to_owned()).tell(&run.stopper);
    }
    if unheard >= UNHEARD_MAX {
        Stop::Vanished(last).tell(&run.stopper);
    }
}

/// Looks at the run each second, until it is over.
async fn watch_it(
    run: Arc<Run>,
    watched: Option<ProcessMeter>,
    mut on_second: impl FnMut(&Live),
    mut over: tokio::sync::oneshot::Receiver<()>,
) -> Vec<Moment> {
    let own = ProcessMeter::new(std::process::id()).ok();
    let read = |meter: &Option<ProcessMeter>| meter.as_ref().and_then(|meter| meter.read().ok());
    let mut clock = interval(SECOND);
    clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
    clock.tick().await;
    let (mut before_at, mut before) = (Instant::now(), (read(&own), read(&watched)));
    let mut curve = Vec::new();
    loop {
        tokio::select! {
            _ = clock.tick() => {}
            _ = &mut over => return curve,
        }
        let (at, now) = (Instant::now(), (read(&own), read(&watched)));
        let seconds = (at - before_at).as_secs_f64().max(0.001);
        let percent =
            |before: Option<Usage>, now: Option<Usage>| Some((now?.cpu_ms - before?.cpu_ms) / 10.0 / seconds);
        curve.push(Moment {
            at_s: (at - run.began_at).as_secs_f64(),
            up: run.state.up(),
            begun: run.state.begun(),
            own_cpu_percent: percent(before.0, now.0).unwrap_or_default(),
            target_cpu_percent: percent(before.1, now.1),
            target_rss_mib: now.1.map(|usage| usage.rss_kib / 1024.0),
        });
        (before_at, before) = (at, now);
        let is_ending = *run.stop.borrow() != Stop::Going;
        on_second(&Live { is_ending, moment: curve.last().cloned(), ..run.state.live() });
    }
}

impl Run {
    fn report(&self, name: &str, began_at: SystemTime, curve: Vec<Moment>) -> Report {
        let (mut calls, lateness) = self.state.take();
        calls.sort_by_key(|call| call.call);
        let (summary, fitness) = (Summary::of(&calls), lateness.fitness());
        let ending = match &*self.stop.borrow() {
            Stop::Going => Ending::Completed,
            Stop::BrokenOff => Ending::BrokenOff,
            Stop::Vanished(last) => Ending::TargetVanished { last: last.clone() },
            Stop::Broken(why) => Ending::Broken { why: why.clone() },
        };
        let thresholds = self.scenario.thresholds;
        Report {
            format: FORMAT,
            scenario: name.to_owned(),
            began_at: began_at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs(),
            took_s: self.began_at.elapsed().as_secs_f64(),
            ending,
            agents: self.crowd.report.clone(),
            turned_away: self.state.turned_away(),
            breaches: breaches(&thresholds, &summary, &self.crowd.report),
            summary,
            fitness,
            thresholds,
            curve,
            generators: Vec::new(),
            calls,
        }
    }
}
