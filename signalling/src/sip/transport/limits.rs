//! What one peer may cost us before it is cut off.

use std::time::Duration;

/// Bounds on connections, queues and waiting; that on the size of a message is
/// [`MESSAGE_MAX`](crate::sip::message::MESSAGE_MAX).
#[derive(Debug, Clone)]
pub struct TransportLimits {
    /// How long the start line and headers of a message may take to arrive.
    pub header_deadline: Duration,
    /// How long the body of a message may take to arrive.
    pub body_deadline: Duration,
    /// How long a stream may go without a message while its peer has not authenticated.
    pub idle_unauthenticated: Duration,
    /// Streams from one address (IPv6: one /64) whose peers have not authenticated.
    pub connections_per_address: usize,
    /// Streams altogether. Past it the idlest unauthenticated one makes room.
    pub connections: usize,
    /// Messages that wait to be written to one stream; a peer that lets them pile up is cut off.
    pub outgoing_queue: usize,
    /// How long one write may block before the peer counts as gone.
    pub write_deadline: Duration,
    /// How long a dialled stream may take to open.
    pub dial_deadline: Duration,
    /// How often a WebSocket client is pinged. Below the 30 s after which common proxies cut idle sockets.
    pub ping_interval: Duration,
    /// How long a WebSocket client may stay silent although it is pinged.
    pub pong_deadline: Duration,
    /// Messages that wait for the adapter. Datagrams past it are dropped, streams wait.
    pub inbound_queue: usize,
    /// Datagrams of strangers that wait for the adapter, behind all else that does.
    pub strangers_queue: usize,
}

impl Default for TransportLimits {
    fn default() -> Self {
        Self {
            header_deadline: Duration::from_secs(10),
            body_deadline: Duration::from_secs(10),
            idle_unauthenticated: Duration::from_secs(30),
            connections_per_address: 50,
            connections: 10_000,
            outgoing_queue: 64,
            write_deadline: Duration::from_secs(10),
            dial_deadline: Duration::from_secs(4),
            ping_interval: Duration::from_secs(20),
            pong_deadline: Duration::from_secs(50),
            inbound_queue: 1024,
            strangers_queue: 512,
        }
    }
}
