//! Who may ask: whoever has the token (RFC 6750 2.1); for figures alone, whoever has the one for them.

use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::{StatusCode, header};
use actix_web::middleware::Next;
use actix_web::{Error, HttpResponse, web};

use super::answer;
use super::token::{AdminToken, MetricsToken};

/// The path of the figures.
pub(super) const FIGURES: &str = "/metrics";

/// Lets those through that have the token, and tells the others why not.
pub(super) async fn authorize<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    let reads_figures = |claim: &str| {
        let token = request.app_data::<web::Data<MetricsToken>>();
        request.path() == FIGURES && token.is_some_and(|token| token.is(claim))
    };
    let refusal = match (claim(&request), request.app_data::<web::Data<AdminToken>>()) {
        (Some(claim), _) if reads_figures(claim) => None,
        (Some(claim), Some(token)) if token.is(claim) => None,
        (Some(_), _) => Some(
            "this is not the token of this start; it stands in the file that the log names where the admin API began \
             to listen",
        ),
        (None, _) => Some(
            "send `Authorization: Bearer TOKEN`; the token stands in the file that admin.token_file names, or in the one \
             that the log names",
        ),
    };
    match refusal {
        None => next.call(request).await.map(ServiceResponse::map_into_left_body),
        Some(why) => Ok(request.into_response(refuse(why)).map_into_right_body()),
    }
}

fn refuse(why: &str) -> HttpResponse {
    let mut answer = answer::error(StatusCode::UNAUTHORIZED, "unauthorized", why);
    let challenge = header::HeaderValue::from_static("Bearer realm=\"webtrunk admin\"");
    answer.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
    answer
}

/// What the request says to be the token.
fn claim(request: &ServiceRequest) -> Option<&str> {
    let value = request.headers().get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("Bearer").then(|| token.trim())
}
