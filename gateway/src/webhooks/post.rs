//! One try to have a message taken: a connection of its own, to an address that was looked at, and the status of the answer.
//!
//! Nothing of the answer is read but its head, no redirect is followed and no proxy is asked: where it goes is where the hook says.

use std::io;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http_body_util::Full;
use hyper::client::conn::http1;
use hyper::header::{CONNECTION, CONTENT_TYPE, HOST, USER_AGENT};
use hyper::rt::{Read, Write};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use rustls_pki_types::ServerName;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::desk::Outcome;
use super::message::Message;
use super::reach::{Unreachable, chosen};
use super::signature::signatures;
use crate::config::Webhook;

/// How long a try may take, from the look-up of the name to the answer. Chosen by us: receivers put what they get into a queue.
const PATIENCE: Duration = Duration::from_secs(10);

/// The longest head of an answer.
const HEAD_MAX: usize = 16 << 10;

/// Tries once.
pub(super) async fn post(hook: &Webhook, message: &Message) -> Outcome {
    post_within(PATIENCE, hook, message).await
}

async fn post_within(patience: Duration, hook: &Webhook, message: &Message) -> Outcome {
    match timeout(patience, send(hook, message, SystemTime::now())).await {
        Ok(Ok(status)) => outcome(status),
        Ok(Err(fault)) => Outcome::Failed(fault.to_string()),
        Err(_) => Outcome::Failed(format!("no answer within {patience:?}")),
    }
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error(transparent)]
    Unreachable(#[from] Unreachable),
    #[error("what it answers is no HTTP: {0}")]
    Http(#[from] hyper::Error),
    #[error("it cannot be asked: {0}")]
    Request(#[from] hyper::http::Error),
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

async fn send(hook: &Webhook, message: &Message, at: SystemTime) -> Result<StatusCode, Fault> {
    let target = &hook.target;
    let request = request(hook, message, at)?;
    // Looked up for each connection, and never a second time for the same.
    let addresses = lookup_host((target.host.as_str(), target.port)).await?;
    let stream = TcpStream::connect(chosen(addresses, &hook.networks)?).await?;
    stream.set_nodelay(true)?;
    let Some(authorities) = &hook.authorities else { return exchange(TokioIo::new(stream), request).await };
    let name = ServerName::try_from(target.host.clone()).map_err(io::Error::other)?;
    let stream = TlsConnector::from(authorities.client()).connect(name, stream).await?;
    exchange(TokioIo::new(stream), request).await
}

fn request(
    hook: &Webhook,
    message: &Message,
    at: SystemTime,
) -> Result<Request<Full<Bytes>>, hyper::http::Error> {
    let at_s = at.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    Request::post(hook.target.path.as_str())
        .header(HOST, hook.target.authority.as_str())
        .header(USER_AGENT, concat!("Webtrunk/", env!("CARGO_PKG_VERSION")))
        .header(CONTENT_TYPE, "application/json")
        .header(CONNECTION, "close")
        .header("webhook-id", message.id.as_str())
        .header("webhook-timestamp", at_s)
        .header("webhook-signature", signatures(&hook.keys, &message.id, at_s, &message.body))
        .body(Full::new(message.body.clone()))
}

async fn exchange(
    stream: impl Read + Write + Unpin + Send + 'static,
    request: Request<Full<Bytes>>,
) -> Result<StatusCode, Fault> {
    let (mut sender, connection) = http1::Builder::new().max_buf_size(HEAD_MAX).handshake(stream).await?;
    let answer = sender.send_request(request);
    tokio::pin!(connection, answer);
    let answer = tokio::select! {
        answer = &mut answer => answer,
        // An answer behind which the connection ends has come by then.
        ended = &mut connection => match ended {
            Ok(()) => answer.await,
            Err(error) => Err(error),
        },
    };
    Ok(answer?.status())
}

#[cfg(test)]
pub(super) mod tests;
