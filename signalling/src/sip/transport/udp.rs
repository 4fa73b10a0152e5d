//! SIP in datagrams (RFC 3261 18): one socket per listener, one message per datagram.
//!
//! Responses go back to where the request came from, port included, as if every request had asked
//! for it (RFC 3581 4): phones behind NAT can be reached no other way.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::net::UdpSocket;
use tokio::sync::mpsc;
use tracing::warn;

use super::layer::Shared;
use super::{refusals, socket, stun};
use crate::sip::flow::{Flow, ListenerId, TransportKind};

/// Datagrams that wait for a full socket buffer. Chosen by us: past it UDP may lose them.
const QUEUE_LENGTH: usize = 256;

/// The largest datagram that IP carries.
const DATAGRAM_MAX: usize = 65_535;

/// The sending half of a listener.
#[derive(Debug)]
pub(super) struct UdpEndpoint {
    socket: Arc<UdpSocket>,
    bound: SocketAddr,
    waiting: mpsc::Sender<(SocketAddr, Bytes)>,
}

/// Opens a socket and starts reading it.
pub(super) fn listen(
    shared: &Arc<Shared>,
    listener: ListenerId,
    bind: SocketAddr,
) -> io::Result<UdpEndpoint> {
    let socket = socket::datagram(bind)?;
    refusals::ask_for(&socket, bind);
    let socket = Arc::new(UdpSocket::from_std(socket)?);
    let bound = socket.local_addr()?;
    let (waiting, queue) = mpsc::channel(QUEUE_LENGTH);
    shared.spawn_listener(read(shared.clone(), socket.clone(), listener, bound));
    shared.spawn_listener(write(socket.clone(), queue));
    shared.spawn_listener(refusals::read(shared.clone(), socket.clone(), listener, bound));
    Ok(UdpEndpoint { socket, bound, waiting })
}

impl UdpEndpoint {
    pub(super) const fn bound(&self) -> SocketAddr {
        self.bound
    }

    /// Sends at once, or queues where the socket is not ready.
    pub(super) fn send(&self, to: SocketAddr, bytes: Bytes) -> io::Result<()> {
        let sent = match self.socket.try_send_to(&bytes, to) {
            Err(error) if refusals::is_of_earlier(&error) => self.socket.try_send_to(&bytes, to),
            sent => sent,
        };
        match sent {
            Ok(_) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.waiting.try_send((to, bytes)).map_err(|_| io::ErrorKind::WouldBlock.into())
            }
            Err(error) => Err(error),
        }
    }
}

async fn read(shared: Arc<Shared>, socket: Arc<UdpSocket>, listener: ListenerId, local: SocketAddr) {
    let mut buffer = vec![0; DATAGRAM_MAX];
    loop {
        let (length, remote) = match socket.recv_from(&mut buffer).await {
            Ok(received) => received,
            Err(error) if refusals::is_of_earlier(&error) => continue,
            Err(error) => {
                warn!(%local, %error, "cannot receive");
                // An error that stays must not spin.
                tokio::time::sleep(Duration::from_millis(10)).await;
                continue;
            }
        };
        let datagram = &buffer[..length];
        // CRLF alone keeps a NAT binding open; there is nothing to answer on UDP, where STUN is (stun.rs).
        if datagram.iter().all(|byte| matches!(byte, b'\r' | b'\n' | 0)) {
            continue;
        }
        let flow = Flow { kind: TransportKind::Udp, listener, local, remote, connection: None };
        if stun::is_stun(datagram) {
            if let Some(answer) = stun::answer(datagram, remote) {
                shared.counters.pings_answered.add_one();
                // Lost, it is asked for again.
                let _ = socket.try_send_to(&answer, remote);
            } else if shared.pings.is_answered(datagram, remote) {
                shared.report_ponged(flow);
            }
            continue;
        }
        if let Some(refusal) = shared.receive_datagram(flow, Bytes::copy_from_slice(datagram)) {
            // Lost is as good as refused.
            let _ = socket.try_send_to(&refusal, remote);
        }
    }
}

async fn write(socket: Arc<UdpSocket>, mut queue: mpsc::Receiver<(SocketAddr, Bytes)>) {
    while let Some((to, bytes)) = queue.recv().await {
        let sent = match socket.send_to(&bytes, to).await {
            Err(error) if refusals::is_of_earlier(&error) => socket.send_to(&bytes, to).await,
            sent => sent,
        };
        if let Err(error) = sent {
            tracing::debug!(%to, %error, "cannot send");
        }
    }
}
