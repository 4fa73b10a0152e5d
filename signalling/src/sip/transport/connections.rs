//! Who is connected, and how many more may be.
//!
//! Every stream holds a [`Ticket`](super::layer::Ticket); dropping it gives the place back and tells the adapter. Peers
//! that have not authenticated are counted by address, and where all places are taken the idlest
//! of them makes room, so that a crowd of strangers cannot lock the users out.

use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use bytes::Bytes;
use rustls::client::verify_server_name;
use rustls::server::ParsedCertificate;
use rustls_pki_types::{CertificateDer, ServerName};
use tokio::sync::{Notify, mpsc};
use tracing::warn;

use super::limits::TransportLimits;
use crate::auth::limits::counted_as;
use crate::sip::flow::{ConnectionId, ListenerId, TransportKind};

/// All streams of one transport layer.
#[derive(Debug)]
pub(super) struct Connections {
    table: Mutex<Table>,
    per_address_max: usize,
    has_warned: AtomicBool,
    total_max: usize,
    queue_length: usize,
}

#[derive(Debug, Default)]
struct Table {
    next: u64,
    entries: HashMap<ConnectionId, Entry>,
    strangers: HashMap<IpAddr, usize>,
    dialled: HashMap<DialKey, ConnectionId>,
    /// Streams that we dialled and that have closed, the last one last: calls go on by another.
    closed: VecDeque<(ConnectionId, DialKey)>,
    /// The same of those that trunks have opened.
    parted: VecDeque<(ConnectionId, Vec<(String, Called)>)>,
}

/// Closed streams that are remembered. Chosen by us: more than there are hosts of trunks, each of which closes what is idle.
const CLOSED_MAX: usize = 1024;

#[derive(Debug)]
struct Entry {
    outgoing: mpsc::Sender<Bytes>,
    control: Arc<Control>,
    heard_at: Instant,
    standing: Standing,
    /// The certificate that the peer has shown; somebody whom we trust vouches for it.
    shown: Option<CertificateDer<'static>>,
    /// How each trunk is called that has authenticated on it, by its name: several may share a stream that their host has opened.
    called: Vec<(String, Called)>,
}

/// How somebody is called over TLS.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Called {
    /// The name that its certificate has to show.
    pub(super) server_name: Option<String>,
    /// The trunk whose certificate of ours it is shown.
    pub(super) identity: Option<String>,
}

/// What we know of the peer.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Standing {
    /// It has not proven anything; counted against its address.
    Stranger(IpAddr),
    /// It authenticated.
    Known,
    /// We called it.
    Dialled(DialKey),
}

/// What makes two dialled streams the same one: never the address alone, for a certificate speaks for a name,
/// and ours for a trunk.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct DialKey {
    pub(super) kind: TransportKind,
    pub(super) listener: ListenerId,
    pub(super) remote: SocketAddr,
    pub(super) server_name: Option<String>,
    pub(super) identity: Option<String>,
}

/// What the stream's task and the rest share.
#[derive(Debug, Default)]
pub(super) struct Control {
    is_known: AtomicBool,
    awaits_pong: AtomicBool,
    /// Ends the stream's task at its next await.
    pub(super) cut: Notify,
}

/// The right to be connected.
#[derive(Debug)]
pub(super) struct Admission {
    pub(super) id: ConnectionId,
    pub(super) control: Arc<Control>,
    pub(super) outgoing: mpsc::Receiver<Bytes>,
    /// Whether another stream was cut for it.
    pub(super) has_evicted: bool,
}

/// No place for a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    TooManyFromAddress,
    Full,
}

/// A message could not be queued.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum QueueError {
    Gone,
    Full,
}

impl Control {
    /// Whether the peer has authenticated, or was called by us.
    pub(super) fn is_known(&self) -> bool {
        self.is_known.load(Ordering::Relaxed)
    }

    /// Whether a ping of ours waits for its answer, which is here now.
    pub(super) fn take_pong(&self) -> bool {
        self.awaits_pong.swap(false, Ordering::Relaxed)
    }
}

impl Connections {
    pub(super) fn new(limits: &TransportLimits) -> Self {
        Self {
            table: Mutex::default(),
            per_address_max: limits.connections_per_address,
            has_warned: AtomicBool::new(false),
            total_max: limits.connections,
            queue_length: limits.outgoing_queue,
        }
    }

    /// Finds a place for a stream that `source` opened.
    pub(super) fn admit(&self, source: IpAddr, now: Instant) -> Result<Admission, Refusal> {
        let mut table = self.lock();
        let source = counted_as(source);
        if table.strangers.get(&source).copied().unwrap_or(0) >= self.per_address_max {
            drop(table);
            self.warn_of_strangers(source);
            return Err(Refusal::TooManyFromAddress);
        }
        let is_full = table.entries.len() >= self.total_max;
        if is_full && !table.evict_idlest_stranger() {
            return Err(Refusal::Full);
        }
        *table.strangers.entry(source).or_default() += 1;
        Ok(Admission {
            has_evicted: is_full,
            ..table.enter(Standing::Stranger(source), self.queue_length, now)
        })
    }

