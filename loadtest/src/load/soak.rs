//! Short calls at a steady rate for a long time: WebRTC callers and SIP phones in turn, to a phone in this process. What the
//! gateway holds meanwhile is for others to look at.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use super::LoadError;
use crate::agent::{AgentError, Call, Incoming, PTIME, Phone, PhoneConfig, WebrtcCaller, WebrtcConfig};

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

/// A soak from beginning to end; `on_progress` is told of calls that began.
///
/// # Errors
/// A phone cannot be opened; calls that fail are part of the report.
pub async fn soak(config: SoakConfig, on_progress: impl Fn(usize)) -> Result<SoakReport, LoadError> {
    let callee = Phone::new(config.callee.clone()).await?;
    let caller = Arc::new(Phone::new(config.caller.clone()).await?);
    let (stop, answering) = mpsc::channel(1);
    let answered = tokio::spawn(answer(callee, config.talk, answering));
    let config = Arc::new(config);
    let (began_at, mut running, mut report) = (Instant::now(), JoinSet::new(), SoakReport::default());
    for index in 0.. {
        let at = began_at + Duration::from_secs_f64(f64::from(index) / config.rate);
        if at >= began_at + config.duration {
            break;
        }
        sleep_until(at).await;
        let (config, caller, is_webrtc) = (Arc::clone(&config), Arc::clone(&caller), index % 2 == 0);
        running.spawn(async move {
            let call = if is_webrtc { by_webrtc(&config).await } else { by_phone(&config, &caller).await };
            (is_webrtc, call)
        });
        report.up_at_most = report.up_at_most.max(running.len());
        while let Some(done) = running.try_join_next() {
            report.note(done.ok());
        }
        on_progress(report.webrtc.calls + report.phone.calls);
    }
    while let Some(done) = running.join_next().await {
        report.note(done.ok());
    }
    // Whoever was called last hears of the end as well.
    tokio::time::sleep(Duration::from_secs(1)).await;
    drop(stop);
    report.callee = answered.await.unwrap_or_default();
    Ok(report)
}

async fn by_webrtc(config: &SoakConfig) -> Result<(), AgentError> {
    let caller = WebrtcCaller::new(config.webrtc.clone()).await?;
    let call = caller.call(&config.destination).await?;
    talk(&call, config.talk).await?;
    call.hang_up().await.map(drop)
}

async fn by_phone(config: &SoakConfig, caller: &Phone) -> Result<(), AgentError> {
    let call = caller.call(&config.destination).await?;
    talk(&call, config.talk).await?;
    call.hang_up().await.map(drop)
}

/// Hears the other end for so long.
async fn talk(call: &Call, time: Duration) -> Result<(), AgentError> {
    let until = Instant::now() + time;
    call.heard_packets(packets_in(time), time + PATIENCE).await?;
    sleep_until(until).await;
    Ok(())
}

fn packets_in(time: Duration) -> usize {
    (time.as_secs_f64() / PTIME.as_secs_f64() * HEARD_SHARE) as usize
}

/// Answers every call until `stop` is dropped.
async fn answer(phone: Phone, talk: Duration, mut stop: mpsc::Receiver<()>) -> Tally {
    let (mut running, mut tally) = (JoinSet::new(), Tally::default());
    loop {
        tokio::select! {
            incoming = phone.next_incoming() => match incoming {
                Ok(incoming) => {
                    running.spawn(take(incoming, talk));
                }
                Err(AgentError::Gone) => break,
                Err(error) => tally.note(Err(error)),
            },
            Some(done) = running.join_next() => tally.note(done.unwrap_or(Err(AgentError::Gone))),
            _ = stop.recv() => break,
        }
    }
    while let Some(done) = running.join_next().await {
        tally.note(done.unwrap_or(Err(AgentError::Gone)));
    }
    tally
}

async fn take(incoming: Incoming, talk: Duration) -> Result<(), AgentError> {
    incoming.ring();
    let call = incoming.answer().await?;
    call.heard_packets(packets_in(talk), talk + PATIENCE).await?;
    call.ended(talk + PATIENCE).await.map(drop)
}

impl SoakReport {
    fn note(&mut self, done: Option<(bool, Result<(), AgentError>)>) {
        match done {
            Some((true, call)) => self.webrtc.note(call),
            Some((false, call)) => self.phone.note(call),
            None => self.phone.note(Err(AgentError::Gone)),
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
