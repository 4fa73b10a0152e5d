//! Answered calls of a process, or of a task, before: their peers learn that they are over.

use std::collections::HashMap;
use std::time::Instant;

use tracing::info;

use super::door::Door;
use crate::adapter::Origin;
use crate::sip::agent::Agent;
use crate::sip::call::KeptCall;
use crate::sip::flow::{ConnectionId, Flow, ListenerId, TransportKind};
use crate::sip::transport::TransportLayer;
use crate::sip::trunk::Trunks;

/// Ends all of them. What is no call, or was at a listener that there is no more, is forgotten.
pub(super) fn end(
    kept: &[KeptCall],
    trunks: &Trunks,
    agent: &mut Agent<Door>,
    layer: &TransportLayer,
    now: Instant,
) {
    let mut streams = HashMap::new();
    for call in kept {
        match flow_of(call, layer) {
            Some(flow) => {
                let connection = stream_of(call, trunks, layer, &mut streams);
                agent.end_orphan(call, Flow { connection, ..flow }, now);
            }
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

/// The stream that the call had, where that was over TLS with a trunk that there still is: the trunk is called by its name again, which
/// its certificate has to show. All calls of a trunk share one, for little is remembered of closed streams.
fn stream_of<'k>(
    call: &'k KeptCall,
    trunks: &Trunks,
    layer: &TransportLayer,
    streams: &mut HashMap<&'k str, ConnectionId>,
) -> Option<ConnectionId> {
    let Origin::Trunk(name) = &call.peer else { return None };
    let trunk = trunks.named(name).filter(|_| call.kind() == Some(TransportKind::Tls))?;
    let parted = || layer.stream_of_before(&trunk.name, &trunk.host, trunk.identity());
    Some(*streams.entry(name).or_insert_with(parted))
}
