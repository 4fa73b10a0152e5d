//! A connection to a server, by which one request goes after the other: to an address that was looked at, and not for long, so that
//! a name that leads elsewhere by then is followed.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::rt::{Read, Write};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use rustls_pki_types::ServerName;
use tokio::net::{TcpStream, lookup_host};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsConnector;

use super::reach::allowed;
use super::{Fault, HEAD_MAX, PATIENCE, Server, Unreachable};
use crate::addresses::reachable;

/// How long one of several addresses may take to take a connection. Chosen by us: a packet that is lost is sent again after 1 s.
const CONNECT: Duration = Duration::from_secs(2);

/// Addresses that are tried at most: so many have their time within [`PATIENCE`].
const ADDRESSES_MAX: usize = 4;

/// The longest rest of an answer that is read, so that the connection can be used once more.
const REST_MAX: usize = 64 << 10;

/// How long is waited for that rest. Chosen by us: longer, and another connection is as soon there.
const REST: Duration = Duration::from_millis(100);

/// How long after its begin a connection is used. Chosen by us: within a minute a server is followed to another address.
const USED: Duration = Duration::from_secs(60);

/// How long after a request it is used for another one. Chosen by us: servers close theirs after 5 s and more.
const IDLE: Duration = Duration::from_secs(4);

/// A connection.
pub struct Line {
    sender: SendRequest<Full<Bytes>>,
    /// What of the last answer is not read yet.
    rest: Option<Incoming>,
    opened_at: Instant,
    used_at: Instant,
    /// What reads and writes; it ends with the line.
    _driver: JoinSet<()>,
}

impl Line {
    /// Connects to a server. Needs a runtime around it.
    ///
    /// # Errors
    /// [`Fault`] where it is not there, may not be asked or is another.
    pub async fn open(server: &Server<'_>) -> Result<Self, Fault> {
        let target = server.target;
        // Looked up for each connection, and never a second time for the same.
        let addresses = lookup_host((target.host.as_str(), target.port)).await?;
        let own: Vec<_> = server.own.iter().copied().chain(reachable()).collect();
        let stream = connect(&allowed(addresses, server.networks, &own)?).await?;
        stream.set_nodelay(true)?;
        let Some(authorities) = server.authorities else { return Self::over(TokioIo::new(stream)).await };
        let name = ServerName::try_from(target.host.clone()).map_err(io::Error::other)?;
        let stream = TlsConnector::from(authorities.client()).connect(name, stream).await?;
        Self::over(TokioIo::new(stream)).await
    }

    async fn over(stream: impl Read + Write + Unpin + Send + 'static) -> Result<Self, Fault> {
        let (sender, connection) = http1::Builder::new().max_buf_size(HEAD_MAX).handshake(stream).await?;
        let mut driver = JoinSet::new();
        // How it ends is told to who waits for an answer. One that nobody uses any more is closed all the same.
        driver.spawn(async move { drop(timeout(USED + PATIENCE, connection).await) });
        let now = Instant::now();
        Ok(Self { sender, rest: None, opened_at: now, used_at: now, _driver: driver })
    }

    /// Sends a request, and waits for the head of its answer.
    ///
    /// # Errors
    /// [`Fault`] where there is none.
    pub async fn send(&mut self, request: Request<Full<Bytes>>) -> Result<StatusCode, Fault> {
        let answer = self.sender.send_request(request).await?;
        let status = answer.status();
        (self.rest, self.used_at) = (Some(answer.into_body()), Instant::now());
        Ok(status)
    }

    /// What is within the last answer, of so many octets at most. No other request is sent by the line.
    ///
    /// # Errors
    /// [`Fault::Body`] where there are more, or it ends before its end.
    pub async fn into_body(mut self, most: usize) -> Result<Bytes, Fault> {
        let Some(rest) = self.rest.take() else { return Ok(Bytes::new()) };
        let read = Limited::new(rest, most).collect().await.map_err(Fault::Body)?;
        Ok(read.to_bytes())
    }

    /// The same, where another request can be sent by it.
    pub async fn ready(mut self) -> Option<Self> {
        let is_ready = is_fresh(self.opened_at, self.used_at, Instant::now())
            && timeout(REST, self.read_rest()).await.unwrap_or(false);
        is_ready.then_some(self)
    }

    /// Reads what is left of the last answer; whether the server takes another request.
    async fn read_rest(&mut self) -> bool {
        if let Some(rest) = self.rest.take()
            && Limited::new(rest, REST_MAX).collect().await.is_err()
        {
            return false;
        }
        self.sender.ready().await.is_ok()
    }
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

/// Whether a connection is neither too old nor idle for too long.
fn is_fresh(opened_at: Instant, used_at: Instant, now: Instant) -> bool {
    now.duration_since(opened_at) < USED && now.duration_since(used_at) < IDLE
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    async fn listen() -> (TcpListener, SocketAddr) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let at = listener.local_addr().expect("it is bound");
        (listener, at)
    }

    #[tokio::test]
    async fn of_several_addresses_the_first_that_takes_a_connection_is_asked() {
        let ((closed, nowhere), (listener, at)) = (listen().await, listen().await);
        drop(closed);
        let addresses = [nowhere, at, nowhere];
        let (stream, taken) = tokio::join!(connect(&addresses), listener.accept());
        let (_, from) = taken.expect("somebody comes");
        assert_eq!(stream.expect("the second takes it").local_addr().ok(), Some(from));
        let refused = connect(&[nowhere, nowhere]).await;
        assert!(matches!(refused, Err(Fault::Io(error)) if error.kind() == io::ErrorKind::ConnectionRefused));
        assert!(matches!(connect(&[]).await, Err(Fault::Unreachable(Unreachable::Nowhere))));
    }

    #[test]
    fn a_connection_is_used_for_a_minute_and_not_where_it_was_idle_for_seconds() {
        let begin = Instant::now();
        let after = |opened: u64, used: u64| {
            let now = begin + Duration::from_secs(100);
            is_fresh(now - Duration::from_secs(opened), now - Duration::from_secs(used), now)
        };
        assert_eq!([after(0, 0), after(59, 3)], [true, true]);
        assert_eq!([after(60, 0), after(4, 4)], [false, false]);
    }
}
