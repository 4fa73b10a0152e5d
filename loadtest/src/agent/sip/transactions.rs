//! Transactions, as little of RFC 3261 17 as a test client needs: retransmission over UDP, the ACK of
//! a failure, the same answer to the same request, and who in this process a message is for.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::mpsc;
use webtrunk_signalling::sip::message::{
    HeaderName, Headers, Message, Method, Request, Response, StatusCode,
};

use super::Wire;
use super::wire::Inbox;

/// RFC 3261 17.1.1.1.
const T1: Duration = Duration::from_millis(500);
/// 64 * T1: when to give up, and how long to remember.
const LIFETIME: Duration = Duration::from_secs(32);

/// How long an INVITE may ring: longer than any test.
const RINGING_MAX: Duration = Duration::from_secs(3600);

/// Requests within one call, and from whom.
pub(crate) type Mailbox = mpsc::UnboundedReceiver<(SocketAddr, Request)>;

/// The transactions of one user agent; clones share them.
#[derive(Debug, Clone)]
pub(crate) struct Transactions {
    wire: Wire,
    tables: Arc<Mutex<Tables>>,
    incoming: mpsc::UnboundedSender<NewCall>,
}

/// An INVITE that begins a call.
#[derive(Debug)]
pub(crate) struct NewCall {
    pub(crate) invite: Request,
    pub(crate) from: SocketAddr,
    pub(crate) mailbox: Mailbox,
}

/// The responses to one request.
#[derive(Debug)]
pub(crate) struct Responses {
    receiver: mpsc::UnboundedReceiver<Response>,
    is_invite: bool,
    deadline: Instant,
}

type Key = (String, Method);

#[derive(Debug, Default)]
struct Tables {
    /// By branch and method: a CANCEL has the branch of its INVITE.
    clients: HashMap<Key, Client>,
    calls: HashMap<String, mpsc::UnboundedSender<(SocketAddr, Request)>>,
    /// What was answered, if anything yet, by branch and method.
    answered: HashMap<Key, (Instant, Option<Bytes>)>,
}

#[derive(Debug)]
struct Client {
    request: Request,
    to: SocketAddr,
    responses: mpsc::UnboundedSender<Response>,
    progress: Progress,
    /// The ACK of a 2xx, for its retransmissions.
    ack: Option<Bytes>,
    born_at: Instant,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Progress {
    Sent,
    Proceeding,
    Done,
}

impl Transactions {
    /// Reads `inbox` until the last clone is gone.
    pub(crate) fn start(wire: Wire, mut inbox: Inbox) -> (Self, mpsc::UnboundedReceiver<NewCall>) {
        let (incoming, calls) = mpsc::unbounded_channel();
        let transactions = Self { wire, tables: Arc::default(), incoming };
        let reader = transactions.clone();
        tokio::spawn(async move {
            // The user agent holds the receiver of new calls; without it nobody is here.
            loop {
                tokio::select! {
                    received = inbox.recv() => match received {
                        Some((from, octets)) => reader.handle(from, octets),
                        None => return reader.forget_everybody(),
                    },
                    () = reader.incoming.closed() => return,
                }
            }
        });
        (transactions, calls)
    }

    pub(crate) const fn wire(&self) -> &Wire {
        &self.wire
    }

    /// Sends a request whose top Via is ours.
    pub(crate) fn request(&self, request: Request, to: SocketAddr) -> Responses {
        let is_invite = request.method == Method::Invite;
        let octets = request.to_bytes();
        let key = (branch_of(&request.headers), request.method.clone());
        let (sender, receiver) = mpsc::unbounded_channel();
        let client = Client {
            request,
            to,
            responses: sender,
            progress: Progress::Sent,
            ack: None,
            born_at: Instant::now(),
        };
        {
            let mut tables = self.tables();
            tables.prune();
            tables.clients.insert(key.clone(), client);
        }
        self.wire.send(to, octets.clone());
        if !self.wire.kind().is_reliable() {
            tokio::spawn(self.clone().retransmit(key, octets, to));
        }
        Responses { receiver, is_invite, deadline: Instant::now() + LIFETIME }
    }

    /// Sends the ACK of a 2xx, now and whenever that comes again.
    pub(crate) fn acknowledge(&self, invite: &Request, ack: &Request, to: SocketAddr) {
        let octets = ack.to_bytes();
        if let Some(client) = self.tables().clients.get_mut(&(branch_of(&invite.headers), Method::Invite)) {
            client.ack = Some(octets.clone());
            client.to = to;
        }
        self.wire.send(to, octets);
    }

    /// Sends a response to a request, now and whenever that comes again.
    pub(crate) fn respond(&self, request: &Request, to: SocketAddr, response: &Response) {
        let octets = response.to_bytes();
        let key = (branch_of(&request.headers), request.method.clone());
        self.tables().answered.insert(key, (Instant::now(), Some(octets.clone())));
        self.wire.send(to, octets);
    }

    /// Hands requests of this Call-ID to the mailbox.
    pub(crate) fn open_mailbox(&self, call_id: &str) -> Mailbox {
        let (sender, receiver) = mpsc::unbounded_channel();
        self.tables().calls.insert(call_id.to_owned(), sender);
        receiver
    }

    fn handle(&self, from: SocketAddr, octets: Bytes) {
        tracing::debug!(%from, "received\n{}", String::from_utf8_lossy(&octets));
        match Message::parse(octets) {
            Ok(Message::Response(response)) => self.handle_response(response),
            Ok(Message::Request(request)) => self.handle_request(from, request),
            Err(malformed) => tracing::warn!(%from, error = %malformed.error, "not SIP"),
        }
    }

