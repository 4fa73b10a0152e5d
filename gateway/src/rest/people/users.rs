//! `/users`: who may register and call.

use actix_web::http::StatusCode;
use actix_web::{Error, HttpRequest, HttpResponse, web};
use serde::Serialize;
use serde_json::{Map, Value};
use tracing::info;
use utoipa::ToSchema;
use webtrunk_signalling::auth::secret::SecretText;

use super::have;
use super::own::{whole_name, with_whole_names};
use crate::people::{Body, Change, Made, People, ShownUser, UserTerms};
use crate::rest::answers::{Faulty, InFile, NotTaken, Unknown};
use crate::rest::caller::Caller;
use crate::rest::page::{ListQuery, Page};
use crate::rest::problem::Problem;
use crate::rest::scope::Scope;
use crate::rest::{created, read, told};

/// A user.
#[derive(Debug, Serialize, ToSchema)]
pub struct User {
    /// Its name.
    pub name: String,
    /// Whether it stands in the configuration file, where its terms are, and where alone it is changed.
    pub in_file: bool,
    /// What it may do, where the store says so.
    #[serde(flatten)]
    pub terms: Option<UserTerms>,
}

/// A user to be added.
#[derive(ToSchema)]
#[schema(as = NewUser)]
#[expect(dead_code, reason = "it tells the document what is read part by part")]
pub struct NewUser {
    /// Its name; of a customer's user with or without the customer's before it.
    #[schema(max_length = 64)]
    name: String,
    /// Its password. Without, it is given one, which is told this once.
    password: Option<String>,
    #[schema(inline)]
    #[serde(flatten)]
    terms: UserTerms,
}

/// What is to be other of a user (RFC 7396): what is absent stays, what is null goes.
#[derive(ToSchema)]
#[schema(as = UserPatch)]
#[expect(dead_code, reason = "it tells the document what is read part by part")]
pub struct UserPatch {
    /// Its new password.
    password: Option<String>,
    #[schema(inline)]
    #[serde(flatten)]
    terms: UserTerms,
}

/// A user that was added.
#[derive(Debug, Serialize, ToSchema)]
pub struct AddedUser {
    /// Its whole name.
    pub name: String,
    /// The password that it was given, which nobody can show again.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub password: Option<SecretText>,
}

/// Tells the users, in the order of their names.
#[utoipa::path(get, path = "/users", tag = "users", operation_id = "listUsers", params(ListQuery),
    responses((status = 200, description = "A page of users", body = Page<User>)),
    security(("api_key" = ["users:read"])))]
pub async fn list(
    caller: Caller,
    people: web::Data<People>,
    query: web::Query<ListQuery>,
) -> Result<HttpResponse, Problem> {
    caller.may(Scope::UsersRead)?;
    let page = query.into_inner().page()?;
    let own = people.users().into_iter().filter(|user| caller.0.sees(&user.name));
    let told_of = own.map(|user| (user.name.clone(), User::from(user)));
    Ok(told(StatusCode::OK).json(page.of(told_of, |name, last| name > last)))
}

/// Tells one user.
#[utoipa::path(get, path = "/users/{name}", tag = "users", operation_id = "readUser",
    params(("name" = String, Path, description = "The user")),
    responses((status = 200, description = "The user", body = User), Unknown),
    security(("api_key" = ["users:read"])))]
pub async fn one(
    caller: Caller,
    people: web::Data<People>,
    name: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    caller.may(Scope::UsersRead)?;
    let name = whole_name(&caller.0, &name)?;
    Ok(told(StatusCode::OK).json(find(&people, &name)?))
}

/// Adds a user to the store; it may register and call at once.
#[utoipa::path(post, path = "/users", tag = "users", operation_id = "addUser", request_body = NewUser,
    responses((status = 201, description = "It is there", body = AddedUser),
        (status = 404, description = "It names somebody, a group or a mailbox that the key may not know of", body = Problem,
            content_type = "application/problem+json"),
        (status = 409, description = "There is one of this name, or no room, or the store keeps no users", body = Problem,
            content_type = "application/problem+json"),
        (status = 422, description = "Such a user cannot be", body = Problem, content_type = "application/problem+json"),
        NotTaken),
    security(("api_key" = ["users:write"])))]
pub async fn add(
    caller: Caller,
    people: web::Data<People>,
    request: HttpRequest,
    asked: Result<web::Json<Map<String, Value>>, Error>,
) -> Result<HttpResponse, Problem> {
    caller.may(Scope::UsersWrite)?;
    let mut body = with_whole_names(&caller.0, Body(read(asked)?))?;
    if let Some(Value::String(name)) = body.0.get_mut("name") {
        *name = whole_name(&caller.0, name)?;
    }
    let change = body.add_user().map_err(Problem::bad_request)?;
    let Made { name, secret } = have(&people, &caller.0, change).await?;
    info!(key = caller.0.id, name, "a user is added by an API key");
    let added = AddedUser { name, password: secret };
    Ok(created(&request, &added.name, &added))
}

/// Changes a user, or its password, at once.
#[utoipa::path(patch, path = "/users/{name}", tag = "users", operation_id = "changeUser",
    params(("name" = String, Path, description = "The user")),
    request_body(content = UserPatch, content_type = "application/merge-patch+json"),
    responses((status = 200, description = "As it is now", body = User), Unknown, InFile, Faulty, NotTaken),
    security(("api_key" = ["users:write"])))]
pub async fn change(
    caller: Caller,
    people: web::Data<People>,
    name: web::Path<String>,
    asked: Result<web::Json<Map<String, Value>>, Error>,
) -> Result<HttpResponse, Problem> {
    caller.may(Scope::UsersWrite)?;
    let name = whole_name(&caller.0, &name)?;
    let body = with_whole_names(&caller.0, Body(read(asked)?))?;
    let change = body.change_user(name.clone()).map_err(Problem::bad_request)?;
    have(&people, &caller.0, change).await?;
    info!(key = caller.0.id, name, "a user is changed by an API key");
    Ok(told(StatusCode::OK).json(find(&people, &name)?))
}

/// Removes a user; its registrations and sessions end.
#[utoipa::path(delete, path = "/users/{name}", tag = "users", operation_id = "removeUser",
    params(("name" = String, Path, description = "The user")),
    responses((status = 204, description = "It is gone"), Unknown, InFile, NotTaken),
    security(("api_key" = ["users:write"])))]
pub async fn remove(
    caller: Caller,
    people: web::Data<People>,
    name: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    caller.may(Scope::UsersWrite)?;
    let name = whole_name(&caller.0, &name)?;
    have(&people, &caller.0, Change::RemoveUser(name.clone())).await?;
    info!(key = caller.0.id, name, "a user is removed by an API key");
    Ok(told(StatusCode::NO_CONTENT).finish())
}

fn find(people: &People, name: &str) -> Result<User, Problem> {
    let found = people.users().into_iter().find(|user| user.name == name);
    found.map(User::from).ok_or_else(|| Problem::not_found("there is no such user"))
}

impl From<ShownUser> for User {
    fn from(ShownUser { name, in_file, terms }: ShownUser) -> Self {
        Self { name, in_file, terms }
    }
}
