//! A network that loses, delays, swaps and doubles packets of audio between a client and the gateway, at random and
//! the same every time, or adds to them what somebody forged.
//!
//! To the gateway it is a NAT before the client: each of the client's sockets gets one here.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::host::Host;

/// The address at which clients find the gateway. It carries nothing more when it is dropped.
pub(crate) struct Relay {
    host: Host,
    is_over: Arc<AtomicBool>,
    tallies: [Arc<Tally>; 2],
    /// How often the ways to each port of the gateway's were forgotten.
    forgotten: Mutex<HashMap<SocketAddr, Arc<AtomicU64>>>,
}

/// What happens to audio on its way, each with its probability.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Faults {
    /// That a packet is lost.
    pub(crate) loss: f64,
    /// Packets that are lost with it: those after it.
    pub(crate) in_a_row: u32,
    /// That a packet comes after the next one.
    pub(crate) swaps: f64,
    /// That a packet comes twice.
    pub(crate) doubles: f64,
    /// By how much a packet is late at most; none overtakes another by that.
    pub(crate) jitter_ms: u64,
    /// Which of them, by their number, that may be late; without, any.
    pub(crate) burst: Option<(u64, u64)>,
    /// What comes with each datagram under its sender's address.
    pub(crate) forge: Option<Forge>,
    /// What comes by the clock under its sender's address, from its first datagram on.
    pub(crate) spray: Option<Spray>,
}

/// What somebody sends who knows no more than the addresses, and how often. The number counts what he sends.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Spray {
    pub(crate) every: Duration,
    pub(crate) make: fn(number: u64) -> Vec<u8>,
}

/// What somebody sends who sees a datagram and knows no key: before it, and after it. The number counts them.
pub(crate) type Forge = fn(datagram: &[u8], number: u64) -> [Vec<Vec<u8>>; 2];

impl Faults {
    /// A good network.
    pub(crate) const NONE: Self = Self {
        loss: 0.0,
        in_a_row: 0,
        swaps: 0.0,
        doubles: 0.0,
        jitter_ms: 0,
        burst: None,
        forge: None,
        spray: None,
    };
}

/// What happened in one direction so far.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    lost: AtomicU64,
    swapped: AtomicU64,
    doubled: AtomicU64,
    forged: AtomicU64,
}

/// One direction of one of the client's sockets.
struct Way {
    faults: Faults,
    random: StdRng,
    /// What waits for the next packet.
    held: Option<Vec<u8>>,
    /// How many of the next packets are lost with the one before them.
    still_lost: u32,
    seen: u64,
    exit: Exit,
    tally: Arc<Tally>,
}

/// Where what comes along a way leaves the relay.
struct Exit {
    socket: Arc<UdpSocket>,
    to: SocketAddr,
    /// Where packets wait that are late, in a thread of its own, once one was.
    queue: Option<Sender<(Instant, Vec<u8>)>>,
}

/// One of the client's sockets.
struct Peer {
    towards: Way,
    /// How often its kind had been forgotten when it was made.
    age: u64,
    is_over: Arc<AtomicBool>,
}

/// How soon a thread sees that it is over.
const TICK: Duration = Duration::from_millis(100);
/// Longer than any datagram of a call.
const DATAGRAM_MAX: usize = 2048;
/// Every call has the faults at the same packets.
const SEED: u64 = 7;

impl Relay {
    /// Takes an address.
    pub(crate) fn new() -> Self {
        let (is_over, tallies, forgotten) = Default::default();
        Self { host: Host::new(), is_over, tallies, forgotten }
    }

    /// Where it is.
    pub(crate) const fn ip(&self) -> IpAddr {
        self.host.ip()
    }

    /// What happened towards the gateway, and on the way back.
    pub(crate) fn tallies(&self) -> [&Tally; 2] {
        self.tallies.each_ref().map(|tally| &**tally)
    }

