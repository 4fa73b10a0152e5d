//! A registrar and proxy, as small as can be: registers whoever has the password, and passes everything
//! else on unchanged. Who a message is for is told by the name that each caller gives itself.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;
use tokio_tungstenite::accept_hdr_async;
use tokio_tungstenite::tungstenite::Message as Frame;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::http::HeaderValue;
use webtrunk_signalling::auth::digest::{Algorithm, Credentials, DigestConfig, DigestServer, Ha1};
use webtrunk_signalling::sip::message::{HeaderName, Message, Method, Request as SipRequest, StatusCode};

/// The password of everybody.
pub(crate) const PASSWORD: &str = "open sesame";

pub(crate) struct Proxy {
    url: String,
    state: Arc<State>,
}

struct State {
    digest: Mutex<DigestServer>,
    /// The ways out, by the host in Via and Contact, and by the user once registered.
    exits: Mutex<HashMap<String, mpsc::UnboundedSender<String>>>,
    challenges: AtomicUsize,
    /// Calls that were described anew.
    reinvites: AtomicUsize,
}

/// Knows everybody, by one password.
struct Everybody;

impl Credentials for Everybody {
    fn ha1(&self, user: &str, realm: &str, algorithm: Algorithm) -> Option<Ha1> {
        Some(Ha1::new(algorithm, user, realm, PASSWORD))
    }
}

impl Proxy {
    pub(crate) async fn start() -> Self {
        Self::listen(None).await
    }

    /// With a certificate of its own, for 127.0.0.1; also as PEM.
    pub(crate) async fn start_secure() -> (Self, String) {
        let own = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).expect("a certificate");
        let key = PrivateKeyDer::Pkcs8(own.signing_key.serialize_der().into());
        let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(vec![own.cert.der().clone()], key)
            .expect("a pair");
        (Self::listen(Some(TlsAcceptor::from(Arc::new(config)))).await, own.cert.pem())
    }

    async fn listen(tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let address = listener.local_addr().expect("bound");
        let state = Arc::new(State {
            digest: Mutex::new(DigestServer::new(DigestConfig::new("relay"), [7; 32], Instant::now())),
            exits: Mutex::default(),
            challenges: AtomicUsize::new(0),
            reinvites: AtomicUsize::new(0),
        });
        let server = Arc::clone(&state);
        let scheme = if tls.is_some() { "wss" } else { "ws" };
        tokio::spawn(async move {
            while let Ok((stream, from)) = listener.accept().await {
                let (server, tls) = (Arc::clone(&server), tls.clone());
                tokio::spawn(async move {
                    match tls {
                        None => server.serve(stream, from.ip()).await,
                        // Who does not trust us breaks off.
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                server.serve(stream, from.ip()).await;
                            }
                        }
                    }
                });
            }
        });
        Self { url: format!("{scheme}://{address}/sip"), state }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// How many requests were challenged.
    pub(crate) fn challenges(&self) -> usize {
        self.state.challenges.load(Ordering::Relaxed)
    }

    /// How many INVITEs came within calls.
    pub(crate) fn reinvites(&self) -> usize {
        self.state.reinvites.load(Ordering::Relaxed)
    }
}

impl State {
    async fn serve<S: AsyncRead + AsyncWrite + Unpin>(self: Arc<Self>, stream: S, from: IpAddr) {
        let mut socket = accept_hdr_async(stream, agree).await.expect("a WebSocket client");
        let (exit, mut outgoing) = mpsc::unbounded_channel();
        loop {
            tokio::select! {
                frame = socket.next() => match frame {
                    Some(Ok(Frame::Text(text))) => {
                        if let Some(answer) = self.handle(&text, from, &exit) {
                            socket.send(Frame::text(answer)).await.expect("a live connection");
                        }
                    }
                    Some(Ok(_)) => {}
                    Some(Err(_)) | None => return,
                },
                Some(text) = outgoing.recv() => {
                    socket.send(Frame::text(text)).await.expect("a live connection");
                }
            }
        }
    }

    /// Passes a message on; a REGISTER has its answer from here.
    fn handle(&self, text: &str, from: IpAddr, exit: &mpsc::UnboundedSender<String>) -> Option<String> {
        let mut exits = self.exits.lock().unwrap_or_else(PoisonError::into_inner);
        let parsed = Message::parse(Bytes::copy_from_slice(text.as_bytes())).expect("sound SIP");
        let to = match parsed {
            Message::Response(response) => response.headers.via().expect("our own").host.to_string(),
            Message::Request(request) => {
                let via = request.headers.via().expect("our own").host.to_string();
                exits.insert(via, exit.clone());
                if request.method == Method::Register {
                    let user = request.headers.to().expect("our own").uri.user_unescaped()?.into_owned();
                    exits.insert(user, exit.clone());
                    return Some(self.register(&request, from));
                }
                let is_tagged = |line: &str| line.starts_with("To:") && line.contains(";tag=");
                if request.method == Method::Invite && text.lines().any(is_tagged) {
                    self.reinvites.fetch_add(1, Ordering::Relaxed);
                }
                let uri = request.uri.as_sip().expect("our own");
                let host = uri.host.to_string();
                if exits.contains_key(&host) { host } else { uri.user_unescaped()?.into_owned() }
            }
        };
        exits.get(&to).map(|exit| exit.send(text.to_owned()));
        None
    }

    fn register(&self, request: &SipRequest, from: IpAddr) -> String {
        let mut digest = self.digest.lock().unwrap_or_else(PoisonError::into_inner);
        let credentials = request.headers.authorizations();
        let response = match digest.verify("REGISTER", credentials, from, &Everybody, Instant::now()) {
            Ok(_) => request.response(StatusCode::OK, Some("registrar")),
            Err(denied) => {
                self.challenges.fetch_add(1, Ordering::Relaxed);
                let mut response = request.response(StatusCode::UNAUTHORIZED, Some("registrar"));
                for challenge in digest.challenges(from, &denied, Instant::now()) {
                    response.headers.push(HeaderName::WwwAuthenticate, challenge);
                }
                response
            }
        };
        String::from_utf8_lossy(&response.to_bytes()).into_owned()
    }
}

#[allow(clippy::result_large_err, clippy::unnecessary_wraps, reason = "the library's signature")]
fn agree(request: &Request, mut response: Response) -> Result<Response, ErrorResponse> {
    assert_eq!(request.headers().get("Sec-WebSocket-Protocol"), Some(&HeaderValue::from_static("sip")));
    response.headers_mut().insert("Sec-WebSocket-Protocol", HeaderValue::from_static("sip"));
    Ok(response)
}
