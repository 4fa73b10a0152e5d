//! `POST /reload`: reads the configuration again; with `?dry_run` it only says what would change.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};

use super::errands::{Errand, Errands};
use super::{answer, flag};

/// What is told of a file that is not taken up.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct RefusedReload {
    /// `faulty`.
    pub(crate) error: String,
    /// That nothing has changed.
    pub(crate) message: String,
    /// All that is wrong, as `webtrunk check` tells it.
    pub(crate) faults: Vec<String>,
}

pub(super) async fn reload(errands: web::Data<Errands>, request: HttpRequest) -> HttpResponse {
    let is_dry = match flag::is_set(&request, "dry_run") {
        Ok(is_dry) => is_dry,
        Err(refusal) => return *refusal,
    };
    match errands.run(|reply| Errand::Reload { is_dry, reply }).await {
        Some(Ok(report)) => answer::ok(report),
        Some(Err(refusal)) => answer::told(StatusCode::UNPROCESSABLE_ENTITY).json(RefusedReload {
            error: "faulty".to_owned(),
            message: "the configuration is not taken up, and all stays as it is".to_owned(),
            faults: refusal.faults(),
        }),
        None => answer::error(
            StatusCode::CONFLICT,
            "not_now",
            "the gateway goes down, or was started without a file that could be read again",
        ),
    }
}
