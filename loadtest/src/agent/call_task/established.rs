//! A call that is up: re-INVITEs, digits by INFO, and the end, from either side.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;
use tokio::time::sleep_until;
use webtrunk_signalling::sip::message::{HeaderName, Method, Request, Response, StatusCode};

use super::{
    CallTask, DTMF_RELAY, Order, Reply, SDP, SDP_FRAGMENT, broken, put_request_body, put_response_body,
    reason_of, refresh,
};
use crate::agent::AgentError;
use crate::agent::call::CallEnd;
use crate::agent::sdp::Direction;
use crate::agent::sip::{Responses, UserAgent};

/// A 200 to an INVITE that waits for its ACK and is sent again until then (RFC 3261 13.3.1.4).
pub(super) struct Unconfirmed {
    invite: Request,
    from: SocketAddr,
    body: String,
    next_at: Instant,
    interval: Duration,
    deadline: Instant,
}

/// A request of ours that is not answered yet.
struct Pending {
    request: Request,
    responses: Responses,
    kind: Kind,
    reply: Reply<()>,
    /// How often it was sent.
    attempts: u32,
}

#[derive(Clone)]
enum Kind {
    Change(Direction),
    Info(char),
    Record(&'static str),
    Fragment(String),
    Refer(String),
    Refresh,
}

/// RFC 3261 13.3.1.4: T1, doubled up to T2, for 64 * T1.
const T1: Duration = Duration::from_millis(500);
const T2: Duration = Duration::from_secs(4);
const CONFIRMATION_MAX: Duration = Duration::from_secs(32);
const ATTEMPTS_MAX: u32 = 3;

impl Unconfirmed {
    pub(super) fn new(invite: Request, from: SocketAddr, body: String) -> Self {
        let now = Instant::now();
        Self { invite, from, body, next_at: now + T1, interval: T1, deadline: now + CONFIRMATION_MAX }
    }

    pub(super) fn send(&self, agent: &UserAgent, tag: &str) {
        agent.respond(&self.invite, self.from, StatusCode::OK, tag, |response| {
            put_response_body(response, self.body.clone());
            refresh::answer(&mut response.headers, agent.session_interval());
        });
    }

    /// Whether the ACK brings the answer to our offer.
    fn wants_answer(&self) -> bool {
        self.invite.body.is_empty()
    }
}

impl CallTask {
    pub(super) async fn run_established(mut self, mut unconfirmed: Option<Unconfirmed>) {
        let mut pending: Option<Pending> = None;
        let mut refresh_at = self.next_refresh();
        loop {
            let resend_at = unconfirmed.as_ref().map(|it| it.next_at);
            tokio::select! {
                order = self.orders.recv() => match order {
                    Some(Order::HangUp) | None => {
                        self.bye().await;
                        return self.finish(CallEnd::ByUs, true);
                    }
                    Some(Order::Vanish) => return self.finish(CallEnd::ByUs, false),
                    Some(Order::Change(direction, reply)) => {
                        self.start(&mut pending, Kind::Change(direction), reply).await;
                    }
                    Some(Order::Info(digit, reply)) => {
                        self.start(&mut pending, Kind::Info(digit), reply).await;
                    }
                    Some(Order::Record(wish, reply)) => {
                        self.start(&mut pending, Kind::Record(wish), reply).await;
                    }
                    Some(Order::Fragment(fragment, reply)) => {
                        self.start(&mut pending, Kind::Fragment(fragment), reply).await;
                    }
                    Some(Order::Refer(to, reply)) => {
                        self.start(&mut pending, Kind::Refer(to), reply).await;
                    }
                    Some(Order::Ring | Order::EarlyMedia(_) | Order::Answer(_) | Order::Reject(..)) => {}
                },
                response = next_response(&mut pending) => {
                    if let Some(waiting) = pending.take() {
                        pending = self.handle_response(waiting, response).await;
                    }
                }
                request = self.mailbox.recv() => {
                    let Some((from, request)) = request else {
                        return self.finish(CallEnd::Broken("the connection ended".to_owned()), true);
                    };
                    let is_pending = pending.is_some();
                    if let Some(end) = self.handle_request(&request, from, is_pending, &mut unconfirmed).await {
                        return self.finish(end, true);
                    }
                }
                () = sleep_until(refresh_at.unwrap_or_else(Instant::now).into()),
                    if refresh_at.is_some() && pending.is_none() =>
                {
                    self.start(&mut pending, Kind::Refresh, oneshot::channel().0).await;
                    refresh_at = self.next_refresh();
                }
                () = sleep_until(resend_at.unwrap_or_else(Instant::now).into()), if resend_at.is_some() => {
                    if let Some(waiting) = &mut unconfirmed
                        && !self.resend(waiting)
                    {
                        self.bye().await;
                        return self.finish(CallEnd::Broken("no ACK came".to_owned()), true);
                    }
                }
            }
        }
    }

