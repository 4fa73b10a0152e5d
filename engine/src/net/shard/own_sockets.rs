//! Sockets that are one leg's alone, at ports of the shard's pool: a phone's pair for RTP and RTCP, and those from
//! which a WebRTC peer is checked that does not check us.

use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr, UdpSocket};
use std::time::Instant;

use nix::libc;
use socket2::{Domain, Type};
use tracing::warn;

use super::{Owner, Reading, Shard};
use crate::leg::{Leg, OwnSockets};
use crate::net::outbox::SocketId;
use crate::net::socket::Socket;
use crate::{CallId, LegId};

/// Ports that are tried: another program may have one.
const TRIES: usize = 16;

impl Shard {
    /// Binds a port pair for a leg; its datagrams are that leg's.
    pub(crate) fn bind_pair(
        &mut self,
        owner: (CallId, LegId),
        now: Instant,
    ) -> Option<(u16, [SocketId; 2], Vec<Reading>)> {
        let ip = self.supplies.config.rtp_address;
        let (port, readings) =
            self.bind(owner, now, |port| Ok(vec![bind(ip, port)?, bind(ip, port + 1)?]))?;
        let [rtp, rtcp] = &readings[..] else { unreachable!("two were bound") };
        Some((port, [rtp.id, rtcp.id], readings))
    }

    /// Gives a leg sockets of its own, one for each address at which browsers find it; none where no port is left.
    pub(super) fn give_sockets(&mut self, call: CallId, leg: LegId, now: Instant) {
        let link = self.calls.get(&call).and_then(|slot| slot.call.leg(leg)?.webrtc());
        let Some(link) = link else { return };
        let ips: Vec<IpAddr> = link.transport.candidates().iter().map(|own| own.address.ip()).collect();
        let bind_all = |port| ips.iter().map(|ip| bind(*ip, port)).collect();
        let own = self.bind((call, leg), now, bind_all).map(|(port, readings)| {
            let sockets = readings.iter().map(|reading| (reading.socket.local(), reading.id)).collect();
            self.unread.extend(readings);
            OwnSockets { port, sockets }
        });
        self.with_call(call, now, |call, outbox, now| call.check_from(leg, own, now, outbox));
    }

    /// The sockets that were given to legs since the last time, to be read.
    pub(crate) fn take_unread(&mut self) -> Vec<Reading> {
        std::mem::take(&mut self.unread)
    }

    /// Closes the sockets that are a leg's own.
    pub(super) fn release_sockets(&mut self, leg: &Leg, now: Instant) {
        let Some((port, sockets)) = leg.own_sockets() else { return };
        let mut is_heard = false;
        for id in sockets {
            if let Some(bound) = self.sockets.get_mut(id.0).and_then(Option::take) {
                is_heard |= bound.is_heard;
                bound.closed.notify_one();
            }
        }
        self.ports.release(port, is_heard, now);
        self.gauges.set_ports_in_use(self.ports.in_use());
    }

    /// Takes a port and binds it; the next where another program has it.
    fn bind(
        &mut self,
        (call, leg): (CallId, LegId),
        now: Instant,
        bind_all: impl Fn(u16) -> io::Result<Vec<Socket>>,
    ) -> Option<(u16, Vec<Reading>)> {
        for _ in 0..TRIES {
            let Some(port) = self.ports.take(now) else {
                if self.ports.note_dry() {
                    let (in_use, resting) = (self.ports.in_use(), self.ports.resting());
                    warn!(in_use, resting, "no RTP port pair is left: calls fail; widen media.rtp_ports");
                }
                return None;
            };
            match bind_all(port) {
                Ok(bound) => {
                    self.gauges.set_ports_in_use(self.ports.in_use());
                    let owner = Owner::Leg(call, leg);
                    let readings = bound.into_iter().map(|socket| self.insert(socket, owner)).collect();
                    return Some((port, readings));
                }
                // No other port would help, and this one is as good as before.
                Err(error) if is_shortage(&error) => {
                    warn!(%error, "no socket is left for RTP: calls fail");
                    self.ports.put_back(port);
                    return None;
                }
                Err(error) => {
                    warn!(%error, port, "RTP port pair cannot be bound");
                    self.ports.release(port, true, now);
                }
            }
        }
        None
    }
}

/// Whether the process, or the system, has no descriptor or memory left.
fn is_shortage(error: &io::Error) -> bool {
    let kinds = [libc::EMFILE, libc::ENFILE, libc::ENOBUFS, libc::ENOMEM];
    error.raw_os_error().is_some_and(|errno| kinds.contains(&errno))
}

fn bind(ip: IpAddr, port: u16) -> io::Result<Socket> {
    Socket::register(bind_one(SocketAddr::new(ip, port))?)
}

/// Bound to `::` it is for both families, whatever the system's `net.ipv6.bindv6only` says.
fn bind_one(address: SocketAddr) -> io::Result<UdpSocket> {
    let socket = socket2::Socket::new(Domain::for_address(address), Type::DGRAM, None)?;
    if address.is_ipv6() {
        socket.set_only_v6(address.ip() != IpAddr::V6(Ipv6Addr::UNSPECIFIED))?;
    }
    socket.bind(&address.into())?;
    Ok(socket.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_socket_of_every_address_is_for_both_families() {
        for (ip, is_only_v6) in [("::", false), ("::1", true)] {
            let ip: IpAddr = ip.parse().expect("an address");
            let socket = bind_one(SocketAddr::new(ip, 0)).expect("a port");
            assert_eq!(socket2::SockRef::from(&socket).only_v6().expect("it tells"), is_only_v6, "{ip}");
        }
    }
}
