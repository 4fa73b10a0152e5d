//! Whoever asks: a key that was let in.

use std::future::{Ready, ready};

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

impl FromRequest for Caller {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let authorization = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let door = request.app_data::<web::Data<Door>>();
        let admitted = match (door, request.peer_addr()) {
            (Some(door), Some(peer)) => door.admit(authorization, peer.ip()).map(Self),
            _ => Err(Problem::unauthorized("it is not known where this comes from")),
        };
        ready(admitted)
    }
}
