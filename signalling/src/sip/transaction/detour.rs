//! Requests that are too long for a datagram (RFC 3261 18.1.1) go over a stream to the same address, and as datagrams all
//! the same where nobody takes them there.
//!
//! ```text
//! send_long --- by the stream ---> a response: what follows is a transaction like any other, but that it goes on without
//!                   |              its stream, by datagrams, where that closes while it rings
//!                   +--- refused, closed, silent ---> the same transaction, by datagrams
//! ```
//!
//! It stays one transaction, by the same branch and sent-by (RFC 3261 17.2.3), so that who had it by the stream takes the
//! datagram for a retransmission: Via names the listener of datagrams on both ways. Answers come back by the stream itself.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::layer::{Transaction, TransactionLayer};
use super::machine::{Machine, Wish};
use super::outcome::TransactionKey;
use crate::sip::flow::Flow;
use crate::sip::message::{Host, Request};

/// How long nothing may come by the stream. Chosen by us: as long as a host may say nothing where there is another.
pub const DETOUR_MAX: Duration = Duration::from_secs(2);

/// For how long an address that took nothing by a stream is not tried by one. Chosen by us: it seldom begins to listen,
/// and where its packets are dropped each try costs [`DETOUR_MAX`].
const REST: Duration = Duration::from_secs(300);

/// Addresses that are remembered. Chosen by us: trunks have a handful of hosts each.
const RESTING_MAX: usize = 1024;

/// A way, and who we are on it.
pub(super) type Sending = (Flow, (Host, Option<u16>));

/// What is left to be done where the stream fails.
#[derive(Debug)]
pub(super) enum Detour {
    /// Nothing came by the stream: the request with the Via of the datagram.
    Unheard { request: Request, flow: Flow, began_at: Instant, until: Instant, is_closed: bool },
    /// It brought a provisional response, and may not last until the final one: the same without its body.
    Heard { invite: Request, flow: Flow },
    /// The request went both ways, of which each may be answered.
    Over,
}

impl Detour {
    /// Until when nothing may come by the stream.
    pub(super) const fn until(&self) -> Option<Instant> {
        match self {
            Self::Unheard { until, .. } => Some(*until),
            Self::Heard { .. } | Self::Over => None,
        }
    }
}

impl<O> Transaction<O> {
    /// Notes that a response came.
    pub(super) fn detour_heard(&mut self, status: u16) {
        let Some(detour) = self.detour.as_deref_mut() else { return };
        let is_ringing = status < 200 && matches!(self.machine, Machine::InviteClient { .. });
        match std::mem::replace(detour, Detour::Over) {
            Detour::Unheard { request: mut invite, flow, .. } | Detour::Heard { mut invite, flow }
                if is_ringing =>
            {
                invite.body = Bytes::new();
                *detour = Detour::Heard { invite, flow };
            }
            Detour::Unheard { .. } | Detour::Heard { .. } => self.detour = None,
            Detour::Over => {}
        }
    }

    /// Whether a response is about the second of two copies of a request, of which the first rings, or will (RFC 3261 8.2.2.2). One
    /// branch and one sent-by are meant to spare that, but some tell transactions apart by their transport as well.
    pub(super) fn is_about_copy(&self, status: u16) -> bool {
        let is_open = matches!(&self.machine, Machine::InviteClient { machine, .. } if machine.awaits_peer());
        status == 482 && is_open && matches!(self.detour.as_deref(), Some(Detour::Over))
    }
}

/// Addresses that took nothing by a stream.
#[derive(Debug, Default)]
pub(super) struct Resting(HashMap<SocketAddr, Instant>);

impl Resting {
    fn has(&self, address: SocketAddr, now: Instant) -> bool {
        self.0.get(&address).is_some_and(|until| *until > now)
    }

    fn add(&mut self, address: SocketAddr, at: Instant) {
        if self.0.len() >= RESTING_MAX {
            self.0.retain(|_, until| *until > at);
        }
        if self.0.len() < RESTING_MAX {
            self.0.insert(address, at + REST);
        }
    }
}

