//! One call of a run, from its dial to what is said of it.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::task::JoinHandle;

use super::agent::Agent;
use super::answerers::{Answerers, Expected};
use super::run::Run;
use super::steps::{End, Talked, talk};
use super::stop::Stop;
use crate::agent::{AgentError, Call, CallEnd, CallProgress, Dialing, Heard, Sent, Silence, Talk, Voice};
use crate::hear::Hum;
use crate::report::{CallReport, Outcome};
use crate::scenario::{self, Doing, Hanger, Population, Traffic};
use crate::verdict::{CallVerdict, Happened, Lateness, Said, Side};

/// One call that is about to be dialled.
pub(super) struct Planned {
    pub(super) call: usize,
    /// Which one of its kind it is in the whole scenario, from 0: so often all callers had their turn, and then those
    /// before this one.
    pub(super) turn: usize,
    pub(super) traffic: Arc<Traffic>,
    pub(super) caller: Arc<Agent>,
    pub(super) length: Duration,
    /// From the begin of the run.
    pub(super) began_s: f64,
    /// Calls that were up.
    pub(super) load: usize,
}

/// What is known of a call after its end.
#[derive(Default)]
struct Course {
    setup: Option<Duration>,
    talked: Duration,
    codec: Option<String>,
    srtp: Option<String>,
    verdict: Option<CallVerdict>,
    lateness: Lateness,
}

/// Why a call failed.
struct Failure {
    cause: String,
    is_unheard: bool,
}

/// Both ends after the end.
struct Log {
    heard: Heard,
    sent: Sent,
    pressed: String,
    told: String,
    answered_at: Option<SystemTime>,
}

/// How long a call may take to be over at both ends.
const END_MAX: Duration = Duration::from_secs(35);

impl Failure {
    fn new(stage: &str, error: &AgentError) -> Self {
        let is_unheard =
            matches!(error, AgentError::NoResponse(_) | AgentError::Unreachable { .. } | AgentError::Gone);
        let cause = match error {
            AgentError::Refused { status, reason } => format!("{stage}: refused with {status} {reason}"),
            error => format!("{stage}: {error}"),
        };
        Self { cause, is_unheard: is_unheard && stage == DIAL }
    }
}

const DIAL: &str = "dial";
const BROKE: &str = "the load tester itself broke, which is a fault of its own: report it";

impl Planned {
    /// Plays the call, and says what came of it.
    pub(super) async fn play(self, run: Arc<Run>) -> (CallReport, Lateness) {
        let mut course = Course::default();
        let answerers = self.traffic.to.as_ref().and_then(|to| run.crowd.answerers.get(to));
        let Some((destination, expected)) = self.destination(answerers) else {
            let cause = "dial: every agent that could answer has a call; give more of them".to_owned();
            let outcome = Outcome::Failed { cause, is_unheard: false };
            return (self.report(String::new(), course, outcome), Lateness::default());
        };
        let outcome = match self.try_play(&run, &destination, expected, &mut course).await {
            Ok(outcome) => outcome,
            Err(Failure { cause, is_unheard }) => Outcome::Failed { cause, is_unheard },
        };
        let lateness = std::mem::take(&mut course.lateness);
        (self.report(destination, course, outcome), lateness)
    }

    /// What is told of it where we break ourselves.
    pub(super) fn broken(&self) -> CallReport {
        let outcome = Outcome::Failed { cause: BROKE.to_owned(), is_unheard: false };
        self.report(String::new(), Course::default(), outcome)
    }

    fn destination(&self, answerers: Option<&Answerers>) -> Option<(String, Option<Expected>)> {
        let Some(answerers) = answerers else {
            return Some((self.traffic.destination_of(self.turn, self.call, ""), None));
        };
        if self.traffic.is_numbered(self.turn) {
            let number = self.traffic.destination_of(self.turn, self.call, "");
            let expected = answerers.expect_number(&number);
            return Some((number, Some(expected)));
        }
        let (user, expected) = answerers.expect_anybody(&self.caller)?;
        Some((self.traffic.destination_of(self.turn, self.call, &user), Some(expected)))
    }

    async fn try_play(
        &self,
        run: &Arc<Run>,
        destination: &str,
        expected: Option<Expected>,
        course: &mut Course,
    ) -> Result<Outcome, Failure> {
        let mut stop = run.stop.clone();
        let ringing = run.state.is_ringing();
        let answering = expected.map(|expected| self.answer(run, expected));
        let dialled = tokio::select! {
            dialled = self.dial(run, destination) => dialled,
            _ = stop.wait_for(|stop| *stop != Stop::Going) => return Ok(Outcome::BrokenOff),
        };
        let call = match dialled {
            Ok(call) => call,
            Err(error) => {
                if let Some(answering) = answering {
                    answering.abort();
                }
                return Err(error);
            }
        };
        drop(ringing);
        course.setup =
            call.answered_at().zip(call.invited_at()).and_then(|(to, from)| to.duration_since(from).ok());
        let _up = run.state.is_up();
        let (agent, pressed) = (Arc::clone(&self.caller), String::new());
        let mut caller = End { agent, call, pressed, returns_digits: false };
        let mut answerer = match answering {
            Some(answering) => {
                let answered = tokio::time::timeout(END_MAX, answering).await;
                let answered = answered.ok().and_then(Result::ok).unwrap_or(Err(AgentError::Gone));
                Some(answered.map_err(|error| Failure::new("answer", &error))?)
            }
            None => None,
        };
        Agent::connected(&caller.call).await.map_err(|error| Failure::new("media", &error))?;
        self.talk(run, &mut caller, answerer.as_mut(), course).await
    }

