//! Tells whoever watches from this machine what the gateway holds.

use actix_web::http::header::{CacheControl, CacheDirective};
use actix_web::{HttpRequest, HttpResponse, web};

use super::local::is_local;
use crate::status::StatusReader;

/// Answers with a [`Status`](crate::status::Status) as JSON; 403 to who is not on this machine.
pub(super) async fn status(reader: web::Data<StatusReader>, request: HttpRequest) -> HttpResponse {
    if !is_local(&request) {
        return HttpResponse::Forbidden()
            .body("the status is told over loopback alone: ask http://127.0.0.1/status, with its port\n");
    }
    HttpResponse::Ok().insert_header(CacheControl(vec![CacheDirective::NoStore])).json(reader.read())
}
