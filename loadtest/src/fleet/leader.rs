//! The leader at work: what `Lead` decides is said on the bus here, and what agents say is brought to it.

use std::path::Path;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use tokio::sync::watch;
use tokio::time::{Interval, MissedTickBehavior, interval};

use super::bus::Bus;
use super::error::{BusError, FleetError, LeadError};
use super::lead::{Lead, Phase, Task};
use super::merge::{Frame, merge};
use super::words::{Play, Told};
use super::{clock_ms, split};
use crate::drive::{Live, Stop};
use crate::load::{ProcessMeter, Usage};
use crate::report::{Moment, Report};
use crate::scenario::{Scenario, Thresholds};

/// What is to be played, and by how many.
#[derive(Debug, Clone, Copy)]
pub struct Plan<'p> {
    /// What reports call it.
    pub name: &'p str,
    /// What is in its file; agents read that for themselves.
    pub text: &'p str,
    /// The same, checked.
    pub scenario: &'p Scenario,
    /// At so many times its load.
    pub times: f64,
    /// How many agents are to play it.
    pub agents: usize,
    /// How long they are waited for.
    pub within: Duration,
}

/// Agents that are ready, and about to begin.
pub struct Fleet {
    bus: Bus,
    lead: Lead,
    words: BoxStream<'static, Told>,
    clock: Interval,
    is_stopped: bool,
    name: String,
    thresholds: Thresholds,
}

/// The watched process, each second.
struct Watched {
    meter: Option<ProcessMeter>,
    before: Option<(Instant, Usage)>,
    curve: Vec<Moment>,
}

const SECOND: Duration = Duration::from_secs(1);
/// An order that the bus does not take for so long is given up: it will be repeated.
const ORDER_MAX: Duration = Duration::from_secs(1);
/// How long the last call may take to be over at both ends and to be listened to, after its own length. Chosen by us.
const ENDS_WITHIN: Duration = Duration::from_secs(120);

impl Plan<'_> {
    fn lasts_max(&self) -> Duration {
        let longest = self.scenario.traffic.iter().map(|it| it.length.longest()).max().unwrap_or_default();
        self.scenario.time + self.scenario.setup + longest + ENDS_WITHIN
    }
}

impl Fleet {
    /// Waits until so many agents are there, have their shares, and are ready. `say` tells people how far it is.
    ///
    /// # Errors
    /// There are not enough of them, one does not take part, the scenario does not suffice for so many, or `stop` came first.
    pub async fn muster(
        bus: Bus,
        plan: Plan<'_>,
        stop: &mut watch::Receiver<Stop>,
        say: impl Fn(&str),
    ) -> Result<Self, FleetError> {
        let faults = split::faults(&plan.scenario.clone().times(plan.times), plan.agents);
        if !faults.is_empty() {
            return Err(LeadError::Unsplittable(faults).into());
        }
        let task = Task {
            run: format!("{:016x}", rand::random::<u64>()),
            what: Play {
                // Where it is on this machine is nobody's business.
                name: Path::new(plan.name).file_name().unwrap_or_default().to_string_lossy().into_owned(),
                text: plan.text.to_owned(),
                times: plan.times,
            },
            agents: plan.agents,
            within: plan.within,
            lasts_max: plan.lasts_max(),
        };
        let words = bus.words(&task.run).await?;
        let mut clock = interval(SECOND);
        clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let lead = Lead::new(task, Instant::now());
        bus.check_length(&lead.longest_order())?;
        let (name, thresholds) = (plan.name.to_owned(), plan.scenario.thresholds);
        let mut fleet = Self { bus, lead, words, clock, is_stopped: false, name, thresholds };
        loop {
            fleet.step(stop, &say).await?;
            match fleet.lead.phase() {
                Phase::Mustering { .. } | Phase::Preparing { .. } => {}
                Phase::Running { .. } | Phase::Ending { .. } | Phase::Over => return Ok(fleet),
                Phase::Failed(error) => {
                    let error = error.clone();
                    fleet.bus.flush().await;
                    return Err(error.into());
                }
            }
        }
    }

    /// Lets them begin, waits until all calls are over, and puts together what they told. `stop` ends all calls; `watched`
    /// is a process on this machine to measure.
    ///
    /// # Errors
    /// The bus takes nothing any more.
    pub async fn run(
        mut self,
        stop: &mut watch::Receiver<Stop>,
        watched: Option<ProcessMeter>,
        mut on_second: impl FnMut(&Live),
        say: impl Fn(&str),
    ) -> Result<Report, FleetError> {
        let mut watched = Watched { meter: watched, before: None, curve: Vec::new() };
        while *self.lead.phase() != Phase::Over {
            let is_second = self.step(stop, &say).await?;
            let since_ms = clock_ms().saturating_sub(self.lead.begins_ms());
            if is_second && since_ms >= 0 {
                watched.note(since_ms as f64 / 1000.0);
                let mut live = self.lead.live();
                if let (Some(moment), Some(target)) = (&mut live.moment, watched.curve.last()) {
                    moment.target_cpu_percent = target.target_cpu_percent;
                    moment.target_rss_mib = target.target_rss_mib;
                }
                on_second(&live);
            }
        }
        self.bus.flush().await;
        let frame = Frame {
            scenario: &self.name,
            began_at: u64::try_from(self.lead.begins_ms() / 1000).unwrap_or_default(),
            ending: self.lead.ending(),
            thresholds: self.thresholds,
            target: &watched.curve,
        };
        Ok(merge(frame, self.lead.members()))
    }

    /// Waits for what comes next; whether it is another second.
    async fn step(
        &mut self,
        stop: &mut watch::Receiver<Stop>,
        say: &impl Fn(&str),
    ) -> Result<bool, FleetError> {
        let mut is_second = false;
        tokio::select! {
            told = self.words.next() => match told {
                Some(told) => self.lead.hear(told, Instant::now(), clock_ms()),
                None => return Err(BusError::Lost("it has closed the connection".to_owned()).into()),
            },
            _ = self.clock.tick() => {
                is_second = true;
                self.lead.tick(Instant::now(), clock_ms());
            }
            _ = stop.wait_for(|stop| *stop != Stop::Going), if !self.is_stopped => {
                self.is_stopped = true;
                self.lead.stop(Instant::now());
            }
        }
        for (to, order) in self.lead.orders() {
            if let Ok(ordered) = tokio::time::timeout(ORDER_MAX, self.bus.order(&to, &order)).await {
                ordered?;
            }
        }
        for news in self.lead.news() {
            say(&news);
        }
        Ok(is_second)
    }
}

impl Watched {
    fn note(&mut self, at_s: f64) {
        let Some(usage) = self.meter.as_ref().and_then(|meter| meter.read().ok()) else { return };
        let now = Instant::now();
        let target_cpu_percent = self.before.map(|(at, before)| {
            let seconds = now.duration_since(at).as_secs_f64().max(0.001);
            (usage.cpu_ms - before.cpu_ms) / 10.0 / seconds
        });
        let target_rss_mib = Some(usage.rss_kib / 1024.0);
        self.before = Some((now, usage));
        self.curve.push(Moment { at_s, target_cpu_percent, target_rss_mib, ..Moment::default() });
    }
}
