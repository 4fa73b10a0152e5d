//! Short calls at a steady rate for a long time: WebRTC callers and SIP phones in turn, to a phone in this process. What the
//! gateway holds meanwhile is for others to look at.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use super::{LoadError, Stopped};
use crate::agent::{AgentError, Call, Incoming, PTIME, Phone, PhoneConfig, Sent, WebrtcCaller, WebrtcConfig};
use crate::verdict::{Fitness, Lateness};

/// What a soak is.
#[derive(Debug, Clone)]
pub struct SoakConfig {
    /// What each WebRTC caller is, credentials included; each call has a connection of its own.
    pub webrtc: WebrtcConfig,
    /// The phone that makes every second call.
    pub caller: PhoneConfig,
    /// The phone that answers all.
    pub callee: PhoneConfig,
    /// Whom to call.
    pub destination: String,
    /// How many calls to begin in a second.
    pub rate: f64,
    /// How long calls begin.
    pub duration: Duration,
    /// How long each is talked in.
    pub talk: Duration,
}

/// What came of it.
#[derive(Debug, Clone, Default, Serialize)]
pub struct SoakReport {
    /// Calls from WebRTC callers.
    pub webrtc: Tally,
    /// Calls from the phone.
    pub phone: Tally,
    /// Calls as the phone that is called had them.
    pub callee: Tally,
    /// Calls that were up at the same time, at most.
    pub up_at_most: usize,
    /// Whether it was ended before its time: calls that were up were hung up, and no more begun.
    pub was_broken_off: bool,
    /// How late the load tester itself was, by what callers sent: where it was not fit, the target is not to blame.
    pub fitness: Fitness,
}

/// How calls of one kind went.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Tally {
    /// How many there were.
    pub calls: usize,
    /// Those in which the other end was heard all the time, and whose end was confirmed.
    pub ok: usize,
    /// Why others were not, and how many.
    pub failures: BTreeMap<String, usize>,
}

/// Packets that are heard of those that are sent in a good call: the first and last ones may be missing.
const HEARD_SHARE: f64 = 0.9;

/// What a call may take beyond its talk: this machine may be busy.
const PATIENCE: Duration = Duration::from_secs(30);

/// A soak from beginning to end, or until `stop` says so; `on_progress` is told of calls that are over.
///
/// # Errors
/// A phone cannot be opened; calls that fail are part of the report.
pub async fn soak(
    config: SoakConfig,
    stop: watch::Receiver<bool>,
    on_progress: impl Fn(usize),
) -> Result<SoakReport, LoadError> {
    let mut stopped = Stopped::when(stop);
    let callee = Phone::new(config.callee.clone()).await?;
    let caller = Arc::new(Phone::new(config.caller.clone()).await?);
    let (over, answering) = mpsc::channel(1);
    let answered = tokio::spawn(answer(callee, config.talk, stopped.clone(), answering));
    let config = Arc::new(config);
    let (began_at, mut running, mut report) = (Instant::now(), JoinSet::new(), SoakReport::default());
    let mut lateness = Lateness::default();
    for index in 0.. {
        let at = began_at + Duration::from_secs_f64(f64::from(index) / config.rate);
        if at >= began_at + config.duration {
            break;
        }
        tokio::select! {
            () = sleep_until(at) => {}
            () = stopped.comes() => break,
        }
        let (config, caller, is_webrtc) = (Arc::clone(&config), Arc::clone(&caller), index % 2 == 0);
        let stopped = stopped.clone();
        running.spawn(async move {
            let call = if is_webrtc {
                by_webrtc(&config, stopped).await
            } else {
                by_phone(&config, &caller, stopped).await
            };
            (is_webrtc, call)
        });
        report.up_at_most = report.up_at_most.max(running.len());
        while let Some(done) = running.try_join_next() {
            report.note(done.ok(), &mut lateness);
        }
        on_progress(report.webrtc.calls + report.phone.calls);
    }
    while let Some(done) = running.join_next().await {
        report.note(done.ok(), &mut lateness);
    }
    (report.was_broken_off, report.fitness) = (stopped.is_now(), lateness.fitness());
    // Whoever was called last hears of the end as well.
    tokio::time::sleep(Duration::from_secs(1)).await;
    drop(over);
    report.callee = answered.await.unwrap_or_default();
    Ok(report)
}

async fn by_webrtc(config: &SoakConfig, stopped: Stopped) -> Result<Sent, AgentError> {
    let caller = WebrtcCaller::new(config.webrtc.clone()).await?;
    talk(caller.call(&config.destination).await?, config.talk, stopped).await
}

async fn by_phone(config: &SoakConfig, caller: &Phone, stopped: Stopped) -> Result<Sent, AgentError> {
    talk(caller.call(&config.destination).await?, config.talk, stopped).await
}

/// Hears the other end for so long, and hangs up; what it sent.
async fn talk(call: Call, time: Duration, mut stopped: Stopped) -> Result<Sent, AgentError> {
    let until = Instant::now() + time;
    let hears = async {
        call.heard_packets(packets_in(time), time + PATIENCE).await?;
        sleep_until(until).await;
        Ok::<_, AgentError>(())
    };
    tokio::select! {
        heard = hears => heard?,
        () = stopped.comes() => {}
    }
    call.hang_up().await?;
    call.sent().await
}

fn packets_in(time: Duration) -> usize {
    (time.as_secs_f64() / PTIME.as_secs_f64() * HEARD_SHARE) as usize
}

/// Answers every call until the sender of `over` is dropped.
async fn answer(phone: Phone, talk: Duration, stopped: Stopped, mut over: mpsc::Receiver<()>) -> Tally {
    let (mut running, mut tally) = (JoinSet::new(), Tally::default());
    loop {
        tokio::select! {
            incoming = phone.next_incoming() => match incoming {
                Ok(incoming) => {
                    running.spawn(take(incoming, talk, stopped.clone()));
                }
                Err(AgentError::Gone) => break,
                Err(error) => tally.note(Err(error)),
            },
            Some(done) = running.join_next() => tally.note(done.unwrap_or(Err(AgentError::Gone))),
            _ = over.recv() => break,
        }
    }
    while let Some(done) = running.join_next().await {
        tally.note(done.unwrap_or(Err(AgentError::Gone)));
    }
    tally
}

async fn take(incoming: Incoming, talk: Duration, mut stopped: Stopped) -> Result<(), AgentError> {
    incoming.ring();
    let call = incoming.answer().await?;
    tokio::select! {
        // What ends with it is no fault.
        biased;
        () = stopped.comes() => {}
        heard = call.heard_packets(packets_in(talk), talk + PATIENCE) => heard?,
    }
    call.ended(talk + PATIENCE).await.map(drop)
}

impl SoakReport {
    fn note(&mut self, done: Option<(bool, Result<Sent, AgentError>)>, lateness: &mut Lateness) {
        let (is_webrtc, call) = done.unwrap_or((false, Err(AgentError::Gone)));
        let call = call.map(|sent| {
            lateness.note(&sent);
        });
        if is_webrtc {
            self.webrtc.note(call);
        } else {
            self.phone.note(call);
        }
    }

    /// Whether every call was a good one, at both of its ends.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        [&self.webrtc, &self.phone, &self.callee].iter().all(|tally| tally.ok == tally.calls)
    }
}

impl Tally {
    fn note(&mut self, call: Result<(), AgentError>) {
        self.calls += 1;
        match call {
            Ok(()) => self.ok += 1,
            Err(error) => *self.failures.entry(error.to_string()).or_default() += 1,
        }
    }
}
