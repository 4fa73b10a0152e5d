//! What goes wrong, as a program reads it and a person does (RFC 9457).

use std::fmt;
use std::ops::RangeInclusive;
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::{
    ALLOW, CONTENT_TYPE, CacheControl, CacheDirective, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE,
};
use actix_web::{HttpRequest, HttpResponse, ResponseError};
use serde::Serialize;
use utoipa::ToSchema;

use super::scope::Scope;

/// A problem.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Problem {
    /// Names its kind: `urn:webtrunk:problem:` and a word.
    #[serde(rename = "type")]
    pub kind: String,
    /// The kind in words.
    pub title: &'static str,
    /// The status of HTTP.
    pub status: u16,
    /// What is wrong here, and what to do about it.
    pub detail: String,
    /// How long to wait before it is tried again, in s.
    #[serde(skip)]
    #[schema(ignore)]
    pub retry_after_s: Option<u64>,
}

/// How long who guessed too often has to wait, in s: as long as failures count.
const WAIT_S: u64 = 60;

/// How long who finds no room is to wait, in s: as long as SIP says, and not all of them alike, so that they do not come back together.
const ROOM_WAIT_S: RangeInclusive<u64> = 1..=10;

impl Problem {
    /// Of a kind; `word` names it.
    fn new(status: StatusCode, word: &str, title: &'static str, detail: impl fmt::Display) -> Self {
        let kind = format!("urn:webtrunk:problem:{word}");
        Self { kind, title, status: status.as_u16(), detail: detail.to_string(), retry_after_s: None }
    }

