//! Answers whoever has a name and a password of a customer's server with those of the edge.

use actix_web::http::header::{self, CacheControl, CacheDirective, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, web};
use webtrunk_signalling::auth::issuer::NotIssued;
use webtrunk_signalling::auth::secret::SecretText;

use super::basic::decoded;
use crate::entry::EntryDesk;

/// Where it is.
pub(super) const PATH: &str = "/api/v1/credentials";

/// POST: the edge's credential by HTTP's basic authentication (RFC 7617), or without any on pages of customers that have
/// guests; 403 from outside of its customer's networks, else 401.
pub(super) async fn issue(desk: web::Data<EntryDesk>, request: HttpRequest) -> HttpResponse {
    let is_stranger = request.headers().get(header::AUTHORIZATION).is_none();
    let origin = request.headers().get(header::ORIGIN).and_then(|origin| origin.to_str().ok());
    let issued = match (basic(&request), origin, request.peer_addr()) {
        (Some((name, password)), _, Some(peer)) => desk.issue(&name, &password, peer.ip()),
        (None, Some(origin), Some(peer)) if is_stranger => desk.issue_guest(origin, peer),
        _ => Err(NotIssued::Unproven),
    };
    match issued {
        Ok(credential) => allowed(&desk, &request, HttpResponse::Ok())
            .insert_header(CacheControl(vec![CacheDirective::NoStore]))
            .json(credential),
        Err(NotIssued::Elsewhere) => {
            allowed(&desk, &request, HttpResponse::Forbidden()).body("not from this network\n")
        }
        Err(_) => allowed(&desk, &request, HttpResponse::Unauthorized())
            .insert_header((header::WWW_AUTHENTICATE, "Basic realm=\"webtrunk\", charset=\"UTF-8\""))
            .body("the name or its password is not accepted\n"),
    }
}

/// OPTIONS: whether a page may ask (CORS).
pub(super) async fn ask(desk: web::Data<EntryDesk>, request: HttpRequest) -> HttpResponse {
    allowed(&desk, &request, HttpResponse::NoContent())
        .insert_header((header::ACCESS_CONTROL_ALLOW_METHODS, "POST"))
        .insert_header((header::ACCESS_CONTROL_ALLOW_HEADERS, "Authorization"))
        .insert_header((header::ACCESS_CONTROL_MAX_AGE, "600"))
        .finish()
}

/// Lets pages of customers' origins read the answer, and no others.
fn allowed(
    desk: &EntryDesk,
    request: &HttpRequest,
    mut response: HttpResponseBuilder,
) -> HttpResponseBuilder {
    let origin = request.headers().get(header::ORIGIN);
    response.insert_header((header::VARY, "Origin"));
    if let Some(origin) = origin.filter(|it| it.to_str().is_ok_and(|origin| desk.admits(origin))) {
        response.insert_header((header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone()));
    }
    response
}

/// The name and password; a name has colons itself, and the password none.
fn basic(request: &HttpRequest) -> Option<(String, SecretText)> {
    let value: &HeaderValue = request.headers().get(header::AUTHORIZATION)?;
    let pair = decoded(value.to_str().ok()?)?;
    let (name, password) = pair.rsplit_once(':')?;
    Some((name.to_owned(), SecretText::new(password.to_owned())))
}
