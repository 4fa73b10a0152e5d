//! Word that datagrams of ours found nobody (ICMP; RFC 3261 18.4).
//!
//! The system keeps it beside the socket, with the address that was sent to. It can be forged by anybody, so
//! that it ends nothing that a peer has said a word of.

use std::io::{self, IoSliceMut};
use std::net::SocketAddr;
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::time::Duration;

use nix::sys::socket::{ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg, setsockopt, sockopt};
use tokio::io::Interest;
use tokio::net::UdpSocket;
use tracing::debug;

use super::layer::Shared;
use crate::sip::flow::{Flow, ListenerId, TransportKind};

/// Asks the system to keep such word. Where it does not, refusals look like silence.
pub(super) fn ask_for(socket: &std::net::UdpSocket, bind: SocketAddr) {
    let asked = if bind.is_ipv4() {
        setsockopt(socket, sockopt::Ipv4RecvErr, &true)
    } else {
        setsockopt(socket, sockopt::Ipv6RecvErr, &true)
    };
    if let Err(error) = asked {
        debug!(%bind, %error, "refused datagrams are not told");
    }
}

/// Whether an error of a call is word of an earlier datagram: then it says nothing of this one.
pub(super) fn is_of_earlier(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused | io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable
    )
}

/// Passes on who could not be reached.
pub(super) async fn read(
    shared: Arc<Shared>,
    socket: Arc<UdpSocket>,
    listener: ListenerId,
    local: SocketAddr,
) {
    loop {
        match socket.async_io(Interest::ERROR, || take(&socket)).await {
            Ok(Some(remote)) => {
                debug!(%remote, "nobody takes datagrams there");
                let flow = Flow { kind: TransportKind::Udp, listener, local, remote, connection: None };
                shared.report_refused(flow);
            }
            Ok(None) => {}
            Err(error) => {
                debug!(%local, %error, "cannot hear of refusals");
                // An error that stays must not spin.
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

/// Whom one refused datagram was for; `None` where it was something else, such as a shorter MTU.
fn take(socket: &UdpSocket) -> io::Result<Option<SocketAddr>> {
    let mut datagram = [0; 1];
    let mut slices = [IoSliceMut::new(&mut datagram)];
    let mut control = nix::cmsg_space!(nix::libc::sock_extended_err, nix::libc::sockaddr_in6);
    let flags = MsgFlags::MSG_ERRQUEUE | MsgFlags::MSG_DONTWAIT;
    let taken = recvmsg::<SockaddrStorage>(socket.as_raw_fd(), &mut slices, Some(&mut control), flags)?;
    let refused = [nix::libc::ECONNREFUSED, nix::libc::EHOSTUNREACH, nix::libc::ENETUNREACH];
    let is_refusal = taken.cmsgs()?.any(|message| match message {
        ControlMessageOwned::Ipv4RecvErr(error, _) | ControlMessageOwned::Ipv6RecvErr(error, _) => {
            i32::try_from(error.ee_errno).is_ok_and(|errno| refused.contains(&errno))
        }
        _ => false,
    });
    let Some(address) = taken.address.filter(|_| is_refusal) else { return Ok(None) };
    let v4 = address.as_sockaddr_in().map(|v4| SocketAddr::from((v4.ip(), v4.port())));
    Ok(v4.or_else(|| address.as_sockaddr_in6().map(|v6| SocketAddr::from((v6.ip(), v6.port())))))
}