    async fn dial(&self, run: &Run, destination: &str) -> Result<Call, Failure> {
        // Who rings has said something.
        let before_ringing = |error| {
            let mut failure = Failure::new(DIAL, &error);
            failure.is_unheard |= matches!(error, AgentError::Waited { .. });
            failure
        };
        let dialing: Dialing = self.caller.dial(destination).await.map_err(before_ringing)?;
        dialing.say(self.voice(run, Hum::of_caller(run.scenario.share.hum(self.call))));
        let [talk, _] = self.talks(run);
        if let Some(talk) = talk {
            dialing.talk(talk);
        }
        if let Some(population) = self.population(run, &self.traffic.from) {
            dialing.send_over(population.uplink(run.scenario.seed, 2 * self.call));
        }
        let limit = run.scenario.setup;
        dialing.ringing(limit).await.map_err(before_ringing)?;
        dialing.answered(limit).await.map_err(|error| Failure::new(DIAL, &error))
    }

    /// Waits for the call, and answers it.
    fn answer(&self, run: &Arc<Run>, mut expected: Expected) -> JoinHandle<Result<End, AgentError>> {
        let voice = self.voice(run, Hum::of_answerer(run.scenario.share.hum(self.call)));
        let [_, talk] = self.talks(run);
        let population = self.traffic.to.as_ref().and_then(|to| self.population(run, to));
        let rings = population.map(|it| it.rings).unwrap_or_default();
        let uplink = population.map(|it| it.uplink(run.scenario.seed, 2 * self.call + 1));
        let returns_digits = population.is_some_and(|it| it.returns_digits);
        tokio::spawn(async move {
            let (agent, incoming) = expected.incoming().await?;
            incoming.say(voice);
            if let Some(talk) = talk {
                incoming.talk(talk);
            }
            if let Some(uplink) = uplink {
                incoming.send_over(uplink);
            }
            if returns_digits {
                incoming.return_digits();
            }
            incoming.ring();
            if !rings.is_zero() {
                tokio::time::sleep(rings).await;
            }
            let call = incoming.answer().await?;
            Ok(End { agent, call, pressed: String::new(), returns_digits })
        })
    }

