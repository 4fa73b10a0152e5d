//! What the transports count.

use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident,)+) => {
        /// Counters of one transport layer, from its start.
        #[derive(Debug, Default)]
        pub struct TransportCounters { $($(#[$doc])* pub(super) $name: Counter,)+ }

        /// The counters at one moment.
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
        pub struct TransportStats { $($(#[$doc])* pub $name: u64,)+ }

        impl TransportCounters {
            /// Reads all counters.
            #[must_use]
            pub fn snapshot(&self) -> TransportStats {
                TransportStats { $($name: self.$name.0.load(Ordering::Relaxed),)+ }
            }
        }
    };
}

counters! {
    /// Well-formed messages that came in.
    messages_received,
    /// Messages handed to a socket or a stream's queue.
    messages_sent,
    /// Messages that no parser takes; the answerable ones got 400.
    malformed,
    /// Datagrams dropped because the adapter was behind.
    inbound_overflows,
    /// Datagrams of strangers dropped because the adapter was behind.
    strangers_overflows,
    /// Messages of sources that send too much: datagrams that were dropped, and of streams those that had to wait.
    held_back,
    /// Messages of programs that look for something to break, which nobody looked at.
    scanners,
    /// Keep-alives by STUN that were answered.
    pings_answered,
    /// Datagrams that the socket did not take.
    datagrams_unsent,
    /// Answers to calls of ours that were ignored: of too many forks.
    strays_ignored,
    /// Streams refused because their address has too many.
    refused_per_address,
    /// Streams refused because all places are taken by authenticated peers.
    refused_full,
    /// Idle unauthenticated streams that made room for a new one.
    evicted,
    /// Streams cut because their peer did not read.
    outgoing_overflows,
    /// Streams cut by a deadline: handshake, header, body, idle, write or pong.
    deadlines,
    /// WebSocket handshakes refused: foreign page or no `sip` subprotocol.
    handshakes_refused,
}

/// One counter.
#[derive(Debug, Default)]
pub(super) struct Counter(AtomicU64);

impl Counter {
    pub(super) fn add_one(&self) {
        self.add(1);
    }

    pub(super) fn add(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }
}
