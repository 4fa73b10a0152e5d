//! `POST /calls/{id}/transfer`, `hold`, `resume`, `mute` and `unmute`: what is wanted of a party of a call that talks.

use actix_web::http::StatusCode;
use actix_web::web::Bytes;
use actix_web::{Error, HttpResponse, web};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tracing::info;
use utoipa::ToSchema;
use webtrunk_engine::LegId;
use webtrunk_signalling::b2bua::{Control, Wish};
use webtrunk_signalling::cdr::{LegRecord, OriginRecord, Stage};

use super::{Calls, Seen};
use crate::rest::answers::{AnothersLeg, NoLeg, NobodyTalks};
use crate::rest::caller::Caller;
use crate::rest::keys::ApiKey;
use crate::rest::problem::Problem;
use crate::rest::scope::Scope;
use crate::rest::told;

/// Longest destination, in octets.
const DESTINATION_MAX: usize = 128;

/// Whom it is wanted of.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OfLeg {
    /// The leg, one that talks: of a customer's key one of its own users'. The only one that it may be, where it is not said.
    leg: Option<String>,
}

/// A transfer.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewTransfer {
    /// Whom another is to be called in the place of, by whose rights: one that talks, of a customer's key one of its own users'. The only
    /// one that it may be, where it is not said.
    leg: Option<String>,
    /// Who is called: what the leg's party would dial.
    #[schema(max_length = 128)]
    to: String,
}

/// Calls another in the place of a party, by its rights. It goes on as `transfer` of the leg tells.
#[utoipa::path(post, path = "/calls/{id}/transfer", tag = "calls", operation_id = "transferCall",
    params(("id" = String, Path, description = "The call")), request_body = NewTransfer,
    responses((status = 202, description = "It is asked for", body = super::view::Call), AnothersLeg, NoLeg, NobodyTalks),
    security(("api_key" = ["calls:write"])))]
pub async fn transfer(
    caller: Caller,
    calls: web::Data<Calls>,
    id: web::Path<String>,
    asked: Result<Bytes, Error>,
) -> Result<HttpResponse, Problem> {
    caller.may(Scope::CallsWrite)?;
    let NewTransfer { leg, to } = read(asked)?;
    let is_sound = (1..=DESTINATION_MAX).contains(&to.len())
        && !to.contains(|char: char| char.is_control() || char.is_whitespace());
    if !is_sound {
        let cure = "write a number or a name of 1 to 128 octets without spaces";
        return Err(Problem::bad_request(format!("to = {to:?}: {cure}")));
    }
    control(&caller, &calls, &id, leg.as_deref(), Wish::Transfer(to)).await
}

/// Has a party hold the other, which hears music, while the party hears nothing; its own side may know nothing of it.
#[utoipa::path(post, path = "/calls/{id}/hold", tag = "calls", operation_id = "holdCall",
    params(("id" = String, Path, description = "The call")), request_body = OfLeg,
    responses((status = 202, description = "It is wanted", body = super::view::Call), AnothersLeg, NoLeg, NobodyTalks),
    security(("api_key" = ["calls:write"])))]
pub async fn hold(
    caller: Caller,
    calls: web::Data<Calls>,
    id: web::Path<String>,
    asked: Result<Bytes, Error>,
) -> Result<HttpResponse, Problem> {
    of_leg(&caller, &calls, &id, asked, Wish::Hold(true)).await
}

/// Ends a hold that was asked for here.
#[utoipa::path(post, path = "/calls/{id}/resume", tag = "calls", operation_id = "resumeCall",
    params(("id" = String, Path, description = "The call")), request_body = OfLeg,
    responses((status = 202, description = "It is wanted", body = super::view::Call), AnothersLeg, NoLeg, NobodyTalks),
    security(("api_key" = ["calls:write"])))]
pub async fn resume(
    caller: Caller,
    calls: web::Data<Calls>,
    id: web::Path<String>,
    asked: Result<Bytes, Error>,
) -> Result<HttpResponse, Problem> {
    of_leg(&caller, &calls, &id, asked, Wish::Hold(false)).await
}

