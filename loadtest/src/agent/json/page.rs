//! The connection of a page: requests and their answers, and events between them.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{Instant, timeout_at};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::{HeaderValue, Request};
use tokio_tungstenite::{
    Connector, MaybeTlsStream, WebSocketStream, client_async, connect_async_tls_with_config,
};

use crate::agent::{AgentError, Trust};

/// The subprotocol of the API.
const SUBPROTOCOL: &str = "webtrunk.v1.json";

/// How long the gateway may take to answer where nobody has to lift a receiver.
const ANSWER_MAX: Duration = Duration::from_secs(30);

/// Longer than any page is open in a test.
const DAY: Duration = Duration::from_secs(86_400);

/// A page that is connected.
#[derive(Debug)]
pub struct JsonPage {
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
    last_id: u64,
    last_seen: u64,
    /// Events that nobody has asked for yet.
    events: VecDeque<Value>,
    /// Each text that came.
    messages: Vec<String>,
}

/// How far a page had come when its connection was lost.
#[derive(Debug)]
pub(super) struct Seen {
    /// The number of the last event that came.
    pub(super) last: u64,
    /// Events that nobody had asked for.
    events: VecDeque<Value>,
}

/// What can go wrong with a page.
#[derive(Debug, thiserror::Error)]
pub enum PageError {
    /// The gateway refused the request.
    #[error("refused: {code} {message}")]
    Refused {
        /// The code.
        code: i64,
        /// For people.
        message: String,
        /// The parameter that is wrong, where it is one.
        field: Option<String>,
    },
    /// The gateway closed the connection.
    #[error("closed: {0:?}")]
    Closed(Option<u16>),
    /// It did not happen.
    #[error("{what} did not come within {limit:?}")]
    Waited {
        /// What was waited for.
        what: String,
        /// How long.
        limit: Duration,
    },
    /// The rest.
    #[error(transparent)]
    Agent(#[from] AgentError),
}

impl JsonPage {
    /// Opens a connection to `url`, as a page of `origin` does, or a program where there is none.
    ///
    /// # Errors
    /// The server cannot be reached, is not trusted, or does not take the page.
    pub async fn open(url: &str, trust: &Trust, origin: Option<&str>) -> Result<Self, PageError> {
        let unreachable = |source| AgentError::Unreachable { server: url.to_owned(), source };
        let connected = connect(url, trust, origin).await.map_err(unreachable)?;
        Ok(Self {
            stream: connected,
            last_id: 0,
            last_seen: 0,
            events: VecDeque::new(),
            messages: Vec::new(),
        })
    }

    /// The same of a page without TLS and origin, whose machine takes little that it does not read.
    ///
    /// # Errors
    /// The server cannot be reached, or does not take the page.
    pub async fn open_narrow(url: &str) -> Result<Self, PageError> {
        let unreachable = |source| AgentError::Unreachable { server: url.to_owned(), source };
        let stream = connect_narrow(url).await.map_err(unreachable)?;
        Ok(Self { stream, last_id: 0, last_seen: 0, events: VecDeque::new(), messages: Vec::new() })
    }

    /// Sends a request, and reads nothing.
    ///
    /// # Errors
    /// The connection is gone.
    pub async fn send_unread(&mut self, method: &str, params: Value) -> Result<(), PageError> {
        self.last_id += 1;
        let request = json!({ "jsonrpc": "2.0", "id": self.last_id, "method": method, "params": params });
        let sent = self.stream.send(Message::text(request.to_string())).await;
        sent.map_err(|_| PageError::Closed(None))
    }

