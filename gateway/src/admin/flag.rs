//! The one word that may stand behind a path's question mark.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse};

use super::answer;

/// Whether the word is there, as `?word` or with `=`, `=true` or `=1` behind it; where anything else is, that is told.
pub(super) fn is_set(request: &HttpRequest, word: &str) -> Result<bool, Box<HttpResponse>> {
    let query = request.query_string();
    if query.is_empty() {
        return Ok(false);
    }
    match query.strip_prefix(word) {
        Some("" | "=" | "=true" | "=1") => Ok(true),
        _ => {
            let message = format!("?{query} means nothing here; write ?{word}, or nothing");
            Err(Box::new(answer::error(StatusCode::BAD_REQUEST, "bad_request", message)))
        }
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn a_word_is_there_alone_or_said_to_be_so_and_any_other_is_refused() {
        for (query, expected) in [
            ("", Some(false)),
            ("?", Some(false)),
            ("?now", Some(true)),
            ("?now=", Some(true)),
            ("?now=true", Some(true)),
            ("?now=1", Some(true)),
            ("?now=0", None),
            ("?nowadays", None),
            ("?dry_run", None),
        ] {
            let request = TestRequest::with_uri(&format!("/drain{query}")).to_http_request();
            assert_eq!(is_set(&request, "now").ok(), expected, "{query}");
        }
    }
}
