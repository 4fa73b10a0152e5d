//! What every answer tells the browser: load nothing from elsewhere, run no script but ours.

use actix_web::middleware::DefaultHeaders;

/// Scripts and styles come as files of ours, never in the page; nobody may frame it.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    img-src 'self'; connect-src 'self'; media-src 'self' blob:; base-uri 'none'; form-action 'none'; \
    frame-ancestors 'none'";

/// The headers of every answer.
pub(super) fn security(is_secure: bool) -> DefaultHeaders {
    let headers = DefaultHeaders::new()
        .add(("Content-Security-Policy", CONTENT_SECURITY_POLICY))
        .add(("X-Content-Type-Options", "nosniff"))
        .add(("Referrer-Policy", "no-referrer"))
        .add(("Cross-Origin-Opener-Policy", "same-origin"))
        .add(("Permissions-Policy", "microphone=(self), camera=(), geolocation=()"));
    if is_secure { headers.add(("Strict-Transport-Security", "max-age=31536000")) } else { headers }
}
