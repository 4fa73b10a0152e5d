//! SIP over WebSocket at a port of its own, by the same service that the gateway mounts.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use actix_web::{App, HttpServer, web};

use super::config::ListenerConfig;
use super::layer::Shared;
use super::socket;
use super::ws::{WsEndpoint, serve};
use crate::sip::flow::{ListenerId, TransportKind};

/// Opens a port and serves WebSocket at every path of it.
pub(super) fn listen(
    shared: &Arc<Shared>,
    listener: ListenerId,
    config: &ListenerConfig,
    bind: SocketAddr,
) -> io::Result<SocketAddr> {
    let socket = socket::listening(bind)?;
    let bound = socket.local_addr()?;
    let endpoint = web::Data::new(WsEndpoint::new(shared.clone(), listener));
    let server =
        HttpServer::new(move || App::new().app_data(endpoint.clone()).default_service(web::get().to(serve)))
            // Parsing SIP is cheap beside the adapter's own single task.
            .workers(1)
            .disable_signals()
            .tcp_nodelay(true)
            .client_request_timeout(shared.limits.header_deadline)
            .tls_handshake_timeout(shared.limits.header_deadline)
            .max_connections(shared.limits.connections)
            // For last words; the sockets end by themselves.
            .shutdown_timeout(1);
    let server = if config.kind == TransportKind::Wss {
        let tls = shared.tls.server.as_deref().ok_or_else(no_certificate)?;
        server.listen_rustls_0_23(socket, tls.clone())?
    } else {
        server.listen(socket)?
    };
    let server = server.run();
    let handle = server.handle();
    let shared = shared.clone();
    tokio::spawn(async move {
        let mut server = std::pin::pin!(server);
        tokio::select! {
            _ = &mut server => return,
            () = shared.stopping() => {}
        }
        // The server closes its port only while it is polled.
        let _ = tokio::join!(server, handle.stop(true));
    });
    Ok(bound)
}

/// A secure listener without a certificate.
pub(super) fn no_certificate() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, "a secure listener needs a certificate")
}
