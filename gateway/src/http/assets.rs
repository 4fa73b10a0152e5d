//! The page's files, built into the binary.

use actix_web::http::header::{ETAG, EntityTag, Header, IfNoneMatch};
use actix_web::{HttpRequest, HttpResponse, web};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rust_embed::RustEmbed;

/// What `make web` left. A build without it works, and says so where the page would be.
#[derive(RustEmbed)]
#[folder = "web/dist"]
struct Bundle;

/// Serves a file of the bundle; the empty path is the page.
pub(super) async fn serve(request: HttpRequest, path: web::Path<String>) -> HttpResponse {
    let name = if path.is_empty() { "index.html" } else { path.as_str() };
    // The folder's placeholder is embedded too; it is nobody's business.
    let Some(file) = Bundle::get(name).filter(|_| !name.starts_with('.')) else { return missing(name) };
    let tag = EntityTag::new_strong(URL_SAFE_NO_PAD.encode(file.metadata.sha256_hash()));
    let is_known = match IfNoneMatch::parse(&request) {
        Ok(IfNoneMatch::Items(known)) => known.iter().any(|known| known.weak_eq(&tag)),
        Ok(IfNoneMatch::Any) | Err(_) => false,
    };
    if is_known {
        return HttpResponse::NotModified().insert_header((ETAG, tag)).finish();
    }
    HttpResponse::Ok()
        .content_type(file.metadata.mimetype())
        .insert_header((ETAG, tag))
        .insert_header(("Cache-Control", "no-cache"))
        .body(file.data)
}

fn missing(name: &str) -> HttpResponse {
    if name == "index.html" {
        let advice = "The test phone was not built into this gateway: run make, then start it again.\n";
        return HttpResponse::ServiceUnavailable().content_type("text/plain; charset=utf-8").body(advice);
    }
    HttpResponse::NotFound().finish()
}
