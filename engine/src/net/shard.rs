//! A media shard: everything that the packets of its calls touch, owned by one thread.
//!
//! ```text
//! socket task: readable -> recvmmsg -> demux -> call.handle_datagram -.
//! timer task:  next deadline ------------> call.handle_timeout -------+-> outbox -> flush task -> sendmmsg
//! call actor:  command ------------------> call.<command> ------------'
//! ```

use std::cell::RefCell;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{Notify, mpsc};
use tracing::{error, info, trace, warn};

pub(crate) use self::addresses::AddressChange;
use self::captures::Running;
use self::conferences::Rooms;
use super::demux::{DatagramKind, Demux};
use super::gauges::Gauges;
use super::load::Load;
use super::outbox::{Outbox, SocketId};
use super::ports::PortPool;
use super::socket::{Inbox, SendHeaders, Socket};
use super::stream::MediaStream;
use super::timers::Timers;
use crate::call::{Call, CallEvent, Supplies};
use crate::ice::{SourceChange, StunRoute};
use crate::leg::Leg;
use crate::media::Recorder;
use crate::{CallId, EndCause, LegId};

/// How long a datagram may wait for others to leave with while there is work. A system call costs about 1 us, encoding a packet of
/// Opus 60 to 100 us: past this, company is no gain any more.
const FLUSH_WAIT: Duration = Duration::from_micros(200);

/// The shard as its tasks and actors share it. They take turns on one thread, and none holds it
/// over an await.
pub(crate) type SharedShard = Rc<RefCell<Shard>>;

/// All of one media thread.
pub(crate) struct Shard {
    pub(crate) supplies: Arc<Supplies>,
    calls: HashMap<CallId, Slot>,
    sockets: Vec<Option<Bound>>,
    webrtc: Vec<(SocketAddr, SocketId)>,
    pub(super) demux: Demux<(CallId, LegId)>,
    /// TCP streams by the peer's address.
    pub(super) streams: HashMap<SocketAddr, MediaStream>,
    ports: PortPool,
    outbox: Outbox,
    /// Since when the first of the outbox's datagrams has waited.
    waiting_since: Option<Instant>,
    /// Away only while its datagrams are handled.
    inbox: Option<Box<Inbox>>,
    send_headers: SendHeaders,
    timers: Timers,
    rooms: Rooms,
    gauges: Arc<Gauges>,
    load: Load,
    wake: Rc<Wake>,
    recorder: Option<Recorder>,
    /// How many calls are captured: with none, no packet looks for its capture.
    captures: usize,
    /// Sockets that no task reads yet.
    unread: Vec<Reading>,
}

/// How the shard's tasks are told that there is something to do.
#[derive(Default)]
pub(crate) struct Wake {
    pub(crate) timer: Notify,
    pub(crate) flush: Notify,
}

struct Slot {
    call: Call,
    events: mpsc::Sender<Box<CallEvent>>,
    armed_for: Option<Instant>,
    /// Addresses that another leg held when one of these asked for them.
    contested: Vec<(LegId, SocketAddr)>,
    capture: Option<Running>,
}

struct Bound {
    socket: Rc<Socket>,
    owner: Owner,
    /// Whether anything ever came.
    is_heard: bool,
    /// Ends the task that reads it.
    closed: Rc<Notify>,
}

/// Whose datagrams come in on a socket.
#[derive(Debug, Clone, Copy)]
enum Owner {
    Webrtc,
    Leg(CallId, LegId),
}

impl Shard {
    pub(crate) fn new(supplies: Arc<Supplies>, ports: PortPool, gauges: Arc<Gauges>) -> Self {
        let calls_max = supplies.config.calls_max;
        let webrtc = supplies.config.webrtc_tcp.iter().map(|address| (*address, SocketId::STREAMS)).collect();
        let load = Load::new(supplies.config.encoder.opus.complexity);
        Self {
            supplies,
            calls: HashMap::with_capacity(calls_max.min(1024)),
            sockets: Vec::new(),
            webrtc,
            demux: Demux::new(),
            streams: HashMap::new(),
            ports,
            outbox: Outbox::default(),
            waiting_since: None,
            inbox: Some(Box::default()),
            send_headers: SendHeaders::default(),
            timers: Timers::with_capacity(calls_max.min(1024)),
            rooms: Rooms::default(),
            gauges,
            load,
            wake: Rc::default(),
            recorder: None,
            captures: 0,
            unread: Vec::new(),
        }
    }

