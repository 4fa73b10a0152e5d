//! What becomes of bytes that came in: held back, refused, or a message that waits for the adapter.
//!
//! ```text
//! datagram ---- guard ---- parser ---- of whom we know ---> inbound     (full: dropped, it comes again)
//!                 |          |   `---- of a stranger -----> strangers   (taken when inbound is empty)
//!                 v          v
//!             no answer     400
//!                 ^
//! stream ------ guard: too much of it waits ---- parser ---> inbound    (full: the stream waits)
//! ```

use std::time::Instant;

use bytes::Bytes;

use super::guard::Held;
use super::inbound::{Inbound, Verdict, judge, judge_uncut};
use super::layer::Shared;
use crate::auth::sources::Standing;
use crate::sip::flow::Flow;
use crate::sip::message::ParseError;
use crate::sip::reflection;
use crate::sip::trace::Direction;

impl Shared {
    /// Takes one whole message off a stream and waits where its peer sends too much, or the adapter is behind. Returns
    /// the last words for a peer that sent no message of SIP, where it can be told.
    pub(super) async fn receive(&self, flow: Flow, bytes: Bytes) -> Option<Bytes> {
        if !self.is_passed(&flow, &bytes).await {
            return None;
        }
        match self.judge(&flow, bytes) {
            Verdict::Message(message) => {
                if let Some(connection) = flow.connection {
                    self.connections.heard(connection, Instant::now());
                }
                // Nobody receives any more when the adapter has ended; then the layer stops as well.
                let _ = self.inbound.send(Inbound::Message { flow, message }).await;
                None
            }
            Verdict::Malformed { refusal } => {
                refusal.inspect(|refusal| self.show(&flow, Direction::Out, refusal))
            }
        }
    }

    /// Takes one datagram; drops it where the adapter is behind, for the peer will send it again.
    pub(super) fn receive_datagram(&self, flow: Flow, bytes: Bytes) -> Option<Bytes> {
        let asked = bytes.len();
        let standing = match self.guard.judge(flow.remote, &bytes, Instant::now()) {
            Ok(standing) => standing,
            Err(held) => {
                self.count(held);
                return None;
            }
        };
        match self.judge(&flow, bytes) {
            Verdict::Message(message) => {
                let (queue, overflows) = match standing {
                    Standing::Known => (&self.inbound, &self.counters.inbound_overflows),
                    Standing::Stranger => (&self.strangers, &self.counters.strangers_overflows),
                };
                if queue.try_send(Inbound::Message { flow, message }).is_err() {
                    overflows.add_one();
                }
                None
            }
            Verdict::Malformed { refusal } => refusal
                .filter(|refusal| reflection::is_harmless(refusal.len(), asked))
                .inspect(|refusal| self.show(&flow, Direction::Out, refusal)),
        }
    }

    /// Whether a stream's message is looked at. One that comes too early waits: nothing of a stream is sent again.
    async fn is_passed(&self, flow: &Flow, bytes: &[u8]) -> bool {
        while !flow.connection.is_some_and(|connection| self.connections.is_known(connection)) {
            match self.guard.judge(flow.remote, bytes, Instant::now()) {
                Ok(_) => break,
                Err(held) => {
                    self.count(held);
                    match held {
                        Held::TooMuch(wait) => tokio::time::sleep(wait).await,
                        Held::Scanner => return false,
                    }
                }
            }
        }
        true
    }

    fn count(&self, held: Held) {
        match held {
            Held::TooMuch(_) => self.counters.held_back.add_one(),
            Held::Scanner => self.counters.scanners.add_one(),
        }
    }

    /// The refusal of what cannot be framed as a message because of this fault, where one can be given.
    pub(super) fn refusal_of(&self, flow: &Flow, bytes: Bytes, fault: ParseError) -> Option<Bytes> {
        match self.judge_by(flow, bytes, |flow, bytes| judge_uncut(flow, bytes, fault)) {
            // Read to its end it is a message; where that end is, nobody can say.
            Verdict::Message(_) => None,
            Verdict::Malformed { refusal } => {
                refusal.inspect(|refusal| self.show(flow, Direction::Out, refusal))
            }
        }
    }

    fn judge(&self, flow: &Flow, bytes: Bytes) -> Verdict {
        self.judge_by(flow, bytes, judge)
    }

    fn judge_by(&self, flow: &Flow, bytes: Bytes, judge: impl FnOnce(&Flow, Bytes) -> Verdict) -> Verdict {
        self.show(flow, Direction::In, &bytes);
        let message = bytes.clone();
        let verdict = judge(flow, bytes);
        match &verdict {
            Verdict::Message(_) => {
                self.counters.messages_received.add_one();
                self.received.count(&message);
            }
            Verdict::Malformed { .. } => self.counters.malformed.add_one(),
        }
        verdict
    }
}
