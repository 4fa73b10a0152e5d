//! The thread that sends: it may wait for names to be resolved, which nobody else does.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use tracing::{info, warn};
use webtrunk_signalling::sip::trace::Seen;

use super::packet::{Agent, packet};
use crate::config::{HepConfig, Secret};

/// Messages that may wait to be sent. Chosen by us: a second of a busy gateway, for a name to be resolved in.
const WAITING_MAX: usize = 1024;

/// How often a collector's name is looked up anew, and how often one that has none is looked for.
const LOOKED_UP_AGAIN: Duration = Duration::from_secs(300);
const LOOKED_FOR_AGAIN: Duration = Duration::from_secs(10);

/// Sends copies to a collector; cheap to clone.
#[derive(Debug, Clone)]
pub struct Exporter {
    waiting: SyncSender<Arc<Seen>>,
    counters: Arc<Counters>,
}

/// What was counted from the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HepCounts {
    /// Messages that were sent; whether they arrived nobody says.
    pub sent: u64,
    /// Messages that could not be sent: no address, nobody there, or more than could wait.
    pub lost: u64,
}

#[derive(Debug, Default)]
struct Counters {
    sent: AtomicU64,
    lost: AtomicU64,
}

impl Exporter {
    /// Starts the thread; it ends with the last handle.
    ///
    /// # Errors
    /// There are too many threads.
    pub fn start(config: &HepConfig) -> io::Result<Self> {
        let (waiting, messages) = sync_channel(WAITING_MAX);
        let counters = Arc::new(Counters::default());
        let agent = Agent { id: config.capture_id, password: config.password.as_ref().map(secret) };
        let own = Arc::clone(&counters);
        let line = Line {
            collector: config.collector.clone(),
            open: None,
            look_up_at: Instant::now(),
            is_told: false,
        };
        thread::Builder::new()
            .name("hep".to_owned())
            .spawn(move || send_all(&messages, &agent, line, &own))?;
        Ok(Self { waiting, counters })
    }

    /// Sends a message some time. Never waits.
    pub fn send(&self, seen: &Arc<Seen>) {
        if self.waiting.try_send(Arc::clone(seen)).is_err() {
            self.counters.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// What was counted so far.
    #[must_use]
    pub fn counts(&self) -> HepCounts {
        let Counters { sent, lost } = &*self.counters;
        HepCounts { sent: sent.load(Ordering::Relaxed), lost: lost.load(Ordering::Relaxed) }
    }
}

fn secret(secret: &Secret) -> String {
    secret.expose().to_owned()
}

fn send_all(messages: &Receiver<Arc<Seen>>, agent: &Agent, mut line: Line, counters: &Counters) {
    while let Ok(seen) = messages.recv() {
        let counter = if line.send(&packet(agent, &seen)) { &counters.sent } else { &counters.lost };
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

/// The way to the collector.
struct Line {
    collector: String,
    open: Option<(SocketAddr, UdpSocket)>,
    look_up_at: Instant,
    /// Whether the log says that there is no way.
    is_told: bool,
}

impl Line {
    /// Whether the system took it.
    fn send(&mut self, packet: &[u8]) -> bool {
        let now = Instant::now();
        if now >= self.look_up_at {
            self.look_up(now);
        }
        let Some((_, socket)) = &self.open else { return false };
        match socket.send(packet) {
            Ok(_) => true,
            // Word that an earlier one found nobody: this one may.
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => socket.send(packet).is_ok(),
            Err(_) => false,
        }
    }

    fn look_up(&mut self, now: Instant) {
        let found = self.collector.to_socket_addrs().and_then(|mut found| {
            found.next().ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "no address"))
        });
        let opened = found.and_then(|address| match &self.open {
            Some((known, _)) if *known == address => Ok(()),
            _ => {
                self.open = Some((address, socket_to(address)?));
                info!(collector = self.collector, %address, "SIP messages are copied to the collector");
                Ok(())
            }
        });
        if let Err(error) = &opened
            && self.open.is_none()
            && !self.is_told
        {
            warn!(collector = self.collector, %error, "the collector has no address; its copies are lost until it has one");
        }
        self.is_told = self.open.is_none();
        self.look_up_at = now + if self.open.is_some() { LOOKED_UP_AGAIN } else { LOOKED_FOR_AGAIN };
    }
}

fn socket_to(address: SocketAddr) -> io::Result<UdpSocket> {
    let any: SocketAddr = match address {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    let socket = UdpSocket::bind(any)?;
    socket.connect(address)?;
    // A full buffer loses what it cannot take, as a full line would.
    socket.set_nonblocking(true)?;
    Ok(socket)
}