    /// The same, with somebody to write its recordings.
    pub(crate) fn with_recorder(self, recorder: Option<Recorder>) -> Self {
        Self { recorder, ..self }
    }

    pub(crate) fn wake(&self) -> Rc<Wake> {
        Rc::clone(&self.wake)
    }

    /// Takes in a call.
    pub(crate) fn add_call(&mut self, mut call: Call, events: mpsc::Sender<Box<CallEvent>>) {
        self.gauges.call_added();
        call.set_complexity(self.load.complexity());
        self.calls
            .insert(call.id(), Slot { call, events, armed_for: None, contested: Vec::new(), capture: None });
    }

    /// Runs `act` on a call and carries out what follows from it.
    pub(crate) fn with_call<T>(
        &mut self,
        id: CallId,
        now: Instant,
        act: impl FnOnce(&mut Call, &mut Outbox, Instant) -> T,
    ) -> Option<T> {
        let call = &mut self.calls.get_mut(&id)?.call;
        let outbox = &mut self.outbox;
        let waited = outbox.len();
        // A broken assumption of ours may end this call, never the shard.
        let result = catch_unwind(AssertUnwindSafe(|| act(call, outbox, now)));
        let Ok(result) = result else {
            call.span().in_scope(|| error!("a panic ended this call"));
            self.remove_call(id, EndCause::InternalError, now);
            return None;
        };
        if self.captures > 0 {
            self.capture_sent(id, waited, now);
        }
        self.settle(id, now);
        Some(result)
    }

    /// Adds a leg to a call and lets checks find it.
    pub(crate) fn add_leg(&mut self, id: CallId, leg: Leg, now: Instant) {
        self.gauges.leg_added();
        if !self.has_call(id) {
            return self.release(id, &leg, now);
        }
        if let Some(link) = leg.webrtc() {
            let is_new = self.demux.insert_leg((id, leg.id()), link.transport.local_ufrag());
            debug_assert!(is_new, "local ufrags are random and leg names are used once");
        }
        self.with_call(id, now, |call, _, _| call.add_leg(leg));
    }

    /// Takes a leg out of its call and gives back what it held.
    pub(crate) fn remove_leg(&mut self, id: CallId, leg: LegId, now: Instant) {
        let removed = self.with_call(id, now, |call, outbox, now| call.remove_leg(leg, now, outbox));
        if let Some(leg) = removed.flatten() {
            self.flush();
            self.release(id, &leg, now);
        }
    }

    /// Ends a call with all its legs, and tells so.
    pub(crate) fn remove_call(&mut self, id: CallId, cause: EndCause, now: Instant) {
        let Some(mut slot) = self.calls.remove(&id) else { return };
        self.gauges.call_removed();
        self.captured(slot.capture.take());
        let outbox = &mut self.outbox;
        let ended = catch_unwind(AssertUnwindSafe(|| slot.call.end(cause, now, outbox)));
        self.flush();
        let legs = ended.unwrap_or_else(|_| slot.call.take_legs());
        for leg in &legs {
            self.release(id, leg, now);
        }
        while let Some(event) = slot.call.poll_event() {
            tell(&slot.events, event, &self.gauges);
        }
        tell(&slot.events, CallEvent::Ended { cause }, &self.gauges);
    }

    /// Ends a call that has missed commands.
    pub(crate) fn remove_overrun(&mut self, id: CallId, now: Instant) {
        self.gauges.count_commands_overrun();
        self.remove_call(id, EndCause::Overloaded, now);
    }

    /// Tells who places calls how the last second was.
    pub(crate) fn note_measured(&mut self, busy_permille: u32, now: Instant) {
        let missed_permille = self.load.take_missed_permille();
        self.gauges.set_measured(busy_permille, missed_permille, self.ports.free(now));
        self.gauges.set_timers(self.timers.len());
        self.gauges.set_complexity(self.load.complexity());
    }

    /// Lets who watches over the threads know that this one goes on.
    pub(crate) fn beat(&self) {
        self.gauges.beat();
    }

