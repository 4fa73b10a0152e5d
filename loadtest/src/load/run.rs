//! A load from beginning to end.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::calls::{self, Record, Running, Taken};
use super::judge::{Judgement, Scores};
use super::process::{ProcessMeter, Usage};
use super::report::{Connections, DirectionReport, GatewayReport, LoadReport, Setup};
use super::{LoadConfig, LoadError, LoadProgress, Stopped};
use crate::agent::{AgentError, Phone};
use crate::hear::{Percentiles, Stall};
use crate::verdict::Lateness;

/// Time for late packets and the kernel's accounts, before and after the calls.
const SETTLE: Duration = Duration::from_secs(1);

/// Runs a load and tells what came of it.
///
/// # Errors
/// It could not be run at all; calls that fail are part of the report.
pub async fn run(config: LoadConfig, on_progress: impl Fn(LoadProgress)) -> Result<LoadReport, LoadError> {
    let (_going, stop) = watch::channel(false);
    run_until(config, stop, on_progress).await
}

/// The same until `stop` says so: then calls that are up are hung up, and told of as always.
///
/// # Errors
/// It could not be run at all.
pub async fn run_until(
    config: LoadConfig,
    stop: watch::Receiver<bool>,
    on_progress: impl Fn(LoadProgress),
) -> Result<LoadReport, LoadError> {
    config.check()?;
    let mut stopped = Stopped::when(stop);
    let gateway = config.pid.map(ProcessMeter::new).transpose()?;
    let own = ProcessMeter::new(std::process::id())?;
    let read_gateway = || gateway.as_ref().map(ProcessMeter::read).transpose();
    let (taken, _answering) = match &config.phone {
        Some(phone) if config.rtpengine.is_none() => {
            let (taken, stop) = calls::answer(config.clone(), Phone::new(phone.clone()).await?);
            (taken, Some(stop))
        }
        _ => (Taken::default(), None),
    };
    warm_up(&config, &taken, &stopped).await?;

    let idle = read_gateway()?;
    let connecting = calls::connect(&config, &stopped, |count| on_progress(LoadProgress::Connected(count)));
    let callers = connecting.await;
    tokio::time::sleep(SETTLE).await;
    let connected = read_gateway()?;
    let dialling = calls::dial(&config, callers, &stopped, |count| on_progress(LoadProgress::SetUp(count)));
    let settled = dialling.await;
    tokio::time::sleep(SETTLE).await;

    let up = settled.iter().filter(|call| call.is_ok()).count();
    let (began_at, gateway_before, own_before) = (Instant::now(), read_gateway()?, own.read()?);
    let mut stall = None;
    while began_at.elapsed() < config.duration && !stopped.is_now() {
        let next = SETTLE.min(config.duration.saturating_sub(began_at.elapsed()));
        tokio::select! {
            () = tokio::time::sleep(next) => {}
            () = stopped.comes() => break,
        }
        on_progress(LoadProgress::Talking(began_at.elapsed()));
        if let (Some(length), Some(gateway), None) = (config.stall, &gateway, stall)
            && began_at.elapsed() >= config.duration / 2
        {
            stall = Some(gateway.stall(length).await?);
        }
    }
    let (steady, gateway_after, own_after) = (began_at.elapsed(), read_gateway()?, own.read()?);
    let call_seconds = up as f64 * steady.as_secs_f64();
    let per_call_second =
        |before: Usage, after: Usage| (after.cpu_ms - before.cpu_ms) / call_seconds.max(1.0);

    let finished = finish(settled, &taken).await;
    tokio::time::sleep(SETTLE).await;
    let rss_after_kib = read_gateway()?.map_or(0.0, |usage| usage.rss_kib);
    let usages = (idle, connected, gateway_before, gateway_after);
    let gateway = if let (Some(idle), Some(connected), Some(before), Some(after)) = usages {
        Some(GatewayReport {
            cpu_ms_per_call_second: per_call_second(before, after),
            rss_idle_kib: idle.rss_kib,
            rss_per_connection_kib: (connected.rss_kib - idle.rss_kib) / config.calls as f64,
            rss_per_call_kib: (after.rss_kib - connected.rss_kib) / up.max(1) as f64,
            rss_after_kib,
        })
    } else {
        None
    };
    let own_cpu_ms_per_call_second = per_call_second(own_before, own_after);
    let judged = judge(&config, finished, on_progress).await?;
    let report = judged.report(&config, gateway, stall, own_cpu_ms_per_call_second, steady);
    Ok(LoadReport { was_broken_off: stopped.is_now(), ..report })
}

/// One short call that does not count: voices are encoded, the gateway has made what it makes once.
async fn warm_up(config: &LoadConfig, taken: &Taken, stopped: &Stopped) -> Result<(), LoadError> {
    let mut single = config.clone();
    single.calls = 1;
    let callers = calls::connect(&single, stopped, |_| ()).await;
    for call in calls::dial(&single, callers, stopped, |_| ()).await {
        let running = call?;
        tokio::time::sleep(SETTLE).await;
        running.finish(taken).await?;
    }
    Ok(())
}

