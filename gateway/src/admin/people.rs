//! `/users`, `/customers` and `/keys`: whom the gateway knows, and changes of it in the store.

use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use serde::{Deserialize, Serialize};
use webtrunk_signalling::auth::secret::SecretText;
use webtrunk_signalling::auth::validity::Validity;

use super::answer;
use crate::people::{
    Body, Change, KeyKind, Made, People, PeopleError, ShownApiKey, ShownCustomer, ShownKey, ShownUser,
};

/// Users.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct UserList {
    pub(crate) users: Vec<ShownUser>,
}

/// Customers.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct CustomerList {
    pub(crate) customers: Vec<ShownCustomer>,
}

/// Keys.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct KeyList {
    pub(crate) keys: Vec<ShownKey>,
}

/// Keys of back ends.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ApiKeyList {
    pub(crate) keys: Vec<ShownApiKey>,
}

/// What was changed or made. A secret is there where it was made by us, and is told this once.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct MadeBody {
    pub(crate) name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) secret: Option<SecretText>,
}

/// How long what a key has made is good after it was rotated, where nobody says: names live no longer.
pub(crate) const KEEP_S: u64 = 86_400;

/// The longest that may be said, in s: a year.
const KEEP_MAX_S: u64 = 31_536_000;

pub(super) async fn users(people: web::Data<People>) -> HttpResponse {
    answer::ok(UserList { users: people.users() })
}

pub(super) async fn customers(people: web::Data<People>) -> HttpResponse {
    answer::ok(CustomerList { customers: people.customers() })
}

pub(super) async fn keys(people: web::Data<People>) -> HttpResponse {
    answer::ok(KeyList { keys: people.keys() })
}

pub(super) async fn add_user(people: web::Data<People>, body: web::Bytes) -> HttpResponse {
    have(&people, Body::read(&body).and_then(Body::add_user)).await
}

pub(super) async fn change_user(
    people: web::Data<People>,
    name: web::Path<String>,
    body: web::Bytes,
) -> HttpResponse {
    have(&people, Body::read(&body).and_then(|body| body.change_user(name.into_inner()))).await
}

pub(super) async fn remove_user(people: web::Data<People>, name: web::Path<String>) -> HttpResponse {
    have(&people, Ok(Change::RemoveUser(name.into_inner()))).await
}

pub(super) async fn add_customer(people: web::Data<People>, body: web::Bytes) -> HttpResponse {
    have(&people, Body::read(&body).and_then(Body::add_customer)).await
}

pub(super) async fn change_customer(
    people: web::Data<People>,
    name: web::Path<String>,
    body: web::Bytes,
) -> HttpResponse {
    have(&people, Body::read(&body).map(|body| body.change_customer(name.into_inner()))).await
}

pub(super) async fn remove_customer(people: web::Data<People>, name: web::Path<String>) -> HttpResponse {
    have(&people, Ok(Change::RemoveCustomer(name.into_inner()))).await
}

pub(super) async fn add_key(people: web::Data<People>, body: web::Bytes) -> HttpResponse {
    let change = Body::read(&body).and_then(|mut body| {
        let (id, kind): (_, KeyKind) = (body.needed("id")?, body.needed("kind")?);
        let (secret, not_before) = (body.take("secret")?, body.time("not_before")?);
        let validity = Validity { not_before, not_after: body.time("not_after")? };
        Ok(Change::AddKey { id, kind, secret, terms: body.terms()?, validity })
    });
    have(&people, change).await
}

pub(super) async fn rotate_key(
    people: web::Data<People>,
    id: web::Path<String>,
    body: web::Bytes,
) -> HttpResponse {
    let change = Body::read(if body.is_empty() { b"{}" } else { &body }).and_then(|mut body| {
        let keep_s = body.take("keep_s")?.unwrap_or(KEEP_S);
        match keep_s {
            0..=KEEP_MAX_S => {
                body.end()?;
                Ok(Change::RotateKey { id: id.into_inner(), keep: Duration::from_secs(keep_s) })
            }
            _ => Err(format!("keep_s = {keep_s}: is out of range; write 0 to {KEEP_MAX_S}")),
        }
    });
    have(&people, change).await
}

pub(super) async fn revoke_key(people: web::Data<People>, id: web::Path<String>) -> HttpResponse {
    have(&people, Ok(Change::RevokeKey(id.into_inner()))).await
}

pub(super) async fn api_keys(people: web::Data<People>) -> HttpResponse {
    answer::ok(ApiKeyList { keys: people.api_keys() })
}

pub(super) async fn add_api_key(people: web::Data<People>, body: web::Bytes) -> HttpResponse {
    let change = Body::read(&body).and_then(|mut body| {
        let (id, scopes, customer) = (body.needed("id")?, body.scopes()?, body.take("customer")?);
        let validity = Validity { not_before: body.time("not_before")?, not_after: body.time("not_after")? };
        body.end()?;
        Ok(Change::AddApiKey { id, scopes, customer, validity })
    });
    have(&people, change).await
}

pub(super) async fn revoke_api_key(people: web::Data<People>, id: web::Path<String>) -> HttpResponse {
    have(&people, Ok(Change::RevokeApiKey(id.into_inner()))).await
}

/// Has it made, where it could be read.
async fn have(people: &People, change: Result<Change, String>) -> HttpResponse {
    let change = match change {
        Ok(change) => change,
        Err(problem) => return answer::error(StatusCode::BAD_REQUEST, "bad_request", problem),
    };
    match people.change(None, change).await {
        Ok(Made { name, secret }) => answer::ok(MadeBody { name, secret }),
        Err(error) => answer::error(status(&error), error.word(), &error),
    }
}

const fn status(error: &PeopleError) -> StatusCode {
    match error {
        PeopleError::Unknown { .. } => StatusCode::NOT_FOUND,
        PeopleError::Faulty(_) => StatusCode::UNPROCESSABLE_ENTITY,
        PeopleError::Unfit(_) | PeopleError::Unwritten(_) | PeopleError::Unsure(_) => {
            StatusCode::SERVICE_UNAVAILABLE
        }
        PeopleError::Busy { .. } => StatusCode::TOO_MANY_REQUESTS,
        PeopleError::NotKept
        | PeopleError::Taken { .. }
        | PeopleError::NumberTaken { .. }
        | PeopleError::InFile { .. }
        | PeopleError::Full { .. }
        | PeopleError::NoRoom
        | PeopleError::NotNow => StatusCode::CONFLICT,
    }
}
