//! One user at one transport: who we are in every request, registration, answers to challenges.

use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc;
use webtrunk_signalling::sip::flow::TransportKind;
use webtrunk_signalling::sip::message::{
    HeaderName, Host, Method, NameAddr, Params, Request, Response, SipUri, StatusCode, Uri, Via,
};

use super::digest::{Challenge, Credentials, Question};
use super::transactions::{NewCall, Responses, Transactions};
use super::{Dialog, Wire, address_of};
use crate::agent::error::AgentError;

/// Who a user agent is.
#[derive(Debug, Clone)]
pub(crate) struct Account {
    /// The user of the address of record.
    pub(crate) user: String,
    /// Its domain: a name, or the server's address.
    pub(crate) domain: Host,
    /// What challenges are answered with.
    pub(crate) credentials: Option<Credentials>,
    /// The server that requests go to.
    pub(crate) server: SocketAddr,
    /// What Contact names instead of the address that we have.
    pub(crate) shown_address: Option<SocketAddr>,
    /// Whether its calls are refreshed by it, and for how long without (RFC 4028).
    pub(crate) session_interval: Option<Duration>,
    /// The UUID by which its registrations are known again where it comes by another connection (RFC 5626 4.1).
    pub(crate) instance: Option<String>,
}

/// One user at one transport.
#[derive(Debug)]
pub(crate) struct UserAgent {
    account: Account,
    transactions: Transactions,
    new_calls: tokio::sync::Mutex<mpsc::UnboundedReceiver<NewCall>>,
    /// The last challenge, how often its nonce was used, and the field to answer in.
    challenge: Mutex<Option<(Challenge, u32, HeaderName)>>,
    registration: Mutex<Option<Dialog>>,
    /// For how long it has registered; zero where it has not.
    registered_for: Mutex<Duration>,
    /// `xyz.invalid`, what a WebSocket client is called by (RFC 7118 5.2).
    invalid_host: Host,
}

/// How often one request is sent: at first, with credentials, and with a fresh nonce.
const ATTEMPTS_MAX: u32 = 3;

impl UserAgent {
    pub(crate) fn new(
        account: Account,
        transactions: Transactions,
        new_calls: mpsc::UnboundedReceiver<NewCall>,
    ) -> Self {
        Self {
            account,
            transactions,
            new_calls: tokio::sync::Mutex::new(new_calls),
            challenge: Mutex::default(),
            registration: Mutex::default(),
            registered_for: Mutex::default(),
            invalid_host: Host::Domain(format!("{}.invalid", token()).into()),
        }
    }

    pub(crate) const fn session_interval(&self) -> Option<Duration> {
        self.account.session_interval
    }

    pub(crate) const fn transactions(&self) -> &Transactions {
        &self.transactions
    }

    const fn wire(&self) -> &Wire {
        self.transactions.wire()
    }

    /// The next INVITE that begins a call; `None` when the connection has ended.
    pub(crate) async fn next_call(&self) -> Option<NewCall> {
        self.new_calls.lock().await.recv().await
    }

    /// Registers for that long; zero removes the binding.
    pub(crate) async fn register(&self, expires: Duration) -> Result<Response, AgentError> {
        let aor = NameAddr::new(SipUri::new(&self.account.user, self.account.domain.clone(), None));
        let registrar = Uri::Sip(SipUri::new("", self.account.domain.clone(), None));
        let mut dialog = lock(&self.registration).take().unwrap_or_else(|| {
            let local = aor.clone().with_tag(&token());
            Dialog::outgoing(&token(), local, aor.clone(), self.account.server)
        });
        let result = self
            .request(&mut dialog, Method::Register, |request| {
                request.uri = registrar.clone();
                request.headers.push(HeaderName::Expires, expires.as_secs().to_string());
            })
            .await;
        *lock(&self.registration) = Some(dialog);
        let response = result?;
        if !response.status.is_success() {
            return Err(AgentError::refused(&response));
        }
        *lock(&self.registered_for) = expires;
        Ok(response)
    }

    /// Loses its WebSocket without a word, has another after so long, and registers by that where it had before.
    ///
    /// # Errors
    /// It has none, the server cannot be reached any more, or does not take the registration.
    pub(crate) async fn reconnect(&self, away: Duration) -> Result<(), AgentError> {
        let connected = self.wire().reconnect(away).await;
        let server = self.account.server.to_string();
        connected.map_err(|source| AgentError::Unreachable { server, source })?;
        let expires = *lock(&self.registered_for);
        if expires.is_zero() { Ok(()) } else { self.register(expires).await.map(drop) }
    }

    /// Sends a request of a dialog and waits for its final response, challenges answered.
    pub(crate) async fn request(
        &self,
        dialog: &mut Dialog,
        method: Method,
        fill: impl Fn(&mut Request),
    ) -> Result<Response, AgentError> {
        for attempt in 1..=ATTEMPTS_MAX {
            let mut request = dialog.request(method.clone());
            fill(&mut request);
            let mut responses = self.send(&mut request, dialog.next_hop());
            let response = responses.last().await.ok_or(AgentError::NoResponse(method.clone()))?;
            if attempt == ATTEMPTS_MAX || !self.should_retry(&request, &response) {
                return Ok(response);
            }
        }
        Err(AgentError::NoResponse(method))
    }

    /// Completes a request and sends it.
    pub(crate) fn send(&self, request: &mut Request, to: SocketAddr) -> Responses {
        self.complete(request);
        self.transactions.request(request.clone(), to)
    }

