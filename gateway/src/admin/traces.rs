//! `/calls/{call}/ladder`, `/calls/{call}/pcap`, `/calls/{call}/capture`, `/traces`: the messages of calls of late, of
//! what belongs to none, and what media is captured.

use std::sync::Arc;
use std::time::Duration;

use actix_web::http::{StatusCode, header};
use actix_web::{HttpResponse, web};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tracing::warn;
use webtrunk_engine::CallId;
use webtrunk_engine::net::capture::CaptureSpec;
use webtrunk_signalling::sip::trace::{CallTrace, NotFound};
use webtrunk_signalling::switchboard::Switchboard;

use super::answer;
use crate::roster::Roster;
use crate::sight::{Captures, Sight, ladder, pcap};

/// The traces, and the calls that are under way: they are found by their records' names too.
#[derive(Clone)]
pub struct Traces {
    sight: Option<Sight>,
    roster: Roster,
    board: Arc<Switchboard>,
    captures: Captures,
}

/// How a ladder is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Format {
    /// For a terminal.
    #[default]
    Text,
    /// For programs.
    Json,
    /// As a picture.
    Svg,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LadderQuery {
    #[serde(default)]
    format: Format,
    /// Characters of a line.
    width: Option<usize>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CaptureQuery {
    /// For how long.
    seconds: Option<u64>,
    /// Whether what people say is captured, and not just the headers.
    #[serde(default)]
    media: bool,
}

/// The answer to who has media captured.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Capturing {
    /// Of this call.
    pub(crate) call: String,
    /// For so long at most.
    pub(crate) seconds: u64,
    /// Whether what people say is captured.
    pub(crate) media: bool,
}

/// The answer to who wants to know what there is.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct TraceList {
    /// The latest first.
    pub(crate) traces: Vec<TraceSummary>,
}

/// A call of late, or what belongs to none.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct TraceSummary {
    /// The call's name in the log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) call: Option<String>,
    /// Its Call-IDs.
    pub(crate) call_ids: Vec<String>,
    /// When its first message went by.
    pub(crate) began_at: Option<String>,
    /// How many there are.
    pub(crate) messages: usize,
    /// The first line of the first.
    pub(crate) first: String,
    /// Whether the call is over.
    pub(crate) is_over: bool,
}

/// A line of a terminal of which nobody told the width, and the widest that is drawn.
const WIDTH: usize = 100;
const WIDTH_MAX: usize = 1000;

/// For how long media is captured where nobody says, and at most. Chosen by us.
const SECONDS: u64 = 60;
const SECONDS_MAX: u64 = 600;

/// Packets a second of a call: two legs, both ways, a packet each 20 ms, and as many again for reports and short packets.
const PACKETS_A_SECOND: u64 = 400;

/// How many are listed.
const LIST_MAX: usize = 200;

/// What a picture may do where a browser shows it: nothing (Content Security Policy 3).
const NOTHING: &str = "default-src 'none'; style-src 'unsafe-inline'";

pub(super) async fn list(traces: web::Data<Traces>) -> HttpResponse {
    match &traces.sight {
        Some(sight) => {
            let summaries = sight.latest(LIST_MAX).iter().map(TraceSummary::new).collect();
            answer::ok(TraceList { traces: summaries })
        }
        None => Missing::NoneAreKept.answer(),
    }
}

pub(super) async fn ladder(
    traces: web::Data<Traces>,
    name: web::Path<String>,
    query: Result<web::Query<LadderQuery>, actix_web::Error>,
) -> HttpResponse {
    let query = match query {
        Ok(query) => query.into_inner(),
        Err(_) => {
            let message = "the query is not understood; write format=text, json or svg, and width=100";
            return answer::error(StatusCode::BAD_REQUEST, "bad_query", message);
        }
    };
    let trace = match traces.find(&name) {
        Ok(trace) => trace,
        Err(missing) => return missing.answer(),
    };
    let drawn = ladder::Ladder::new(&trace);
    let (kind, body) = match query.format {
        Format::Text => {
            let width = query.width.unwrap_or(WIDTH).min(WIDTH_MAX);
            ("text/plain; charset=utf-8", ladder::text(&drawn, width))
        }
        Format::Json => ("application/json", ladder::json(&drawn)),
        Format::Svg => ("image/svg+xml", ladder::svg(&drawn)),
    };
    answer::told(StatusCode::OK)
        .content_type(kind)
        .insert_header((header::CONTENT_SECURITY_POLICY, NOTHING))
        .body(body)
}

