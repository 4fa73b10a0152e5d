//! Hands the demo's credentials to pages on this machine, and to nobody else.

use std::time::Instant;

use actix_web::http::header::{CacheControl, CacheDirective};
use actix_web::{HttpRequest, HttpResponse, web};

use super::local::is_local;
use crate::demo::Demo;
use crate::status::StatusReader;

/// Answers with users and passwords; 403 to who is not on this machine.
pub(super) async fn credentials(
    demo: web::Data<Demo>,
    reader: Option<web::Data<StatusReader>>,
    request: HttpRequest,
) -> HttpResponse {
    if !is_local(&request) {
        return HttpResponse::Forbidden().body("the demo's credentials are for pages on its own machine\n");
    }
    let is_registered = |user: &str| reader.as_ref().is_some_and(|reader| reader.is_registered(user));
    let credentials = demo.credentials(is_registered, Instant::now());
    HttpResponse::Ok().insert_header(CacheControl(vec![CacheDirective::NoStore])).json(credentials)
}
