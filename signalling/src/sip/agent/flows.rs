//! Flows that close, break or are left for others, and what becomes of that which used them.

use std::net::SocketAddr;
use std::time::Instant;

use webtrunk_engine::LegId;

use super::core::Agent;
use super::surroundings::Doorkeeper;
use crate::adapter::Origin;
use crate::sip::call::Call;
use crate::sip::flow::{ConnectionId, Flow, TransportKind};
use crate::sip::message::{Contacts, Request};
use crate::sip::transaction::Lane;

impl<D: Doorkeeper> Agent<D> {
    /// A stream closed. What was under way on it fails; answered calls go on without it, until their peer
    /// comes back on another stream or their media ends them, and phones that are called may come back for a while.
    pub fn flow_closed(&mut self, connection: ConnectionId, now: Instant) {
        self.notifier.flow_closed(connection);
        self.lose(Lane::Stream(connection), now);
    }

    /// Nothing can be sent on a flow: what was under way on it fails. A stream that takes nothing is closed, or will be.
    pub fn flow_failed(&mut self, flow: &Flow, now: Instant) {
        self.lose(Lane::of(flow), now);
    }

    fn lose(&mut self, lane: Lane, now: Instant) {
        if let Lane::Stream(connection) = lane {
            self.strand(connection, now);
        }
        let calls = &self.calls;
        let waits = |leg: &LegId| calls.get(leg)?.call.as_ref()?.awaits_phone_until();
        self.layer.flow_failed(lane, waits, now);
        self.handle_transaction_events(now);
    }

    /// Tells calls that their stream closed.
    fn strand(&mut self, connection: ConnectionId, now: Instant) {
        let (mut waiting, mut lost) = (Vec::new(), Vec::new());
        for (leg, slot) in &mut self.calls {
            let Some(call) = slot.call.as_mut() else { continue };
            if !call.connection_closed(connection, now) {
                continue;
            }
            slot.span.in_scope(|| tracing::info!("signalling connection closed under a call"));
            if call.awaits_phone_until().is_some() {
                waiting.push(*leg);
            } else {
                self.stranded.insert(*leg);
                lost.push(*leg);
            }
        }
        for leg in lost {
            self.with_call(leg, now, Call::handle_loss);
        }
        for leg in waiting {
            // It is due at another time now.
            self.with_call(leg, now, |call, _| Some(call));
        }
    }

    /// A name that was looked up for a call leads there; where it is `None`, nobody knows where.
    pub fn peer_found(&mut self, leg: LegId, at: Option<(TransportKind, SocketAddr)>, now: Instant) {
        self.with_call(leg, now, |call, context| call.peer_found(at, context));
        self.handle_transaction_events(now);
    }

    /// Somebody says that nobody is there: requests of ours that had no response yet fail. Nothing else does,
    /// for this can be forged.
    pub fn flow_refused(&mut self, flow: &Flow, now: Instant) {
        self.layer.flow_refused(flow, now);
        self.handle_transaction_events(now);
    }

    /// Moves calls of a peer from the flows that it has left, closed or not, to the one on which it has
    /// registered, with what it was asked there.
    pub(super) fn move_calls(&mut self, origin: &Origin, left: &[Flow], flow: Flow, now: Instant) {
        if left.is_empty() {
            return;
        }
        let mut moved = Vec::new();
        for (leg, slot) in &mut self.calls {
            if slot.call.as_mut().is_some_and(|call| call.peer_moved(origin, left, flow)) {
                slot.span.in_scope(|| tracing::info!(%flow, "the peer has moved to another flow"));
                self.stranded.remove(leg);
                self.layer.move_requests(*leg, left, flow, now);
                moved.push(*leg);
            }
        }
        if let Origin::User(user) = origin {
            self.layer.cancel_abandoned(user, left, flow, now);
        }
        for leg in moved {
            self.with_call(leg, now, Call::handle_return);
        }
    }

    /// A call's peer answers, or acknowledges: where it does so by another stream than the call's, the call goes on there.
    pub(super) fn follow_answer(&mut self, leg: LegId, flow: Flow, now: Instant) {
        let Some(slot) = self.calls.get_mut(&leg) else { return };
        let Some(left) = slot.call.as_mut().and_then(|call| call.answered_by(flow)) else { return };
        slot.span.in_scope(|| tracing::info!(%flow, "the peer answers by another flow"));
        self.stranded.remove(&leg);
        self.layer.move_requests(leg, &[left], flow, now);
        self.with_call(leg, now, Call::handle_return);
    }

    /// Gives calls whose stream closed the new one on which their peer has registered again.
    pub(super) fn reunite(&mut self, origin: &Origin, register: &Request, flow: Flow, now: Instant) {
        if self.stranded.is_empty() {
            return;
        }
        let Ok(Contacts::List(contacts)) = register.headers.contacts() else { return };
        let (calls, mut back) = (&mut self.calls, Vec::new());
        self.stranded.retain(|leg| {
            let Some(slot) = calls.get_mut(leg) else { return false };
            let Some(call) = slot.call.as_mut() else { return false };
            let is_back = contacts.iter().any(|contact| call.peer_returned(origin, &contact.uri, flow));
            if is_back {
                slot.span.in_scope(|| tracing::info!(%flow, "the peer has registered again"));
                back.push(*leg);
            }
            !is_back
        });
        for leg in back {
            self.with_call(leg, now, Call::handle_return);
        }
    }
}
