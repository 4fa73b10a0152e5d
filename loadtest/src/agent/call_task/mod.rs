//! The signalling of one call, as a task: dialled or come in, then established, then over.

mod established;
mod incoming;
mod outgoing;
mod refresh;
mod transfer;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::SystemTime;

use tokio::sync::{mpsc, oneshot, watch};
use webtrunk_signalling::sip::message::{HeaderName, Headers, Request, Response, StatusCode};

use super::call::{Call, Facts};
use super::media::Media;
use super::sdp::Direction;
use super::sip::{Dialog, Mailbox, UserAgent};
use super::{AgentError, CallEnd, CallProgress, RemoteDescription};

pub(super) use incoming::receive;
pub(super) use outgoing::dial;

pub(super) type Reply<T> = oneshot::Sender<Result<T, AgentError>>;

/// What the handle of a call asks for.
pub(super) enum Order {
    Ring,
    EarlyMedia(Reply<()>),
    Answer(Reply<()>),
    Reject(u16, Reply<()>),
    Change(Direction, Reply<()>),
    Info(char, Reply<()>),
    Record(&'static str, Reply<()>),
    /// A fragment of a description, by INFO.
    Fragment(String, Reply<()>),
    /// To a number or user at the server, or to a URI.
    Refer(String, Reply<()>),
    HangUp,
    Vanish,
}

struct CallTask {
    agent: Arc<UserAgent>,
    media: Media,
    dialog: Dialog,
    /// The tag of our responses.
    tag: String,
    /// The direction that we want.
    wish: Direction,
    mailbox: Mailbox,
    orders: mpsc::UnboundedReceiver<Order>,
    progress: watch::Sender<CallProgress>,
    facts: watch::Sender<Facts>,
}

const SDP: &str = "application/sdp";
const SDP_FRAGMENT: &str = "application/trickle-ice-sdpfrag";
const DTMF_RELAY: &str = "application/dtmf-relay";

impl CallTask {
    fn new(agent: Arc<UserAgent>, media: Media, dialog: Dialog, mailbox: Mailbox) -> (Self, Call) {
        let (orders, inbox) = mpsc::unbounded_channel();
        let (progress, watching) = watch::channel(CallProgress::Calling);
        let facts = Facts { call_id: dialog.call_id.to_string(), ..Facts::default() };
        let (facts, known) = watch::channel(facts);
        let call = Call { orders, progress: watching, facts: known, media: media.clone() };
        let tag = dialog.local.tag().unwrap_or_default().to_owned();
        let wish = Direction::SendRecv;
        (Self { agent, media, dialog, tag, wish, mailbox, orders: inbox, progress, facts }, call)
    }

    fn finish(self, end: CallEnd, says_goodbye: bool) {
        self.media.stop(says_goodbye);
        self.progress.send_replace(CallProgress::Ended(end));
    }

    fn respond(&self, request: &Request, to: SocketAddr, status: StatusCode) {
        self.agent.respond(request, to, status, &self.tag, |_| {});
    }

    fn answered(&self) {
        let replacing = self.dialog.replacing();
        self.facts.send_modify(|facts| {
            facts.answered_at = Some(SystemTime::now());
            facts.replacing = replacing;
        });
        self.progress.send_replace(CallProgress::Up);
    }

    fn note_description(&self, body: &[u8]) {
        if let Ok(remote) = RemoteDescription::parse(&String::from_utf8_lossy(body)) {
            self.facts.send_modify(|facts| facts.remote = Some(remote));
        }
    }

    /// Hangs up; meanwhile the other end may do the same.
    async fn bye(&mut self) {
        let Self { agent, dialog, mailbox, tag, .. } = self;
        let bye = agent.request(dialog, webtrunk_signalling::sip::message::Method::Bye, |_| {});
        tokio::pin!(bye);
        loop {
            tokio::select! {
                _ = &mut bye => return,
                Some((from, request)) = mailbox.recv() => {
                    agent.respond(&request, from, StatusCode::OK, tag, |_| {});
                }
            }
        }
    }
}

fn put_request_body(request: &mut Request, content_type: &'static str, body: String) {
    request.headers.set(HeaderName::ContentType, content_type);
    if content_type == SDP {
        take_trickled(&mut request.headers, &body);
    }
    request.body = body.into();
}

/// Whoever describes itself with ICE takes candidates that come later (RFC 8840 5.1).
fn take_trickled(headers: &mut Headers, description: &str) {
    if description.contains("a=ice-ufrag:") {
        headers.set(HeaderName::from("Recv-Info"), "trickle-ice");
    }
}

fn put_response_body(response: &mut Response, body: String) {
    response.headers.set(HeaderName::ContentType, SDP);
    take_trickled(&mut response.headers, &body);
    response.body = body.into();
}

fn broken(error: &AgentError) -> CallEnd {
    CallEnd::Broken(error.to_string())
}

fn reason_of(request: &Request) -> Option<String> {
    request.headers.get(&HeaderName::Reason).map(str::to_owned)
}
