//! Tells whoever watches from this machine what the gateway holds.

use actix_web::http::header::{CacheControl, CacheDirective};
use actix_web::{HttpRequest, HttpResponse, web};

use super::local::is_local;
use crate::status::StatusReader;

/// Answers with a [`Status`](crate::status::Status) as JSON; 403 to who is not on this machine, with the way
/// there by `scheme`.
pub(super) async fn status(
    reader: web::Data<StatusReader>,
    request: HttpRequest,
    scheme: &str,
) -> HttpResponse {
    if !is_local(&request) {
        return HttpResponse::Forbidden().body(format!(
            "the status is told over loopback alone: ask {scheme}://127.0.0.1/status, with its port\n"
        ));
    }
    HttpResponse::Ok().insert_header(CacheControl(vec![CacheDirective::NoStore])).json(reader.read())
}
