//! An agent at work: what its duty asks for is done here.
//!
//! ```text
//! bus --orders--> Duty --deeds--> Hands --> agents, calls
//!  ^                ^                          |
//!  +---- words -----+------- happenings -------+
//! ```

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::{FutureExt, StreamExt};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::interval;

use super::admission::AgentConfig;
use super::bus::Bus;
use super::clock_ms;
use super::duty::{Deed, Duty};
use super::error::{BusError, FleetError};
use super::words::{Account, Play, Second, Word};
use crate::drive::{Crowd, Live, Stop, run_telling};
use crate::report::{CallReport, Ending, Report, broken};
use crate::scenario::{Scenario, Share};

/// What comes of the work for a run.
enum Happening {
    Prepared(Result<Box<Prepared>, String>),
    Second(Second),
    Call(Box<CallReport>),
    Finished(Box<Account>),
    /// The run broke, for this reason.
    Broken(String),
}

/// Agents that are connected, and what they are to do.
struct Prepared {
    name: String,
    scenario: Scenario,
    crowd: Arc<Crowd>,
}

/// Agents that are being connected.
struct Preparing {
    /// Has no more of them connected.
    stopper: watch::Sender<Stop>,
    /// Comes to whoever is connected.
    connecting: JoinHandle<Option<Arc<Crowd>>>,
}

/// What an agent works with.
struct Hands<S> {
    config: Arc<AgentConfig>,
    words: mpsc::UnboundedSender<(String, Word)>,
    happenings: mpsc::UnboundedSender<(String, Happening)>,
    preparing: Option<Preparing>,
    prepared: Option<Box<Prepared>>,
    /// Ends the calls of the run that goes on.
    stopper: Option<watch::Sender<Stop>>,
    /// The agents of the run before are going.
    parting: Option<JoinHandle<()>>,
    say: S,
}

const SECOND: Duration = Duration::from_secs(1);
/// How long sockets of agents that were let go may take to be free: transactions send their last again after half a second.
const PARTING: Duration = Duration::from_secs(1);
/// How long what was said last may take to leave.
const TELLING_MAX: Duration = Duration::from_secs(5);

/// Serves leaders, one after the other, until `stop` says true: then calls are ended, and told of. `say` tells people.
///
/// # Errors
/// The bus takes nothing any more.
pub async fn serve(
    bus: Bus,
    config: AgentConfig,
    mut stop: watch::Receiver<bool>,
    say: impl Fn(&str),
) -> Result<(), FleetError> {
    let mut orders = bus.orders(&config.name).await?;
    let (words, outbox) = mpsc::unbounded_channel();
    let telling = tokio::spawn(tell(bus.clone(), config.name.clone(), outbox));
    let (happenings, mut inbox) = mpsc::unbounded_channel();
    say(&format!("agent {} is there, by {}", config.name, bus.server()));
    let config = Arc::new(config);
    let (preparing, prepared, stopper, parting) = (None, None, None, None);
    let mut hands = Hands { config, words, happenings, preparing, prepared, stopper, parting, say };
    let mut duty = Duty::new(rand::random());
    let mut clock = interval(SECOND);
    while !duty.has_left() {
        let deeds = tokio::select! {
            order = orders.next() => match order {
                Some(order) => duty.obey(order, Instant::now(), clock_ms()),
                None => return Err(BusError::Lost("it has closed the connection".to_owned()).into()),
            },
            Some((run, happening)) = inbox.recv() => hands.note(&mut duty, &run, happening),
            _ = clock.tick() => duty.tick(Instant::now()),
            // Whoever could say so being gone is the same.
            _ = stop.wait_for(|is_over| *is_over), if !duty.is_leaving() => duty.leave(),
        };
        for deed in deeds {
            hands.carry_out(deed);
        }
    }
    hands.let_go();
    if let Some(parting) = hands.parting.take() {
        let _ = parting.await;
    }
    drop(hands);
    let _ = tokio::time::timeout(TELLING_MAX, telling).await;
    bus.flush().await;
    Ok(())
}

