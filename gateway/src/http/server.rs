//! The listening socket, and which path is served by whom.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::Server;
use actix_web::{App, HttpResponse, Route, guard, web};
use rustls::ServerConfig;
use webtrunk_signalling::http::{self, Gate, HttpDoor, MediaStreams};
use webtrunk_signalling::http::{OriginPolicy, WebOrigin};
use webtrunk_signalling::json::adapter::JsonEndpoint;
use webtrunk_signalling::sip::transport::WsEndpoint;

use super::{assets, credentials, demo, headers, health, status};
use crate::addresses::bind_cure;
use crate::config::HttpConfig;
use crate::demo::Demo;
use crate::entry::EntryDesk;
use crate::health::Health;
use crate::rest::Rest;
use crate::status::StatusReader;

/// The server cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// The address is taken, or is not ours.
    #[error(
        "HTTP cannot listen on {address}: {source}; {cure}",
        cure = bind_cure(source, "http.bind (demo: --http)")
    )]
    Listen {
        /// The configured address.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
}

/// A server that listens and is not served yet, so that its port is known before anything else starts.
#[derive(Debug)]
pub struct BoundHttp {
    socket: TcpListener,
    address: SocketAddr,
    tls: Option<Arc<ServerConfig>>,
}

/// What is served besides the page, and to how many.
#[derive(Clone)]
pub struct Services {
    /// SIP over WebSocket, and its path.
    pub sip: Option<(String, WsEndpoint)>,
    /// The JSON API, and its path.
    pub json: Option<(String, JsonEndpoint)>,
    /// The interface for back ends.
    pub rest: Option<Rest>,
    /// Who gets credentials of the edge.
    pub entry: EntryDesk,
    /// The demo's credentials, in a demo.
    pub demo: Option<Arc<Demo>>,
    /// What the gateway holds, at `/status`.
    pub status: Option<StatusReader>,
    /// Whether it lives and takes calls, at `/healthz` and `/readyz`.
    pub health: Option<Health>,
    /// Who may come in.
    pub gate: Gate,
    /// Where connections go that carry media.
    pub media: Option<MediaStreams>,
}

/// How long a client may take to send its request's head, and TLS its handshake.
const HEAD_DEADLINE: Duration = Duration::from_secs(10);

/// How long an answer may be stuck before its client counts as gone.
const WRITE_DEADLINE: Duration = Duration::from_secs(10);

/// How long a stop waits for answers that are being sent, in seconds.
const FAREWELL_S: u64 = 5;

/// Threads that serve the page and carry WebSockets; media has its own.
const WORKERS: usize = 2;

