//! A call that we dial, until it is answered: RFC 3261 13.2 and 9.1.

use std::sync::Arc;
use std::time::SystemTime;

use webtrunk_signalling::sip::message::{HeaderName, Method, Request, Response, StatusCode};

use super::{CallTask, Order, SDP, broken, put_request_body, refresh};
use crate::agent::AgentError;
use crate::agent::call::{CallEnd, CallProgress, Dialing};
use crate::agent::media::Media;
use crate::agent::sdp::Direction;
use crate::agent::sip::{Dialog, Responses, UserAgent, token};

/// How often the INVITE is sent: at first, with credentials, and with a fresh nonce.
const ATTEMPTS_MAX: usize = 3;

/// Dials. Without an offer, the other end makes it in its 200.
pub(in crate::agent) async fn dial(
    agent: &Arc<UserAgent>,
    media: Media,
    to: &str,
    makes_offer: bool,
) -> Result<Dialing, AgentError> {
    let (remote, peer) = agent.destination(to)?;
    let call_id = token();
    let dialog = Dialog::outgoing(&call_id, agent.own_address(), remote, peer);
    let offer = if makes_offer { Some(media.offer(Direction::SendRecv).await?) } else { None };
    let mailbox = agent.transactions().open_mailbox(&call_id);
    let (task, call) = CallTask::new(Arc::clone(agent), media, dialog, mailbox);
    tokio::spawn(task.run_outgoing(offer));
    Ok(Dialing::new(call))
}

/// What became of one INVITE.
enum Outcome {
    Answered,
    /// It was challenged; the next one can have credentials.
    Challenged,
}

/// Whether the caller still wants the call.
#[derive(PartialEq, Eq)]
enum Patience {
    Waiting,
    /// The caller gave up before anything was heard; a CANCEL must wait for that (RFC 3261 9.1).
    GivenUp,
    Cancelled,
}

impl CallTask {
    async fn run_outgoing(mut self, offer: Option<String>) {
        for _ in 0..ATTEMPTS_MAX {
            match self.invite(offer.as_deref()).await {
                Ok(Outcome::Challenged) => {}
                Ok(Outcome::Answered) => return self.run_established(None).await,
                Err(end) => return self.finish(end, true),
            }
        }
        self.finish(CallEnd::Broken("challenged again and again".to_owned()), true);
    }

    async fn invite(&mut self, offer: Option<&str>) -> Result<Outcome, CallEnd> {
        let mut invite = self.dialog.request(Method::Invite);
        if let Some(offer) = offer {
            put_request_body(&mut invite, SDP, offer.to_owned());
        }
        refresh::ask(&mut invite.headers, self.agent.session_interval());
        self.facts.send_modify(|facts| facts.invited_at = Some(SystemTime::now()));
        let mut responses = self.agent.send(&mut invite, self.dialog.next_hop());
        let mut patience = Patience::Waiting;
        let mut is_heard = false;
        loop {
            tokio::select! {
                response = responses.next() => {
                    let Some(response) = response else {
                        return Err(broken(&AgentError::NoResponse(Method::Invite)));
                    };
                    is_heard = true;
                    if response.status.is_final() {
                        return self.handle_final(&invite, &response, offer.is_some(), &patience).await;
                    }
                    self.handle_provisional(&response, offer.is_some()).await;
                }
                order = self.orders.recv(), if patience == Patience::Waiting => match order {
                    Some(Order::HangUp) | None => patience = Patience::GivenUp,
                    Some(Order::Vanish) => return Err(CallEnd::ByUs),
                    // Too early; who asked is told by the dropped reply.
                    Some(_) => {}
                },
                Some((from, request)) = self.mailbox.recv() => {
                    self.respond(&request, from, StatusCode::METHOD_NOT_ALLOWED);
                }
            }
            if is_heard && patience == Patience::GivenUp {
                self.cancel(&invite);
                patience = Patience::Cancelled;
            }
        }
    }

    async fn handle_provisional(&self, response: &Response, made_offer: bool) {
        let status = response.status.code();
        if status == 100 {
            return;
        }
        let has_media = made_offer && !response.body.is_empty();
        if has_media {
            self.note_description(&response.body);
            if let Err(error) = self.media.accept(&response.body).await {
                tracing::warn!(%error, "early media of no use");
            }
        }
        self.facts.send_modify(|facts| facts.provisional.push(status));
        self.progress.send_replace(CallProgress::Ringing { status, has_media });
    }

    async fn handle_final(
        &mut self,
        invite: &Request,
        response: &Response,
        made_offer: bool,
        patience: &Patience,
    ) -> Result<Outcome, CallEnd> {
        if !response.status.is_success() {
            if *patience != Patience::Waiting {
                return Err(CallEnd::ByUs);
            }
            if self.agent.should_retry(invite, response) {
                return Ok(Outcome::Challenged);
            }
            let (status, reason) = (response.status.code(), response.reason.to_string());
            return Err(CallEnd::Refused { status, reason });
        }
        self.dialog.handle_response(response);
        self.note_description(&response.body);
        let described = self.describe(response, made_offer).await;
        let mut ack = self.dialog.companion(Method::Ack, invite);
        if let Ok(Some(answer)) = &described {
            put_request_body(&mut ack, SDP, answer.clone());
        }
        self.agent.complete(&mut ack);
        self.agent.transactions().acknowledge(invite, &ack, self.dialog.next_hop());
        if *patience != Patience::Waiting {
            self.bye().await;
            return Err(CallEnd::ByUs);
        }
        if let Err(error) = described {
            self.bye().await;
            return Err(broken(&error));
        }
        self.answered();
        Ok(Outcome::Answered)
    }

    /// Takes the description in a 200; our answer, where that one was the offer.
    async fn describe(&self, response: &Response, made_offer: bool) -> Result<Option<String>, AgentError> {
        if made_offer {
            self.media.accept(&response.body).await.map(|()| None)
        } else {
            self.media.answer(&response.body, self.wish).await.map(Some)
        }
    }

    fn cancel(&self, invite: &Request) {
        let mut cancel = self.dialog.companion(Method::Cancel, invite);
        cancel.uri = invite.uri.clone();
        cancel.headers.set(HeaderName::To, invite.headers.get(&HeaderName::To).unwrap_or_default());
        if let Some(via) = invite.headers.get(&HeaderName::Via) {
            cancel.headers.push_front(HeaderName::Via, via);
        }
        let _: Responses = self.agent.transactions().request(cancel, self.dialog.next_hop());
    }
}
