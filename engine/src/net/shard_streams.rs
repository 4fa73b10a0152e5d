//! The shard's TCP streams: which leg one belongs to, and when it ends.

use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Instant;

use tokio::net::TcpStream;
use tracing::debug;

use super::demux::DatagramKind;
use super::shard::Shard;
use super::stream::{Line, MediaStream, Newcomer};
use crate::{CallId, LegId};

/// Streams that one leg may have at a time; one more is refused. A browser opens one for each of its
/// interfaces and our addresses. Chosen by us.
const STREAMS_PER_LEG: usize = 8;

impl Shard {
    /// Takes a stream in whose first frame is a check for a leg of this shard, or gives it back.
    pub(crate) fn adopt(
        &mut self,
        newcomer: Box<Newcomer>,
        now: Instant,
    ) -> Result<Option<Adopted>, Box<Newcomer>> {
        let Ok(leg) = self.demux.route_check(&newcomer.first) else { return Err(newcomer) };
        let Newcomer { stream, from, mut first, rest, permit } = *newcomer;
        let has_room = self.streams.values().filter(|stream| stream.leg == leg).count() < STREAMS_PER_LEG;
        if !has_room || self.streams.contains_key(&from) || !self.may_check(from) {
            return Ok(None);
        }
        let Ok(socket) = TcpStream::from_std(stream) else { return Ok(None) };
        let stream = MediaStream::new(leg, socket, permit, now);
        let line = Rc::clone(&stream.line);
        self.streams.insert(from, stream);
        self.handle_frame(from, &mut first, now);
        Ok(Some(Adopted { from, line, rest }))
    }

    /// Takes a frame that came on a stream.
    pub(crate) fn handle_frame(&mut self, from: SocketAddr, frame: &mut [u8], now: Instant) {
        let Some(stream) = self.streams.get(&from) else { return };
        let (call, leg) = stream.leg;
        let Some(local) = self.stream_address((call, leg), from) else { return };
        let is_check = DatagramKind::of(frame) == Some(DatagramKind::Stun);
        self.capture_received(call, (from, local), frame, now);
        self.with_call(call, now, |call, outbox, now| {
            call.handle_datagram(leg, frame, from, local, now, outbox);
        });
        if is_check
            && self.heard_at((call, leg), from, local).is_some()
            && let Some(stream) = self.streams.get_mut(&from)
        {
            stream.admit();
        }
        self.request_flush();
    }

    /// Writes what waits for a stream, and tells whether that was all; `None` when the stream is of no use
    /// any more.
    pub(crate) fn write_stream(&mut self, from: SocketAddr) -> Option<bool> {
        self.streams.get_mut(&from)?.write_waiting().ok()
    }

    /// Ends a stream that nobody has answered for in time; false where it goes on.
    pub(crate) fn expire_stream(&mut self, from: SocketAddr, now: Instant) -> bool {
        let is_overdue = self.streams.get(&from).is_none_or(|stream| stream.is_overdue(now));
        if is_overdue {
            self.remove_stream(from);
        }
        is_overdue
    }

    /// Forgets a stream that has ended.
    pub(crate) fn remove_stream(&mut self, from: SocketAddr) {
        if self.streams.remove(&from).is_some() {
            debug!(%from, "media stream ended");
        }
    }

    /// Ends the streams of a leg.
    pub(super) fn release_streams(&mut self, leg: (CallId, LegId)) {
        self.streams.retain(|_, stream| stream.leg != leg);
    }
}

/// A stream that is a leg's, for the tasks that read and write it.
pub(crate) struct Adopted {
    pub(crate) from: SocketAddr,
    pub(crate) line: Rc<Line>,
    pub(crate) rest: Vec<u8>,
}