/// Says what there is to say; while the bus is away, it waits.
async fn tell(bus: Bus, agent: String, mut outbox: mpsc::UnboundedReceiver<(String, Word)>) {
    while let Some((run, word)) = outbox.recv().await {
        if let Err(error) = bus.tell(&run, &agent, word).await {
            tracing::error!(%error, "not told");
        }
    }
}

impl<S: Fn(&str)> Hands<S> {
    /// Takes what came of the work; what is to be done then.
    fn note(&mut self, duty: &mut Duty, run: &str, happening: Happening) -> Vec<Deed> {
        match happening {
            // Who let go of them parts from them.
            Happening::Prepared(_) if !duty.serves(run) => Vec::new(),
            Happening::Prepared(Ok(prepared)) => {
                self.preparing = None;
                let agents = prepared.crowd.agents().clone();
                (self.say)(&format!("its agents for {} are ready", prepared.name));
                self.prepared = Some(prepared);
                duty.prepared(run, Ok(agents))
            }
            Happening::Prepared(Err(why)) => {
                self.preparing = None;
                (self.say)(&format!("does not take part: {why}"));
                duty.prepared(run, Err(why))
            }
            Happening::Second(second) => duty.second(run, second),
            Happening::Call(call) => duty.call(run, *call),
            Happening::Finished(account) => {
                (self.say)("its calls are over");
                self.stopper = None;
                duty.finished(run, *account, Instant::now())
            }
            Happening::Broken(why) => {
                (self.say)(&why);
                self.stopper = None;
                duty.broken(run, why, Instant::now())
            }
        }
    }

    fn carry_out(&mut self, deed: Deed) {
        match deed {
            Deed::Tell(run, word) => {
                let _ = self.words.send((run, word));
            }
            Deed::Prepare { run, share, what } => self.prepare(run, share, what),
            Deed::Begin { run, at_ms } => self.begin(run, at_ms),
            Deed::Stop => {
                if let Some(stopper) = &self.stopper {
                    Stop::BrokenOff.tell(stopper);
                }
            }
            Deed::LetGo => self.let_go(),
        }
    }

    fn prepare(&mut self, run: String, share: Share, what: Play) {
        let name = &what.name;
        (self.say)(&format!("connects its agents for {name}, share {} of {}", share.index + 1, share.of));
        let (config, parting) = (Arc::clone(&self.config), self.parting.take());
        let happenings = self.happenings.clone();
        let stopper = watch::Sender::new(Stop::Going);
        let stop = stopper.clone();
        let connecting = tokio::spawn(async move {
            if let Some(parting) = parting {
                let _ = parting.await;
            }
            let prepared = unbroken(prepare(&config, share, what, &stop)).await.unwrap_or_else(Err);
            let crowd = prepared.as_ref().ok().map(|prepared| Arc::clone(&prepared.crowd));
            if *stop.borrow() == Stop::Going {
                let _ = happenings.send((run, Happening::Prepared(prepared)));
            }
            crowd
        });
        self.preparing = Some(Preparing { stopper, connecting });
    }