    /// No key came, or none that is in force.
    #[must_use]
    pub fn unauthorized(detail: &str) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", "No key in force", detail)
    }

    /// The source was wrong too often.
    #[must_use]
    pub fn too_many_failures() -> Self {
        let detail = "too many wrong keys came from there; wait a minute";
        let told =
            Self::new(StatusCode::TOO_MANY_REQUESTS, "too-many-failures", "Too many wrong keys", detail);
        Self { retry_after_s: Some(WAIT_S), ..told }
    }

    /// The key made more requests than it may.
    #[must_use]
    pub fn too_many_requests(wait: Duration) -> Self {
        let detail =
            "the key makes more requests than it may (rest.requests_per_minute); wait, or listen to /events";
        let told = Self::new(StatusCode::TOO_MANY_REQUESTS, "too-many-requests", "Too many requests", detail);
        Self { retry_after_s: Some(seconds(wait)), ..told }
    }

    /// The customer has as many changes under way as it may.
    #[must_use]
    pub fn too_many_changes(detail: impl fmt::Display) -> Self {
        let told = Self::new(StatusCode::TOO_MANY_REQUESTS, "too-many-requests", "Too many requests", detail);
        Self { retry_after_s: Some(1), ..told }
    }

    /// It is another customer's, and the key may only see it.
    #[must_use]
    pub fn not_own(detail: &str) -> Self {
        Self::new(StatusCode::FORBIDDEN, "not-own", "It is another customer's", detail)
    }

    /// The key may not do this.
    #[must_use]
    pub fn lacks(scope: Scope) -> Self {
        let detail = format!("the key has not the scope {scope}; add it to its scopes in [[api_keys]]");
        Self::new(StatusCode::FORBIDDEN, "scope", "The key's scopes do not hold this", detail)
    }

    /// There is no such thing, or none that the key may know of.
    #[must_use]
    pub fn not_found(detail: impl fmt::Display) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", "There is no such thing", detail)
    }

    /// The request is none that can be met, whoever asks.
    #[must_use]
    pub fn bad_request(detail: impl fmt::Display) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad-request", "The request cannot be read", detail)
    }

    /// The same, with the status that says it best.
    #[must_use]
    pub fn unreadable(status: StatusCode, detail: impl fmt::Display) -> Self {
        // Queries and paths that cannot be read are the request's fault, whatever reads them says.
        let status = if status == StatusCode::NOT_FOUND { StatusCode::BAD_REQUEST } else { status };
        Self { status: status.as_u16(), ..Self::bad_request(detail) }
    }

    /// It is not for now: something else is under way, or was before.
    #[must_use]
    pub fn conflict(detail: impl fmt::Display) -> Self {
        Self::new(StatusCode::CONFLICT, "conflict", "Something else is in the way", detail)
    }

    /// The gateway's rules forbid it; why, in the words of records.
    #[must_use]
    pub fn refused(cause: &str) -> Self {
        let detail =
            format!("{cause}: the dial plan, or a limit of the user's, does not let such a call be made");
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "refused", "Such a call may not be made", detail)
    }

    /// Nobody is known by whose rights a call was to be made.
    #[must_use]
    pub fn no_user(user: &str) -> Self {
        let detail = format!(
            "user = {user:?}: is not known, is disabled, or has a name for a while and cannot be reached now; list users, or \
             registrations"
        );
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "no-user", "There is no such user", detail)
    }

    /// It can be read, and cannot be so.
    #[must_use]
    pub fn faulty(detail: impl fmt::Display) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "faulty", "It cannot be so", detail)
    }

    /// No key makes tokens for such a user.
    #[must_use]
    pub fn no_token_key() -> Self {
        let detail =
            "no key that is in force makes tokens for such a user; add one: webtrunk key add --kind wt1";
        Self::new(StatusCode::CONFLICT, "no-token-key", "There is no key of tokens", detail)
    }

    /// The clock of who asks is another than ours.
    #[must_use]
    pub fn clock(detail: impl fmt::Display) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "clock", "The clocks are too far apart", detail)
    }

    /// No login may be made for such a user.
    #[must_use]
    pub fn no_login(detail: impl fmt::Display) -> Self {
        Self::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "no-login",
            "No login may be made for such a user",
            detail,
        )
    }

    /// The customer has as many logins made as it may.
    #[must_use]
    pub fn too_many_logins(detail: impl fmt::Display, wait: Duration) -> Self {
        let told = Self::new(StatusCode::TOO_MANY_REQUESTS, "too-many-requests", "Too many requests", detail);
        Self { retry_after_s: Some(seconds(wait)), ..told }
    }

    /// The store did not take a change.
    #[must_use]
    pub fn unwritten(detail: impl fmt::Display) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "unwritten", "The change is not made", detail)
    }

    /// The store did not say whether it took a change.
    #[must_use]
    pub fn unsure(detail: impl fmt::Display) -> Self {
        let title = "The change may have been made; look before you repeat it";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "unsure", title, detail)
    }

    /// There is no room for calls now.
    #[must_use]
    pub fn no_room(detail: impl fmt::Display) -> Self {
        let told = Self::new(StatusCode::SERVICE_UNAVAILABLE, "no-room", "No calls can be made now", detail);
        Self { retry_after_s: Some(rand::random_range(ROOM_WAIT_S)), ..told }
    }

    /// The path takes other methods.
    #[must_use]
    pub fn wrong_method(request: &HttpRequest) -> Self {
        let detail = format!("{} takes no {}", request.path(), request.method());
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", "The method is not for this", detail)
    }
}

/// Whole seconds, as Retry-After has them (RFC 9110 10.2.3).
fn seconds(wait: Duration) -> u64 {
    wait.as_millis().div_ceil(1000).try_into().unwrap_or(WAIT_S)
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.title, self.detail)
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn error_response(&self) -> HttpResponse {
        let status = self.status_code();
        let mut answer = HttpResponse::build(status);
        answer.insert_header(CacheControl(vec![CacheDirective::NoStore]));
        match status {
            StatusCode::UNAUTHORIZED => {
                answer.insert_header((WWW_AUTHENTICATE, "Bearer realm=\"webtrunk\""));
            }
            StatusCode::METHOD_NOT_ALLOWED => {
                answer.insert_header((ALLOW, "GET, POST, PATCH, DELETE, OPTIONS"));
            }
            _ => {}
        }
        if let Some(seconds) = self.retry_after_s {
            answer.insert_header((RETRY_AFTER, seconds.to_string()));
        }
        let mut answer = answer.json(self);
        answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        answer
    }
}
