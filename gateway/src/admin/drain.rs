//! `POST /drain`: stops when all calls have ended, as SIGTERM asks for it; with `?now` it hangs them up.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};

use super::answer;
use super::errands::{Errand, Errands};

pub(super) async fn drain(errands: web::Data<Errands>, request: HttpRequest) -> HttpResponse {
    let is_now = match request.query_string() {
        "" => false,
        "now" | "now=" | "now=true" | "now=1" => true,
        other => {
            let message = format!("?{other} means nothing here; write ?now, or nothing");
            return answer::error(StatusCode::BAD_REQUEST, "bad_request", message);
        }
    };
    match errands.run(|reply| Errand::Drain { is_now, reply }).await {
        Some(report) => answer::told(StatusCode::ACCEPTED).json(report),
        None => answer::error(StatusCode::CONFLICT, "not_now", "the gateway ends already"),
    }
}
