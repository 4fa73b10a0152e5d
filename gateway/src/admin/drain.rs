//! `POST /drain`: stops when all calls have ended, as SIGTERM asks for it; with `?now` it hangs them up.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};

use super::errands::{Errand, Errands};
use super::{answer, flag};

pub(super) async fn drain(errands: web::Data<Errands>, request: HttpRequest) -> HttpResponse {
    let is_now = match flag::is_set(&request, "now") {
        Ok(is_now) => is_now,
        Err(refusal) => return *refusal,
    };
    match errands.run(|reply| Errand::Drain { is_now, reply }).await {
        Some(report) => answer::told(StatusCode::ACCEPTED).json(report),
        None => answer::error(StatusCode::CONFLICT, "not_now", "the gateway ends already"),
    }
}
