//! `/calls`: the calls that there are and were of late, each of them, and the end of one.

pub mod belonging;
pub mod control;
mod known_users;
mod numbers;
pub mod originate;
mod owned_call;
pub mod view;

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::SystemTime;

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use webtrunk_engine::CallId;
use webtrunk_signalling::cdr::CallRecord;
use webtrunk_signalling::switchboard::Switchboard;

use super::answers::Unknown;
use super::caller::Caller;
use super::journal::Journal;
use super::keys::ApiKey;
use super::page::{Page, PageQuery};
use super::problem::Problem;
use super::scope::Scope;
use super::told;
use crate::roster::Roster;
use belonging::Share;
pub use known_users::KnownUsers;
pub use numbers::Numbers;
pub(crate) use numbers::bare;
pub use owned_call::OwnedCall;
use view::{Call, is_over};

/// Calls, to be told and ended.
#[derive(Clone)]
pub struct Calls {
    roster: Roster,
    journal: Journal,
    board: Arc<Switchboard>,
    numbers: Numbers,
}

/// A call that a key may know of.
pub(super) struct Seen {
    pub(super) record: Arc<CallRecord>,
    pub(super) share: Share,
}

/// Which calls are wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct CallQuery {
    /// Those under way or those that are over; all where it is not said.
    state: Option<Lasting>,
    /// Things on a page; 50 where it is not said.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u16>,
    /// What `next` of the page before said.
    after: Option<String>,
}

/// Whether a call is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Lasting {
    /// It is under way.
    Running,
    /// It is over.
    Ended,
}

impl Calls {
    /// The calls of a switchboard, whose records pass the roster and the journal; whose they are goes by these numbers.
    #[must_use]
    pub const fn new(roster: Roster, journal: Journal, board: Arc<Switchboard>, numbers: Numbers) -> Self {
        Self { roster, journal, board, numbers }
    }

    /// The calls that a key may know of, the one that began last first.
    pub(super) fn all(&self, key: &ApiKey, lasting: Option<Lasting>) -> impl Iterator<Item = Seen> {
        // What is over is in the journal before it leaves the roster.
        let running = self.roster.calls().into_iter().map(|record| self.running(record));
        let all = running.chain(self.journal.latest()).map(|call| (Reverse(call.record.id.clone()), call));
        let all: BTreeMap<_, _> = all.collect();
        let seen = |call: Arc<OwnedCall>| {
            let seen = Seen::new(&call, key)?;
            let is_over = is_over(&seen.record, key, seen.share);
            lasting.is_none_or(|lasting| is_over == (lasting == Lasting::Ended)).then_some(seen)
        };
        all.into_values().filter_map(seen).collect::<Vec<_>>().into_iter()
    }

    /// A call that a key may know of; another's is none to it.
    fn find(&self, key: &ApiKey, id: &str) -> Result<Seen, Problem> {
        // What is over is in the journal before it leaves the roster, which has it as it was before.
        let running = self.roster.find(id).map(|record| self.running(record));
        let call = self.journal.find(id).or(running);
        call.and_then(|call| Seen::new(&call, key)).ok_or_else(|| {
            let detail = "there is no such call now or of late; the records of all are exported by webtrunk cdr export";
            Problem::not_found(detail)
        })
    }

    /// A call under way is whose the number is now.
    fn running(&self, record: Arc<CallRecord>) -> Arc<OwnedCall> {
        OwnedCall::new(record, &self.numbers).into()
    }
}

impl Seen {
    fn new(call: &OwnedCall, key: &ApiKey) -> Option<Self> {
        let share = call.belonging.share(key)?;
        Some(Self { record: Arc::clone(&call.record), share })
    }

    fn told(&self, key: &ApiKey) -> Call {
        Call::new(&self.record, key, self.share, SystemTime::now().into())
    }
}

/// Tells the calls that are under way and those that were over of late, the one that began last first.
#[utoipa::path(get, path = "/calls", tag = "calls", operation_id = "listCalls", params(CallQuery),
    responses((status = 200, description = "A page of calls", body = Page<Call>)),
    security(("api_key" = ["calls:read"])))]
pub async fn list(
    caller: Caller,
    calls: web::Data<Calls>,
    query: web::Query<CallQuery>,
) -> Result<HttpResponse, Problem> {
    caller.may(Scope::CallsRead)?;
    let page = PageQuery::new(query.limit, query.after.clone())?;
    let all = calls.all(&caller.0, query.state);
    let told_of = all.map(|seen| (seen.record.id.to_string(), seen.told(&caller.0)));
    Ok(told(StatusCode::OK).json(page.of(told_of, |id, last| id < last)))
}

/// Tells one call, under way or over of late.
#[utoipa::path(get, path = "/calls/{id}", tag = "calls", operation_id = "readCall",
    params(("id" = String, Path, description = "The call")),
    responses((status = 200, description = "The call", body = Call), Unknown),
    security(("api_key" = ["calls:read"])))]
pub async fn one(
    caller: Caller,
    calls: web::Data<Calls>,
    id: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    caller.may(Scope::CallsRead)?;
    let seen = calls.find(&caller.0, &id)?;
    Ok(told(StatusCode::OK).json(seen.told(&caller.0)))
}

/// Hangs a call up. It ends a moment later; one that is over by now is as good as hung up.
#[utoipa::path(delete, path = "/calls/{id}", tag = "calls", operation_id = "hangUpCall",
    params(("id" = String, Path, description = "The call")),
    responses((status = 202, description = "It is being hung up", body = Call),
        (status = 403, description = "The call is another's, in which the key's users take part", body = Problem,
            content_type = "application/problem+json"),
        Unknown),
    security(("api_key" = ["calls:write"])))]
pub async fn hang_up(
    caller: Caller,
    calls: web::Data<Calls>,
    id: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    caller.may(Scope::CallsWrite)?;
    let seen = calls.find(&caller.0, &id)?;
    if !seen.share.is_whole() {
        return Err(Problem::not_own(
            "the call is another's, and users of the key's customer only take part in it",
        ));
    }
    if let Some(call) = seen.record.call.as_deref().and_then(|call| call.parse::<CallId>().ok()) {
        let is_there = calls.board.hang_up(call);
        tracing::info!(key = caller.0.id, %call, is_there, "call is hung up by an API key");
    }
    Ok(told(StatusCode::ACCEPTED).json(seen.told(&caller.0)))
}
