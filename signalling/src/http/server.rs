//! Serves an application of actix-web on connections under guard.
//!
//! actix-web's own `HttpServer` lets nobody in between its sockets and its HTTP; this puts the same parts
//! together with a [`Gate`] before them and a guard within.

use std::fmt::Debug;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use actix_http::body::MessageBody;
use actix_http::error::DispatchError;
use actix_http::{HttpService, Protocol, Request, Response};
use actix_server::Server;
use actix_service::{IntoServiceFactory, Service, ServiceFactory, ServiceFactoryExt, fn_service, map_config};
use actix_web::Error;
use actix_web::dev::AppConfig;
use rustls::ServerConfig;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tracing::debug;

use super::gate::Gate;
use super::guarded::Guarded;
use super::media::{self, MediaStreams};

/// A port at which HTTP is served.
#[derive(Debug)]
pub struct HttpDoor {
    /// The listening socket.
    pub socket: TcpListener,
    /// What secure connections show; `None` for HTTP in the clear.
    pub tls: Option<Arc<ServerConfig>>,
    /// Who may come in.
    pub gate: Gate,
    /// Where connections go that carry media; without it they are no HTTP.
    pub media: Option<MediaStreams>,
    /// Threads.
    pub workers: usize,
    /// How long the TLS handshake may take, and the head of a request.
    pub head_deadline: Duration,
    /// How much longer an answer may be stuck before its peer counts as gone.
    pub write_deadline: Duration,
    /// How long a stop waits for answers that are being sent, in seconds.
    pub farewell_s: u64,
}

/// By which door a connection came; an application reads it by `HttpRequest::conn_data`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrival {
    /// The door's address.
    pub local: SocketAddr,
    /// Whether it speaks TLS.
    pub is_secure: bool,
}

/// Serves what `app` makes for each thread, until the server's handle stops it. Signals are left alone.
///
/// # Errors
/// When the socket cannot be used.
pub fn serve<F, I, S, B>(door: HttpDoor, app: F) -> io::Result<Server>
where
    F: Fn() -> I + Send + Clone + 'static,
    I: IntoServiceFactory<S, Request>,
    S: ServiceFactory<Request, Config = AppConfig> + 'static,
    S::Error: Into<Error> + 'static,
    S::InitError: Debug,
    S::Response: Into<Response<B>> + 'static,
    S::Service: 'static,
    <S::Service as Service<Request>>::Future: 'static,
    B: MessageBody + 'static,
{
    let arrival = Arrival { local: door.socket.local_addr()?, is_secure: door.tls.is_some() };
    let reception = Reception {
        gate: door.gate,
        media: door.media,
        tls: door.tls.as_deref().map(acceptor),
        head_deadline: door.head_deadline,
        patience: door.head_deadline + door.write_deadline,
    };
    let server = Server::build().workers(door.workers).disable_signals().shutdown_timeout(door.farewell_s);
    let stop = server.graceful_shutdown_signal();
    let server = server.listen("http", door.socket, move || {
        let stop = stop.clone();
        let reception = reception.clone();
        let app = app().into_factory().map_err(|error| error.into().error_response());
        let http = HttpService::build()
            .graceful_shutdown_signal(move || {
                let stop = stop.clone();
                async move { stop.notified().await }
            })
            .client_request_timeout(reception.head_deadline)
            .client_disconnect_timeout(LAST_BYTES)
            .on_connect_ext(move |_: &Guarded, data| {
                data.insert(arrival);
            })
            .finish(map_config(app, |()| AppConfig::default()));
        fn_service(move |stream: TcpStream| reception.clone().receive(stream)).and_then(http)
    })?;
    Ok(server.run())
}

/// How long a peer is waited for that was told that the connection ends.
const LAST_BYTES: Duration = Duration::from_secs(1);

/// Takes connections in.
#[derive(Clone)]
struct Reception {
    gate: Gate,
    media: Option<MediaStreams>,
    tls: Option<TlsAcceptor>,
    head_deadline: Duration,
    patience: Duration,
}

impl Reception {
    async fn receive(
        self,
        stream: TcpStream,
    ) -> Result<(Guarded, Protocol, Option<SocketAddr>), DispatchError> {
        let peer = stream.peer_addr()?;
        let Some(pass) = self.gate.admit(peer.ip()) else {
            debug!(%peer, "HTTP connection refused: too many");
            return Err(io::Error::from(io::ErrorKind::ConnectionRefused).into());
        };
        stream.set_nodelay(true)?;
        if let Some(streams) = &self.media
            && media::is_media(&stream, self.head_deadline).await?
        {
            media::hand_over(stream, pass, streams)?;
            return Err(io::Error::from(io::ErrorKind::ConnectionAborted).into());
        }
        let guarded = match &self.tls {
            None => Guarded::new(stream, pass, self.patience),
            Some(tls) => {
                let secured = timeout(self.head_deadline, tls.accept(stream)).await;
                Guarded::new(secured.map_err(io::Error::from)??, pass, self.patience)
            }
        };
        Ok((guarded, Protocol::Http1, Some(peer)))
    }
}

fn acceptor(config: &ServerConfig) -> TlsAcceptor {
    let mut config = config.clone();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Arc::new(config).into()
}

#[cfg(test)]
mod tests {
    use std::io::{ErrorKind, Read, Write};
    use std::net;

    use actix_web::{App, HttpResponse, web};

    use super::*;

