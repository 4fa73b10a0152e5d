//! One try to have a message taken: by the connection that took the one before, or by another, and the status of the answer.
//!
//! Nothing of the answer is looked at but its status, no redirect is followed and no proxy is asked: where it goes is where the hook says.

use std::net::IpAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::CONTENT_TYPE;
use hyper::{Method, Request, StatusCode};
use tokio::time::timeout;

use super::desk::Outcome;
use super::message::Message;
use super::signature::signatures;
use crate::config::Webhook;
use crate::outgoing::{Fault, Line, PATIENCE, Server};

/// Tries once, by a connection to the same hook where one is left; where it was taken, what is left of that is returned. By `own` and
/// the addresses of the machine others reach the gateway: nothing is sent there.
pub(super) async fn post(
    hook: &Webhook,
    message: &Message,
    own: &[IpAddr],
    line: Option<Line>,
) -> (Outcome, Option<Line>) {
    post_within(PATIENCE, hook, message, own, line).await
}

async fn post_within(
    patience: Duration,
    hook: &Webhook,
    message: &Message,
    own: &[IpAddr],
    line: Option<Line>,
) -> (Outcome, Option<Line>) {
    match timeout(patience, send(hook, message, own, line)).await {
        Ok(Ok((status, line))) => {
            let outcome = outcome(status);
            let is_left = outcome == Outcome::Taken;
            (outcome, is_left.then_some(line))
        }
        Ok(Err(fault)) => (Outcome::Failed(fault.to_string()), None),
        Err(_) => (Outcome::Failed(format!("no answer within {patience:?}")), None),
    }
}

fn outcome(status: StatusCode) -> Outcome {
    match status {
        StatusCode::GONE => Outcome::Gone,
        status if status.is_success() => Outcome::Taken,
        status if status.is_redirection() => {
            Outcome::Failed(format!("it answers {}, and no redirect is followed", status.as_u16()))
        }
        status => Outcome::Failed(format!("it answers {}", status.as_u16())),
    }
}

async fn send(
    hook: &Webhook,
    message: &Message,
    own: &[IpAddr],
    line: Option<Line>,
) -> Result<(StatusCode, Line), Fault> {
    let (target, networks, authorities) = (&hook.target, &hook.networks, hook.authorities.as_ref());
    let server = Server { target, networks, own, authorities };
    let request = request(&server, hook, message, SystemTime::now())?;
    if let Some(line) = line
        && let Some(mut line) = line.ready().await
        // It may be closed at this very moment. Whoever has read the message all the same knows it by its name.
        && let Ok(status) = line.send(request.clone()).await
    {
        return Ok((status, line));
    }
    let mut line = Line::open(&server).await?;
    Ok((line.send(request).await?, line))
}

fn request(
    server: &Server<'_>,
    hook: &Webhook,
    message: &Message,
    at: SystemTime,
) -> Result<Request<Full<Bytes>>, hyper::http::Error> {
    let at_s = at.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    server
        .request(Method::POST)
        .header(CONTENT_TYPE, "application/json")
        .header("webhook-id", message.id.as_str())
        .header("webhook-timestamp", at_s)
        .header("webhook-signature", signatures(&hook.keys, &message.id, at_s, &message.body))
        .body(Full::new(message.body.clone()))
}

#[cfg(test)]
pub(super) mod tests;
