//! The listening socket of the admin API, and which path is answered by whom.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::time::Duration;

use actix_web::dev::Server;
use actix_web::middleware::from_fn;
use actix_web::{App, Resource, web};
use tracing::{error, info};
use webtrunk_signalling::http::{self, Gate, HttpDoor};

use super::authorize::{FIGURES, authorize};
use super::calls::{self, Calls};
use super::certs;
use super::errands::Errands;
use super::token::{AdminToken, MetricsToken};
use super::traces::{self, Traces};
use super::{answer, drain, figures, people, reload};
use crate::addresses::bind_cure;
use crate::certificates::Certificates;
use crate::config::AdminConfig;
use crate::files;
use crate::metrics::Instruments;
use crate::people::People;

/// The admin API cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// The address is taken.
    #[error("the admin API cannot listen on {address}: {source}; {cure}", cure = bind_cure(source, "admin.bind"))]
    Listen {
        /// The configured address.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The token cannot be written.
    #[error(
        "the token of the admin API cannot be written to {}: {source}; name a file of its own by admin.token_file, in a folder that \
         the gateway may write to",
        .file.display()
    )]
    Token {
        /// The file.
        file: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// A listener that is not served yet; its token is in its file, where there was room.
#[derive(Debug)]
pub struct BoundAdmin {
    socket: TcpListener,
    address: SocketAddr,
    token: web::Data<AdminToken>,
    /// Whether there was room for it.
    is_written: bool,
    metrics_token: web::Data<MetricsToken>,
}

/// What is told and done.
#[derive(Clone)]
pub struct AdminServices {
    /// The calls that are under way.
    pub calls: Calls,
    /// The certificates that are shown.
    pub certificates: Certificates,
    /// The figures.
    pub instruments: Instruments,
    /// What is done by who serves.
    pub errands: Errands,
    /// The messages of calls of late.
    pub traces: Traces,
    /// Whom the gateway knows, and where that is changed.
    pub people: People,
}

/// Connections at one time, all from this machine. Chosen by us: more than one operator and one scraper need, and few
/// enough that whoever opens more holds up nothing else.
const CONNECTIONS: usize = 256;

/// How long the head of a request may take to come, from this very machine: who opens connections and says nothing has a
/// place for no longer.
const HEAD: Duration = Duration::from_secs(1);

/// How long an answer may take to be taken.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long a stop waits for answers that are being sent, in seconds.
const FAREWELL_S: u64 = 2;

/// The largest body of a request: a customer's policy, with room to spare.
const BODY_MAX: usize = 16 << 10;

impl BoundAdmin {
    /// Opens the socket and makes the token.
    ///
    /// # Errors
    /// [`AdminError`] when the address cannot be had, or the token not be written.
    pub fn open(config: &AdminConfig) -> Result<Self, AdminError> {
        let fault = |source| AdminError::Listen { address: config.bind, source };
        let socket = TcpListener::bind(config.bind).map_err(fault)?;
        let address = socket.local_addr().map_err(fault)?;
        let file = &config.token_file;
        let token = AdminToken::new(file);
        let is_written = match token.write() {
            Ok(()) => true,
            // Calls do not wait for operators.
            Err(error) if files::is_full(&error) => {
                let token_file = file.display();
                error!(%error, %token_file, "there is no room for the token of the admin API: nobody can ask until there is");
                false
            }
            Err(source) => return Err(AdminError::Token { file: file.clone(), source }),
        };
        info!(%address, token_file = %file.display(), "admin API listens");
        let metrics_token = web::Data::new(MetricsToken(config.metrics_token.clone()));
        Ok(Self { socket, address, token: web::Data::new(token), is_written, metrics_token })
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Starts serving; the server lives until its handle stops it.
    ///
    /// # Errors
    /// When the socket cannot be used after all.
    pub fn serve(self, services: AdminServices) -> io::Result<Server> {
        let door = HttpDoor {
            socket: self.socket,
            tls: None,
            gate: Gate::new(CONNECTIONS, CONNECTIONS),
            media: None,
            workers: 1,
            head_deadline: HEAD,
            write_deadline: PATIENCE,
            farewell_s: FAREWELL_S,
        };
        let (token, metrics_token) = (self.token, self.metrics_token);
        if !self.is_written {
            actix_web::rt::spawn(token.clone().into_inner().write_later());
        }
        http::serve(door, move || {
            App::new()
                .app_data(token.clone())
                .app_data(metrics_token.clone())
                .app_data(web::PayloadConfig::new(BODY_MAX))
                .wrap(from_fn(authorize))
                .configure(|app| routes(app, services.clone()))
        })
    }
}

/// Each path with the file that answers it.
fn routes(app: &mut web::ServiceConfig, services: AdminServices) {
    let AdminServices { calls, certificates, instruments, errands, traces, people } = services;
    app.app_data(web::Data::new(calls)).app_data(web::Data::new(certificates));
    app.app_data(web::Data::new(instruments)).app_data(web::Data::new(errands));
    app.app_data(web::Data::new(traces)).app_data(web::Data::new(people));
    app.service(at("/calls").route(web::get().to(calls::list)));
    app.service(at("/calls/{call}").route(web::get().to(calls::one)).route(web::delete().to(calls::hang_up)));
    app.service(at("/calls/{call}/ladder").route(web::get().to(traces::ladder)));
    app.service(at("/calls/{call}/pcap").route(web::get().to(traces::packets)));
    app.service(at("/calls/{call}/capture").route(web::post().to(traces::capture)));
    app.service(at("/traces").route(web::get().to(traces::list)));
    app.service(at("/certs").route(web::get().to(certs::list)));
    app.service(at(FIGURES).route(web::get().to(figures::metrics)));
    app.service(at("/users").route(web::get().to(people::users)).route(web::post().to(people::add_user)));
    let user = at("/users/{name}").route(web::patch().to(people::change_user));
    app.service(user.route(web::delete().to(people::remove_user)));
    let customers = at("/customers").route(web::get().to(people::customers));
    app.service(customers.route(web::post().to(people::add_customer)));
    let customer = at("/customers/{name}").route(web::patch().to(people::change_customer));
    app.service(customer.route(web::delete().to(people::remove_customer)));
    app.service(at("/keys").route(web::get().to(people::keys)).route(web::post().to(people::add_key)));
    app.service(at("/keys/{id}").route(web::delete().to(people::revoke_key)));
    app.service(at("/keys/{id}/rotate").route(web::post().to(people::rotate_key)));
    let api_keys = at("/apikeys").route(web::get().to(people::api_keys));
    app.service(api_keys.route(web::post().to(people::add_api_key)));
    app.service(at("/apikeys/{id}").route(web::delete().to(people::revoke_api_key)));
    app.service(at("/reload").route(web::post().to(reload::reload)));
    app.service(at("/drain").route(web::post().to(drain::drain)));
    app.default_service(web::to(answer::no_path));
}

/// A path that takes the methods alone for which it is given routes.
fn at(path: &str) -> Resource {
    web::resource(path).default_service(web::to(answer::wrong_method))
}

#[cfg(test)]
mod tests {
    use actix_web::http::{Method, StatusCode, header};
    use actix_web::test;
    use serde_json::Value;

    use super::*;
    use crate::config::Secret;
    use crate::demo::{Demo, DemoAddresses};
    use crate::descriptors::Shares;
    use crate::supervision::Mishaps;
    use crate::telephony::Telephony;

    /// A request: method, path, and what its Authorization says, where `TOKEN` stands for the token.
    type Asked<'a> = (Method, &'a str, Option<&'a str>);

    const FOR_FIGURES: &str = "for-figures-alone";

    /// The answers, each with its status and what its body says.
    async fn ask(requests: &[Asked<'_>]) -> Vec<(StatusCode, Value)> {
        let folder = tempfile::TempDir::new().expect("a folder");
        let token = web::Data::new(AdminToken::new(&folder.path().join("token")));
        let free = "127.0.0.1:0".parse().ok();
        let (config, _) = Demo::new(DemoAddresses { http: free, sip: free }, Vec::new());
        let telephony = Telephony::start(&config, &Certificates::default(), None, Shares::of_tests(), None)
            .expect("free ports");
        let services = AdminServices {
            calls: telephony.calls(),
            certificates: Certificates::default(),
            instruments: telephony.instruments(
                Certificates::default(),
                Mishaps::default(),
                People::channel().0,
            ),
            // Nobody takes them.
            errands: Errands::channel().0,
            traces: telephony.traces(),
            // Nobody makes changes.
            people: People::channel().0,
        };
        let app = App::new()
            .app_data(token.clone())
            .app_data(web::Data::new(MetricsToken(Some(Secret::new(FOR_FIGURES.to_owned())))))
            .wrap(from_fn(authorize))
            .configure(|app| routes(app, services.clone()));
        let service = test::init_service(app).await;
        let mut answers = Vec::new();
        for (method, path, authorization) in requests {
            let mut request = test::TestRequest::with_uri(path).method(method.clone());
            if let Some(value) = authorization {
                let value = value.replace("TOKEN", token.expose());
                request = request.insert_header((header::AUTHORIZATION, value));
            }
            let response = test::call_service(&service, request.to_request()).await;
            let status = response.status();
            let challenge = response.headers().get(header::WWW_AUTHENTICATE).is_some();
            assert_eq!(challenge, status == StatusCode::UNAUTHORIZED);
            let body = test::read_body(response).await;
            // Figures are text.
            answers.push((status, serde_json::from_slice(&body).unwrap_or_default()));
        }
        telephony.stop().await;
        answers
    }

    #[actix_web::test]
    async fn who_has_the_token_is_answered_and_others_are_told_what_they_lack() {
        let (lacks, wrong) = ("send `Authorization: Bearer TOKEN`", "this is not the token of this start");
        let cases = [
            (Some("Bearer TOKEN"), None),
            (Some("bearer TOKEN"), None),
            (None, Some(lacks)),
            (Some("Basic TOKEN"), Some(lacks)),
            (Some("Bearer"), Some(lacks)),
            (Some("Bearer guess"), Some(wrong)),
            (Some("Bearer TOKENx"), Some(wrong)),
        ];
        // What there is, and what there is not, is told to nobody else.
        for path in ["/certs", "/nothing"] {
            let requests = cases.map(|(authorization, _)| (Method::GET, path, authorization));
            for ((status, told), (authorization, refusal)) in ask(&requests).await.into_iter().zip(cases) {
                let Some(expected) = refusal else {
                    assert_ne!(status, StatusCode::UNAUTHORIZED, "{authorization:?}");
                    continue;
                };
                assert_eq!(status, StatusCode::UNAUTHORIZED, "{authorization:?}");
                assert_eq!(told["error"], "unauthorized");
                assert!(told["message"].as_str().expect("text").starts_with(expected), "{told}");
            }
        }
    }

    #[actix_web::test]
    async fn who_has_the_token_for_figures_reads_them_and_nothing_else() {
        let bearer = format!("Bearer {FOR_FIGURES}");
        let paths = ["/metrics", "/metrics/", "/calls", "/certs", "/drain", "/nothing"];
        let requests = paths.map(|path| (Method::GET, path, Some(bearer.as_str())));
        let let_in: Vec<_> =
            ask(&requests).await.iter().map(|(status, _)| *status == StatusCode::OK).collect();
        assert_eq!(let_in, [true, false, false, false, false, false]);
    }

    #[actix_web::test]
    async fn errors_are_json() {
        let cases = [
            (Method::GET, "/nothing", StatusCode::NOT_FOUND, "not_found"),
            (Method::POST, "/certs", StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed"),
            (Method::GET, "/calls/call-7", StatusCode::NOT_FOUND, "no_call"),
            (Method::DELETE, "/calls/..%2Fcerts", StatusCode::NOT_FOUND, "no_call"),
            (Method::POST, "/calls/call-7/capture?seconds=0", StatusCode::BAD_REQUEST, "bad_query"),
            (Method::POST, "/calls/call-7/capture?seconds=601", StatusCode::BAD_REQUEST, "bad_query"),
            (Method::POST, "/calls/call-7/capture?seconds=600", StatusCode::NOT_FOUND, "no_call"),
            (Method::GET, "/calls/call-7/ladder?format=xml", StatusCode::BAD_REQUEST, "bad_query"),
            (Method::POST, "/users", StatusCode::BAD_REQUEST, "bad_request"),
            (Method::DELETE, "/users/carol", StatusCode::CONFLICT, "not_now"),
            (Method::PUT, "/customers/acme", StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed"),
            (Method::POST, "/keys/k1/rotate", StatusCode::CONFLICT, "not_now"),
            (Method::GET, "/reload", StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed"),
            (Method::POST, "/reload?dry", StatusCode::BAD_REQUEST, "bad_request"),
            (Method::POST, "/reload?dry_run", StatusCode::CONFLICT, "not_now"),
            (Method::POST, "/drain", StatusCode::CONFLICT, "not_now"),
            (Method::POST, "/drain?now", StatusCode::CONFLICT, "not_now"),
            (Method::POST, "/drain?soon", StatusCode::BAD_REQUEST, "bad_request"),
        ];
        let requests: Vec<_> =
            cases.iter().map(|(method, path, ..)| (method.clone(), *path, Some("Bearer TOKEN"))).collect();
        for ((told_status, told), (_, path, status, word)) in ask(&requests).await.into_iter().zip(cases) {
            assert_eq!((told_status, told["error"].as_str()), (status, Some(word)), "{path}");
        }
    }
}