    /// Once: what strangers do must not fill the log.
    fn warn_of_strangers(&self, source: IpAddr) {
        if !self.has_warned.swap(true, Ordering::Relaxed) {
            warn!(
                address = %source,
                limit = self.per_address_max,
                "an address has as many connections of strangers as sip.strangers_per_address lets it have, and \
                 more are refused; this is told once"
            );
        }
    }

    /// The stream that was dialled by this key, or the right to dial one.
    pub(super) fn dial(&self, key: &DialKey, now: Instant) -> Result<ConnectionId, Admission> {
        let mut table = self.lock();
        if let Some(id) = table.dialled.get(key) {
            return Ok(*id);
        }
        let admission = table.enter(Standing::Dialled(key.clone()), self.queue_length, now);
        admission.control.is_known.store(true, Ordering::Relaxed);
        table.dialled.insert(key.clone(), admission.id);
        Err(admission)
    }

    /// By what key a stream was dialled that is open, or has closed not long ago.
    pub(super) fn dialled_as(&self, id: ConnectionId) -> Option<DialKey> {
        let table = self.lock();
        if let Some(Entry { standing: Standing::Dialled(key), .. }) = table.entries.get(&id) {
            return Some(key.clone());
        }
        table.closed.iter().rev().find(|(closed, _)| *closed == id).map(|(_, key)| key.clone())
    }

    /// How the peer of a stream is called that is open or has closed not long ago: as we called it, or, where it has opened it,
    /// as this trunk; by nothing but its address where that is none that has authenticated there.
    pub(super) fn called(&self, id: ConnectionId, trunk: Option<&str>) -> Called {
        if let Some(DialKey { server_name, identity, .. }) = self.dialled_as(id) {
            return Called { server_name, identity };
        }
        let table = self.lock();
        let of_open = table.entries.get(&id).map(|entry| &entry.called);
        let of_parted =
            || table.parted.iter().rev().find(|(parted, _)| *parted == id).map(|(_, called)| called);
        let mut known = of_open.or_else(of_parted).into_iter().flatten();
        let called = known.find(|(name, _)| Some(name.as_str()) == trunk);
        called.map(|(_, called)| called.clone()).unwrap_or_default()
    }

    /// Queues a message for a stream; one that does not read is cut.
    pub(super) fn queue(&self, id: ConnectionId, bytes: Bytes) -> Result<(), QueueError> {
        let mut table = self.lock();
        let entry = table.entries.get(&id).ok_or(QueueError::Gone)?;
        match entry.outgoing.try_send(bytes) {
            Ok(()) => Ok(()),
            Err(mpsc::error::TrySendError::Closed(_)) => Err(QueueError::Gone),
            Err(mpsc::error::TrySendError::Full(_)) => {
                table.cut(id);
                Err(QueueError::Full)
            }
        }
    }

    /// Sends an empty line pair, which is answered by one line end (RFC 5626 3.5.1).
    pub(super) fn ping(&self, id: ConnectionId) {
        if let Some(entry) = self.lock().entries.get(&id) {
            entry.control.awaits_pong.store(true, Ordering::Relaxed);
            // Where there is no room for it, its answer is missed.
            let _ = entry.outgoing.try_send(Bytes::from_static(b"\r\n\r\n"));
        }
    }

    /// Ends a stream at once.
    pub(super) fn cut(&self, id: ConnectionId) {
        self.lock().cut(id);
    }

    /// Notes that a whole message came in.
    pub(super) fn heard(&self, id: ConnectionId, now: Instant) {
        if let Some(entry) = self.lock().entries.get_mut(&id) {
            entry.heard_at = now;
        }
    }

    /// The peer has authenticated: its stream no longer counts against its address and stays open when idle.
    pub(super) fn mark_known(&self, id: ConnectionId) {
        let mut table = self.lock();
        let Some(entry) = table.entries.get_mut(&id) else { return };
        if let Standing::Stranger(source) = entry.standing {
            entry.standing = Standing::Known;
            entry.control.is_known.store(true, Ordering::Relaxed);
            table.forget_stranger(source);
        }
    }

    /// The peer of a stream is this trunk, perhaps among others, which is called so.
    pub(super) fn note_called(&self, id: ConnectionId, trunk: &str, called: Called) {
        if let Some(entry) = self.lock().entries.get_mut(&id) {
            match entry.called.iter_mut().find(|(name, _)| name == trunk) {
                Some((_, known)) => *known = called,
                None => entry.called.push((trunk.to_owned(), called)),
            }
        }
    }

    /// A stream of a process before, whose peer is this trunk, which is called so.
    pub(super) fn parted_before(&self, trunk: &str, called: Called) -> ConnectionId {
        let mut table = self.lock();
        table.next += 1;
        let id = ConnectionId(table.next);
        remember(&mut table.parted, (id, vec![(trunk.to_owned(), called)]));
        id
    }