    fn handle_response(&self, response: Response) {
        let Ok(cseq) = response.headers.cseq() else { return };
        let mut tables = self.tables();
        let key = (branch_of(&response.headers), cseq.method);
        let Some(client) = tables.clients.get_mut(&key) else { return };
        let is_invite = client.request.method == Method::Invite;
        if is_invite && response.status.is_final() {
            if !response.status.is_success() {
                self.wire.send(client.to, failure_ack(&client.request, &response).to_bytes());
            } else if let Some(ack) = &client.ack {
                self.wire.send(client.to, ack.clone());
            }
        }
        if client.progress == Progress::Done {
            return;
        }
        client.progress = if response.status.is_final() { Progress::Done } else { Progress::Proceeding };
        let _ = client.responses.send(response);
    }

    fn handle_request(&self, from: SocketAddr, request: Request) {
        let call_id = request.headers.call_id().unwrap_or_default();
        let mut tables = self.tables();
        if request.method == Method::Ack {
            if let Some(mailbox) = tables.calls.get(&*call_id) {
                let _ = mailbox.send((from, request));
            }
            return;
        }
        tables.prune();
        let key = (branch_of(&request.headers), request.method.clone());
        if let Some((_, answer)) = tables.answered.get(&key) {
            if let Some(answer) = answer {
                self.wire.send(from, answer.clone());
            }
            return;
        }
        tables.answered.insert(key, (Instant::now(), None));
        if let Some(mailbox) = tables.calls.get(&*call_id) {
            if let Err(mpsc::error::SendError((_, request))) = mailbox.send((from, request)) {
                tables.calls.remove(&*call_id);
                drop(tables);
                self.refuse(&request, from, StatusCode::CALL_DOES_NOT_EXIST);
            }
            return;
        }
        drop(tables);
        let is_in_dialog = request.headers.to().is_ok_and(|to| to.tag().is_some());
        match request.method {
            Method::Invite if !is_in_dialog => {
                let mailbox = self.open_mailbox(&call_id);
                let _ = self.incoming.send(NewCall { invite: request, from, mailbox });
            }
            Method::Options if !is_in_dialog => self.refuse(&request, from, StatusCode::OK),
            _ => self.refuse(&request, from, StatusCode::CALL_DOES_NOT_EXIST),
        }
    }

    fn refuse(&self, request: &Request, from: SocketAddr, status: StatusCode) {
        self.respond(request, from, &request.response(status, Some("none")));
    }

    async fn retransmit(self, key: Key, octets: Bytes, to: SocketAddr) {
        let mut interval = T1;
        let deadline = Instant::now() + LIFETIME;
        while Instant::now() < deadline {
            tokio::time::sleep(interval).await;
            let (is_invite, progress) = {
                let tables = self.tables();
                let Some(client) = tables.clients.get(&key) else { return };
                // Who waits for it no more may have asked for another since, which it would undo.
                if client.request.method == Method::Register && client.responses.is_closed() {
                    return;
                }
                (client.request.method == Method::Invite, client.progress)
            };
            match progress {
                Progress::Done => return,
                Progress::Proceeding if is_invite => return,
                Progress::Sent | Progress::Proceeding => self.wire.send(to, octets.clone()),
            }
            let limit = if is_invite { LIFETIME } else { 8 * T1 };
            interval = (2 * interval).min(limit);
        }
    }

    /// The connection is gone: nothing will be answered any more.
    fn forget_everybody(&self) {
        let mut tables = self.tables();
        tables.clients.clear();
        tables.calls.clear();
    }

    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Responses {
    /// The next response; `None` when there will be none: nobody answered in time, or the connection
    /// ended. An INVITE that rings may take any time.
    pub(crate) async fn next(&mut self) -> Option<Response> {
        let response =
            tokio::time::timeout_at(self.deadline.into(), self.receiver.recv()).await.ok().flatten();
        if self.is_invite && response.is_some() {
            self.deadline = Instant::now() + RINGING_MAX;
        }
        response
    }

    /// The final response.
    pub(crate) async fn last(&mut self) -> Option<Response> {
        loop {
            let response = self.next().await?;
            if response.status.is_final() {
                return Some(response);
            }
        }
    }
}

impl Tables {
    fn prune(&mut self) {
        self.clients.retain(|_, client| {
            client.born_at.elapsed() < 2 * LIFETIME
                || (client.progress != Progress::Done && !client.responses.is_closed())
        });
        self.answered.retain(|_, (at, _)| at.elapsed() < LIFETIME);
        self.calls.retain(|_, mailbox| !mailbox.is_closed());
    }
}

fn branch_of(headers: &Headers) -> String {
    headers.via().ok().and_then(|via| via.branch().map(str::to_owned)).unwrap_or_default()
}

/// RFC 3261 17.1.1.3.
fn failure_ack(invite: &Request, response: &Response) -> Request {
    let mut ack = Request::new(Method::Ack, invite.uri.clone());
    for name in [HeaderName::Via, HeaderName::Route, HeaderName::From, HeaderName::CallId] {
        for value in invite.headers.get_all(&name) {
            ack.headers.push(name.clone(), value);
        }
    }
    if let Some(to) = response.headers.get(&HeaderName::To) {
        ack.headers.push(HeaderName::To, to);
    }
    let number = invite.headers.cseq().map_or(0, |cseq| cseq.number);
    ack.headers.push(HeaderName::CSeq, format!("{number} ACK"));
    ack.headers.push(HeaderName::MaxForwards, "70");
    ack
}
