//! `/healthz` and `/readyz`: in words, for everybody.

use std::fmt::Display;
use std::time::Instant;

use actix_web::http::StatusCode;
use actix_web::http::header::{CacheControl, CacheDirective};
use actix_web::{HttpResponse, web};

use crate::health::Health;

/// Whether the process lives.
pub(super) async fn life(health: web::Data<Health>) -> HttpResponse {
    answer(health.life(), "lives")
}

/// Whether it takes new calls.
pub(super) async fn readiness(health: web::Data<Health>) -> HttpResponse {
    answer(health.readiness(Instant::now()), "ready")
}

fn answer(outcome: Result<(), impl Display>, good: &'static str) -> HttpResponse {
    let (status, told) = match outcome {
        Ok(()) => (StatusCode::OK, format!("{good}\n")),
        Err(reason) => (StatusCode::SERVICE_UNAVAILABLE, format!("{reason}\n")),
    };
    HttpResponse::build(status).insert_header(CacheControl(vec![CacheDirective::NoStore])).body(told)
}