    /// Forgets by which ports clients were shown to that port of the gateway's, as a NAT does that starts anew: what
    /// they send from now on comes from others, and what is sent to those of before goes nowhere.
    pub(crate) fn forget(&self, gateway: SocketAddr) {
        let forgotten = self.forgotten.lock().expect("nobody broke it");
        forgotten[&gateway].fetch_add(1, Ordering::Relaxed);
    }

    /// Carries what comes to the gateway's port here, and what comes back, with faults towards the gateway
    /// and others on the way back.
    pub(crate) fn carry(&self, gateway: SocketAddr, faults: [Faults; 2]) {
        let outside = open(self.host.at(gateway.port()));
        let outside_of_peers = Arc::clone(&outside);
        let (ip, is_over) = (self.ip(), Arc::clone(&self.is_over));
        let tallies = self.tallies.clone();
        let forgotten = Arc::<AtomicU64>::default();
        self.forgotten.lock().expect("nobody broke it").insert(gateway, Arc::clone(&forgotten));
        let mut peers = HashMap::new();
        let carry = move |datagram: &[u8], client| {
            let age = forgotten.load(Ordering::Relaxed);
            peers.retain(|_, peer: &mut Peer| peer.age == age);
            let peer: &mut Peer = peers.entry(client).or_insert_with(|| {
                let inside = open(SocketAddr::new(ip, 0));
                let way = |way: usize, exit| Way::new(faults[way], SEED + way as u64, exit, &tallies[way]);
                let towards = way(0, Exit::new(&inside, gateway));
                let mut homewards = way(1, Exit::new(&outside_of_peers, client));
                let carry_back = move |datagram: &[u8], _| homewards.pass(datagram);
                let peer_is_over = Arc::<AtomicBool>::default();
                each_datagram(
                    Arc::clone(&inside),
                    [Arc::clone(&is_over), Arc::clone(&peer_is_over)],
                    carry_back,
                );
                if let Some(spray) = faults[0].spray {
                    let is_over = [Arc::clone(&is_over), Arc::clone(&peer_is_over)];
                    spray.begin(Exit::new(&inside, gateway), is_over, Arc::clone(&tallies[0]));
                }
                Peer { towards, age, is_over: peer_is_over }
            });
            peer.towards.pass(datagram);
        };
        each_datagram(outside, [Arc::clone(&self.is_over)], carry);
    }
}

impl Spray {
    /// Sends in a thread of its own, until one of these is true.
    fn begin<const N: usize>(self, exit: Exit, is_over: [Arc<AtomicBool>; N], tally: Arc<Tally>) {
        thread::spawn(move || {
            for number in 0.. {
                if is_over.iter().any(|is_over| is_over.load(Ordering::Relaxed)) {
                    return;
                }
                exit.send(&(self.make)(number));
                tally.forged.fetch_add(1, Ordering::Relaxed);
                thread::sleep(self.every);
            }
        });
    }
}

impl Tally {
    /// Packets that were lost.
    pub(crate) fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    /// Datagrams that were added.
    pub(crate) fn forged(&self) -> u64 {
        self.forged.load(Ordering::Relaxed)
    }

    /// Packets that came twice.
    pub(crate) fn doubled(&self) -> u64 {
        self.doubled.load(Ordering::Relaxed)
    }

    /// Packets that came after their next one.
    pub(crate) fn swapped(&self) -> u64 {
        self.swapped.load(Ordering::Relaxed)
    }
}

impl Way {
    fn new(faults: Faults, seed: u64, exit: Exit, tally: &Arc<Tally>) -> Self {
        let (random, tally) = (StdRng::seed_from_u64(seed), Arc::clone(tally));
        Self { faults, random, held: None, still_lost: 0, seen: 0, exit, tally }
    }

