//! Which pages may ask (Fetch 3.2, CORS): those of the origins that are configured, and no others.

use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, HeaderValue, ORIGIN, VARY,
};
use actix_web::middleware::Next;
use actix_web::{Error, HttpResponse, web};
use webtrunk_signalling::http::OriginPolicy;

/// Answers a page's question whether it may ask, and lets pages of known origins read what is answered.
pub(super) async fn cors<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    let origin = request.headers().get(ORIGIN).cloned();
    let policy = request.app_data::<web::Data<OriginPolicy>>();
    let is_let = |origin: &HeaderValue| {
        origin.to_str().is_ok_and(|text| policy.is_some_and(|policy| policy.admits(Some(text))))
    };
    let allowed = origin.filter(is_let);
    let mut response = if *request.method() == Method::OPTIONS {
        let mut answer = HttpResponse::NoContent();
        if allowed.is_some() {
            answer.insert_header((ACCESS_CONTROL_ALLOW_METHODS, "GET, POST, PATCH, DELETE"));
            let headers = "Authorization, Content-Type, Idempotency-Key, Last-Event-ID, Range";
            answer.insert_header((ACCESS_CONTROL_ALLOW_HEADERS, headers));
            answer.insert_header((ACCESS_CONTROL_MAX_AGE, "600"));
        }
        request.into_response(answer.finish()).map_into_right_body()
    } else {
        next.call(request).await?.map_into_left_body()
    };
    let headers = response.headers_mut();
    headers.insert(VARY, HeaderValue::from_static("Origin"));
    if let Some(origin) = allowed {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("Location"));
    }
    Ok(response)
}
