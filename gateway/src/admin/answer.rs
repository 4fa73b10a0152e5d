//! Answers that every path gives in the same way.

use std::fmt::Display;

use actix_web::http::StatusCode;
use actix_web::http::header::{CacheControl, CacheDirective};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use serde::{Deserialize, Serialize};

/// What is told of an error, and read by who asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ErrorBody {
    /// One word, for programs.
    pub(super) error: String,
    /// A sentence, for people.
    pub(super) message: String,
}

/// An answer that nobody keeps.
pub(super) fn told(status: StatusCode) -> HttpResponseBuilder {
    let mut answer = HttpResponse::build(status);
    answer.insert_header(CacheControl(vec![CacheDirective::NoStore]));
    answer
}

/// Says what there is.
pub(super) fn ok(body: impl Serialize) -> HttpResponse {
    told(StatusCode::OK).json(body)
}

/// Says what went wrong, in a word and in a sentence.
pub(super) fn error(status: StatusCode, word: &str, message: impl Display) -> HttpResponse {
    told(status).json(ErrorBody { error: word.to_owned(), message: message.to_string() })
}

/// There is nothing by this path.
pub(super) async fn no_path(request: HttpRequest) -> HttpResponse {
    error(StatusCode::NOT_FOUND, "not_found", format!("there is nothing at {}", request.path()))
}

/// The path is asked by another method.
pub(super) async fn wrong_method(request: HttpRequest) -> HttpResponse {
    let message = format!("{} takes no {}", request.path(), request.method());
    error(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", message)
}
