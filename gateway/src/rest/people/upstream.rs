//! `/users/{name}/upstream`: a user's accounts at trunks. Trunks are the operator's, and so are these; passwords are written, and told
//! nobody.

use actix_web::http::StatusCode;
use actix_web::{Error, HttpRequest, HttpResponse, web};
use serde::Serialize;
use serde_json::{Map, Value};
use tracing::info;
use utoipa::ToSchema;

use super::{have, operator_may};
use crate::people::{Body, Change, People, SecretChange, ShownUpstream, UpstreamTerms};
use crate::rest::answers::{Faulty, InFile, Missing, NotTaken};
use crate::rest::caller::Caller;
use crate::rest::page::Page;
use crate::rest::problem::Problem;
use crate::rest::scope::Scope;
use crate::rest::{created, read, told};

/// A user's account at a trunk.
#[derive(Debug, Serialize, ToSchema)]
pub struct Upstream {
    /// The trunk.
    pub trunk: String,
    /// Who the user is there.
    #[serde(flatten)]
    pub terms: UpstreamTerms,
}

/// An account to be added.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "it tells the document what is read part by part")]
pub struct NewUpstream {
    /// One of the configuration's trunks.
    trunk: String,
    /// The user of its address: the gateway registers there as `user@host`.
    user: String,
    /// How long a registration is asked for, in s.
    expires_s: Option<u32>,
    /// By what it proves itself.
    credentials: NewCredentials,
}

/// By what an account proves itself.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "it tells the document what is read part by part")]
pub struct NewCredentials {
    /// The name to authenticate by.
    user: String,
    /// The password, which is told nobody.
    #[schema(write_only)]
    password: String,
    /// The realm whose challenges alone are answered.
    realm: Option<String>,
}

/// What is to be other of an account (RFC 7396): what is absent stays, the password too.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "it tells the document what is read part by part")]
pub struct UpstreamPatch {
    /// The user of its address.
    user: Option<String>,
    /// How long a registration is asked for, in s.
    expires_s: Option<u32>,
    /// By what it proves itself.
    credentials: Option<CredentialsPatch>,
}

/// What is to be other of that by which an account proves itself.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "it tells the document what is read part by part")]
pub struct CredentialsPatch {
    /// The name to authenticate by.
    user: Option<String>,
    /// The new password.
    #[schema(write_only)]
    password: Option<String>,
    /// The realm whose challenges alone are answered.
    realm: Option<String>,
}

/// Tells a user's accounts at trunks, but for their passwords. For keys of the operator alone.
#[utoipa::path(get, path = "/users/{name}/upstream", tag = "users", operation_id = "listUpstream",
    params(("name" = String, Path, description = "The user")),
    responses((status = 200, description = "The accounts", body = Page<Upstream>), Missing),
    security(("api_key" = ["users:read"])))]
pub async fn list(
    caller: Caller,
    people: web::Data<People>,
    name: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    is_operator(&caller, Scope::UsersRead)?;
    if !people.users().iter().any(|user| user.name == *name) {
        return Err(Problem::not_found("there is no such user"));
    }
    let items = people.upstream(&name).into_iter().map(Upstream::from).collect();
    Ok(told(StatusCode::OK).json(Page { items, next: None }))
}

/// Adds an account of a user at a trunk, where the gateway registers it at once. For keys of the operator alone.
#[utoipa::path(post, path = "/users/{name}/upstream", tag = "users", operation_id = "addUpstream", request_body = NewUpstream,
    params(("name" = String, Path, description = "The user")),
    responses((status = 201, description = "It is there", body = Upstream), Missing,
        (status = 409, description = "The user has one there, or stands in the configuration file, or there is no room", body = Problem,
            content_type = "application/problem+json"),
        Faulty, NotTaken),
    security(("api_key" = ["users:write"])))]
pub async fn add(
    caller: Caller,
    people: web::Data<People>,
    name: web::Path<String>,
    request: HttpRequest,
    asked: Result<web::Json<Map<String, Value>>, Error>,
) -> Result<HttpResponse, Problem> {
    is_operator(&caller, Scope::UsersWrite)?;
    let name = name.into_inner();
    let (trunk, change) = Body(read(asked)?).add_upstream(name.clone()).map_err(Problem::bad_request)?;
    have(&people, &caller.0, change).await?;
    info!(key = caller.0.id, name, trunk, "an account of a user is added by an API key");
    Ok(created(&request, &trunk, &find(&people, &name, &trunk)?))
}

/// Changes an account of a user at a trunk, or its password, at once. For keys of the operator alone.
#[utoipa::path(patch, path = "/users/{name}/upstream/{trunk}", tag = "users", operation_id = "changeUpstream",
    params(("name" = String, Path, description = "The user"), ("trunk" = String, Path, description = "The trunk")),
    request_body(content = UpstreamPatch, content_type = "application/merge-patch+json"),
    responses((status = 200, description = "As it is now", body = Upstream), Missing, InFile, Faulty, NotTaken),
    security(("api_key" = ["users:write"])))]
pub async fn change(
    caller: Caller,
    people: web::Data<People>,
    at: web::Path<(String, String)>,
    asked: Result<web::Json<Map<String, Value>>, Error>,
) -> Result<HttpResponse, Problem> {
    is_operator(&caller, Scope::UsersWrite)?;
    let (name, trunk) = at.into_inner();
    let at = (name.clone(), trunk.clone());
    let change = Body(read(asked)?).change_upstream(at).map_err(Problem::bad_request)?;
    have(&people, &caller.0, change).await?;
    info!(key = caller.0.id, name, trunk, "an account of a user is changed by an API key");
    Ok(told(StatusCode::OK).json(find(&people, &name, &trunk)?))
}

/// Removes an account of a user at a trunk; its registration ends. For keys of the operator alone.
#[utoipa::path(delete, path = "/users/{name}/upstream/{trunk}", tag = "users", operation_id = "removeUpstream",
    params(("name" = String, Path, description = "The user"), ("trunk" = String, Path, description = "The trunk")),
    responses((status = 204, description = "It is gone"), Missing, InFile, NotTaken),
    security(("api_key" = ["users:write"])))]
pub async fn remove(
    caller: Caller,
    people: web::Data<People>,
    at: web::Path<(String, String)>,
) -> Result<HttpResponse, Problem> {
    is_operator(&caller, Scope::UsersWrite)?;
    let at = at.into_inner();
    let change = Change::Secret(SecretChange::RemoveUpstream(at.clone()));
    have(&people, &caller.0, change).await?;
    let (name, trunk) = at;
    info!(key = caller.0.id, name, trunk, "an account of a user is removed by an API key");
    Ok(told(StatusCode::NO_CONTENT).finish())
}

fn is_operator(caller: &Caller, scope: Scope) -> Result<(), Problem> {
    operator_may(caller, scope, "trunks and accounts at them")
}

fn find(people: &People, name: &str, trunk: &str) -> Result<Upstream, Problem> {
    let found = people.upstream(name).into_iter().find(|account| account.trunk == trunk);
    found.map(Upstream::from).ok_or_else(|| Problem::not_found("there is no such account"))
}

impl From<ShownUpstream> for Upstream {
    fn from(ShownUpstream { trunk, terms }: ShownUpstream) -> Self {
        Self { trunk, terms }
    }
}