    async fn start(&mut self, pending: &mut Option<Pending>, kind: Kind, reply: Reply<()>) {
        if pending.is_some() {
            let busy = AgentError::Waited { what: "the end of the request before", limit: Duration::ZERO };
            let _ = reply.send(Err(busy));
            return;
        }
        match self.request(&kind).await {
            Ok((request, responses)) => {
                *pending = Some(Pending { request, responses, kind, reply, attempts: 1 });
            }
            Err(error) => drop(reply.send(Err(error))),
        }
    }

    async fn request(&mut self, kind: &Kind) -> Result<(Request, Responses), AgentError> {
        let mut request = match kind {
            Kind::Change(direction) => {
                let offer = self.media.offer(*direction).await?;
                let mut request = self.dialog.request(Method::Invite);
                put_request_body(&mut request, SDP, offer);
                refresh::ask(&mut request.headers, self.agent.session_interval());
                request
            }
            Kind::Info(digit) => {
                let mut request = self.dialog.request(Method::Info);
                let body = format!("Signal={digit}\r\nDuration=100\r\n");
                put_request_body(&mut request, DTMF_RELAY, body);
                request
            }
            Kind::Record(wish) => {
                let mut request = self.dialog.request(Method::Info);
                request.headers.push(HeaderName::from("Record"), *wish);
                request
            }
            Kind::Fragment(fragment) => {
                let mut request = self.dialog.request(Method::Info);
                request.headers.set(HeaderName::from("Info-Package"), "trickle-ice");
                put_request_body(&mut request, SDP_FRAGMENT, fragment.clone());
                request
            }
            Kind::Refer(to) => self.refer(&self.agent.destination(to)?.0.uri.to_string()),
            Kind::Refresh => self.refresh(),
        };
        let responses = self.agent.send(&mut request, self.dialog.next_hop());
        Ok((request, responses))
    }

    /// Takes a response to our request; gives it back where it still waits.
    async fn handle_response(&mut self, mut pending: Pending, response: Option<Response>) -> Option<Pending> {
        let Some(response) = response else {
            let _ = pending.reply.send(Err(AgentError::NoResponse(pending.request.method)));
            return None;
        };
        if response.status.is_provisional() {
            return Some(pending);
        }
        if pending.attempts < ATTEMPTS_MAX && self.agent.should_retry(&pending.request, &response) {
            pending.attempts += 1;
            return match self.request(&pending.kind).await {
                Ok((request, responses)) => Some(Pending { request, responses, ..pending }),
                Err(error) => {
                    let _ = pending.reply.send(Err(error));
                    None
                }
            };
        }
        if !response.status.is_success() {
            let _ = pending.reply.send(Err(AgentError::refused(&response)));
            return None;
        }
        let result = match pending.kind {
            Kind::Change(direction) => {
                self.dialog.refresh_target(&response.headers);
                let mut ack = self.dialog.companion(Method::Ack, &pending.request);
                self.agent.complete(&mut ack);
                let to = self.dialog.next_hop();
                self.agent.transactions().acknowledge(&pending.request, &ack, to);
                self.note_description(&response.body);
                self.wish = direction;
                self.media.accept(&response.body).await
            }
            Kind::Refresh => {
                self.facts.send_modify(|facts| facts.refreshes += 1);
                Ok(())
            }
            Kind::Info(_) | Kind::Record(_) | Kind::Fragment(_) | Kind::Refer(_) => Ok(()),
        };
        let _ = pending.reply.send(result);
        None
    }