/// Hangs up all calls.
async fn finish(settled: Vec<Result<Running, AgentError>>, taken: &Taken) -> Vec<Result<Record, AgentError>> {
    let mut finishing = JoinSet::new();
    for call in settled {
        let taken = taken.clone();
        finishing.spawn(async move { call?.finish(&taken).await });
    }
    finishing.join_all().await
}

#[derive(Default)]
struct Judged {
    attempted: usize,
    judgements: Vec<Judgement>,
    failures: BTreeMap<String, usize>,
    caller_codecs: BTreeMap<String, usize>,
    phone_codecs: BTreeMap<String, usize>,
    srtp: BTreeMap<String, usize>,
    ok: usize,
    answers: Vec<Duration>,
    at_caller: Vec<Duration>,
    at_phone: Vec<Duration>,
    lateness: Lateness,
}

async fn judge(
    config: &LoadConfig,
    finished: Vec<Result<Record, AgentError>>,
    on_progress: impl Fn(LoadProgress),
) -> Result<Judged, LoadError> {
    let mut judged = Judged { attempted: finished.len(), ..Judged::default() };
    let caller_voice = Arc::new(config.caller.voice.clone());
    let phone_voice = Arc::new(config.phone.as_ref().and_then(|phone| phone.voice.clone()));
    for (index, record) in finished.into_iter().enumerate() {
        match record {
            Err(error) => *judged.failures.entry(error.to_string()).or_default() += 1,
            Ok(record) => {
                judged.note(&record);
                let voices = (Arc::clone(&caller_voice), Arc::clone(&phone_voice));
                let scores = Scores { opinion: index < config.scored, pesq: index < config.pesq };
                let judgement = tokio::task::spawn_blocking(move || {
                    Judgement::of(&record, voices.0.as_ref().as_ref(), voices.1.as_ref().as_ref(), scores)
                });
                let judgement = judgement.await.map_err(|_| AgentError::Gone)??;
                if judgement.has_audio(config.phone.is_some()) {
                    judged.ok += 1;
                } else {
                    *judged.failures.entry("no audio in one direction".to_owned()).or_default() += 1;
                }
                judged.judgements.push(judgement);
            }
        }
        on_progress(LoadProgress::Judged(index + 1));
    }
    Ok(judged)
}

impl Judged {
    fn note(&mut self, record: &Record) {
        for end in std::iter::once(&record.caller).chain(&record.phone) {
            self.lateness.note(&end.sent);
        }
        let since_invite = |at: Option<SystemTime>| at?.duration_since(record.invited_at).ok();
        self.answers.extend(since_invite(record.answered_at));
        self.at_caller.extend(since_invite(record.caller.heard.first_at()));
        let count = |map: &mut BTreeMap<String, usize>, name: Option<String>| {
            *map.entry(name.unwrap_or_else(|| "none".to_owned())).or_default() += 1;
        };
        let codec = |end: &calls::End| end.heard.codec().map(|codec| codec.encoding_name().to_owned());
        count(&mut self.caller_codecs, codec(&record.caller));
        count(&mut self.srtp, record.srtp.map(|profile| format!("{profile:?}")));
        if let Some(phone) = &record.phone {
            self.at_phone.extend(since_invite(phone.heard.first_at()));
            count(&mut self.phone_codecs, codec(phone));
        }
    }

    fn report(
        self,
        config: &LoadConfig,
        gateway: Option<GatewayReport>,
        stall: Option<Stall>,
        own_cpu_ms_per_call_second: f64,
        steady: Duration,
    ) -> LoadReport {
        let (mut to_phone, mut to_caller) = (Vec::new(), Vec::new());
        for judgement in self.judgements {
            to_phone.extend(judgement.to_phone);
            to_caller.push(judgement.to_caller);
        }
        LoadReport {
            calls: Connections {
                attempted: self.attempted,
                ok: self.ok,
                failed: self.attempted - self.ok,
                failures: self.failures,
                caller_codecs: self.caller_codecs,
                phone_codecs: self.phone_codecs,
                srtp: self.srtp,
            },
            setup: Setup {
                answer: Percentiles::of(self.answers),
                first_audio_at_caller: Percentiles::of(self.at_caller),
                first_audio_at_phone: Percentiles::of(self.at_phone),
            },
            to_phone: config.phone.is_some().then(|| DirectionReport::of(&to_phone, stall)),
            to_caller: DirectionReport::of(&to_caller, stall),
            gateway,
            own_cpu_ms_per_call_second,
            steady_s: steady.as_secs_f64(),
            was_broken_off: false,
            fitness: self.lateness.fitness(),
        }
    }
}
