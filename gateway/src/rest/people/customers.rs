//! `/customers`: the operator's customers, with their policies. A customer's key sees its own one.

use actix_web::http::StatusCode;
use actix_web::{Error, HttpRequest, HttpResponse, web};
use serde::Serialize;
use serde_json::{Map, Value};
use tracing::info;
use utoipa::ToSchema;

use super::{have, operator_may};
use crate::people::{Body, Change, CustomerTerms, Made, People, ShownCustomer};
use crate::rest::answers::{Faulty, InFile, Missing, NotTaken, Unknown};
use crate::rest::caller::Caller;
use crate::rest::keys::ApiKey;
use crate::rest::page::{ListQuery, Page};
use crate::rest::problem::Problem;
use crate::rest::scope::Scope;
use crate::rest::{created, read, told};

/// A customer.
#[derive(Debug, Serialize, ToSchema)]
pub struct Customer {
    /// Its name.
    pub name: String,
    /// Whether it stands in the configuration file, where its policy is, and where alone it is changed.
    pub in_file: bool,
    /// Its policy, where the store says so.
    #[serde(flatten)]
    pub terms: Option<CustomerTerms>,
}

/// A customer to be added.
#[derive(ToSchema)]
#[schema(as = NewCustomer)]
#[expect(dead_code, reason = "it tells the document what is read part by part")]
pub struct NewCustomer {
    /// Its name.
    name: String,
    #[schema(inline)]
    #[serde(flatten)]
    terms: CustomerTerms,
}

/// A customer that was added.
#[derive(Debug, Serialize, ToSchema)]
pub struct AddedCustomer {
    /// Its name.
    pub name: String,
}

/// Tells the customers, in the order of their names.
#[utoipa::path(get, path = "/customers", tag = "customers", operation_id = "listCustomers", params(ListQuery),
    responses((status = 200, description = "A page of customers", body = Page<Customer>)),
    security(("api_key" = ["customers:read"])))]
pub async fn list(
    caller: Caller,
    people: web::Data<People>,
    query: web::Query<ListQuery>,
) -> Result<HttpResponse, Problem> {
    caller.may(Scope::CustomersRead)?;
    let page = query.into_inner().page()?;
    let own = people.customers().into_iter().filter(|customer| is_seen(&caller.0, &customer.name));
    let told_of = own.map(|customer| (customer.name.clone(), Customer::from(customer)));
    Ok(told(StatusCode::OK).json(page.of(told_of, |name, last| name > last)))
}

/// Tells one customer.
#[utoipa::path(get, path = "/customers/{name}", tag = "customers", operation_id = "readCustomer",
    params(("name" = String, Path, description = "The customer")),
    responses((status = 200, description = "The customer", body = Customer), Unknown),
    security(("api_key" = ["customers:read"])))]
pub async fn one(
    caller: Caller,
    people: web::Data<People>,
    name: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    caller.may(Scope::CustomersRead)?;
    Ok(told(StatusCode::OK).json(find(&people, &caller.0, &name)?))
}

/// Adds a customer to the store. For keys of the operator alone.
#[utoipa::path(post, path = "/customers", tag = "customers", operation_id = "addCustomer", request_body = NewCustomer,
    responses((status = 201, description = "It is there", body = AddedCustomer),
        (status = 409, description = "There is one of this name, a number is another's, there is no room, or the store keeps no customers", body = Problem,
            content_type = "application/problem+json"),
        (status = 422, description = "Such a customer cannot be", body = Problem,
            content_type = "application/problem+json"),
        NotTaken),
    security(("api_key" = ["customers:write"])))]
pub async fn add(
    caller: Caller,
    people: web::Data<People>,
    request: HttpRequest,
    asked: Result<web::Json<Map<String, Value>>, Error>,
) -> Result<HttpResponse, Problem> {
    is_operator(&caller)?;
    let change = Body(read(asked)?).add_customer().map_err(Problem::bad_request)?;
    let Made { name, .. } = have(&people, &caller.0, change).await?;
    info!(key = caller.0.id, name, "a customer is added by an API key");
    let added = AddedCustomer { name };
    Ok(created(&request, &added.name, &added))
}

/// Changes a customer's policy at once (RFC 7396). For keys of the operator alone.
#[utoipa::path(patch, path = "/customers/{name}", tag = "customers", operation_id = "changeCustomer",
    params(("name" = String, Path, description = "The customer")),
    request_body(content = CustomerTerms, content_type = "application/merge-patch+json"),
    responses((status = 200, description = "As it is now", body = Customer), Missing,
        (status = 409, description = "It stands in the configuration file, or a number is another's", body = Problem,
            content_type = "application/problem+json"),
        Faulty, NotTaken),
    security(("api_key" = ["customers:write"])))]
pub async fn change(
    caller: Caller,
    people: web::Data<People>,
    name: web::Path<String>,
    asked: Result<web::Json<Map<String, Value>>, Error>,
) -> Result<HttpResponse, Problem> {
    is_operator(&caller)?;
    let name = name.into_inner();
    let change = Body(read(asked)?).change_customer(name.clone());
    have(&people, &caller.0, change).await?;
    info!(key = caller.0.id, name, "a customer is changed by an API key");
    Ok(told(StatusCode::OK).json(find(&people, &caller.0, &name)?))
}

/// Removes a customer, and its users and keys with it. For keys of the operator alone.
#[utoipa::path(delete, path = "/customers/{name}", tag = "customers", operation_id = "removeCustomer",
    params(("name" = String, Path, description = "The customer")),
    responses((status = 204, description = "It is gone"), Missing, InFile, NotTaken),
    security(("api_key" = ["customers:write"])))]
pub async fn remove(
    caller: Caller,
    people: web::Data<People>,
    name: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    is_operator(&caller)?;
    let name = name.into_inner();
    have(&people, &caller.0, Change::RemoveCustomer(name.clone())).await?;
    info!(key = caller.0.id, name, "a customer is removed by an API key");
    Ok(told(StatusCode::NO_CONTENT).finish())
}

fn is_operator(caller: &Caller) -> Result<(), Problem> {
    operator_may(caller, Scope::CustomersWrite, "customers and their policies")
}

fn is_seen(key: &ApiKey, name: &str) -> bool {
    key.customer.as_deref().is_none_or(|own| own == name)
}

fn find(people: &People, key: &ApiKey, name: &str) -> Result<Customer, Problem> {
    let found = people.customers().into_iter().find(|customer| customer.name == name);
    let found = found.filter(|_| is_seen(key, name));
    found.map(Customer::from).ok_or_else(|| Problem::not_found("there is no such customer"))
}

impl From<ShownCustomer> for Customer {
    fn from(ShownCustomer { name, in_file, terms }: ShownCustomer) -> Self {
        Self { name, in_file, terms }
    }
}
