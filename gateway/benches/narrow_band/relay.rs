//! A network that loses media on their way from the browser to the gateway: at random, and the same every time.
//!
//! To the gateway it is a NAT before the browser: each of the browser's sockets gets one here.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::support::host::Host;

/// The address at which browsers find the gateway. It carries nothing more when it is dropped.
pub(crate) struct Relay {
    host: Host,
    is_over: Arc<AtomicBool>,
}

/// One of the browser's sockets.
struct Peer {
    inside: Arc<UdpSocket>,
    random: StdRng,
}

/// How soon a thread sees that it is over.
const TICK: Duration = Duration::from_millis(100);
/// Longer than any datagram of a call.
const DATAGRAM_MAX: usize = 2048;
/// Every call loses the packets of the same numbers.
const SEED: u64 = 7;

impl Relay {
    /// Takes an address.
    pub(crate) fn new() -> Self {
        Self { host: Host::new(), is_over: Arc::default() }
    }

    /// Where it is.
    pub(crate) const fn ip(&self) -> IpAddr {
        self.host.ip()
    }

    /// Carries what comes to the gateway's port here, and what comes back; each packet of audio that
    /// the browser sends is lost with this probability.
    pub(crate) fn carry(&self, gateway: SocketAddr, loss: f64) {
        let outside = open(self.host.at(gateway.port()));
        let back = Arc::clone(&outside);
        let (ip, is_over) = (self.ip(), Arc::clone(&self.is_over));
        let mut peers = HashMap::new();
        let carry = move |datagram: &[u8], browser| {
            let peer: &mut Peer = peers.entry(browser).or_insert_with(|| {
                let inside = open(SocketAddr::new(ip, 0));
                let back = Arc::clone(&back);
                let carry_back = move |datagram: &[u8], _| send(&back, datagram, browser);
                each_datagram(Arc::clone(&inside), Arc::clone(&is_over), carry_back);
                Peer { inside, random: StdRng::seed_from_u64(SEED) }
            });
            if !(is_audio(datagram) && peer.random.random_bool(loss)) {
                send(&peer.inside, datagram, gateway);
            }
        };
        each_datagram(outside, Arc::clone(&self.is_over), carry);
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
    }
}

fn open(address: SocketAddr) -> Arc<UdpSocket> {
    let socket = UdpSocket::bind(address).expect("the host is ours");
    socket.set_read_timeout(Some(TICK)).expect("it is a time");
    Arc::new(socket)
}

/// Hands on every datagram with its sender, in a thread of its own.
fn each_datagram(
    socket: Arc<UdpSocket>,
    is_over: Arc<AtomicBool>,
    mut take: impl FnMut(&[u8], SocketAddr) + Send + 'static,
) {
    thread::spawn(move || {
        let mut buffer = [0; DATAGRAM_MAX];
        while !is_over.load(Ordering::Relaxed) {
            // Nobody may have sent anything, or nobody be there who was sent something.
            let Ok((length, from)) = socket.recv_from(&mut buffer) else { continue };
            take(&buffer[..length], from);
        }
    });
}

fn send(socket: &UdpSocket, datagram: &[u8], to: SocketAddr) {
    // What cannot be sent is lost, as in any network.
    let _ = socket.send_to(datagram, to);
}

/// Whether it is RTP and not STUN or DTLS (RFC 9443 3), nor RTCP (RFC 5761 4).
fn is_audio(datagram: &[u8]) -> bool {
    matches!(datagram, [128..=191, kind, ..] if !(192..=223).contains(kind))
}