    /// Whether a call is still here.
    pub(crate) fn has_call(&self, id: CallId) -> bool {
        self.calls.contains_key(&id)
    }

    /// Reads and handles a batch of what waits on a socket.
    pub(crate) fn handle_readable(&mut self, id: SocketId, now: Instant) {
        let Some(Some(bound)) = self.sockets.get_mut(id.0) else { return };
        let (socket, owner) = (Rc::clone(&bound.socket), bound.owner);
        // A panic may have kept the inbox from coming back.
        let mut inbox = self.inbox.take().unwrap_or_default();
        let count = socket.receive(&mut inbox).unwrap_or_else(|error| {
            warn!(%error, local = %socket.local(), "cannot read from socket");
            0
        });
        bound.is_heard |= count > 0;
        for slot in 0..count {
            if let Some((datagram, from)) = inbox.datagram(slot) {
                self.handle_datagram(owner, datagram, from, socket.local(), now);
            }
        }
        self.inbox = Some(inbox);
        self.request_flush();
    }

    /// Does what is due.
    pub(crate) fn handle_timeouts(&mut self, now: Instant) {
        // Each at most once: a call that is due again at once must not starve the sockets.
        for _ in 0..self.timers.len() {
            let Some((id, at)) = self.timers.pop_due(now) else { break };
            let Some(slot) = self.calls.get_mut(&id) else { continue };
            if slot.armed_for != Some(at) {
                continue;
            }
            slot.armed_for = None;
            self.note_deadline(at, now);
            self.with_call(id, now, |call, outbox, now| call.handle_timeout(now, outbox));
            self.flush_if_due();
        }
        self.tick_conferences(now);
        self.request_flush();
    }

    /// Counts a deadline that is met at `now`; the codecs of all calls work as hard as there is time for.
    fn note_deadline(&mut self, at: Instant, now: Instant) {
        if let Some(complexity) = self.load.handle_deadline(at, now) {
            info!(complexity, "codecs work as hard as there is time for");
            self.calls.values_mut().for_each(|slot| slot.call.set_complexity(complexity));
        }
    }

