//! Streams accepted and dialled, in the clear (RFC 3261 18) and inside TLS.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls_pki_types::ServerName;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::timeout;
use tokio_rustls::{TlsAcceptor, TlsConnector};
use tracing::{debug, info, warn};

use super::connections::DialKey;
use super::layer::{Shared, Ticket};
use super::ws_listener::no_certificate;
use super::{socket, stream};
use crate::lock::lock;
use crate::sip::flow::{Flow, ListenerId, TransportKind};

/// Opens a port and starts accepting.
pub(super) fn listen(
    shared: &Arc<Shared>,
    listener: ListenerId,
    kind: TransportKind,
    bind: SocketAddr,
) -> io::Result<SocketAddr> {
    let acceptor = match (kind.is_secure(), shared.tls.for_streams()) {
        (false, _) => None,
        (true, Some(config)) => Some(TlsAcceptor::from(config)),
        (true, None) => return Err(no_certificate()),
    };
    let socket = TcpListener::from_std(socket::listening(bind)?)?;
    let bound = socket.local_addr()?;
    shared.spawn_listener(accept(shared.clone(), socket, listener, kind, acceptor));
    Ok(bound)
}

async fn accept(
    shared: Arc<Shared>,
    socket: TcpListener,
    listener: ListenerId,
    kind: TransportKind,
    acceptor: Option<TlsAcceptor>,
) {
    loop {
        let (stream, remote) = match socket.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                warn!(transport = kind.via_name(), %error, "cannot accept");
                // No descriptor left, mostly; one may be free in a moment.
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let ticket = match shared.admit(remote.ip()) {
            Ok(ticket) => ticket,
            Err(refusal) => {
                debug!(%remote, ?refusal, "connection refused");
                continue;
            }
        };
        let Ok(local) = socket::tune(&stream).and_then(|()| stream.local_addr()) else { continue };
        let flow = Flow { kind, listener, local, remote, connection: Some(ticket.id) };
        shared.spawn(serve(shared.clone(), stream, flow, ticket, acceptor.clone()));
    }
}

async fn serve(
    shared: Arc<Shared>,
    stream: TcpStream,
    flow: Flow,
    ticket: Ticket,
    acceptor: Option<TlsAcceptor>,
) {
    let Some(acceptor) = acceptor else { return stream::run(&shared, stream, flow, ticket).await };
    let control = ticket.control.clone();
    let handshake = timeout(shared.limits.header_deadline, acceptor.accept(stream));
    let secured = tokio::select! {
        secured = handshake => secured,
        () = control.cut.notified() => return,
    };
    match secured {
        Ok(Ok(stream)) => {
            note_shown(&shared, stream.get_ref().1, &ticket);
            stream::run(&shared, stream, flow, ticket).await;
        }
        Ok(Err(error)) => tell_failed(&shared, &flow, &error),
        Err(_) => {
            shared.counters.deadlines.add_one();
            debug!(%flow, "TLS handshake took too long");
        }
    }
}

/// A certificate that is not taken is told, since a trunk that has a new one calls in vain; what else fails is mostly a
/// scanner's.
fn tell_failed(shared: &Shared, flow: &Flow, error: &io::Error) {
    let is_of_certificate = error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<rustls::Error>())
        .is_some_and(|inner| matches!(inner, rustls::Error::InvalidCertificate(_)));
    if !is_of_certificate {
        debug!(%flow, %error, "TLS handshake failed");
    } else if let Some(repeated) = lock(&shared.refused).due(flow.remote.ip(), "certificate", Instant::now())
    {
        info!(%flow, %error, repeated, "the certificate of who connects is not taken");
    }
}

/// Keeps the certificate that who connected has shown, if it has: one of the authorities that vouch for trunks that call us.
/// Whom we dialled, others have vouched for.
fn note_shown(shared: &Shared, connection: &rustls::CommonState, ticket: &Ticket) {
    if let Some([shown, ..]) = connection.peer_certificates() {
        shared.connections.note_shown(ticket.id, shown.clone());
    }
}

/// Opens a stream to the flow's peer and serves it; what is queued meanwhile goes out first.
pub(super) async fn dial(shared: Arc<Shared>, ticket: Ticket, flow: Flow, key: DialKey) {
    let control = ticket.control.clone();
    let opened = tokio::select! {
        opened = timeout(shared.limits.dial_deadline, connect(&flow)) => opened,
        () = control.cut.notified() => return,
    };
    let stream = match opened {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => return info!(%flow, %error, "cannot connect"),
        Err(_) => {
            shared.counters.deadlines.add_one();
            return info!(%flow, "connecting took too long");
        }
    };
    if !flow.kind.is_secure() {
        return stream::run(&shared, stream, flow, ticket).await;
    }
    // `flow_to` refuses TLS without a client's settings.
    let Some(config) = shared.tls.client_for(key.identity.as_deref()) else { return };
    let name = match key.server_name.map(ServerName::try_from).transpose() {
        Ok(name) => name.unwrap_or_else(|| ServerName::IpAddress(flow.remote.ip().into())),
        Err(error) => return info!(%flow, %error, "no name to verify the server by"),
    };
    let secured = tokio::select! {
        secured = timeout(shared.limits.dial_deadline, TlsConnector::from(config).connect(name, stream)) => secured,
        () = control.cut.notified() => return,
    };
    match secured {
        Ok(Ok(stream)) => stream::run(&shared, stream, flow, ticket).await,
        Ok(Err(error)) => info!(%flow, %error, "TLS handshake failed"),
        Err(_) => {
            shared.counters.deadlines.add_one();
            info!(%flow, "TLS handshake took too long");
        }
    }
}

async fn connect(flow: &Flow) -> io::Result<TcpStream> {
    let local = flow.local.ip();
    let stream = if local.is_unspecified() || local.is_ipv4() != flow.remote.is_ipv4() {
        TcpStream::connect(flow.remote).await?
    } else {
        // Trunks know us by the address of our listener.
        let socket = if local.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        socket.bind((local, 0).into())?;
        socket.connect(flow.remote).await?
    };
    socket::tune(&stream)?;
    Ok(stream)
}
