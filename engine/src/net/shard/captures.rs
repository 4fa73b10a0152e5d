//! Captures of calls on this shard: what comes in is seen before it is decrypted in its place, what goes out when it
//! waits to be sent.

use std::net::SocketAddr;
use std::time::Instant;

use tokio::sync::oneshot;

use super::super::capture::{Capture, CaptureSpec};
use super::super::outbox::SocketId;
use super::Shard;
use crate::CallId;

/// A capture that runs, and who gets it.
pub(super) struct Running {
    capture: Box<Capture>,
    done: oneshot::Sender<Box<Capture>>,
}

impl Running {
    fn end(self) {
        // Who asked may be gone.
        let _ = self.done.send(self.capture);
    }
}

impl Shard {
    /// Captures a call's media from now on; one that runs ends.
    pub(crate) fn start_capture(
        &mut self,
        id: CallId,
        spec: CaptureSpec,
        done: oneshot::Sender<Box<Capture>>,
        now: Instant,
    ) {
        self.end_capture(id);
        let Some(slot) = self.calls.get_mut(&id) else { return };
        slot.capture = Some(Running { capture: Box::new(Capture::new(spec, now)), done });
        self.captures += 1;
    }

    /// Ends the capture of a call, and hands it over.
    pub(crate) fn end_capture(&mut self, id: CallId) {
        let running = self.calls.get_mut(&id).and_then(|slot| slot.capture.take());
        self.captured(running);
    }

    /// A capture is over.
    pub(super) fn captured(&mut self, running: Option<Running>) {
        if let Some(running) = running {
            self.captures -= 1;
            running.end();
        }
    }

    /// Notes a datagram that came.
    pub(in crate::net) fn capture_received(
        &mut self,
        id: CallId,
        (from, to): (SocketAddr, SocketAddr),
        datagram: &[u8],
        now: Instant,
    ) {
        if self.captures == 0 {
            return;
        }
        let running = self.calls.get_mut(&id).and_then(|slot| slot.capture.as_mut());
        if let Some(running) = running {
            running.capture.push(now, from, to, datagram);
        }
    }

    /// Notes the datagrams that wait from this place of the outbox on.
    pub(super) fn capture_sent(&mut self, id: CallId, first: usize, now: Instant) {
        let Self { calls, outbox, sockets, webrtc, .. } = self;
        let Some(running) = calls.get_mut(&id).and_then(|slot| slot.capture.as_mut()) else { return };
        for (socket, to, datagram) in outbox.waiting().skip(first) {
            let own = match socket {
                SocketId::STREAMS => {
                    let is_known = |(address, socket): &&(SocketAddr, SocketId)| {
                        *socket == SocketId::STREAMS && address.is_ipv4() == to.is_ipv4()
                    };
                    webrtc.iter().find(is_known).map(|(address, _)| *address)
                }
                SocketId(index) => {
                    sockets.get(index).and_then(Option::as_ref).map(|bound| bound.socket.local())
                }
            };
            if let Some(own) = own {
                running.capture.push(now, own, to, datagram);
            }
        }
        if running.capture.is_over(now) {
            self.end_capture(id);
        }
    }
}