impl BoundHttp {
    /// Opens the listening socket.
    ///
    /// # Errors
    /// [`HttpError`] when the address cannot be had.
    pub fn open(config: &HttpConfig, tls: Option<Arc<ServerConfig>>) -> Result<Self, HttpError> {
        let fault = |source| HttpError::Listen { address: config.bind, source };
        let socket = TcpListener::bind(config.bind).map_err(fault)?;
        let address = socket.local_addr().map_err(fault)?;
        Ok(Self { socket, address, tls })
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// What a browser on this machine opens.
    #[must_use]
    pub fn url(&self) -> String {
        let scheme = self.scheme();
        let port = self.address.port();
        let host = self.address.ip();
        if host.is_loopback() || host.is_unspecified() {
            format!("{scheme}://localhost:{port}/")
        } else {
            format!("{scheme}://{}/", self.address)
        }
    }

    /// Which pages may open a WebSocket here: those of `origins`, our own where it is on loopback, and
    /// programs that are no browsers. All have to authenticate as users.
    #[must_use]
    pub fn origin_policy(&self, origins: &[WebOrigin]) -> OriginPolicy {
        let mut allowed = origins.to_vec();
        if self.address.ip().is_loopback() {
            let port = self.address.port();
            let names = ["localhost", "127.0.0.1", "[::1]"].map(|host| format!("{host}:{port}"));
            let own = names.into_iter().chain([self.address.to_string()]);
            allowed.extend(own.map(|own| {
                let origin = format!("{}://{own}", self.scheme());
                origin.parse::<WebOrigin>().expect("scheme, host and port make an origin")
            }));
        }
        OriginPolicy::new(allowed, true)
    }

    /// Starts serving; the server lives until its handle stops it.
    ///
    /// # Errors
    /// When the socket cannot be used after all.
    pub fn serve(self, services: Services) -> io::Result<Server> {
        let is_secure = self.tls.is_some();
        let sip = services.sip.map(|(path, endpoint)| (path, web::Data::new(endpoint)));
        let json = services.json.map(|(path, endpoint)| (path, web::Data::new(endpoint)));
        let rest = services.rest;
        let entry = web::Data::new(services.entry);
        let demo = services.demo.map(web::Data::from);
        let status = services.status.map(web::Data::new);
        let health = services.health.map(web::Data::new);
        let door = HttpDoor {
            socket: self.socket,
            tls: self.tls,
            gate: services.gate,
            media: services.media,
            workers: WORKERS,
            head_deadline: HEAD_DEADLINE,
            write_deadline: WRITE_DEADLINE,
            farewell_s: FAREWELL_S,
        };
        http::serve(door, move || {
            App::new().wrap(headers::security(is_secure)).configure(|app| {
                let told = Told { demo: demo.clone(), status: status.clone(), health: health.clone() };
                entry_routes(app, entry.clone());
                if let Some((path, endpoint)) = json.clone() {
                    app.app_data(endpoint);
                    app.route(&path, web::get().to(webtrunk_signalling::json::adapter::serve));
                }
                if let Some(rest) = &rest {
                    app.service(rest.service());
                }
                routes(app, sip.clone(), told, is_secure);
            })
        })
    }

    const fn scheme(&self) -> &'static str {
        if self.tls.is_some() { "https" } else { "http" }
    }
}

/// What is told of the gateway.
#[derive(Clone, Default)]
struct Told {
    demo: Option<web::Data<Demo>>,
    status: Option<web::Data<StatusReader>>,
    health: Option<web::Data<Health>>,
}

/// Open where there are customers, which a reload may change.
fn entry_routes(app: &mut web::ServiceConfig, entry: web::Data<EntryDesk>) {
    let is_open = |desk: &web::Data<EntryDesk>| {
        let desk = desk.clone();
        guard::fn_guard(move |_| desk.is_open())
    };
    app.route(credentials::PATH, web::post().guard(is_open(&entry)).to(credentials::issue));
    let asking = web::route().guard(guard::Options()).guard(is_open(&entry));
    app.route(credentials::PATH, asking.to(credentials::ask));
    app.app_data(entry);
}

fn routes(
    app: &mut web::ServiceConfig,
    sip: Option<(String, web::Data<WsEndpoint>)>,
    Told { demo, status, health }: Told,
    is_secure: bool,
) {
    if let Some((path, endpoint)) = sip {
        app.app_data(endpoint);
        app.route(&path, web::get().to(webtrunk_signalling::sip::transport::serve));
    }
    if let Some(demo) = demo {
        app.app_data(demo);
        app.route("/api/demo", web::get().to(demo::credentials));
    } else {
        // The page asks whether this is a demo; an error would stand in its console.
        app.route("/api/demo", reading().to(async || HttpResponse::NoContent()));
    }
    if let Some(status) = status {
        app.app_data(status);
        let scheme = if is_secure { "https" } else { "http" };
        let status = move |reader, request| status::status(reader, request, scheme);
        app.route("/status", web::get().to(status));
    }
    if let Some(health) = health {
        app.app_data(health);
        app.route("/healthz", reading().to(health::life));
        app.route("/readyz", reading().to(health::readiness));
    }
    app.route("/{path:.*}", reading().to(assets::serve));
}

/// GET and HEAD, which differ by the body alone (RFC 9110 9.3.2).
fn reading() -> Route {
    web::route().guard(guard::Any(guard::Get()).or(guard::Head()))
}

#[cfg(test)]
mod tests {
    use actix_web::http::StatusCode;
    use actix_web::test;

    use super::*;
    use crate::demo::DemoAddresses;

