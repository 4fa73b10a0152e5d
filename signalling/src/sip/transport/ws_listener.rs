//! SIP over WebSocket at a port of its own, by the same service that the gateway mounts.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use actix_web::{App, web};

use super::config::ListenerConfig;
use super::layer::Shared;
use super::socket;
use super::ws::{WsEndpoint, serve};
use crate::http::{self, Gate, HttpDoor};
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
    let tls = if config.kind == TransportKind::Wss {
        Some(shared.tls.server.clone().ok_or_else(no_certificate)?)
    } else {
        None
    };
    let limits = &shared.limits;
    let door = HttpDoor {
        socket,
        tls,
        gate: Gate::new(limits.connections_per_address, limits.connections),
        media: None,
        // Parsing SIP is cheap beside the adapter's own single task.
        workers: 1,
        head_deadline: limits.header_deadline,
        write_deadline: limits.write_deadline,
        // For last words; the sockets end by themselves.
        farewell_s: 1,
    };
    let server = http::serve(door, move || {
        App::new().app_data(endpoint.clone()).default_service(web::get().to(serve))
    })?;
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
