//! A call that comes in, until it is answered: RFC 3261 13.3 and 9.2.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::SystemTime;

use webtrunk_signalling::sip::message::{Method, Request, StatusCode};

use super::established::Unconfirmed;
use super::{CallTask, Order, put_response_body};
use crate::agent::call::{CallEnd, Incoming};
use crate::agent::media::Media;
use crate::agent::sip::{Dialog, NewCall, UserAgent, token};
use crate::agent::{AgentError, CallProgress};

/// Takes a call and lets its owner decide.
pub(in crate::agent) fn receive(
    agent: &Arc<UserAgent>,
    media: Media,
    new_call: NewCall,
) -> Result<Incoming, AgentError> {
    let NewCall { invite, from, mailbox } = new_call;
    let dialog = match Dialog::incoming(&invite, &token(), from) {
        Ok(dialog) => dialog,
        Err(error) => {
            agent.respond(&invite, from, StatusCode::BAD_REQUEST, "none", |_| {});
            return Err(error.into());
        }
    };
    let (task, call) = CallTask::new(Arc::clone(agent), media, dialog, mailbox);
    task.facts.send_modify(|facts| facts.invited_at = Some(SystemTime::now()));
    task.note_description(&invite.body);
    task.respond(&invite, from, StatusCode::TRYING);
    let incoming = Incoming::new(call, &invite);
    tokio::spawn(task.run_incoming(invite, from));
    Ok(incoming)
}

/// What to go on with.
enum Decision {
    Wait,
    Answered(Box<Unconfirmed>),
    Over(CallEnd),
}

impl CallTask {
    async fn run_incoming(mut self, invite: Request, from: SocketAddr) {
        let mut described = None;
        loop {
            let decision = tokio::select! {
                order = self.orders.recv() => self.decide(order, &invite, from, &mut described).await,
                request = self.mailbox.recv() => match request {
                    Some((from_now, request)) => self.handle_early(&request, from_now, &invite, from),
                    None => Decision::Over(CallEnd::Broken("the connection ended".to_owned())),
                },
            };
            match decision {
                Decision::Wait => {}
                Decision::Answered(unconfirmed) => {
                    self.answered();
                    return self.run_established(Some(*unconfirmed)).await;
                }
                Decision::Over(end) => return self.finish(end, true),
            }
        }
    }

    async fn decide(
        &self,
        order: Option<Order>,
        invite: &Request,
        from: SocketAddr,
        described: &mut Option<String>,
    ) -> Decision {
        match order {
            Some(Order::Ring) => {
                self.respond(invite, from, StatusCode::RINGING);
                self.progress.send_replace(CallProgress::Ringing { status: 180, has_media: false });
                Decision::Wait
            }
            Some(Order::EarlyMedia(reply)) => {
                let body = self.describe_once(invite, described).await;
                if let Ok(body) = &body {
                    self.agent.respond(invite, from, StatusCode::SESSION_PROGRESS, &self.tag, |response| {
                        put_response_body(response, body.clone());
                    });
                    self.progress.send_replace(CallProgress::Ringing { status: 183, has_media: true });
                }
                let _ = reply.send(body.map(drop));
                Decision::Wait
            }
            Some(Order::Answer(reply)) => match self.describe_once(invite, described).await {
                Ok(body) => {
                    let unconfirmed = Unconfirmed::new(invite.clone(), from, body);
                    unconfirmed.send(&self.agent, &self.tag);
                    let _ = reply.send(Ok(()));
                    Decision::Answered(Box::new(unconfirmed))
                }
                Err(error) => {
                    self.respond(invite, from, StatusCode::NOT_ACCEPTABLE_HERE);
                    let _ = reply.send(Err(error));
                    Decision::Over(refusal(StatusCode::NOT_ACCEPTABLE_HERE))
                }
            },
            Some(Order::Reject(status, reply)) => {
                let status = StatusCode::new(status).unwrap_or(StatusCode::BUSY_HERE);
                self.respond(invite, from, status);
                let _ = reply.send(Ok(()));
                Decision::Over(refusal(status))
            }
            Some(Order::HangUp) | None => {
                self.respond(invite, from, StatusCode::TEMPORARILY_UNAVAILABLE);
                Decision::Over(refusal(StatusCode::TEMPORARILY_UNAVAILABLE))
            }
            Some(Order::Vanish) => Decision::Over(CallEnd::ByUs),
            Some(
                Order::Change(..)
                | Order::Info(..)
                | Order::Record(..)
                | Order::Fragment(..)
                | Order::Refer(..),
            ) => Decision::Wait,
        }
    }

    /// Our description: the answer, or the offer to an INVITE without one. The same in 183 and 200.
    async fn describe_once(
        &self,
        invite: &Request,
        described: &mut Option<String>,
    ) -> Result<String, AgentError> {
        if let Some(body) = described {
            return Ok(body.clone());
        }
        let body = if invite.body.is_empty() {
            self.media.offer(self.wish).await?
        } else {
            self.media.answer(&invite.body, self.wish).await?
        };
        *described = Some(body.clone());
        Ok(body)
    }

    fn handle_early(
        &self,
        request: &Request,
        from_now: SocketAddr,
        invite: &Request,
        from: SocketAddr,
    ) -> Decision {
        match request.method {
            Method::Cancel | Method::Bye => {
                self.respond(request, from_now, StatusCode::OK);
                self.respond(invite, from, StatusCode::REQUEST_TERMINATED);
                Decision::Over(CallEnd::Cancelled)
            }
            Method::Ack => Decision::Wait,
            _ => {
                self.respond(request, from_now, StatusCode::METHOD_NOT_ALLOWED);
                Decision::Wait
            }
        }
    }
}

fn refusal(status: StatusCode) -> CallEnd {
    CallEnd::Refused { status: status.code(), reason: status.reason().to_owned() }
}