    /// The answer to a GET from `peer`: status, body, and the content security policy.
    async fn get(path: &str, peer: &str, host: &str, with_demo: bool) -> (StatusCode, String, String) {
        let (_, demo) = Demo::new(DemoAddresses::default(), Vec::new());
        let demo = with_demo.then(|| web::Data::new(demo));
        let app = App::new().wrap(headers::security(false)).configure(|app| {
            routes(app, None, Told { demo, ..Told::default() }, false);
        });
        let service = test::init_service(app).await;
        let request = test::TestRequest::get()
            .uri(path)
            .peer_addr(peer.parse().expect("an address"))
            .insert_header(("Host", host))
            .to_request();
        let response = test::call_service(&service, request).await;
        let header = response.headers().get("Content-Security-Policy").expect("every answer has one");
        let policy = header.to_str().expect("text").to_owned();
        let status = response.status();
        let body = test::read_body(response).await;
        (status, String::from_utf8_lossy(&body).into_owned(), policy)
    }

    #[actix_web::test]
    async fn credentials_go_to_this_machine_alone_and_only_in_a_demo() {
        for (peer, host, with_demo, expected) in [
            ("127.0.0.1:5", "localhost:8080", true, StatusCode::OK),
            ("[::1]:5", "[::1]:8080", true, StatusCode::OK),
            ("192.0.2.1:5", "localhost:8080", true, StatusCode::FORBIDDEN),
            ("127.0.0.1:5", "rebound.example:8080", true, StatusCode::FORBIDDEN),
            ("127.0.0.1:5", "localhost:8080", false, StatusCode::NO_CONTENT),
        ] {
            let (status, body, _) = get("/api/demo", peer, host, with_demo).await;
            assert_eq!(status, expected, "{peer} asks {host}");
            assert_eq!(body.contains("password"), expected == StatusCode::OK);
        }
    }

    #[actix_web::test]
    async fn every_answer_forbids_foreign_and_inline_scripts() {
        for path in ["/", "/icon.svg", "/none", "/api/demo"] {
            let (_, _, policy) = get(path, "127.0.0.1:5", "localhost", false).await;
            assert!(
                policy.contains("default-src 'none'") && policy.contains("script-src 'self'"),
                "{policy}"
            );
            assert!(!policy.contains("unsafe"), "{policy}");
        }
    }

    #[actix_web::test]
    async fn nothing_outside_the_bundle_is_served() {
        let (status, ..) = get("/api/demo", "127.0.0.1:5", "localhost", true).await;
        assert_eq!(status, StatusCode::OK);
        for path in ["/none", "/../Cargo.toml", "/%2e%2e/%2e%2e/Cargo.toml", "//etc/passwd", "/.gitkeep"] {
            let (status, body, _) = get(path, "127.0.0.1:5", "localhost", false).await;
            assert_eq!((status, body.as_str()), (StatusCode::NOT_FOUND, ""), "{path}");
        }
    }

    #[test]
    async fn our_own_page_may_connect_and_others_only_as_configured() {
        let origins = ["https://crm.example".parse().expect("an origin")];
        let config = HttpConfig { bind: ([127, 0, 0, 1], 0).into() };
        let http = BoundHttp::open(&config, None).expect("a free port");
        let port = http.address().port();
        let policy = http.origin_policy(&origins);
        assert!(policy.admits(Some(&format!("http://localhost:{port}"))));
        assert!(policy.admits(Some(&format!("http://127.0.0.1:{port}"))));
        assert!(policy.admits(Some("https://crm.example")));
        assert!(policy.admits(None));
        for bad in [format!("https://localhost:{port}"), "http://localhost".to_owned(), "null".to_owned()] {
            assert!(!policy.admits(Some(&bad)), "{bad}");
        }
        assert_eq!(http.url(), format!("http://localhost:{port}/"));
        let elsewhere = HttpConfig { bind: ([127, 1, 2, 3], 0).into() };
        let http = BoundHttp::open(&elsewhere, None).expect("a free port");
        assert!(http.origin_policy(&[]).admits(Some(&format!("http://{}", http.address()))));
    }

    #[test]
    async fn a_taken_address_is_told() {
        let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let bind = taken.local_addr().expect("an address");
        let told = BoundHttp::open(&HttpConfig { bind }, None).expect_err("it is taken");
        assert!(told.to_string().contains(&format!("HTTP cannot listen on {bind}")), "{told}");
    }
}
