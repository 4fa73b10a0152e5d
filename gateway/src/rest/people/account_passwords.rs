//! `/account_passwords`: passwords of accounts at providers, which tokens name that everybody can read (`password_ref`). They are written,
//! and told nobody.

use actix_web::http::StatusCode;
use actix_web::{Error, HttpRequest, HttpResponse, web};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};
use tracing::info;
use utoipa::ToSchema;
use webtrunk_signalling::auth::secret::SecretText;

use super::{have, operator_may};
use crate::people::{Change, People, SecretChange, ShownAccountPassword};
use crate::rest::answers::{Faulty, InFile, Missing, NotTaken};
use crate::rest::caller::Caller;
use crate::rest::page::{ListQuery, Page};
use crate::rest::problem::Problem;
use crate::rest::scope::Scope;
use crate::rest::{created, read, told};

/// A password that tokens name.
#[derive(Debug, Serialize, ToSchema)]
pub struct AccountPassword {
    /// Its name, which is `password_ref` of tokens.
    pub name: String,
    /// Whether it stands in the configuration file, where all else of it is, and where alone it is changed.
    pub in_file: bool,
    /// Whose tokens may name it; absent, those of no customer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub customer: Option<String>,
}

/// A password to be added.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewAccountPassword {
    /// Its name, which is `password_ref` of tokens.
    #[schema(min_length = 1, max_length = 64)]
    name: String,
    /// Whose tokens may name it; where it is not said, those of no customer.
    customer: Option<String>,
    /// The password, which is told nobody.
    #[schema(value_type = String, write_only)]
    password: SecretText,
}

/// The password is another.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AccountPasswordPatch {
    /// The new password, which is told nobody.
    #[schema(value_type = String, write_only)]
    password: SecretText,
}

/// Tells the passwords that tokens name by their names, in the order of these. For keys of the operator alone.
#[utoipa::path(get, path = "/account_passwords", tag = "account passwords", operation_id = "listAccountPasswords",
    params(ListQuery),
    responses((status = 200, description = "A page of them", body = Page<AccountPassword>)),
    security(("api_key" = ["account_passwords:read"])))]
pub async fn list(
    caller: Caller,
    people: web::Data<People>,
    query: web::Query<ListQuery>,
) -> Result<HttpResponse, Problem> {
    is_operator(&caller, Scope::AccountPasswordsRead)?;
    let page = query.into_inner().page()?;
    let told_of = people.account_passwords().into_iter().map(|own| (own.name.clone(), own.into()));
    let page: Page<AccountPassword> = page.of(told_of, |name, last| name > last);
    Ok(told(StatusCode::OK).json(page))
}

/// Adds a password that tokens name, at once. For keys of the operator alone.
#[utoipa::path(post, path = "/account_passwords", tag = "account passwords", operation_id = "addAccountPassword",
    request_body = NewAccountPassword,
    responses((status = 201, description = "It is there", body = AccountPassword),
        (status = 404, description = "There is no such customer", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "There is one of this name, or no room, or the store keeps none", body = Problem,
            content_type = "application/problem+json"),
        Faulty, NotTaken),
    security(("api_key" = ["account_passwords:write"])))]
pub async fn add(
    caller: Caller,
    people: web::Data<People>,
    request: HttpRequest,
    asked: Result<web::Json<NewAccountPassword>, Error>,
) -> Result<HttpResponse, Problem> {
    is_operator(&caller, Scope::AccountPasswordsWrite)?;
    let NewAccountPassword { name, customer, password } = read(asked)?;
    let change = SecretChange::AddAccountPassword { name: name.clone(), customer, password };
    have(&people, &caller.0, Change::Secret(change)).await?;
    info!(key = caller.0.id, name, "an account password is added by an API key");
    let own = utf8_percent_encode(&name, NON_ALPHANUMERIC).to_string();
    Ok(created(&request, &own, &find(&people, &name)?))
}

/// Gives an account another password at once; tokens name it as before. For keys of the operator alone.
#[utoipa::path(patch, path = "/account_passwords/{name}", tag = "account passwords", operation_id = "changeAccountPassword",
    params(("name" = String, Path, description = "Its name")),
    request_body(content = AccountPasswordPatch, content_type = "application/merge-patch+json"),
    responses((status = 200, description = "It is another", body = AccountPassword), Missing, InFile, Faulty, NotTaken),
    security(("api_key" = ["account_passwords:write"])))]
pub async fn change(
    caller: Caller,
    people: web::Data<People>,
    name: web::Path<String>,
    asked: Result<web::Json<AccountPasswordPatch>, Error>,
) -> Result<HttpResponse, Problem> {
    is_operator(&caller, Scope::AccountPasswordsWrite)?;
    let (name, AccountPasswordPatch { password }) = (name.into_inner(), read(asked)?);
    let change = SecretChange::ChangeAccountPassword { name: name.clone(), password };
    have(&people, &caller.0, Change::Secret(change)).await?;
    info!(key = caller.0.id, name, "an account password is changed by an API key");
    Ok(told(StatusCode::OK).json(find(&people, &name)?))
}

/// Removes a password that tokens name; those that name it are refused. For keys of the operator alone.
#[utoipa::path(delete, path = "/account_passwords/{name}", tag = "account passwords", operation_id = "removeAccountPassword",
    params(("name" = String, Path, description = "Its name")),
    responses((status = 204, description = "It is gone"), Missing, InFile, NotTaken),
    security(("api_key" = ["account_passwords:write"])))]
pub async fn remove(
    caller: Caller,
    people: web::Data<People>,
    name: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    is_operator(&caller, Scope::AccountPasswordsWrite)?;
    let name = name.into_inner();
    have(&people, &caller.0, Change::Secret(SecretChange::RemoveAccountPassword(name.clone()))).await?;
    info!(key = caller.0.id, name, "an account password is removed by an API key");
    Ok(told(StatusCode::NO_CONTENT).finish())
}

fn is_operator(caller: &Caller, scope: Scope) -> Result<(), Problem> {
    operator_may(caller, scope, "passwords of accounts")
}

fn find(people: &People, name: &str) -> Result<AccountPassword, Problem> {
    let found = people.account_passwords().into_iter().find(|own| own.name == name);
    found.map(AccountPassword::from).ok_or_else(|| Problem::not_found("there is no such password"))
}

impl From<ShownAccountPassword> for AccountPassword {
    fn from(ShownAccountPassword { name, in_file, customer }: ShownAccountPassword) -> Self {
        Self { name, in_file, customer }
    }
}