/// Has a party heard by nobody, whatever it says.
#[utoipa::path(post, path = "/calls/{id}/mute", tag = "calls", operation_id = "muteCall",
    params(("id" = String, Path, description = "The call")), request_body = OfLeg,
    responses((status = 202, description = "It is wanted", body = super::view::Call), AnothersLeg, NoLeg, NobodyTalks),
    security(("api_key" = ["calls:write"])))]
pub async fn mute(
    caller: Caller,
    calls: web::Data<Calls>,
    id: web::Path<String>,
    asked: Result<Bytes, Error>,
) -> Result<HttpResponse, Problem> {
    of_leg(&caller, &calls, &id, asked, Wish::Mute(true)).await
}

/// Has a party heard again.
#[utoipa::path(post, path = "/calls/{id}/unmute", tag = "calls", operation_id = "unmuteCall",
    params(("id" = String, Path, description = "The call")), request_body = OfLeg,
    responses((status = 202, description = "It is wanted", body = super::view::Call), AnothersLeg, NoLeg, NobodyTalks),
    security(("api_key" = ["calls:write"])))]
pub async fn unmute(
    caller: Caller,
    calls: web::Data<Calls>,
    id: web::Path<String>,
    asked: Result<Bytes, Error>,
) -> Result<HttpResponse, Problem> {
    of_leg(&caller, &calls, &id, asked, Wish::Mute(false)).await
}

async fn of_leg(
    caller: &Caller,
    calls: &Calls,
    id: &str,
    asked: Result<Bytes, Error>,
    wish: Wish,
) -> Result<HttpResponse, Problem> {
    caller.may(Scope::CallsWrite)?;
    let asked: OfLeg = match asked {
        Ok(nothing) if nothing.is_empty() => OfLeg::default(),
        asked => read(asked)?,
    };
    control(caller, calls, id, asked.leg.as_deref(), wish).await
}

fn read<T: DeserializeOwned>(asked: Result<Bytes, Error>) -> Result<T, Problem> {
    let octets = asked.map_err(Problem::bad_request)?;
    serde_json::from_slice(&octets).map_err(Problem::bad_request)
}

async fn control(
    caller: &Caller,
    calls: &Calls,
    id: &str,
    leg: Option<&str>,
    wish: Wish,
) -> Result<HttpResponse, Problem> {
    let seen = calls.find(&caller.0, id)?;
    if !seen.share.is_whole() {
        return Err(Problem::not_own(
            "the call is another's, and users of the key's customer only take part in it",
        ));
    }
    let leg = choose(&seen, &caller.0, leg)?;
    info!(key = caller.0.id, call = id, %leg, ?wish, "something is wanted of a party by an API key");
    if !calls.board.control(Control { leg, wish }).await {
        return Err(Problem::conflict("the leg is over by now"));
    }
    Ok(told(StatusCode::ACCEPTED).json(seen.told(&caller.0)))
}

/// The leg of which it is wanted.
fn choose(seen: &Seen, key: &ApiKey, named: Option<&str>) -> Result<LegId, Problem> {
    let legs = &seen.record.legs;
    let talks = |leg: &&LegRecord| {
        leg.end.is_none() && matches!(leg.timeline.stage(), Some(Stage::Talking | Stage::OnHold))
    };
    let is_own = |leg: &&LegRecord| {
        key.customer.is_none() || matches!(&leg.party, Some(OriginRecord::User(user)) if key.sees(user))
    };
    let chosen = match named {
        Some(name) => {
            let found = legs.iter().find(|leg| leg.leg == name);
            let leg = found.ok_or_else(|| Problem::not_found("the call has no such leg"))?;
            if !is_own(&leg) {
                return Err(Problem::not_own("the leg is none of the key's users'"));
            }
            Some(leg).filter(talks)
        }
        None => {
            let mut all = legs.iter().filter(talks).filter(is_own);
            let first = all.next();
            if all.next().is_some() {
                return Err(Problem::bad_request(
                    "leg: it may be wanted of several; name one of the call's legs",
                ));
            }
            first
        }
    };
    let leg = chosen.and_then(|leg| leg.leg.parse().ok());
    leg.ok_or_else(|| Problem::conflict("nobody of whom it could be wanted talks now"))
}
