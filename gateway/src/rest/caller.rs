//! Whoever asks: a key that was let in.

use std::future::{Ready, ready};
use std::net::IpAddr;

use actix_web::dev::Payload;
use actix_web::http::header::AUTHORIZATION;
use actix_web::{FromRequest, HttpRequest, web};

use super::door::Door;
use super::keys::ApiKey;
use super::problem::Problem;
use super::scope::Scope;

/// Whoever asks.
#[derive(Debug, Clone)]
pub struct Caller(pub ApiKey);

impl Caller {
    /// Whether its key holds this.
    ///
    /// # Errors
    /// [`Problem`] where it does not.
    pub fn may(&self, scope: Scope) -> Result<(), Problem> {
        if self.0.scopes.contains(&scope) { Ok(()) } else { Err(Problem::lacks(scope)) }
    }
}

/// Whoever asks, who may have sent its key as a password.
#[derive(Debug, Clone)]
pub struct BasicCaller(pub Caller);

impl FromRequest for Caller {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(admitted(request, Door::admit).map(Self))
    }
}

impl FromRequest for BasicCaller {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(admitted(request, Door::admit_by_basic).map(|key| Self(Caller(key))))
    }
}

/// The key of a request, as the door lets it in by this.
fn admitted(
    request: &HttpRequest,
    admit: impl FnOnce(&Door, Option<&str>, IpAddr) -> Result<ApiKey, Problem>,
) -> Result<ApiKey, Problem> {
    let authorization = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    match (request.app_data::<web::Data<Door>>(), request.peer_addr()) {
        (Some(door), Some(peer)) => {
            let door: &Door = door;
            admit(door, authorization, peer.ip())
        }
        _ => Err(Problem::unauthorized("it is not known where this comes from")),
    }
}
