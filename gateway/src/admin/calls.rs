//! `/calls`: the calls that are under way, what is known of each, and the end of one.

use std::sync::Arc;
use std::time::SystemTime;

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;
use webtrunk_engine::CallId;
use webtrunk_engine::leg::LegStats;
use webtrunk_signalling::cdr::{
    CallRecord, LegRecord, OriginRecord, QualityRecord, RecordId, Stage, Stamp, Way,
};
use webtrunk_signalling::switchboard::Switchboard;

use super::answer;
use crate::roster::Roster;

/// The calls, to be told and hung up.
#[derive(Clone)]
pub struct Calls {
    roster: Roster,
    board: Arc<Switchboard>,
}

/// The answer to who wants all.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct CallList {
    /// In the order in which they began.
    pub(crate) calls: Vec<CallSummary>,
}

/// A call among many.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct CallSummary {
    /// Its record's name.
    pub(crate) id: RecordId,
    /// Its name in the log.
    pub(crate) call: Option<String>,
    /// What goes on.
    pub(crate) stage: Option<Stage>,
    /// Since when it is there.
    pub(crate) began_at: Stamp,
    /// How long that is.
    pub(crate) duration_ms: u64,
    /// By whose rights it was made.
    pub(crate) origin: OriginRecord,
    /// Who called, as shown.
    pub(crate) caller: String,
    /// What was dialled.
    pub(crate) destination: String,
    /// The rule that decided.
    pub(crate) rule: Option<String>,
    /// Those that have not ended.
    pub(crate) legs: Vec<LegSummary>,
}

/// A party that is there.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct LegSummary {
    /// Its name in the log.
    pub(crate) leg: String,
    /// Whether it came in or was called.
    pub(crate) way: Way,
    /// Its number or name.
    pub(crate) number: String,
    /// What goes on.
    pub(crate) stage: Option<Stage>,
    /// `webrtc`, `srtp` or `rtp`; absent before it has media.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) transport: Option<String>,
    /// The codec in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) codec_in: Option<String>,
    /// The codec out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) codec_out: Option<String>,
}

/// The answer to who hangs one up.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct HungUp {
    /// The call that ends now.
    pub(crate) hung_up: String,
}

pub(super) async fn list(calls: web::Data<Calls>) -> HttpResponse {
    let records = calls.roster.calls();
    // Together: one thread that stands still keeps nobody waiting for the others.
    let mut asked = JoinSet::new();
    for (index, record) in records.iter().cloned().enumerate() {
        let calls = calls.get_ref().clone();
        asked.spawn(async move { (index, calls.stats(&record).await) });
    }
    let mut all: Vec<_> = records.iter().map(|_| Vec::new()).collect();
    while let Some(Ok((index, stats))) = asked.join_next().await {
        all[index] = stats;
    }
    let now = SystemTime::now().into();
    let summaries = records.iter().zip(&all).map(|(record, stats)| CallSummary::new(record, stats, now));
    answer::ok(CallList { calls: summaries.collect() })
}

pub(super) async fn one(calls: web::Data<Calls>, name: web::Path<String>) -> HttpResponse {
    let Some(record) = calls.roster.find(&name) else { return no_call(&name) };
    let stats = calls.stats(&record).await;
    answer::ok(so_far(&record, &stats, SystemTime::now().into()))
}

pub(super) async fn hang_up(calls: web::Data<Calls>, name: web::Path<String>) -> HttpResponse {
    let call = calls.roster.find(&name).as_deref().and_then(name_in_log);
    match call.filter(|call| calls.board.hang_up(*call)) {
        Some(call) => answer::told(StatusCode::ACCEPTED).json(HungUp { hung_up: call.to_string() }),
        None => no_call(&name),
    }
}

fn no_call(name: &str) -> HttpResponse {
    let message = format!(
        "there is no call {name:?} now; calls that are over stand in the records (webtrunk cdr export), where those are kept"
    );
    answer::error(StatusCode::NOT_FOUND, "no_call", message)
}

fn name_in_log(record: &CallRecord) -> Option<CallId> {
    record.call.as_deref()?.parse().ok()
}

impl Calls {
    /// The calls of a switchboard, whose records pass the roster.
    #[must_use]
    pub const fn new(roster: Roster, board: Arc<Switchboard>) -> Self {
        Self { roster, board }
    }

    /// The figures of its legs now; none where it is over by now, or its thread says nothing.
    async fn stats(&self, record: &CallRecord) -> Vec<LegStats> {
        let Some(call) = name_in_log(record) else { return Vec::new() };
        self.board.stats(call).await.unwrap_or_default()
    }
}

/// The record as far as it is, with what is measured now.
fn so_far(record: &CallRecord, stats: &[LegStats], now: Stamp) -> CallRecord {
    let mut record = record.clone();
    record.duration_ms = since(record.began_at, now);
    for leg in &mut record.legs {
        if leg.end.is_none() {
            leg.duration_ms = record.duration_ms.saturating_sub(leg.timeline.begin_ms());
        }
        if let Some(stats) = of_leg(stats, leg) {
            leg.quality = Some(Box::new(QualityRecord::from(stats)));
        }
    }
    record
}

fn of_leg<'s>(stats: &'s [LegStats], leg: &LegRecord) -> Option<&'s LegStats> {
    stats.iter().find(|stats| stats.leg.to_string() == leg.leg)
}

fn since(begin: Stamp, now: Stamp) -> u64 {
    u64::try_from(now.ms().saturating_sub(begin.ms())).unwrap_or_default()
}

impl CallSummary {
    fn new(record: &CallRecord, stats: &[LegStats], now: Stamp) -> Self {
        let is_there = |leg: &&LegRecord| leg.end.is_none();
        let legs = record.legs.iter().filter(is_there);
        Self {
            id: record.id.clone(),
            call: record.call.clone(),
            stage: record.timeline.stage(),
            began_at: record.began_at,
            duration_ms: since(record.began_at, now),
            origin: record.origin.clone(),
            caller: record.caller.clone(),
            destination: record.destination.clone(),
            rule: record.rule.clone(),
            legs: legs.map(|leg| LegSummary::new(leg, of_leg(stats, leg))).collect(),
        }
    }
}

impl LegSummary {
    fn new(leg: &LegRecord, stats: Option<&LegStats>) -> Self {
        let quality = stats.map(QualityRecord::from).unwrap_or_default();
        Self {
            leg: leg.leg.clone(),
            way: leg.way,
            number: leg.number.clone(),
            stage: leg.timeline.stage(),
            transport: stats.map(|_| quality.transport),
            codec_in: quality.codec_in,
            codec_out: quality.codec_out,
        }
    }
}