    fn door(per_address: usize, deadline: Duration) -> HttpDoor {
        HttpDoor {
            socket: TcpListener::bind("127.0.0.1:0").expect("a free port"),
            tls: None,
            gate: Gate::new(per_address, 10),
            media: None,
            workers: 1,
            head_deadline: deadline,
            write_deadline: deadline,
            farewell_s: 1,
        }
    }

    /// Serves through the door while `client` talks to its address.
    async fn with_server<T: Send + 'static>(
        door: HttpDoor,
        client: impl FnOnce(SocketAddr) -> T + Send + 'static,
    ) -> T {
        let address = door.socket.local_addr().expect("it is bound");
        let server =
            serve(door, || App::new().route("/", web::get().to(async || HttpResponse::Ok().body("here"))));
        let server = server.expect("the socket is good");
        let handle = server.handle();
        actix_web::rt::spawn(server);
        let outcome = tokio::task::spawn_blocking(move || client(address)).await;
        handle.stop(false).await;
        outcome.expect("no panic")
    }

    const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: here\r\n\r\n";

    fn count(answers: &[u8]) -> usize {
        answers.windows(15).filter(|window| window == b"HTTP/1.1 200 OK").count()
    }

    fn ask(address: SocketAddr) -> io::Result<String> {
        let mut stream = net::TcpStream::connect(address)?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        stream.write_all(b"GET / HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    }

    #[actix_web::test]
    async fn who_pipelines_and_never_reads_is_cut() {
        let deadline = Duration::from_millis(300);
        for request in [REQUEST, b"GET /none HTTP/1.1\r\nHost: here\r\n\r\n"] {
            let (sent, error) = with_server(door(1, deadline), move |address| {
                let mut stream = net::TcpStream::connect(address).expect("it listens");
                stream.set_write_timeout(Some(Duration::from_secs(10))).expect("a time-out");
                let flood = request.repeat(100);
                let mut sent = 0;
                loop {
                    match stream.write(&flood) {
                        Ok(written) => sent += written,
                        Err(error) => return (sent, error.kind()),
                    }
                    assert!(sent < 100 << 20, "it is read although it does not read");
                }
            })
            .await;
            assert!(
                matches!(error, ErrorKind::ConnectionReset | ErrorKind::BrokenPipe),
                "{error:?} after {sent} bytes"
            );
        }
    }

    #[actix_web::test]
    async fn pipelined_requests_are_answered_in_order_to_who_reads() {
        let answers = with_server(door(1, Duration::from_secs(5)), |address| {
            let mut stream = net::TcpStream::connect(address).expect("it listens");
            stream.set_read_timeout(Some(Duration::from_secs(5))).expect("a time-out");
            stream.write_all(&REQUEST.repeat(200)).expect("it reads");
            let mut answers = Vec::new();
            let mut bytes = [0; 4096];
            while count(&answers) < 200 {
                match stream.read(&mut bytes) {
                    Ok(read @ 1..) => answers.extend_from_slice(&bytes[..read]),
                    other => panic!("{other:?} after {} bytes", answers.len()),
                }
            }
            count(&answers)
        })
        .await;
        assert_eq!(answers, 200);
    }

    #[actix_web::test]
    async fn a_connection_that_begins_with_a_length_is_handed_over_unread_with_its_place() {
        let (media, mut streams) = MediaStreams::channel(1, Arc::default());
        let mut door = door(1, Duration::from_secs(5));
        door.media = Some(media);
        let gate = door.gate.clone();
        let (mut peer, answer) = with_server(door, |address| {
            let answer = ask(address).expect("HTTP is served as before");
            std::thread::sleep(Duration::from_millis(200));
            let mut stream = net::TcpStream::connect(address).expect("it listens");
            stream.write_all(&[0, 3, b'a', b'b', b'c']).expect("it reads");
            std::thread::sleep(Duration::from_millis(200));
            (stream, answer)
        })
        .await;
        assert!(answer.ends_with("here"));
        let mut taken = streams.try_recv().expect("it was handed over");
        assert!(gate.admit([127, 0, 0, 1].into()).is_none(), "its place is taken");
        taken.stream.set_nonblocking(false).expect("ours");
        let mut bytes = [0; 5];
        taken.stream.read_exact(&mut bytes).expect("all of it");
        assert_eq!(bytes, [0, 3, b'a', b'b', b'c']);
        taken.stream.write_all(b"x").expect("open");
        peer.read_exact(&mut bytes[..1]).expect("it is open at the other end");
        drop(taken);
        assert!(gate.admit([127, 0, 0, 1].into()).is_some());
    }

    #[actix_web::test]
    async fn one_address_has_its_share_of_connections() {
        let (within, beyond, after) = with_server(door(2, Duration::from_secs(5)), |address| {
            let held = net::TcpStream::connect(address).expect("it listens");
            let within = ask(address);
            let second = net::TcpStream::connect(address).expect("it listens");
            std::thread::sleep(Duration::from_millis(200));
            let beyond = ask(address);
            drop((held, second));
            std::thread::sleep(Duration::from_millis(200));
            (within, beyond, ask(address))
        })
        .await;
        assert!(within.expect("an answer").ends_with("here"));
        // What it had sent by then makes the system reset the connection.
        assert!(beyond.map_or(true, |told| told.is_empty()), "it is closed without an answer");
        assert!(after.expect("an answer").ends_with("here"));
    }
}
