//! `/metrics`: figures for Prometheus.

use actix_web::http::StatusCode;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::{HttpResponse, web};

use super::answer;
use crate::metrics::{self, Instruments};

pub(super) async fn metrics(instruments: web::Data<Instruments>) -> HttpResponse {
    let text = metrics::scrape(&instruments);
    answer::told(StatusCode::OK).insert_header((CONTENT_TYPE, metrics::CONTENT_TYPE)).body(text)
}
