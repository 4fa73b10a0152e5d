//! Which path is answered by whom.

use actix_web::dev::HttpServiceFactory;
use actix_web::http::StatusCode;
use actix_web::http::header::{CacheControl, CacheDirective, LOCATION};
use actix_web::middleware::from_fn;
use actix_web::{Error, HttpRequest, HttpResponse, HttpResponseBuilder, Resource, ResponseError, web};
use serde::Serialize;
use utoipa::openapi::OpenApi;
use webtrunk_signalling::http::{OriginPolicy, WebOrigin};

use super::calls::originate::{Dialler, originate};
use super::calls::{self, Calls, control};
use super::door::Door;
use super::events::{self, Streams};
use super::logins::{self, Logins};
use super::people::{account_passwords, customers, upstream, users};
use super::problem::Problem;
use super::recordings::{self, Recordings};
use super::registrations::{self, Places};
use super::tokens::{self, Tokens};
use super::{cors, openapi};
use crate::people::People;

/// The interface, to be mounted on an HTTP server.
#[derive(Clone)]
pub struct Rest {
    /// Where.
    pub path: String,
    /// Pages that may ask.
    pub origins: Vec<WebOrigin>,
    /// Who is let in.
    pub door: Door,
    /// The calls.
    pub calls: Calls,
    /// Where others are asked for.
    pub dialler: Dialler,
    /// Where users are.
    pub places: Places,
    /// What was recorded.
    pub recordings: Recordings,
    /// What happens.
    pub streams: Streams,
    /// Whom the gateway knows, and where that is changed.
    pub people: People,
    /// Where tokens are made.
    pub tokens: Tokens,
    /// Where logins of the edge are made.
    pub logins: Logins,
}

/// The largest body of a request, in octets. Chosen by us: what is asked for is short.
const BODY_MAX: usize = 16 << 10;

impl Rest {
    /// All that is served below its path.
    pub fn service(&self) -> impl HttpServiceFactory + use<> {
        let document = web::Data::new(openapi::document(&self.path));
        web::scope(&self.path)
            .app_data(web::Data::new(self.door.clone()))
            .app_data(web::Data::new(OriginPolicy::new(self.origins.clone(), false)))
            .app_data(web::Data::new(self.calls.clone()))
            .app_data(web::Data::new(self.dialler.clone()))
            .app_data(web::Data::new(self.places.clone()))
            .app_data(web::Data::new(self.recordings.clone()))
            .app_data(web::Data::new(self.streams.clone()))
            .app_data(web::Data::new(self.people.clone()))
            .app_data(web::Data::new(self.tokens.clone()))
            .app_data(web::Data::new(self.logins.clone()))
            .app_data(document)
            .app_data(web::PayloadConfig::new(BODY_MAX))
            .app_data(web::JsonConfig::default().limit(BODY_MAX).error_handler(|error, _| bad(&error)))
            .app_data(web::QueryConfig::default().error_handler(|error, _| bad(&error)))
            .app_data(web::PathConfig::default().error_handler(|error, _| bad(&error)))
            .wrap(from_fn(cors::cors))
            .service(at("/openapi.json").route(web::get().to(describe)))
            .service(at("/calls").route(web::get().to(calls::list)).route(web::post().to(originate)))
            .service(
                at("/calls/{id}").route(web::get().to(calls::one)).route(web::delete().to(calls::hang_up)),
            )
            .service(at("/calls/{id}/transfer").route(web::post().to(control::transfer)))
            .service(at("/calls/{id}/hold").route(web::post().to(control::hold)))
            .service(at("/calls/{id}/resume").route(web::post().to(control::resume)))
            .service(at("/calls/{id}/mute").route(web::post().to(control::mute)))
            .service(at("/calls/{id}/unmute").route(web::post().to(control::unmute)))
            .service(at("/registrations").route(web::get().to(registrations::list)))
            .service(at("/recordings").route(web::get().to(recordings::list)))
            .service(
                at("/recordings/{id}")
                    .route(web::get().to(recordings::one))
                    .route(web::delete().to(recordings::remove)),
            )
            .service(at("/events").route(web::get().to(events::stream::events)))
            .service(at("/users").route(web::get().to(users::list)).route(web::post().to(users::add)))
            .service(
                at("/users/{name}")
                    .route(web::get().to(users::one))
                    .route(web::patch().to(users::change))
                    .route(web::delete().to(users::remove)),
            )
            .service(
                at("/users/{name}/upstream")
                    .route(web::get().to(upstream::list))
                    .route(web::post().to(upstream::add)),
            )
            .service(
                at("/users/{name}/upstream/{trunk}")
                    .route(web::patch().to(upstream::change))
                    .route(web::delete().to(upstream::remove)),
            )
            .service(
                at("/account_passwords")
                    .route(web::get().to(account_passwords::list))
                    .route(web::post().to(account_passwords::add)),
            )
            .service(
                at("/account_passwords/{name}")
                    .route(web::patch().to(account_passwords::change))
                    .route(web::delete().to(account_passwords::remove)),
            )
            .service(
                at("/customers").route(web::get().to(customers::list)).route(web::post().to(customers::add)),
            )
            .service(
                at("/customers/{name}")
                    .route(web::get().to(customers::one))
                    .route(web::patch().to(customers::change))
                    .route(web::delete().to(customers::remove)),
            )
            .service(at("/tokens").route(web::post().to(tokens::make)))
            .service(at("/logins").route(web::post().to(logins::make)))
            .default_service(web::to(no_path))
    }
}

/// A path that takes the methods alone for which it is given routes.
fn at(path: &str) -> Resource {
    web::resource(path).default_service(web::to(async |request: HttpRequest| {
        Problem::wrong_method(&request).error_response()
    }))
}

/// An answer that nobody keeps.
pub(super) fn told(status: StatusCode) -> HttpResponseBuilder {
    let mut answer = HttpResponse::build(status);
    answer.insert_header(CacheControl(vec![CacheDirective::NoStore]));
    answer
}

/// What a request has made, and where it is from now on: by its name, below the request's path (RFC 9110 10.2.2).
pub(super) fn created(request: &HttpRequest, name: &str, made: &impl Serialize) -> HttpResponse {
    let path = format!("{}/{name}", request.path().trim_end_matches('/'));
    told(StatusCode::CREATED).insert_header((LOCATION, path)).json(made)
}

/// What a request says, of which the scope was looked at first.
pub(super) fn read<T>(asked: Result<web::Json<T>, Error>) -> Result<T, Problem> {
    asked.map(web::Json::into_inner).map_err(|error| {
        let told = error.as_error::<Problem>().cloned();
        told.unwrap_or_else(|| Problem::bad_request(error))
    })
}

/// What the interface is: nothing of it is secret.
async fn describe(document: web::Data<OpenApi>) -> HttpResponse {
    told(StatusCode::OK).json(document.as_ref())
}

async fn no_path(request: HttpRequest) -> HttpResponse {
    Problem::not_found(format!("there is nothing at {}", request.path())).error_response()
}

/// What could not be read, as the reader says it.
fn bad(error: &impl ResponseError) -> actix_web::Error {
    Problem::unreadable(error.status_code(), error).into()
}

#[cfg(test)]
mod tests;
