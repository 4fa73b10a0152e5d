//! `POST /drain`: stops when all calls have ended, as SIGTERM asks for it.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};

use super::answer;
use super::errands::{Errand, Errands};

pub(super) async fn drain(errands: web::Data<Errands>) -> HttpResponse {
    match errands.run(|reply| Errand::Drain { reply }).await {
        Some(report) => answer::told(StatusCode::ACCEPTED).json(report),
        None => answer::error(StatusCode::CONFLICT, "not_now", "the gateway ends already"),
    }
}
