//! Answered calls of a process, or of a task, before: their peers learn that they are over.

use std::time::Instant;

use tracing::info;

use super::door::Door;
use crate::sip::agent::Agent;
use crate::sip::call::KeptCall;
use crate::sip::flow::{Flow, ListenerId};
use crate::sip::transport::TransportLayer;

/// Ends all of them. What is no call, or was at a listener that there is no more, is forgotten.
pub(super) fn end(kept: &[KeptCall], agent: &mut Agent<Door>, layer: &TransportLayer, now: Instant) {
    for call in kept {
        match flow_of(call, layer) {
            Some(flow) => agent.end_orphan(call, flow, now),
            None => agent.forget_orphan(call),
        }
    }
    if !kept.is_empty() {
        info!(calls = kept.len(), "calls of before are ended");
    }
}

/// The flow that the call had, without its stream.
fn flow_of(call: &KeptCall, layer: &TransportLayer) -> Option<Flow> {
    let kind = call.kind()?;
    let addresses = layer.addresses();
    let mut listeners = (0..).map(ListenerId).zip(addresses.iter());
    let own = listeners.find(|(_, known)| known.kind == kind && known.bound == call.local);
    let own = own.map(|(listener, _)| listener);
    // A listener of the kind will do for what is dialled anew.
    let listener = own.or_else(|| addresses.listener_for(kind, call.remote.ip()))?;
    Some(Flow { kind, listener, local: call.local, remote: call.remote, connection: None })
}
