//! One try to have a message taken: a connection of its own, to an address that was looked at, and the status of the answer.
//!
//! Nothing of the answer is read but its head, no redirect is followed and no proxy is asked: where it goes is where the hook says.

use std::io;
use std::net::{IpAddr, SocketAddr};
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
use super::reach::{Unreachable, allowed};
use super::signature::signatures;
use crate::addresses::reachable;
use crate::config::Webhook;

/// How long a try may take, from the look-up of the name to the answer. Chosen by us: receivers put what they get into a queue.
const PATIENCE: Duration = Duration::from_secs(10);

/// The longest head of an answer.
const HEAD_MAX: usize = 16 << 10;

/// How long one of several addresses may take to take a connection. Chosen by us: a packet that is lost is sent again after 1 s.
const CONNECT: Duration = Duration::from_secs(2);

/// Addresses that are tried at most: so many have their time within [`PATIENCE`].
const ADDRESSES_MAX: usize = 4;

/// Tries once. By `own` and the addresses of the machine others reach the gateway: nothing is sent there.
pub(super) async fn post(hook: &Webhook, message: &Message, own: &[IpAddr]) -> Outcome {
    post_within(PATIENCE, hook, message, own).await
}

async fn post_within(patience: Duration, hook: &Webhook, message: &Message, own: &[IpAddr]) -> Outcome {
    match timeout(patience, send(hook, message, own, SystemTime::now())).await {
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

async fn send(
    hook: &Webhook,
    message: &Message,
    own: &[IpAddr],
    at: SystemTime,
) -> Result<StatusCode, Fault> {
    let target = &hook.target;
    let request = request(hook, message, at)?;
    // Looked up for each connection, and never a second time for the same.
    let addresses = lookup_host((target.host.as_str(), target.port)).await?;
    let own: Vec<_> = own.iter().copied().chain(reachable()).collect();
    let stream = connect(&allowed(addresses, &hook.networks, &own)?).await?;
    stream.set_nodelay(true)?;
    let Some(authorities) = &hook.authorities else { return exchange(TokioIo::new(stream), request).await };
    let name = ServerName::try_from(target.host.clone()).map_err(io::Error::other)?;
    let stream = TlsConnector::from(authorities.client()).connect(name, stream).await?;
    exchange(TokioIo::new(stream), request).await
}

/// A stream to the first of these that takes one.
async fn connect(addresses: &[SocketAddr]) -> Result<TcpStream, Fault> {
    let addresses = &addresses[..addresses.len().min(ADDRESSES_MAX)];
    let (last, others) = addresses.split_last().ok_or(Unreachable::Nowhere)?;
    for address in others {
        if let Ok(Ok(stream)) = timeout(CONNECT, TcpStream::connect(*address)).await {
            return Ok(stream);
        }
    }
    Ok(TcpStream::connect(*last).await?)
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
