//! Requests that are too long for a datagram go over TCP where the next hop takes it (RFC 3261 18.1.1).

use std::time::Instant;

use super::agent::{LocalNames, Reach};
use super::flow::{Flow, TransportKind};
use super::message::Request;
use super::transaction::{TransactionKey, TransactionLayer};

/// The longest request that goes in a datagram where the path's MTU is not known, but for what is put on it later.
const DATAGRAM_MAX: usize = 1300;

/// A Via of ours: `Via: SIP/2.0/UDP [IPv6]:port;branch=...;rport`, and User-Agent.
const STAMPS: usize = 140;

/// Whether a request without its Via does not go in a datagram.
pub(in crate::sip) fn is_too_long(request: &Request) -> bool {
    request.to_bytes().len() + STAMPS > DATAGRAM_MAX
}

/// Sends a request along a flow, or where that takes datagrams and the request is too long for one by a stream to the same
/// address. Contact and all else that it says stays: the dialog is where it was.
pub(in crate::sip) fn send<O: Copy>(
    layer: &mut TransactionLayer<O>,
    names: &dyn LocalNames,
    request: Request,
    (flow, reach): (Flow, Reach),
    owner: Option<O>,
    now: Instant,
) -> TransactionKey {
    let datagram = (flow, names.sent_by(&flow));
    let may_leave = flow.kind == TransportKind::Udp
        && reach == Reach::Target
        && is_too_long(&request)
        && layer.may_take_streams(flow.remote, now);
    let stream = may_leave.then(|| names.flow_to(TransportKind::Tcp, flow.remote)).flatten();
    let Some(stream) = stream else {
        return layer.send_request(request, flow, datagram.1, owner, now);
    };
    tracing::debug!(method = %request.method, %stream, "too long for a datagram");
    layer.send_long(&request, datagram, stream, owner, now)
}