    /// The peer has shown this certificate, and that it has the key.
    pub(super) fn note_shown(&self, id: ConnectionId, certificate: CertificateDer<'static>) {
        if let Some(entry) = self.lock().entries.get_mut(&id) {
            entry.shown = Some(certificate);
        }
    }

    /// Whether the peer has shown a certificate that is for this name, and not for all beside it (RFC 5922 7.2).
    pub(super) fn shows(&self, id: ConnectionId, name: &str) -> bool {
        let shown = self.lock().entries.get(&id).and_then(|entry| entry.shown.clone());
        let Some(shown) = shown else { return false };
        let another = name.split_once('.').map(|(_, domain)| format!("{NOBODY}.{domain}"));
        ParsedCertificate::try_from(&shown).is_ok_and(|parsed| {
            is_for(&parsed, name) && another.is_none_or(|another| !is_for(&parsed, &another))
        })
    }

    /// Whether we dialled this open stream to this host, and as this trunk's or as anybody's. Nothing comes by it before the host has
    /// shown a certificate for its name.
    pub(super) fn is_to(&self, id: ConnectionId, host: &str, identity: Option<&str>) -> bool {
        let table = self.lock();
        let Some(Entry { standing: Standing::Dialled(key), .. }) = table.entries.get(&id) else {
            return false;
        };
        key.kind == TransportKind::Tls
            && key.server_name.as_deref().is_some_and(|name| name.eq_ignore_ascii_case(host))
            && key.identity.as_deref() == identity
    }

    /// Whether the peer has authenticated, or was called by us.
    pub(super) fn is_known(&self, id: ConnectionId) -> bool {
        self.lock().entries.get(&id).is_some_and(|entry| entry.control.is_known())
    }

    pub(super) fn is_open(&self, id: ConnectionId) -> bool {
        self.lock().entries.contains_key(&id)
    }

    /// Ends all streams, each when what waits for it has been written.
    pub(super) fn finish_all(&self) {
        let mut table = self.lock();
        let all: Vec<ConnectionId> = table.entries.keys().copied().collect();
        for id in all {
            drop(table.remove(id));
        }
    }

    /// Gives the place back; the queue closes when what is in it has been taken out.
    pub(super) fn leave(&self, id: ConnectionId) {
        drop(self.lock().remove(id));
    }

    pub(super) fn len(&self) -> usize {
        self.lock().entries.len()
    }

    /// The table is whole between any two statements of ours, so a panic elsewhere does not spoil it.
    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A host that no certificate names but by a wildcard. Chosen by us.
const NOBODY: &str = "nobody-has-this-name";

fn is_for(certificate: &ParsedCertificate<'_>, name: &str) -> bool {
    ServerName::try_from(name).is_ok_and(|name| verify_server_name(certificate, &name).is_ok())
}

impl Table {
    fn enter(&mut self, standing: Standing, queue_length: usize, now: Instant) -> Admission {
        self.next += 1;
        let id = ConnectionId(self.next);
        let control = Arc::<Control>::default();
        let (sender, outgoing) = mpsc::channel(queue_length);
        let (shown, called) = (None, Vec::new());
        let entry =
            Entry { outgoing: sender, control: control.clone(), heard_at: now, standing, shown, called };
        self.entries.insert(id, entry);
        Admission { id, control, outgoing, has_evicted: false }
    }

    fn evict_idlest_stranger(&mut self) -> bool {
        let idlest = self
            .entries
            .iter()
            .filter(|(_, entry)| matches!(entry.standing, Standing::Stranger(_)))
            .min_by_key(|(id, entry)| (entry.heard_at, **id))
            .map(|(id, _)| *id);
        if let Some(id) = idlest {
            self.cut(id);
        }
        idlest.is_some()
    }

    fn cut(&mut self, id: ConnectionId) {
        if let Some(entry) = self.remove(id) {
            entry.control.cut.notify_one();
        }
    }

    fn remove(&mut self, id: ConnectionId) -> Option<Entry> {
        let entry = self.entries.remove(&id)?;
        match &entry.standing {
            Standing::Stranger(source) => self.forget_stranger(*source),
            Standing::Known => {
                if !entry.called.is_empty() {
                    remember(&mut self.parted, (id, entry.called.clone()));
                }
            }
            Standing::Dialled(key) => {
                self.dialled.remove(key);
                remember(&mut self.closed, (id, key.clone()));
            }
        }
        Some(entry)
    }

    fn forget_stranger(&mut self, source: IpAddr) {
        if let Some(count) = self.strangers.get_mut(&source) {
            *count -= 1;
            if *count == 0 {
                self.strangers.remove(&source);
            }
        }
    }
}

fn remember<T>(closed: &mut VecDeque<T>, last: T) {
    if closed.len() == CLOSED_MAX {
        closed.pop_front();
    }
    closed.push_back(last);
}

#[cfg(test)]
mod tests;