pub(super) async fn capture(
    traces: web::Data<Traces>,
    name: web::Path<String>,
    query: Result<web::Query<CaptureQuery>, actix_web::Error>,
) -> HttpResponse {
    let CaptureQuery { seconds, media } = match query {
        Ok(query) => query.into_inner(),
        Err(_) => {
            let message = "the query is not understood; write seconds=60 and media=true";
            return answer::error(StatusCode::BAD_REQUEST, "bad_query", message);
        }
    };
    let seconds = seconds.unwrap_or(SECONDS);
    if !(1..=SECONDS_MAX).contains(&seconds) {
        let message = format!("seconds={seconds} is out of range; write 1 to {SECONDS_MAX}");
        return answer::error(StatusCode::BAD_REQUEST, "bad_query", message);
    }
    let spec = CaptureSpec {
        packets_max: usize::try_from(seconds * PACKETS_A_SECOND).unwrap_or_default(),
        lasts_max: Duration::from_secs(seconds),
        has_payload: media,
    };
    let call = traces.name_in_log(&name).unwrap_or_else(|| name.to_string());
    let begun = call.parse().ok().and_then(|id: CallId| Some((id, traces.board.capture(id, spec)?)));
    let Some((id, captured)) = begun else {
        let message = format!("there is no call {:?} now; webtrunk calls lists those that there are", &*name);
        return answer::error(StatusCode::NOT_FOUND, "no_call", message);
    };
    if let Some(given_up) = traces.captures.begin(id, captured) {
        traces.board.end_capture(given_up);
    }
    answer::told(StatusCode::ACCEPTED).json(Capturing { call, seconds, media })
}

pub(super) async fn packets(traces: web::Data<Traces>, name: web::Path<String>) -> HttpResponse {
    let trace = match traces.find(&name) {
        Ok(trace) => trace,
        Err(missing) => return missing.answer(),
    };
    let media = match trace.call {
        Some(call) => traces.captures.fetch(call, || traces.board.end_capture(call)).await,
        None => Vec::new(),
    };
    if media.iter().any(|capture| capture.is_full()) {
        warn!(call = %name, "a capture was full before its time, and what came then is not in it");
    }
    answer::told(StatusCode::OK)
        .content_type("application/vnd.tcpdump.pcap")
        .body(pcap::of_call(&trace, &media).into_octets())
}

impl Traces {
    /// The traces that are kept; `None` where none are.
    #[must_use]
    pub fn new(sight: Option<Sight>, roster: Roster, board: Arc<Switchboard>) -> Self {
        Self { sight, roster, board, captures: Captures::default() }
    }

    /// What the call of a record is called in the log.
    fn name_in_log(&self, name: &str) -> Option<String> {
        self.roster.find(name)?.call.clone()
    }

    fn find(&self, name: &str) -> Result<CallTrace, Missing> {
        let sight = self.sight.as_ref().ok_or(Missing::NoneAreKept)?;
        let in_log = self.name_in_log(name);
        sight.find(in_log.as_deref().unwrap_or(name)).map_err(Missing::NotFound)
    }
}

/// There is no such trace.
enum Missing {
    /// Nor any other.
    NoneAreKept,
    /// By this name.
    NotFound(NotFound),
}

impl Missing {
    fn answer(&self) -> HttpResponse {
        match self {
            Self::NoneAreKept => {
                let message = "no messages are kept: [trace] of the configuration has enabled = false";
                answer::error(StatusCode::NOT_FOUND, "no_traces", message)
            }
            Self::NotFound(fault @ NotFound::Nothing) => {
                let message = format!("{fault}; webtrunk ladder without a name lists those that there are");
                answer::error(StatusCode::NOT_FOUND, "no_trace", message)
            }
            Self::NotFound(fault @ NotFound::Several(_)) => {
                answer::error(StatusCode::CONFLICT, "several_traces", fault)
            }
        }
    }
}

impl TraceSummary {
    fn new(trace: &CallTrace) -> Self {
        let first = trace.messages.first();
        let line = |octets: &[u8]| {
            let line = octets.split(|octet| *octet == b'\n').next().unwrap_or_default();
            String::from_utf8_lossy(line.trim_ascii()).into_owned()
        };
        let began_at = first.and_then(|first| Timestamp::try_from(first.at).ok());
        Self {
            call: trace.call.map(|call| call.to_string()),
            call_ids: trace.call_ids.iter().map(ToString::to_string).collect(),
            began_at: began_at.map(|at| format!("{at:.3}")),
            messages: trace.messages.len(),
            first: first.map(|first| line(&first.octets)).unwrap_or_default(),
            is_over: trace.is_over,
        }
    }
}