    /// Answers a request of the other end; tells where it ends the call.
    async fn handle_request(
        &mut self,
        request: &Request,
        from: SocketAddr,
        is_pending: bool,
        unconfirmed: &mut Option<Unconfirmed>,
    ) -> Option<CallEnd> {
        match request.method {
            Method::Bye => {
                self.respond(request, from, StatusCode::OK);
                return Some(CallEnd::ByPeer { reason: reason_of(request) });
            }
            Method::Ack => return self.handle_ack(request, unconfirmed).await,
            Method::Invite if is_pending || unconfirmed.is_some() => {
                self.respond(request, from, StatusCode::REQUEST_PENDING);
            }
            Method::Invite => {
                self.dialog.refresh_target(&request.headers);
                match self.describe_again(request).await {
                    Ok(body) => {
                        let answer = Unconfirmed::new(request.clone(), from, body);
                        answer.send(&self.agent, &self.tag);
                        *unconfirmed = Some(answer);
                    }
                    Err(_) => self.respond(request, from, StatusCode::NOT_ACCEPTABLE_HERE),
                }
            }
            Method::Update if request.body.is_empty() => self.respond(request, from, StatusCode::OK),
            Method::Update => match self.describe_again(request).await {
                Ok(body) => self.agent.respond(request, from, StatusCode::OK, &self.tag, |response| {
                    put_response_body(response, body);
                }),
                Err(_) => self.respond(request, from, StatusCode::NOT_ACCEPTABLE_HERE),
            },
            Method::Info => {
                self.handle_info(request);
                self.respond(request, from, StatusCode::OK);
            }
            Method::Notify => {
                self.handle_notify(request);
                self.respond(request, from, StatusCode::OK);
            }
            Method::Options => self.respond(request, from, StatusCode::OK),
            // Its INVITE has its final response already.
            Method::Cancel => self.respond(request, from, StatusCode::OK),
            _ => self.respond(request, from, StatusCode::METHOD_NOT_ALLOWED),
        }
        None
    }

    async fn handle_ack(&self, ack: &Request, unconfirmed: &mut Option<Unconfirmed>) -> Option<CallEnd> {
        let number = |request: &Request| request.headers.cseq().map(|cseq| cseq.number).ok();
        let confirmed = unconfirmed.take_if(|it| number(&it.invite) == number(ack))?;
        if confirmed.wants_answer() {
            self.note_description(&ack.body);
            if let Err(error) = self.media.accept(&ack.body).await {
                return Some(broken(&error));
            }
        }
        None
    }

    async fn describe_again(&self, request: &Request) -> Result<String, AgentError> {
        if request.body.is_empty() {
            return self.media.offer(self.wish).await;
        }
        self.note_description(&request.body);
        self.media.answer(&request.body, self.wish).await
    }

    fn handle_info(&self, request: &Request) {
        let body = String::from_utf8_lossy(&request.body);
        if request.headers.is_content_type(SDP_FRAGMENT) {
            self.media.take_candidates(&body);
            return self.facts.send_modify(|facts| facts.fragments.push(body.into_owned()));
        }
        let is_relay = request.headers.is_content_type(DTMF_RELAY);
        let signal = body.lines().find_map(|line| line.trim().strip_prefix("Signal="));
        if let Some(digit) = signal.filter(|_| is_relay).and_then(|it| it.trim().chars().next()) {
            self.facts.send_modify(|facts| facts.info_digits.push(digit));
        }
    }

    /// Whether there is still time for an ACK.
    fn resend(&self, unconfirmed: &mut Unconfirmed) -> bool {
        unconfirmed.send(&self.agent, &self.tag);
        unconfirmed.interval = (2 * unconfirmed.interval).min(T2);
        unconfirmed.next_at += unconfirmed.interval;
        unconfirmed.next_at < unconfirmed.deadline
    }
}

async fn next_response(pending: &mut Option<Pending>) -> Option<Response> {
    match pending {
        Some(pending) => pending.responses.next().await,
        None => std::future::pending().await,
    }
}