    /// Adds a Via of a new branch, Contact, and credentials where we were challenged before.
    pub(crate) fn complete(&self, request: &mut Request) {
        let (host, port) = self.sent_by();
        let via = Via::new(self.wire().kind(), host, port, &format!("z9hG4bK{}", token()));
        request.headers.push_front(HeaderName::Via, via.to_string());
        if matches!(request.method, Method::Invite | Method::Register | Method::Update) {
            request.headers.set(HeaderName::Contact, self.contact().to_string());
            request.headers.set(HeaderName::Allow, ALLOW);
        }
        if let Some(instance) = self.account.instance.as_ref().filter(|_| request.method == Method::Register)
        {
            let contact = format!("{};reg-id=1;+sip.instance=\"<urn:uuid:{instance}>\"", self.contact());
            request.headers.set(HeaderName::Contact, contact);
            request.headers.set(HeaderName::Supported, "path, outbound");
        }
        request.headers.set(HeaderName::UserAgent, "webtrunk-loadtest");
        if matches!(request.method, Method::Ack | Method::Cancel) {
            return;
        }
        if let (Some(credentials), Some((challenge, count, field))) =
            (&self.account.credentials, &mut *lock(&self.challenge))
        {
            *count += 1;
            let question = Question {
                method: request.method.as_str(),
                uri: &request.uri.to_string(),
                cnonce: &token(),
                count: *count,
            };
            request.headers.set(field.clone(), credentials.answer(challenge, &question));
        }
    }

    /// Whether the response is a challenge that the next attempt can answer.
    pub(crate) fn should_retry(&self, request: &Request, response: &Response) -> bool {
        let Some(credentials) = &self.account.credentials else { return false };
        let (challenge, field) = match response.status {
            StatusCode::UNAUTHORIZED => {
                (credentials.choose(response.headers.www_authenticates()), HeaderName::Authorization)
            }
            StatusCode::PROXY_AUTHENTICATION_REQUIRED => {
                (credentials.choose(response.headers.proxy_authenticates()), HeaderName::ProxyAuthorization)
            }
            _ => return false,
        };
        let Some(challenge) = challenge else { return false };
        // Credentials that were refused with a nonce that is not blamed are wrong.
        if request.headers.has(&field) && !challenge.is_stale {
            *lock(&self.challenge) = None;
            return false;
        }
        *lock(&self.challenge) = Some((challenge, 0, field));
        true
    }

    /// Answers a request. `fill` adds what belongs to this response.
    pub(crate) fn respond(
        &self,
        request: &Request,
        to: SocketAddr,
        status: StatusCode,
        tag: &str,
        fill: impl FnOnce(&mut Response),
    ) {
        let mut response = request.response(status, Some(tag));
        let makes_dialog = matches!(request.method, Method::Invite | Method::Update);
        if makes_dialog && (101..300).contains(&status.code()) {
            response.headers.push(HeaderName::Contact, self.contact().to_string());
            response.headers.push(HeaderName::Allow, ALLOW);
        }
        fill(&mut response);
        self.transactions.respond(request, to, &response);
    }

    /// The other end, and where its INVITE goes: a user at our domain to the server, a whole URI to the
    /// address in it, where it has one.
    pub(crate) fn destination(&self, to: &str) -> Result<(NameAddr, SocketAddr), AgentError> {
        if to.starts_with("sip:") || to.starts_with("sips:") || to.starts_with("tel:") {
            let uri: Uri = to.parse().map_err(|_| AgentError::Destination(to.to_owned()))?;
            let address = address_of(&uri).filter(|_| !self.wire().kind().is_websocket());
            return Ok((NameAddr::new(uri), address.unwrap_or(self.account.server)));
        }
        let uri = SipUri::new(to, self.account.domain.clone(), None);
        Ok((NameAddr::new(uri), self.account.server))
    }

    /// Our own address in From, with a new tag.
    pub(crate) fn own_address(&self) -> NameAddr {
        NameAddr::new(SipUri::new(&self.account.user, self.account.domain.clone(), None)).with_tag(&token())
    }

    fn contact(&self) -> NameAddr {
        let (host, port) = self.sent_by();
        let mut uri = SipUri::new(&self.account.user, host, port);
        match self.wire().kind() {
            TransportKind::Udp => {}
            TransportKind::Ws | TransportKind::Wss => {
                uri.params = Params::default().with("transport", Some("ws"));
            }
            TransportKind::Tcp => uri.params = Params::default().with("transport", Some("tcp")),
            TransportKind::Tls => uri.params = Params::default().with("transport", Some("tls")),
        }
        NameAddr::new(uri)
    }

    fn sent_by(&self) -> (Host, Option<u16>) {
        if self.wire().kind().is_websocket() {
            return (self.invalid_host.clone(), None);
        }
        let local = self.account.shown_address.unwrap_or_else(|| self.wire().local());
        (local.ip().into(), Some(local.port()))
    }
}

/// What we take in and outside dialogs.
const ALLOW: &str = "INVITE, ACK, BYE, CANCEL, OPTIONS, INFO, UPDATE";

/// A random UUID (RFC 9562 5.4).
pub(crate) fn uuid() -> String {
    let (high, low): (u64, u64) = rand::random();
    let (time, version, variant) = (high >> 16, high & 0x0fff, (low >> 48) & 0x3fff);
    let (first, second, node) = (time >> 16, time & 0xffff, low & 0xffff_ffff_ffff);
    format!("{first:08x}-{second:04x}-4{version:03x}-{:04x}-{node:012x}", 0x8000 | variant)
}

/// 64 random bits as text: tags, branches, Call-IDs.
pub(crate) fn token() -> String {
    format!("{:016x}", rand::random::<u64>())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