    fn pass(&mut self, datagram: &[u8]) {
        self.seen += 1;
        let [before, after] = self.faults.forge.map(|forge| forge(datagram, self.seen)).unwrap_or_default();
        self.tally.forged.fetch_add((before.len() + after.len()) as u64, Ordering::Relaxed);
        before.iter().for_each(|forged| self.exit.send(forged));
        if !is_audio(datagram) {
            self.exit.send(datagram);
        } else if self.is_lost() {
            self.tally.lost.fetch_add(1, Ordering::Relaxed);
        } else if self.held.is_none() && self.random.random_bool(self.faults.swaps) {
            self.held = Some(datagram.to_vec());
        } else {
            self.deliver(datagram);
            if let Some(held) = self.held.take() {
                self.tally.swapped.fetch_add(1, Ordering::Relaxed);
                self.deliver(&held);
            }
        }
        after.iter().for_each(|forged| self.exit.send(forged));
    }
}

impl Way {
    fn is_lost(&mut self) -> bool {
        match self.still_lost.checked_sub(1) {
            Some(left) => self.still_lost = left,
            None if self.random.random_bool(self.faults.loss) => self.still_lost = self.faults.in_a_row,
            None => return false,
        }
        true
    }

    /// Hands on a packet of audio, soon or later, once or twice.
    fn deliver(&mut self, packet: &[u8]) {
        let is_doubled = self.random.random_bool(self.faults.doubles);
        self.tally.doubled.fetch_add(is_doubled.into(), Ordering::Relaxed);
        let is_calm = self.faults.burst.is_some_and(|(from, to)| !(from..to).contains(&self.seen));
        let late_max_ms = if is_calm { 0 } else { self.faults.jitter_ms };
        let late = Duration::from_millis(self.random.random_range(0..=late_max_ms));
        for _ in 0..=usize::from(is_doubled) {
            if self.faults.jitter_ms == 0 {
                self.exit.send(packet);
            } else {
                self.exit.send_later(packet, late);
            }
        }
    }
}

impl Exit {
    fn new(socket: &Arc<UdpSocket>, to: SocketAddr) -> Self {
        Self { socket: Arc::clone(socket), to, queue: None }
    }

    fn send(&self, datagram: &[u8]) {
        send(&self.socket, datagram, self.to);
    }

    /// Whoever comes later stays behind. The thread ends with the way.
    fn send_later(&mut self, datagram: &[u8], late: Duration) {
        let queue = self.queue.get_or_insert_with(|| {
            let (queue, waiting) = mpsc::channel::<(Instant, Vec<u8>)>();
            let (socket, to) = (Arc::clone(&self.socket), self.to);
            thread::spawn(move || {
                for (due_at, datagram) in waiting {
                    thread::sleep(due_at.saturating_duration_since(Instant::now()));
                    send(&socket, &datagram, to);
                }
            });
            queue
        });
        queue.send((Instant::now() + late, datagram.to_vec())).expect("the thread waits as long as we are");
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
    }
}

pub(super) fn open(address: SocketAddr) -> Arc<UdpSocket> {
    let socket = UdpSocket::bind(address).expect("the host is ours");
    socket.set_read_timeout(Some(TICK)).expect("it is a time");
    Arc::new(socket)
}

/// Hands on every datagram with its sender, in a thread of its own, until one of these is true.
pub(super) fn each_datagram<const N: usize>(
    socket: Arc<UdpSocket>,
    is_over: [Arc<AtomicBool>; N],
    mut take: impl FnMut(&[u8], SocketAddr) + Send + 'static,
) {
    thread::spawn(move || {
        let mut buffer = [0; DATAGRAM_MAX];
        while !is_over.iter().any(|is_over| is_over.load(Ordering::Relaxed)) {
            // Nobody may have sent anything, or nobody be there who was sent something.
            let Ok((length, from)) = socket.recv_from(&mut buffer) else { continue };
            take(&buffer[..length], from);
        }
    });
}

pub(super) fn send(socket: &UdpSocket, datagram: &[u8], to: SocketAddr) {
    // What cannot be sent is lost, as in any network.
    let _ = socket.send_to(datagram, to);
}

/// Whether it is RTP and not STUN or DTLS (RFC 9443 3), nor RTCP (RFC 5761 4).
pub(crate) fn is_audio(datagram: &[u8]) -> bool {
    matches!(datagram, [128..=191, kind, ..] if !(192..=223).contains(kind))
}