    /// When something is due.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        [self.timers.next(), self.rooms.poll_timeout()].into_iter().flatten().min()
    }

    /// Sends all that waits, runs of datagrams for one socket by one system call.
    pub(crate) fn flush(&mut self) {
        self.waiting_since = None;
        let Self { outbox, sockets, send_headers, streams, gauges, .. } = self;
        gauges.set_datagrams_unsent(outbox.overflowed());
        outbox.drain(|id, run| {
            if id == SocketId::STREAMS {
                for (to, datagram) in run.iter() {
                    if let Some(stream) = streams.get_mut(&to) {
                        stream.send(datagram);
                    }
                }
                return;
            }
            let Some(Some(bound)) = sockets.get(id.0) else { return };
            if let Err(error) = bound.socket.send(send_headers, run) {
                trace!(%error, local = %bound.socket.local(), "cannot send from socket");
            }
        });
    }

    fn handle_datagram(
        &mut self,
        owner: Owner,
        datagram: &mut [u8],
        from: SocketAddr,
        local: SocketAddr,
        now: Instant,
    ) {
        let (call, leg) = match owner {
            Owner::Leg(call, leg) => (call, leg),
            Owner::Webrtc => match self.demux.route(datagram, from) {
                // Who may not check is never validated, so that all else needs no look.
                Ok((owner, kind)) if kind != DatagramKind::Stun || self.may_check(from) => owner,
                Ok(_) | Err(_) => return self.gauges.count_datagram_of_nobody(),
            },
        };
        self.capture_received(call, (from, local), datagram, now);
        self.with_call(call, now, |call, outbox, now| {
            call.handle_datagram(leg, datagram, from, local, now, outbox);
        });
        self.flush_if_due();
    }

    pub(super) fn may_check(&self, from: SocketAddr) -> bool {
        self.supplies.config.webrtc_sources.admits(from.ip())
    }

    /// Arms the call's timer and carries off what it has to tell.
    fn settle(&mut self, id: CallId, now: Instant) {
        let Some(slot) = self.calls.get_mut(&id) else { return };
        let mut without_sockets = Vec::new();
        while let Some((leg, change)) = slot.call.poll_route() {
            match change {
                StunRoute::Added(ufrag) => {
                    let is_new = self.demux.insert_ufrag((id, leg), &ufrag);
                    debug_assert!(is_new, "local ufrags are random and the leg is here");
                }
                StunRoute::Removed(ufrag) => self.demux.remove_ufrag((id, leg), &ufrag),
                StunRoute::Awaited(check) => self.demux.insert_check((id, leg), check),
                StunRoute::OwnSockets => without_sockets.push(leg),
            }
        }
        while let Some((leg, change)) = slot.call.poll_source() {
            match change {
                SourceChange::Added(source) => slot.contested.push((leg, source)),
                SourceChange::Removed(source) => {
                    slot.contested.retain(|wanted| *wanted != (leg, source));
                    self.demux.remove_source((id, leg), source);
                }
            }
        }
        if !slot.contested.is_empty() {
            self.claim_sources(id, now);
        }
        for leg in without_sockets {
            self.give_sockets(id, leg, now);
        }
        let Some(slot) = self.calls.get_mut(&id) else { return };
        let mut is_deaf = false;
        while let Some(event) = slot.call.poll_event() {
            // Who ends a leg as its last deed may be gone by then.
            let is_last_word = matches!(event, CallEvent::LegEnded { .. });
            is_deaf |= !tell(&slot.events, event, &self.gauges) && !is_last_word;
        }
        if let Some(at) = slot.call.poll_timeout()
            && slot.armed_for.is_none_or(|armed_for| at < armed_for)
        {
            slot.armed_for = Some(at);
            if self.timers.next().is_none_or(|next| at < next) {
                self.wake.timer.notify_one();
            }
            self.timers.arm(id, at);
        }
        // Nobody is there to control the call any more.
        if is_deaf {
            self.remove_call(id, EndCause::InternalError, now);
        }
    }

    fn insert(&mut self, socket: Socket, owner: Owner) -> Reading {
        let socket = Rc::new(socket);
        let closed = Rc::new(Notify::new());
        let bound = Bound { socket: Rc::clone(&socket), owner, is_heard: false, closed: Rc::clone(&closed) };
        let index = match self.sockets.iter().position(Option::is_none) {
            Some(free) => {
                self.sockets[free] = Some(bound);
                free
            }
            None => {
                self.sockets.push(Some(bound));
                self.sockets.len() - 1
            }
        };
        Reading { id: SocketId(index), socket, closed }
    }

    fn release(&mut self, call: CallId, leg: &Leg, now: Instant) {
        leg.span().in_scope(|| leg.stats().tell());
        self.gauges.leg_removed();
        self.demux.remove_leg((call, leg.id()));
        self.release_streams((call, leg.id()));
        self.release_sockets(leg, now);
    }

    /// Sends what waits if a batch is full or its first has waited for [`FLUSH_WAIT`].
    fn flush_if_due(&mut self) {
        if self.outbox.is_empty() {
            return;
        }
        // Work on a batch takes longer than the wait: the time at which it was read says nothing.
        let now = Instant::now();
        let since = *self.waiting_since.get_or_insert(now);
        if self.outbox.is_batch_full() || now.saturating_duration_since(since) >= FLUSH_WAIT {
            self.flush();
        }
    }

    /// Lets what waits leave when the tasks that are ready now have added theirs.
    pub(super) fn request_flush(&self) {
        if !self.outbox.is_empty() {
            self.wake.flush.notify_one();
        }
    }
}

/// A socket to be read by a task of its own.
pub(crate) struct Reading {
    pub(crate) id: SocketId,
    pub(crate) socket: Rc<Socket>,
    pub(crate) closed: Rc<Notify>,
}

/// Hands an event over; false when it cannot be, which ends the call. One that finds no room is counted.
fn tell(events: &mpsc::Sender<Box<CallEvent>>, event: CallEvent, gauges: &Gauges) -> bool {
    let told = events.try_send(Box::new(event));
    if let Err(TrySendError::Full(_)) = &told {
        gauges.count_event_overrun();
    }
    told.is_ok()
}

mod addresses;
mod captures;
mod conferences;
mod own_sockets;
mod recordings;
mod sources;
#[cfg(test)]
mod tests;