    /// Sends a request, and waits for its answer.
    ///
    /// # Errors
    /// It is refused, or no answer comes.
    pub async fn request(&mut self, method: &str, params: Value) -> Result<Value, PageError> {
        self.last_id += 1;
        let id = self.last_id;
        let request = json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params });
        self.send(&request.to_string()).await?;
        self.answer(&json!(id)).await
    }

    /// Waits for the answer to the request of this name.
    ///
    /// # Errors
    /// It is refused, or no answer comes.
    pub async fn answer(&mut self, id: &Value) -> Result<Value, PageError> {
        let until = Instant::now() + ANSWER_MAX;
        loop {
            let message = self.next(until, "an answer", ANSWER_MAX).await?;
            if message.get("method").is_some() {
                self.note_event(message);
                continue;
            }
            if message["id"] != *id {
                continue;
            }
            if let Some(result) = message.get("result") {
                return Ok(result.clone());
            }
            let error = &message["error"];
            return Err(PageError::Refused {
                code: error["code"].as_i64().unwrap_or_default(),
                message: error["message"].as_str().unwrap_or_default().to_owned(),
                field: error["data"]["field"].as_str().map(str::to_owned),
            });
        }
    }

    /// Sends a text as it is.
    ///
    /// # Errors
    /// The connection is gone.
    pub async fn send(&mut self, text: &str) -> Result<(), PageError> {
        self.stream.send(Message::text(text.to_owned())).await.map_err(|_| PageError::Closed(None))
    }

    /// The parameters of the next event of this name; those of other names stay to be asked for.
    ///
    /// # Errors
    /// It does not come in that time.
    pub async fn event(&mut self, name: &str, limit: Duration) -> Result<Value, PageError> {
        let until = Instant::now() + limit;
        loop {
            if let Some(at) = self.events.iter().position(|event| event["method"] == name) {
                return Ok(self.events.remove(at).map(|event| event["params"].clone()).unwrap_or_default());
            }
            let message = self.next(until, name, limit).await?;
            if message.get("method").is_some() {
                self.note_event(message);
            }
        }
    }

    /// The next event, however long it takes; none is lost where this is not waited for to its end.
    pub(super) async fn next_event(&mut self) -> Result<Value, PageError> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Ok(event);
            }
            let message = self.next(Instant::now() + DAY, "an event", DAY).await?;
            if message.get("method").is_some() {
                self.note_event(message);
            }
        }
    }

    /// Loses its connection without a word.
    pub(super) fn cut(self) -> Seen {
        let Self { last_seen: last, events, .. } = self;
        Seen { last, events }
    }

    /// Goes on where another connection of the session was lost.
    pub(super) fn follow(&mut self, before: Seen) {
        self.last_seen = self.last_seen.max(before.last);
        let later = std::mem::replace(&mut self.events, before.events);
        self.events.extend(later);
    }

    /// The names of the events that nobody has asked for, in their order.
    #[must_use]
    pub fn unasked(&self) -> Vec<String> {
        self.events.iter().filter_map(|event| event["method"].as_str().map(str::to_owned)).collect()
    }

    /// All that was ever told to the page, as it came.
    #[must_use]
    pub fn messages(&self) -> &[String] {
        &self.messages
    }

    /// The number of the last event that came.
    #[must_use]
    pub const fn last_seen(&self) -> u64 {
        self.last_seen
    }

    /// Waits until the gateway closes the connection; its code.
    ///
    /// # Errors
    /// It does not in that time.
    pub async fn closed(&mut self, limit: Duration) -> Result<Option<u16>, PageError> {
        let until = Instant::now() + limit;
        loop {
            match self.next(until, "the end of the connection", limit).await {
                Ok(message) if message.get("method").is_some() => self.note_event(message),
                Ok(_) => {}
                Err(PageError::Closed(code)) => return Ok(code),
                Err(other) => return Err(other),
            }
        }
    }

    fn note_event(&mut self, event: Value) {
        self.last_seen = self.last_seen.max(event["params"]["seq"].as_u64().unwrap_or_default());
        self.events.push_back(event);
    }

    async fn next(&mut self, until: Instant, what: &str, limit: Duration) -> Result<Value, PageError> {
        loop {
            let came = timeout_at(until, self.stream.next()).await;
            match came.map_err(|_| PageError::Waited { what: what.to_owned(), limit })? {
                Some(Ok(Message::Text(text))) => {
                    self.messages.push(text.as_str().to_owned());
                    return serde_json::from_str(&text).map_err(|error| AgentError::library(error).into());
                }
                Some(Ok(Message::Close(frame))) => {
                    return Err(PageError::Closed(frame.map(|frame| frame.code.into())));
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Err(PageError::Closed(None)),
            }
        }
    }
}

async fn connect_narrow(url: &str) -> io::Result<WebSocketStream<MaybeTlsStream<TcpStream>>> {
    let request = request(url)?;
    let server = request.uri().authority().and_then(|at| at.as_str().parse::<SocketAddr>().ok());
    let server = server.ok_or_else(|| io::Error::other("needs an address and a port"))?;
    let socket = if server.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // As little as there can be.
    socket.set_recv_buffer_size(1)?;
    let stream = MaybeTlsStream::Plain(socket.connect(server).await?);
    let (stream, _) = client_async(request, stream).await.map_err(io::Error::other)?;
    Ok(stream)
}

fn request(url: &str) -> io::Result<Request<()>> {
    let mut request = url.into_client_request().map_err(io::Error::other)?;
    request.headers_mut().insert("Sec-WebSocket-Protocol", HeaderValue::from_static(SUBPROTOCOL));
    Ok(request)
}

async fn connect(
    url: &str,
    trust: &Trust,
    origin: Option<&str>,
) -> io::Result<WebSocketStream<MaybeTlsStream<TcpStream>>> {
    let mut request = request(url)?;
    let headers = request.headers_mut();
    if let Some(origin) = origin {
        headers.insert("Origin", HeaderValue::from_str(origin).map_err(io::Error::other)?);
    }
    let connector = match url.starts_with("wss:") {
        true => Connector::Rustls(Arc::new(trust.client_config()?)),
        false => Connector::Plain,
    };
    let opened = connect_async_tls_with_config(request, None, true, Some(connector)).await;
    let (stream, response) = opened.map_err(io::Error::other)?;
    if response.headers().get("Sec-WebSocket-Protocol").is_none_or(|it| it != SUBPROTOCOL) {
        return Err(io::Error::other("the server did not agree to the subprotocol"));
    }
    Ok(stream)
}