    /// What both ends say, where the call is one of those that speak.
    fn speech<'r>(&self, run: &'r Run) -> Option<&'r Voice> {
        let speech = run.scenario.speech.as_ref();
        speech.filter(|it| it.is_of(self.call) && self.traffic.suits_speech(self.length)).map(|it| &it.voice)
    }

    /// What an end says that would hum so.
    fn voice(&self, run: &Run, hum: Hum) -> Option<Voice> {
        self.speech(run).cloned().or_else(|| run.voices.of(hum))
    }

    /// When the caller and the answerer speak, where they do not all the time.
    fn talks(&self, run: &Run) -> [Option<Talk>; 2] {
        let silence = match self.traffic.silence {
            scenario::Silence::Sent => Silence::Sent(run.voices.silence()),
            scenario::Silence::Unsent => Silence::Unsent,
            scenario::Silence::Noise => Silence::Noise,
        };
        let spells = self.traffic.talk.spells(self.length, run.scenario.seed, self.call);
        spells.map(|spells| (!spells.is_empty()).then(|| Talk::new(spells, silence.clone())))
    }

    fn population<'r>(&self, run: &'r Run, name: &str) -> Option<&'r Population> {
        run.scenario.population(name)
    }

    async fn talk(
        &self,
        run: &Arc<Run>,
        caller: &mut End,
        mut answerer: Option<&mut End>,
        course: &mut Course,
    ) -> Result<Outcome, Failure> {
        let mut stop = run.stop.clone();
        let mut happened = Happened::default();
        // Who hands the other end on is hung up on.
        let is_handed_on = self.traffic.steps.iter().any(|step| matches!(step.doing, Doing::Transfer(_)));
        let over = caller.call.over();
        for end in [Some(&*caller), answerer.as_deref()].into_iter().flatten() {
            end.call.begin_talk();
        }
        let began_at = tokio::time::Instant::now();
        let talked = tokio::select! {
            talked = talk(caller, answerer.as_deref_mut(), &self.traffic.steps, self.length, &mut happened) => talked,
            end = over, if !is_handed_on => Err(broken_off(end)),
            _ = stop.wait_for(|stop| *stop != Stop::Going) => Ok(Talked::Out),
        };
        let is_whole = talked.is_ok() && *run.stop.borrow() == Stop::Going;
        happened.talked_until = is_whole.then(SystemTime::now);
        course.talked = began_at.elapsed();
        course.codec = caller.call.codec().await.map(|codec| codec.encoding_name().to_owned());
        course.srtp = caller.call.srtp_profile().map(|profile| format!("{profile:?}"));
        let ended = match &talked {
            Ok(talked) => self.end(talked, caller, answerer.as_deref_mut()).await,
            Err(_) => Ok(()),
        };
        let logs = async {
            let caller = Log::of(caller).await?;
            let answerer = match answerer {
                Some(answerer) => Some(Log::of(answerer).await?),
                None => None,
            };
            Ok::<_, AgentError>((caller, answerer))
        };
        let stage = if happened.has_lost() { "after its WebSocket was cut" } else { "call" };
        let heard = match logs.await {
            Ok((caller, answerer)) => self.judge(run, caller, answerer, happened, course).await,
            Err(error) => Err(Failure::new("listen", &error)),
        };
        talked.map_err(|error| Failure::new(stage, &error))?;
        ended.map_err(|error| Failure::new("end", &error))?;
        heard.map(|()| Outcome::Ended)
    }

    async fn end(&self, talked: &Talked, caller: &End, answerer: Option<&mut End>) -> Result<(), AgentError> {
        if *talked == Talked::Transferred {
            // Who handed on is out of it; who is left is hung up on, or hangs up.
            for end in [Some(caller), answerer.as_deref()].into_iter().flatten() {
                if !matches!(end.call.progress(), CallProgress::Ended(_)) {
                    end.call.hang_up().await?;
                }
            }
            return Ok(());
        }
        let (first, second) = match (self.traffic.hanger, answerer.as_deref()) {
            (Hanger::Answerer, Some(answerer)) => (answerer, Some(caller)),
            (_, answerer) => (caller, answerer),
        };
        if *talked == Talked::Vanished {
            // Nobody tells the other end: it hangs up by itself, which the target must confirm.
            first.call.go_silent();
            if let Some(second) = second {
                second.call.hang_up().await?;
            }
            return Ok(());
        }
        first.call.hang_up().await?;
        if let Some(second) = second {
            second.call.ended(END_MAX).await?;
        }
        Ok(())
    }

    /// Listens to both ends, one call at a time: it takes the processor.
    async fn judge(
        &self,
        run: &Arc<Run>,
        caller: Log,
        answerer: Option<Log>,
        happened: Happened,
        course: &mut Course,
    ) -> Result<(), Failure> {
        let _turn = run.judging.acquire().await;
        let (hum, limits) = (run.scenario.share.hum(self.call), run.scenario.limits);
        let speech = self.speech(run).cloned();
        let judged = tokio::task::spawn_blocking(move || {
            let mut lateness = Lateness::default();
            let said = |of: Hum| speech.clone().map_or(Said::Hum(of), Said::Speech);
            let caller = caller.side(said(Hum::of_caller(hum)));
            let answerer = answerer.as_ref().map(|it| it.side(said(Hum::of_answerer(hum))));
            let verdict = CallVerdict::of(&caller, answerer.as_ref(), &limits, &happened, &mut lateness);
            (verdict, lateness)
        });
        // What nobody listened to is not good.
        let broke = |_| Failure { cause: format!("listen: {BROKE}"), is_unheard: false };
        let (verdict, lateness) = judged.await.map_err(broke)?;
        course.verdict = Some(verdict);
        course.lateness = lateness;
        Ok(())
    }

    fn report(&self, destination: String, course: Course, outcome: Outcome) -> CallReport {
        CallReport {
            call: self.call,
            traffic: self.traffic.name.clone(),
            destination,
            began_s: self.began_s,
            load: self.load,
            setup_ms: course.setup.map(|it| it.as_secs_f64() * 1000.0),
            talked_s: course.talked.as_secs_f64(),
            codec: course.codec,
            srtp: course.srtp,
            outcome,
            verdict: course.verdict,
        }
    }
}

impl Log {
    async fn of(end: &End) -> Result<Self, AgentError> {
        Ok(Self {
            heard: end.call.heard().await?,
            sent: end.call.sent().await?,
            pressed: end.pressed.clone(),
            told: end.call.info_digits(),
            answered_at: end.call.answered_at(),
        })
    }

    fn side(&self, said: Said) -> Side<'_> {
        let Self { heard, sent, pressed, told, answered_at } = self;
        Side { heard, sent, said, pressed: pressed.clone(), told: told.clone(), answered_at: *answered_at }
    }
}

/// A call ended that was not to.
fn broken_off(end: Option<CallEnd>) -> AgentError {
    match end {
        Some(CallEnd::Refused { status, reason }) => AgentError::Refused { status, reason },
        Some(CallEnd::Broken(why)) => AgentError::Library(why),
        _ => AgentError::Gone,
    }
}