impl<O: Copy> TransactionLayer<O> {
    /// Sends a request by `stream`, and where that takes it to nobody by `datagram`.
    pub fn send_long(
        &mut self,
        request: &Request,
        (flow, sent_by): Sending,
        stream: Flow,
        owner: Option<O>,
        now: Instant,
    ) -> TransactionKey {
        let branch = self.identifiers.branch();
        let datagram = Self::stamped(request.clone(), &flow, sent_by.clone(), &branch);
        let stamped = Self::stamped(request.clone(), &stream, sent_by, &branch);
        let key = self.start_client(stamped, &branch, stream, owner, now);
        if let Some(transaction) = self.transactions.get_mut(&key) {
            let until = now + DETOUR_MAX;
            let detour = Detour::Unheard { request: datagram, flow, began_at: now, until, is_closed: false };
            transaction.detour = Some(Box::new(detour));
        }
        self.reschedule(key);
        key
    }

    /// Whether a stream to an address is worth a try.
    #[must_use]
    pub fn may_take_streams(&self, address: SocketAddr, now: Instant) -> bool {
        !self.resting.has(address, now)
    }

    /// Whether a request went by a stream that has brought no answer yet.
    #[must_use]
    pub fn is_on_detour(&self, key: TransactionKey) -> bool {
        self.transactions
            .get(&key)
            .is_some_and(|transaction| matches!(transaction.detour.as_deref(), Some(Detour::Unheard { .. })))
    }

    /// Notes that the stream of a request is of no use; whether the request goes on without it: as soon as timers fire where
    /// nobody has heard it, and otherwise without a word, for its answer is known by its branch whatever way it comes.
    pub(super) fn give_up_detour(&mut self, key: TransactionKey) -> bool {
        let Some(transaction) = self.transactions.get_mut(&key) else { return false };
        let is_wanted = is_wanted(&transaction.machine);
        match transaction.detour.as_deref_mut() {
            Some(Detour::Unheard { began_at, until, is_closed, .. }) if is_wanted => {
                (*until, *is_closed) = (*began_at, true);
            }
            Some(Detour::Heard { .. }) => self.leave_stream(key),
            Some(Detour::Unheard { .. } | Detour::Over) | None => return false,
        }
        self.reschedule(key);
        true
    }

    /// An INVITE that rings goes on by datagrams: so do its CANCEL and the ACK of a failure.
    fn leave_stream(&mut self, key: TransactionKey) {
        let Some(transaction) = self.transactions.get_mut(&key) else { return };
        let Some(Detour::Heard { invite, flow }) = transaction.detour.take().map(|detour| *detour) else {
            return;
        };
        tracing::debug!(stream = %transaction.flow, datagrams = %flow, "the stream of what rings closed");
        if let Machine::InviteClient { machine, invite: sent, .. } = &mut transaction.machine {
            machine.leave_stream();
            **sent = invite;
        }
        self.put_on(key, flow);
    }

    /// Sends by datagrams what the stream took to nobody.
    pub(super) fn end_detour(&mut self, key: TransactionKey, now: Instant) {
        let Some(transaction) = self.transactions.get_mut(&key) else { return };
        let Some(Detour::Unheard { request, flow, is_closed, .. }) =
            transaction.detour.take().map(|detour| *detour)
        else {
            return;
        };
        if !is_wanted(&transaction.machine) {
            return self.reschedule(key);
        }
        // By a stream that closed nobody answers any more.
        transaction.detour = (!is_closed).then(|| Box::new(Detour::Over));
        tracing::debug!(stream = %transaction.flow, datagrams = %flow, "nothing came by the stream");
        self.resting.add(flow.remote, now);
        let (machine, step) = Self::client(request, &flow, self.config.timers, now);
        transaction.machine = machine;
        self.put_on(key, flow);
        self.carry_out(key, step);
    }
}

/// Whether somebody waits for an answer still: an INVITE that was given up must not ring anybody now.
fn is_wanted(machine: &Machine) -> bool {
    !matches!(machine, Machine::InviteClient { wish, .. } if *wish != Wish::Answer)
}