    /// Plays the run, and then parts from its agents.
    fn begin(&mut self, run: String, at_ms: i64) {
        let Some(prepared) = self.prepared.take() else { return };
        let Prepared { name, scenario, crowd } = *prepared;
        let stopper = watch::Sender::new(Stop::Going);
        self.stopper = Some(stopper.clone());
        let mut stop = stopper.subscribe();
        let happenings = self.happenings.clone();
        let (of_seconds, of_calls) = (happenings.clone(), happenings.clone());
        let (seconds_run, calls_run) = (run.clone(), run.clone());
        let on_second = move |live: &Live| {
            let _ = of_seconds.send((seconds_run.clone(), Happening::Second(Second::of(live))));
        };
        let on_call = move |call: &CallReport| {
            let _ = of_calls.send((calls_run.clone(), Happening::Call(Box::new(call.clone()))));
        };
        self.parting = Some(tokio::spawn(async move {
            wait_until(at_ms, &mut stop).await;
            let own = Arc::clone(&crowd);
            let playing = run_telling(&name, scenario, own, stopper, None, on_second, on_call);
            let happening = match unbroken(playing).await {
                Ok(Report { ending: Ending::Broken { why }, .. }) => Happening::Broken(broken::told(&why)),
                Ok(report) => Happening::Finished(Box::new(Account::of(report))),
                Err(why) => Happening::Broken(why),
            };
            let _ = happenings.send((run, happening));
            part(crowd).await;
        }));
    }

    fn let_go(&mut self) {
        if let Some(Preparing { stopper, connecting }) = self.preparing.take() {
            Stop::BrokenOff.tell(&stopper);
            self.parting = Some(tokio::spawn(async move {
                if let Ok(Some(crowd)) = connecting.await {
                    part(crowd).await;
                }
            }));
        }
        if let Some(prepared) = self.prepared.take() {
            self.parting = Some(tokio::spawn(part(prepared.crowd)));
        }
    }
}

async fn prepare(
    config: &AgentConfig,
    share: Share,
    what: Play,
    stopper: &watch::Sender<Stop>,
) -> Result<Box<Prepared>, String> {
    let scenario = config.admit(share, &what)?;
    let crowd = Crowd::open(&scenario, stopper).await.map_err(|error| error.to_string())?;
    Ok(Box::new(Prepared { name: what.name, scenario, crowd: Arc::new(crowd) }))
}

/// What work comes to, or how it broke: who waited for it any longer would never be free again.
async fn unbroken<T>(work: impl Future<Output = T>) -> Result<T, String> {
    let worked = AssertUnwindSafe(work).catch_unwind().await;
    worked.map_err(|panic| broken::told(broken::why(&*panic)))
}

/// Waits until then by our own clock. That may be set meanwhile, so whoever wants no more ends it.
async fn wait_until(at_ms: i64, stop: &mut watch::Receiver<Stop>) {
    let wait_ms = u64::try_from(at_ms.saturating_sub(clock_ms())).unwrap_or_default();
    tokio::select! {
        () = tokio::time::sleep(Duration::from_millis(wait_ms)) => {}
        _ = stop.wait_for(|stop| *stop != Stop::Going) => {}
    }
}

/// Deregisters them and drops them, and waits until their ports are free for the next.
async fn part(crowd: Arc<Crowd>) {
    crowd.deregister().await;
    drop(crowd);
    tokio::time::sleep(PARTING).await;
}

#[cfg(test)]
mod tests {
    use tokio::time::timeout;

    use super::*;

    #[tokio::test]
    async fn work_that_breaks_is_told_with_its_reason_and_not_waited_for() {
        async fn work(rooms: &[u8]) -> u8 {
            assert!(!rooms.is_empty(), "no room of {}", rooms.len());
            rooms[0]
        }
        assert_eq!(unbroken(work(&[7])).await, Ok(7));
        let why = unbroken(work(&[])).await.expect_err("there is none");
        assert!(why.contains("(no room of 0)"), "{why}");
    }

    #[tokio::test]
    async fn who_is_stopped_waits_for_no_begin_any_more() {
        let stopper = watch::Sender::new(Stop::Going);
        let mut stop = stopper.subscribe();
        let in_years = i64::MAX;
        assert!(timeout(Duration::from_millis(100), wait_until(in_years, &mut stop)).await.is_err());
        stopper.send_replace(Stop::BrokenOff);
        let waited = timeout(Duration::from_secs(10), wait_until(in_years, &mut stop)).await;
        assert!(waited.is_ok(), "it is stopped");
    }
}
